"""What a comparison will run, what it takes as it is, what it runs again and why, and how long that takes: in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tlcore.compare.cost import Cost
from tlcore.compare.folder import Begun
from tlcore.compare.outcomes import Filled
from tlcore.figures.words import count, duration, listing, times
from tlcore.made_with import made_how


def cost_words(found: Cost) -> str:
    """What is there, what is to run, and how long that takes, or that nobody knows."""
    parts = []
    if found.done:
        as_they_are = "it is" if found.done == 1 else "they are"
        parts.append(f"{times(found.done, 'is', 'are')} there already and taken as {as_they_are}")
    if found.on_the_way:
        parts.append(f"{times(found.on_the_way, 'is', 'are')} on the way")
    parts.append(f"{count(found.to_run)} to run" if found.to_run else "nothing is left to run")
    return " ".join(part for part in (f"{'; '.join(parts)}.", again_words(found.again), _time_words(found)) if part)


def _time_words(found: Cost) -> str:
    if not found.to_run:
        return ""
    if not found.timed:
        return "How long that takes on this machine is not known yet."
    about = f"about {duration(found.seconds)} on this machine, going by {listing(list(found.sources))}"
    if found.timed == found.to_run:
        return f"That takes {about}."
    return f"{count(found.timed)} of them take {about}; of the other {count(found.to_run - found.timed)} nobody knows yet."


def begun_words(begun: Begun) -> str:
    """What happened at Start."""
    parts = [
        f"{times(begun.reused, 'run was', 'runs were')} there already" if begun.reused else "",
        f"{times(begun.on_the_way, 'was', 'were')} on the way" if begun.on_the_way else "",
        f"{times(begun.submitted, 'run is', 'runs are')} in the queue now" if begun.submitted else "",
    ]
    known = [part for part in parts if part]
    return f"{listing(known)}. {again_words(begun.again)}".strip() if known else "Nothing was missing."


def again_words(again: Sequence[str]) -> str:
    """Why runs that were done before run again; `again` says how each of them was made."""
    if not again:
        return ""
    these, run = times(len(again), "of these was", "of these were"), "runs" if len(again) == 1 else "run"
    return f"{these} made before, {_each_how(again)}, and {run} again: only what is made alike is compared."


def made_words(filled: Sequence[Filled]) -> str:
    """Which results were not made as one of today would be; '' where all were."""
    done = [one.outcome for one in filled if one.outcome is not None]
    old = [made_how(one.made_with) for one in done if made_how(one.made_with)]
    if not old:
        return ""
    if len(old) == len(done) and len(set(old)) == 1:
        text = f"{'This was' if len(done) == 1 else f'All {len(done)} were'} made {old[0]}."
    else:
        were = f"{count(len(old))} of {times(len(done), 'result')} {'was' if len(old) == 1 else 'were'}"
        text = f"{were} made {_each_how(old)}: a difference between strategies may come from that."
    return f"{text} What is run or added here runs {'it' if len(old) == 1 else 'them'} again."


def _each_how(made: Sequence[str]) -> str:
    """'with torch 2.13.0', or with counts where they were made in several ways."""
    ways = Counter(made)
    return made[0] if len(ways) == 1 else listing([f"{count(many)} {how}" for how, many in ways.items()])
