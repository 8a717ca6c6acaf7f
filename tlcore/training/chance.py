"""Everything random in training, as functions of (seed, epoch) and (seed, step).

Nothing depends on what was drawn before, so a run that goes on from the middle of an epoch draws what it would have
drawn, and a checkpoint needs no generator's state.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch

_ORDER, _NOISE = 1, 2  # keep the streams of different purposes apart


def order_of(epoch: int, images: int, seed: int) -> np.ndarray:
    """The order in which `epoch` visits the images: a permutation, int64 (images,)."""
    return np.random.default_rng(np.random.SeedSequence([seed, _ORDER, epoch])).permutation(images)


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Batches in an epoch. A last batch of one image joins the batch before it: BatchNorm cannot train on one image."""
    full, rest = divmod(images, batch_size)
    return full + (rest > 1 or (rest == 1 and full == 0))


def batch_at(order: np.ndarray, step: int, batch_size: int) -> np.ndarray:
    """The images of the epoch's batch `step` (from 0)."""
    last = step == steps_per_epoch(len(order), batch_size) - 1
    return order[step * batch_size : None if last else (step + 1) * batch_size]


@contextlib.contextmanager
def noise(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """Within it, dropout and stochastic depth draw what belongs to `step`; torch's own state is put back afterwards."""
    drawn = np.random.SeedSequence([seed, _NOISE, step]).generate_state(1, np.uint64)[0]
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(int(drawn) >> 1)  # torch.manual_seed notes the call stack for absent machines
        if device.type == "cuda":
            torch.cuda.manual_seed_all(int(drawn) >> 1)
        yield
