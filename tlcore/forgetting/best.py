"""The best point of a path for a floor on what must be kept of the source. No torch: a page asks at every move of a slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FLOOR = 0.05  # by default the source may lose 5 points


def best_point(source: Sequence[float | None], target: Sequence[float | None], floor: float) -> int | None:
    """The place with the largest target value among those whose source value keeps `floor`; of equals the nearest to the start.

    None where no place does.
    """
    kept = [
        place
        for place, (known, done) in enumerate(zip(source, target, strict=True))
        if known is not None and done is not None and known >= floor
    ]
    return max(kept, key=lambda place: (target[place], -place), default=None)


def best_for(source: Mapping[str, Any], target: Mapping[str, Any], steps: Sequence[float]) -> dict[str, Any] | None:
    """The best point of a job's looks for one of its sources, the statistics interpolated; None without one.

    {batchnorm, floor, place, a, source_value, target_value}; the floor is 5 points below what was known before.
    """
    mode = "interpolated"
    if mode not in source["path"] or mode not in target["path"]:
        return None
    floor = source["before"]["value"] - FLOOR
    place = best_point(source["path"][mode], target["path"][mode], floor)
    if place is None:
        return None
    return {
        "batchnorm": mode,
        "floor": floor,
        "place": place,
        "a": steps[place],
        "source_value": source["path"][mode][place],
        "target_value": target["path"][mode][place],
    }


def best_of(sources: Mapping[str, Any], target: Mapping[str, Any], steps: Sequence[float]) -> dict[str, Any] | None:
    """`best_for` the first labelled source (else the first), with its name as `source`: the one that is read by itself."""
    names = sorted(sources, key=lambda name: sources[name]["measure"] != "accuracy")
    best = best_for(sources[names[0]], target, steps) if names else None
    return None if best is None else {"source": names[0], **best}
