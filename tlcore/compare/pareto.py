"""Which strategies no other one beats on both counts."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points (cost, gain) that no other point beats: one that costs no more, gains no less, and is not equal.

    In the order of rising cost. Of equal points all are kept.
    """
    return sorted(
        (
            place
            for place, (cost, gain) in enumerate(points)
            if not any(c <= cost and g >= gain and (c, g) != (cost, gain) for c, g in points)
        ),
        key=lambda place: points[place],
    )
