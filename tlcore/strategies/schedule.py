"""Schedules: the rate at each step of a phase, as a share of its peak."""

from __future__ import annotations

import math
from typing import Literal, get_args

from tlcore.errors import UnknownName

Schedule = Literal["constant", "cosine", "one-cycle", "slanted-triangular"]
SCHEDULES: tuple[str, ...] = get_args(Schedule)
Ramp = Literal["exponential-ramp"]  # of the rate finder alone: no strategy has it
RAMP: Ramp = "exponential-ramp"
RAMP_START = 1e-7  # the ramp: the first rate, as a share of the last one

WARM_UP = 0.25  # one-cycle: share of the steps on which the rate rises (fastai's `pct_start`)
START_DIVISOR = 25.0  # one-cycle: the first rate is the peak divided by this
END_DIVISOR = 1e5  # one-cycle: the last rate is the peak divided by this

CUT_SHARE = 0.1  # slanted triangular: share of the steps on which the rate rises (ULMFiT's `cut_frac`)
RATIO = 32.0  # slanted triangular: the peak is so many times the lowest rate (ULMFiT's `ratio`)


def share_of_peak(schedule: Schedule | Ramp, step: int, steps: int) -> float:
    """The rate at `step` (0 to `steps` - 1) of a phase of `steps` steps, as a share of the phase's peak rate.

    cosine: 1 down to almost 0 along half a cosine (Loshchilov & Hutter 2017, without restarts or warm-up).
    one-cycle: a cosine up from 1/25 to 1 over the first quarter, then a cosine down to 1/100,000 (Smith 2018, in the
    form of fastai: momentum is left alone here).
    slanted-triangular: a line up from 1/32 to 1 over the first tenth, then a line down to 1/32 (Howard & Ruder 2018, ULMFiT,
    section 3.2).
    exponential-ramp: up from 1e-7 to 1, each step by the same factor (Smith 2017, the range test).
    """
    if schedule == RAMP:
        return RAMP_START ** (1 - step / max(1, steps - 1))
    if schedule not in SCHEDULES:
        raise UnknownName("schedule", schedule, SCHEDULES)
    if schedule == "constant" or steps <= 1:
        return 1.0
    if schedule == "slanted-triangular":
        return _slanted_triangular(step, steps)
    progress = step / steps
    if schedule == "cosine":
        return _cosine(1.0, 0.0, progress)
    if progress < WARM_UP:
        return _cosine(1 / START_DIVISOR, 1.0, progress / WARM_UP)
    return _cosine(1.0, 1 / END_DIVISOR, (progress - WARM_UP) / (1 - WARM_UP))


def _slanted_triangular(step: int, steps: int) -> float:
    """The paper's cut (1/cut_share - 1), the length of the way down, is steps - cut here: the same where 10 divides the steps.

    Where it does not, the paper's p falls below 0 before the end (19 steps: -0.9). Below 10 steps the cut would be at 0; it
    is at 1.
    """
    cut = max(1, math.floor(steps * CUT_SHARE))
    p = step / cut if step < cut else 1 - (step - cut) / (steps - cut)
    return (1 + p * (RATIO - 1)) / RATIO


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
