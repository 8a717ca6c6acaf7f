"""What the transferability experiment says, each sentence computed, with the paper's own number beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.compare.statistics import EQUAL, Difference
from tlcore.figures.transfer_curve import (
    FIRST,
    LAST,
    MIDDLE,
    base,
    bases_apart,
    comparisons,
    in_the_paper,
    within_noise,
)
from tlcore.figures.transferability import mean_majority
from tlcore.figures.words import interval, listing, percent, points, times

Result = Mapping[str, Any]  # halves, networks, title: of a job, or what its events have said so far


def readings(result: Result) -> list[str]:
    """Everything there is to say so far: what was done, the dip, the decline, the thawed forms, the control, the noise."""
    networks, found = result["networks"], comparisons(result["networks"])
    if base(networks) is None:
        return ["The base networks are trained first; what the others are compared with is not known yet."]
    said = [what_was_done(result)]
    if "dip" in found:
        said.append(_dip(found["dip"]))
    if "decline" in found:
        said.append(_decline(found["decline"]))
    if "co_adapted" in found and "about_a" in found:
        said.append(_why(found["co_adapted"], found["about_a"]))
    if "others" in found:
        said.append(_thawed(found["thawed_b"], found["thawed_a"], found["others"]))
    if "learnt" in found:
        said.append(_learnt(found["learnt"]))
    return [*said, _how_sure(result)]


def what_was_done(result: Result) -> str:
    """Seeds, halves, and what the base network gets."""
    networks, halves = result["networks"], result["halves"]
    found = base(networks)
    assert found is not None
    first = halves[0]
    sizes = f"{len(first['a'])} and {len(first['b'])}"
    title = result.get("title") or "these data"
    if first["kinds"]:
        a, b = first["kinds"]
        which = f"A is {a}, B is {b} ({sizes} classes of {title})"
    else:
        which = f"random halves of {sizes} classes of {title}"
    alone = mean_majority(halves)
    constant = "" if alone is None else f"; always naming the largest class gets {percent(alone)}"
    seeds = times(found.n, "seed")
    value = interval({"value": found.mean, "low": found.low, "high": found.high})
    return f"{seeds}, {which}: the base network, trained on B alone, names {value} of B's test images rightly{constant}."


def _dip(found: Difference) -> str:
    head = _verdict(found, "The BnB dip appears", "No BnB dip beyond noise", "The opposite of a BnB dip")
    where = f"at cuts {listing([str(cut) for cut in MIDDLE])} than at cuts {FIRST} and {LAST}"
    return f"{head}: B's own layers, frozen, give {gap(found)} {where}. In the paper: {gap_of(in_the_paper('dip'))}."


def _decline(found: Difference) -> str:
    head = _verdict(found, "The AnB decline appears", "No AnB decline beyond noise", "The opposite of an AnB decline")
    where = f"at cut {LAST} than at cut {FIRST}"
    return f"{head}: A's layers, frozen, give {gap(found)} {where}. In the paper: {gap_of(in_the_paper('decline'))}."


def _why(co_adapted: Difference, about_a: Difference) -> str:
    return (
        f"Why, at cut {LAST}: with its own layers frozen the network gets {gap(co_adapted)} than the base network "
        f"(co-adaptation; in the paper {gap_of(in_the_paper('co_adapted'))}), and with A's {gap(about_a)} than with its own "
        f"(they are about A; in the paper {gap_of(in_the_paper('about_a'))})."
    )


def _thawed(own: Difference, others: Difference, beyond: Difference) -> str:
    """Whether the "+" forms differ from the base network, and from each other: BnB+ has trained as long as AnB+."""
    both = f"on average over the cuts BnB+ gets {gap(own)} than the base network, and AnB+ {gap(others)}"
    both += f"; AnB+ gets {gap(beyond)} than BnB+, which trained as long"
    sides = {"BnB+": _side(own), "AnB+": _side(others)}
    told = [
        f"{listing(forms)} {'is' if len(forms) == 1 else 'are'} {where} the base network"
        for side, where in ((-1, "below"), (1, "above"))
        if (forms := [form for form, its in sides.items() if its == side])
    ]
    head = (
        f"Thawed, {listing(told)} beyond noise" if told else "Thawed, neither form differs from the base network beyond noise"
    )
    return f"{head}: {both}. In the paper AnB+ gets more at every cut, by 1.1 to 2.2 points."


def _learnt(found: Difference) -> str:
    head = _verdict(found, "A's layers are worse than random ones", "Frozen, A's layers cannot be told from random ones",
                    "A's layers are worth more than random ones")  # fmt: skip
    return f"{head}: at cut {LAST}, frozen, they give {gap(found)} than layers that learnt nothing."


def _how_sure(result: Result) -> str:
    """What the intervals are about, and how far two base networks are apart by chance."""
    seeds = min((found.n for found in comparisons(result["networks"]).values()), default=1)  # that are complete
    apart = bases_apart(result["networks"])
    assert apart is not None
    noise = f"Two base networks that differ in start and order alone are {points(apart)} apart on average."
    if seeds == 1:
        return f"{noise} One seed tells nothing of chance: nothing here counts as beyond noise before a second one."
    over = "starts and orders" if result["halves"][0]["kinds"] else "halves, starts and orders"
    return f"{noise} Intervals are 95 %, over the {seeds} seeds' {over} (paired differences, Student's t), each for itself."


def beside(result: Result, other: Result) -> str:
    """How far A's frozen layers fall here and with other halves of the same data; '' where one of the two cannot say."""
    here, there = (comparisons(one["networks"]).get("decline") for one in (result, other))
    if here is None or there is None:
        return ""
    what = f"From cut {FIRST} to cut {LAST} A's layers, frozen, come to give {gap(here)} with {_halves_words(result)}"
    text = f"{what}, and {gap(there)} with {_halves_words(other)}"
    if here.low is None or here.high is None or there.low is None or there.high is None:
        return f"{text}. In the paper, far halves fall faster."
    apart = here.low > there.high or there.low > here.high
    sure = "The intervals do not overlap" if apart else "The intervals overlap, so these seeds cannot tell the two apart"
    return f"{text}. {sure}. In the paper, far halves fall faster."


def _halves_words(result: Result) -> str:
    kinds = result["halves"][0]["kinds"]
    return f"{kinds[0]} as A and {kinds[1]} as B" if kinds else "random halves"


def gap(found: Difference) -> str:
    """'1.2 points less (0.3 to 2.1)'; where the interval has both signs: '0.2 points less (from 0.9 less to 0.5 more)'."""
    said = gap_of(found.mean)
    if found.low is None or found.high is None:
        return said
    near, far = sorted((abs(found.low), abs(found.high)))
    if within_noise(found):
        return f"{said} (from {100 * abs(found.low):.1f} less to {100 * abs(found.high):.1f} more)"
    return f"{said} ({100 * near:.1f} to {100 * far:.1f})"


def gap_of(mean: float) -> str:
    """'1.2 points less', '0.4 points more'; 'as much' where the two are equal."""
    return f"{points(mean)} {'less' if mean < 0 else 'more'}" if mean else "as much"


def _side(found: Difference) -> int:
    """-1 or 1 where the interval lies on one side of 0, else 0; and where the seeds all say the same, what they say."""
    if found.identical:
        return (found.mean > EQUAL) - (found.mean < -EQUAL)
    return 0 if within_noise(found) is not False else 1 if found.mean > 0 else -1


def _verdict(found: Difference, below: str, neither: str, above: str) -> str:
    return {-1: below, 0: neither, 1: above}[_side(found)]
