"""The cut in sentences: what is frozen in each phase, whether it is kept, why, and what that did.

`cut` is what the plan event, a result and a measurement hold (tlcore/README.md). `pages/parts/cut.js` says the same in the
live view; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from tlcore.figures.words import count, duration, memory, times
from tlcore.groups import HEAD

Cut = Mapping[str, Any]
SMALLEST_ERROR = 1e-5  # a share; below it the size of an error says nothing to anybody


def way_sentences(cut: Cut) -> list[str]:
    """A sentence or two for each phase; phases that go the same way share theirs."""
    ways: Sequence[Mapping[str, Any]] = cut["phases"]
    runs = [list(run) for _, run in groupby(range(len(ways)), key=lambda place: _kind(ways[place]))]
    return [_label(run, len(ways)) + _way([ways[place] for place in run]) for run in runs]


def format_sentence(cut: Cut) -> str:
    """The number formats of the frozen part and of the steps, what else was timed, and the error that each brings."""
    return " ".join(filter(None, (_frozen_format(cut.get("prefix")), _step_format(cut))))


def _frozen_format(prefix: Mapping[str, Any] | None) -> str:
    if not prefix:
        return ""
    chosen = prefix["precision"]
    rates = sorted(prefix["seconds"].items(), key=lambda pair: pair[1])
    timed = ", ".join(f"{name} {_milliseconds(seconds)}" for name, seconds in rates)
    if len(rates) == 1:
        choice = f"{_milliseconds(rates[0][1])} a picture here"
    elif rates[0][0] == chosen:
        choice = f"the fastest of those timed here ({timed} a picture)"
    else:
        choice = f"as no other is a tenth faster here ({timed} a picture)"
    if prefix["error"] is None:
        return f"The frozen layers compute in {chosen}, {choice}. The error that this brings is measured when the run starts."
    return (
        f"The frozen layers compute in {chosen}, {choice}. Measured against the plain network in float32, that moves the "
        f"logits by {error_in_words(prefix['error'])} of their spread."
    )


def _step_format(cut: Cut) -> str:
    """Only where there was something to choose between."""
    ways = [way for way in cut["phases"] if way.get("timed")]
    if not ways:
        return ""
    slowest = max(ways, key=lambda way: way["timed"][way["precision"]])  # where most of the time goes
    timed = ", ".join(f"{name} {_milliseconds(s)}" for name, s in sorted(slowest["timed"].items(), key=lambda pair: pair[1]))
    chosen = " and ".join(dict.fromkeys(way["precision"] for way in ways))
    text = f"What trains computes in {chosen}, as timed here ({timed} a picture and step)."
    if cut.get("step_error") is not None:
        text += (
            f" Against float32 that moves the whole network's logits by {error_in_words(cut['step_error'])} of their spread."
        )
    return text


def did_sentence(result: Mapping[str, Any]) -> str:
    """What the cut did in a finished run, from the passes that it counted; empty where nothing was kept."""
    cut = result.get("cut") or {}
    passes = cut.get("passes") or {}
    if not passes.get("needed"):
        return ""
    images = result["data"]["images"]
    views = max((way["views"] for way in cut["phases"]), default=0)
    seen = f"The frozen layers had to see {_who(images, views)}: {times(passes['needed'], 'pass', 'passes')}"
    computed = passes["computed"]
    if not computed:
        text = f"{seen}. The cache had all of them, so none was computed."
    elif computed == passes["needed"]:
        text = f"{seen}, computed in {duration(passes['seconds'])} and kept for the next run."
    else:
        had = passes["needed"] - computed
        text = f"{seen}; the cache had {count(had)}, the other {count(computed)} took {duration(passes['seconds'])}."
    uncut, anew = _uncut(result, cut["phases"]), _anew(result, cut["phases"])
    if uncut > computed:
        text += f" Without the cut it would have been {times(uncut, 'pass', 'passes')}."
    return f"{text} The training pictures went through them in each epoch: {count(anew)} passes more." if anew else text


def solved(cut: Cut | None, phase: int) -> bool:
    """Whether a phase is a head that is solved by L-BFGS: then an epoch is one step, and a rate plays no part."""
    return bool(cut) and phase < len(cut["phases"]) and cut["phases"][phase]["solver"] == "lbfgs"


def error_in_words(share: float) -> str:
    """An error as a share of the logits' spread: 0.0123 -> '1.2 %'; very small ones by their bound."""
    if share < SMALLEST_ERROR:
        return f"less than {100 * SMALLEST_ERROR:g} %"
    return f"{float(f'{100 * share:.2g}'):g} %"


def _label(run: Sequence[int], phases: int) -> str:
    if len(run) == phases:
        return ""
    if len(run) == 1:
        return f"Phase {run[0] + 1}: "
    return f"Phases {run[0] + 1} to {run[-1] + 1}: "


def _kind(way: Mapping[str, Any]) -> tuple[object, ...]:
    """What phases that share a sentence have in common: the cut may move from one to the next."""
    return way["kind"], way["solver"], way["views"], way["cut"] is None, way["cut"] == HEAD, way["reason"]


def _way(ways: Sequence[Mapping[str, Any]]) -> str:
    way, sizes = ways[0], {way["cut"]: way["bytes"] for way in ways}
    if way["kind"] == "whole":
        return way["reason"]
    if way["cut"] == HEAD:
        frozen = "The whole backbone is frozen"
    else:
        frozen = f"All below {' and then '.join(dict.fromkeys((way['cut'], ways[-1]['cut'])))} is frozen"
        if len(sizes) > 2:
            frozen = f"All below the cut, which moves from {way['cut']} to {ways[-1]['cut']}, is frozen"
    if way["kind"] == "recomputed":
        return f"{frozen} and computed again in each epoch. {way['reason']}"
    views = f"{way['views']} augmented views of each picture" if way["views"] > 1 else "each picture"
    text = f"{frozen}: computed once for {views} and kept ({memory(sum(sizes.values()))})."
    if way["solver"] == "lbfgs":
        text += " The head alone is a convex problem, solved by L-BFGS: an epoch is one round of up to 60 iterations."
    return text


def _who(images: Mapping[str, int], views: int) -> str:
    others = f"each of {times(images['val'] + images['test'], 'validation and test picture')}"
    if not views:
        return f"{others} once"
    each = f"each of {count(images['train'])} training pictures"
    return f"{each} in {views} views and {others} once" if views > 1 else f"{each} and {others} once"


def _uncut(result: Mapping[str, Any], ways: Sequence[Mapping[str, Any]]) -> int:
    """The passes of the epochs whose frozen part was kept, if they had gone through the whole network."""
    images = result["data"]["images"]
    total = 0
    for event in result["history"]:
        way = ways[event["phase"]]
        total += (images["train"] if way["kind"] == "kept" else 0) + (images["val"] if way["bytes"] else 0)
    return total + (images["test"] if ways[-1]["bytes"] else 0)


def _anew(result: Mapping[str, Any], ways: Sequence[Mapping[str, Any]]) -> int:
    """The passes of training pictures in epochs that computed the frozen part again."""
    return sum(result["data"]["images"]["train"] for e in result["history"] if ways[e["phase"]]["kind"] == "recomputed")


def _milliseconds(seconds: float) -> str:
    return f"{float(f'{1000 * seconds:.2g}'):g} ms"
