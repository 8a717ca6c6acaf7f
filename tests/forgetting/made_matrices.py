"""Matrices R made by hand: what is known of each task before the first, then a row for each task learned."""

from __future__ import annotations

MATRICES: dict[str, tuple[list[float], list[list[float]]]] = {
    # Forgets a little more with every task.
    "forgets": ([0.5, 0.3, 0.1], [[0.9, 0.4, 0.2], [0.7, 0.8, 0.15], [0.6, 0.74, 0.95]]),
    # Later tasks help the earlier ones: forgetting is negative.
    "helps": ([0.5, 0.3, 0.1], [[0.8, 0.25, 0.1], [0.85, 0.7, 0.05], [0.88, 0.76, 0.9]]),
    # The first task improves while the second is learned, and is lost with the third.
    "improves first": ([0.5, 0.3, 0.1], [[0.7, 0.3, 0.1], [0.9, 0.8, 0.1], [0.6, 0.8, 0.9]]),
}
