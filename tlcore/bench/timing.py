"""Times and ratios of times: what can be trusted on a machine that others use as well.

CPU time of this process with one torch thread, not the wall clock; the competitors by turns, in rounds; and the ratio
within each round, of which the median and the quartiles are told. What disturbs a round then disturbs both sides of it.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Clock = Callable[[], float]
cpu_clock: Clock = time.process_time  # of all threads of this process
_WARM_UP = 1  # steps that are left out: the first one allocates, and frameworks ask for the second batch before it


@dataclass(frozen=True)
class Spread:
    """The median of some numbers, and their quartiles."""

    median: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        return {"median": self.median, "low": self.low, "high": self.high}


def spread(values: Sequence[float]) -> Spread:
    """Quartiles by linear interpolation between the sorted values (numpy's and R's default); one value is all three."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """How many times longer theirs took, round by round."""
    return spread([a / b for a, b in zip(theirs, ours, strict=True)])


def timed(action: Callable[[], object], clock: Clock = cpu_clock) -> float:
    """Seconds that one call takes."""
    began = clock()
    action()
    return clock() - began


def seconds_per_batch(asked: Sequence[float], batch_size: int) -> float:
    """The median time from batch to batch, given when each image was asked for; the first ones are left out as warm-up."""
    starts = asked[::batch_size]
    costs = [later - earlier for earlier, later in itertools.pairwise(starts)][_WARM_UP:]
    if not costs:
        raise ValueError(f"{len(starts)} batches are too few to time one: {_WARM_UP + 2} or more are needed")
    return statistics.median(costs)
