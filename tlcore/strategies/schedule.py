"""Schedules: the rate at each step of a phase, as a share of its peak."""

from __future__ import annotations

import math
from typing import Literal, get_args

from tlcore.errors import UnknownName

Schedule = Literal["constant", "cosine", "one-cycle"]

WARM_UP = 0.25  # one-cycle: share of the steps on which the rate rises (fastai's `pct_start`)
START_DIVISOR = 25.0  # one-cycle: the first rate is the peak divided by this
END_DIVISOR = 1e5  # one-cycle: the last rate is the peak divided by this


def share_of_peak(schedule: Schedule, step: int, steps: int) -> float:
    """The rate at `step` (0 to `steps` - 1) of a phase of `steps` steps, as a share of the phase's peak rate.

    cosine: 1 down to almost 0 along half a cosine (Loshchilov & Hutter 2017, without restarts or warm-up).
    one-cycle: a cosine up from 1/25 to 1 over the first quarter, then a cosine down to 1/100,000 (Smith 2018, in the
    form of fastai: momentum is left alone here).
    """
    if schedule not in get_args(Schedule):
        raise UnknownName("schedule", schedule, get_args(Schedule))
    if schedule == "constant" or steps <= 1:
        return 1.0
    progress = step / steps
    if schedule == "cosine":
        return _cosine(1.0, 0.0, progress)
    if progress < WARM_UP:
        return _cosine(1 / START_DIVISOR, 1.0, progress / WARM_UP)
    return _cosine(1.0, 1 / END_DIVISOR, (progress - WARM_UP) / (1 - WARM_UP))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
