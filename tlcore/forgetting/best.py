"""The best point of a path for a floor on what must be kept of the source. No torch: a page asks at every move of a slider."""

from __future__ import annotations

from collections.abc import Sequence

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
