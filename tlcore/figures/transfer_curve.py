"""The numbers that the transferability experiment is read by: its curve, and a few comparisons that were fixed beforehand.

Everything is paired: a network is compared with others of its own seed, which had the same classes, the same test images, the
same new layers and the same order of images. A network's `base` is the mean of the two that were trained on B as a whole.

The comparisons, in shares of the test images of B, n being the cut:

    dip          BnB at the middle cuts (3, 4, 5) minus BnB at the first and the last: below 0 where co-adaptation shows
    decline      AnB at the last cut minus AnB at the first: below 0 where higher layers serve other classes worse
    co_adapted   BnB minus base at the last cut          about_a   AnB minus BnB at the last cut
    thawed_b     BnB+ minus base, mean over the cuts     thawed_a  AnB+ minus base, mean over the cuts
    others       AnB+ minus BnB+, mean over the cuts: both trained for longer than base, so this is what A's layers add
    learnt       AnB minus random at the last cut: what layers of other classes are worth, frozen
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from tlcore.analysis.transferability_plan import CUTS, FORMS
from tlcore.compare.statistics import Difference, Estimate, difference, estimate

MIDDLE = (3, 4, 5)
FIRST, LAST = CUTS[0], CUTS[-1]

# Yosinski et al. 2014, ImageNet halves, AlexNet: top-1 accuracy at cuts 1 to 7, and of the base network.
PAPER_BASE = 0.625
PAPER: Mapping[str, tuple[float, ...]] = {
    "BnB": (0.627, 0.624, 0.621, 0.605, 0.594, 0.619, 0.623),
    "AnB": (0.628, 0.624, 0.619, 0.600, 0.578, 0.581, 0.543),
}

Value = Callable[[str, int], float]  # of a form at a cut, within one seed; "base" at cut 0


@dataclass(frozen=True)
class Point:
    """One form at one cut: its accuracy over the seeds, and how far it is from base, seed by seed."""

    form: str
    cut: int
    accuracy: Estimate
    from_base: Difference
    by_seed: tuple[float, ...]
    apart_by_seed: tuple[float, ...]


def values_by_seed(networks: Sequence[Mapping[str, Any]]) -> dict[int, dict[tuple[str, int], float]]:
    """{seed: {(form, cut): accuracy}}, with ("base", 0) where both of its networks are there."""
    found: dict[int, dict[tuple[str, int], float]] = {}
    for network in networks:
        found.setdefault(network["seed"], {})[network["form"], network["cut"]] = network["accuracy"]["value"]
    for values in found.values():
        if {("B", 0), ("again", 0)} <= values.keys():
            values["base", 0] = (values["B", 0] + values["again", 0]) / 2
    return found


def curve(networks: Sequence[Mapping[str, Any]]) -> list[Point]:
    """The points that some seed has so far, form by form from the first cut up."""
    by_seed = values_by_seed(networks)
    points = []
    for form in FORMS:
        for cut in CUTS:
            here = [values for values in by_seed.values() if (form, cut) in values and ("base", 0) in values]
            if here:
                own = tuple(values[form, cut] for values in here)
                apart = tuple(values[form, cut] - values["base", 0] for values in here)
                points.append(Point(form, cut, estimate(own, bounds=(0.0, 1.0)), difference(apart), own, apart))
    return points


def base(networks: Sequence[Mapping[str, Any]]) -> Estimate | None:
    """The accuracy of the base network over the seeds; None before one is there."""
    found = [values["base", 0] for values in values_by_seed(networks).values() if ("base", 0) in values]
    return estimate(found, bounds=(0.0, 1.0)) if found else None


def bases_apart(networks: Sequence[Mapping[str, Any]]) -> float | None:
    """How far two networks trained on B are apart that differ in their start and order alone: the mean over the seeds."""
    found = [abs(values["B", 0] - values["again", 0]) for values in values_by_seed(networks).values() if ("base", 0) in values]
    return fmean(found) if found else None


def _dip(of: Value) -> float:
    return fmean(of("BnB", cut) for cut in MIDDLE) - fmean(of("BnB", cut) for cut in (FIRST, LAST))


def _over_base(form: str) -> Callable[[Value], float]:
    return lambda of: fmean(of(form, cut) for cut in CUTS) - of("base", 0)


COMPARISONS: Mapping[str, Callable[[Value], float]] = {
    "dip": _dip,
    "decline": lambda of: of("AnB", LAST) - of("AnB", FIRST),
    "co_adapted": lambda of: of("BnB", LAST) - of("base", 0),
    "about_a": lambda of: of("AnB", LAST) - of("BnB", LAST),
    "thawed_b": _over_base("BnB+"),
    "thawed_a": _over_base("AnB+"),
    "others": lambda of: fmean(of("AnB+", cut) - of("BnB+", cut) for cut in CUTS),
    "learnt": lambda of: of("AnB", LAST) - of("random", LAST),
}


def comparisons(networks: Sequence[Mapping[str, Any]]) -> dict[str, Difference]:
    """Each comparison over the seeds that have all it needs; one that no seed has is missing."""
    by_seed = values_by_seed(networks)
    found = {}
    for name, compare in COMPARISONS.items():
        apart = []
        for values in by_seed.values():
            try:
                apart.append(compare(lambda form, cut, of=values: of[form, cut]))
            except KeyError:  # a network of this seed is not trained yet
                continue
        if apart:
            found[name] = difference(apart)
    return found


def within_noise(found: Difference) -> bool | None:
    """Whether the 95 % interval contains 0; None where there is none."""
    return None if found.low is None or found.high is None else found.low <= 0 <= found.high


def in_the_paper(name: str) -> float:
    """The same comparison of the paper's curves; those of `dip`, `decline`, `co_adapted` and `about_a` are known."""
    return COMPARISONS[name](lambda form, cut: PAPER_BASE if form == "base" else PAPER[form][cut - 1])


def as_data(networks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Curve and comparisons as plain data, for JSON: {curve: [...], comparisons: {...}}."""
    return {
        "curve": [
            {"form": point.form, "cut": point.cut, "accuracy": _plain(point.accuracy), "from_base": _plain(point.from_base)}
            for point in curve(networks)
        ],
        "comparisons": {
            name: _plain(found) | {"within_noise": within_noise(found)} for name, found in comparisons(networks).items()
        },
    }


def _plain(found: Estimate | Difference) -> dict[str, float | int | None]:
    return {"value": found.mean, "low": found.low, "high": found.high, "seeds": found.n}
