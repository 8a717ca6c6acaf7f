"""What a run's source probes take beside its training: how fast a look is here, and how many images all looks ask."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.models.network import Network
from tlcore.source_probes.cost import images_asked, looks_of
from tlcore.source_probes.look import BATCH, read
from tlcore.spec import RunSpec
from tlcore.strategies import Plan
from tlcore.training.machine import Machine

TIMED = 3  # batches at most, of which the first warms up
SECONDS = 1.0  # once spent, no further batch is timed


def look_cost(
    spec: RunSpec, plan: Plan, network: Network, machine: Machine, images: np.ndarray, runs_dir: Path
) -> dict[str, Any]:
    """{images_per_second, looks, images (of a look, of all sources), seconds (of all looks)} of a run of `spec`.

    Timed with the run's network on `images`, uint8 (N, S, S, 3), again and again for a batch: a look is in float32 and passes
    the whole network, whatever the training keeps. Raises as `ancestry` does.
    """
    pace = _pace(network, machine, images)
    asked = images_asked(spec.source_probes, spec.source_images, spec, runs_dir)
    once, looks = sum(asked.values()), looks_of(plan) if asked else 0
    passes = once * looks + asked.get("natural-photos", 0)  # the old answers, which the others are held against
    return {"images_per_second": pace, "looks": looks, "images": once, "seconds": passes / pace}


def _pace(network: Network, machine: Machine, images: np.ndarray) -> float:
    """Images a second in a look, the best batch."""
    batch = np.resize(images, (BATCH, *images.shape[1:]))
    seconds: list[float] = []
    while len(seconds) < TIMED and sum(seconds) < SECONDS:
        began = time.perf_counter()
        for _ in read(network, machine, batch, network.head):
            pass
        seconds.append(time.perf_counter() - began)
    return BATCH / max(min(seconds), 1e-9)
