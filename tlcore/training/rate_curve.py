"""What the curve of a rate finder says: the loss smoothed, where it has diverged, and the rate in its longest valley. No torch.

The rules are those of fastai (2.8, `lr_find` with its default, `valley`), so that both suggest the same rate from the same
losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MEMORY = 0.98  # of the running mean, in each step
DIVERGED = 4.0  # times the lowest smoothed loss
FIRST_LEFT_OUT = 0.1  # share of the ramp's steps, in which the mean settles
LAST_LEFT_OUT = 5  # steps: the climb
LEAST_FALL = 0.01  # of the loss, for there to be a valley at all


def smoothed(losses: Sequence[float]) -> list[float]:
    """The running mean of the losses so far, corrected for its start at 0, as in Adam."""
    mean, found = 0.0, []
    for count, loss in enumerate(losses, start=1):
        mean = MEMORY * mean + (1 - MEMORY) * loss
        found.append(mean / (1 - MEMORY**count))
    return found


def has_diverged(smooth: Sequence[float]) -> bool:
    """Whether the latest smoothed loss is above four times the lowest one."""
    return smooth[-1] > DIVERGED * min(smooth)


@dataclass(frozen=True)
class Valley:
    """The longest fall of the smoothed loss: its first and its last point, and the one that is suggested."""

    first: int
    last: int
    chosen: int


def suggest(smooth: Sequence[float], steps: int) -> Valley | None:
    """The valley of a ramp of `steps` steps, of which some may be missing at the end; None where the loss falls nowhere.

    Departure from fastai, which always names a rate: a fall of less than a hundredth is none.
    """
    start, end = int(steps * FIRST_LEFT_OUT), len(smooth) - LAST_LEFT_OUT
    considered = smooth[start:end]
    if len(considered) < 2:
        return None
    valley = longest_valley(considered)
    if considered[valley.last] > (1 - LEAST_FALL) * considered[valley.first]:
        return None
    return Valley(*(start + place for place in (valley.first, valley.last, valley.chosen)))


def longest_valley(losses: Sequence[float]) -> Valley:
    """The longest falling subsequence of `losses`, and of the stretch that ends with it and has as many points, the middle.

    The first of equals. As in fastai the stretch is counted back from the end of the subsequence, whose points need not be
    neighbours: it may begin later than the subsequence does.
    """
    lengths = [1] * len(losses)
    for i, loss in enumerate(losses):
        lengths[i] += max((lengths[j] for j in range(i) if losses[j] > loss), default=0)
    last = lengths.index(max(lengths))
    start = last - lengths[last]
    third = lengths[last] / 3
    return Valley(max(0, start), last, max(0, start + int(third) + int(third / 2)))
