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


def best_of(sources: Mapping[str, Any], target: Mapping[str, Any], steps: Sequence[float]) -> dict[str, Any] | None:
    """The best point of a job's looks for the first labelled source (else the first), as its result has it; None without one.

    {source, batchnorm, floor, place, a, source_value, target_value}; the floor is 5 points below what was known before.
    """
    names = sorted(sources, key=lambda name: sources[name]["measure"] != "accuracy")
    if not names or not target["path"]:
        return None
    one, mode = sources[names[0]], "interpolated"
    floor = one["before"]["value"] - FLOOR
    place = best_point(one["path"][mode], target["path"][mode], floor)
    if place is None:
        return None
    return {
        "source": names[0],
        "batchnorm": mode,
        "floor": floor,
        "place": place,
        "a": steps[place],
        "source_value": one["path"][mode][place],
        "target_value": target["path"][mode][place],
    }
