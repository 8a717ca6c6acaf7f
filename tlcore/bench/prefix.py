"""How near the frozen prefix comes to the fastest product of matrices that this machine can do."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from tlcore.bench.ceilings import SIDES, product_gflops
from tlcore.bench.task import Task
from tlcore.bench.timing import cpu_clock, spread, timed
from tlcore.models.network import build


def beside_ceiling(task: Task, *, rounds: int) -> dict[str, Any]:
    """The prefix of a head-only run on one batch, and the ceiling of its number format, by turns in `rounds` rounds.

    `share` is the median of the rounds' ratios. The operations are those of the plain network in float32 (a multiplication
    and an addition are two); folding and formats change how fast they are done, not how many are asked for.
    """
    network = build(task.backbone, classes=2, start=task.start, seed=task.seed, image_size=task.image_size)
    pictures = torch.randn(
        task.batch_size, 3, task.image_size, task.image_size, generator=torch.Generator().manual_seed(task.seed)
    )
    operations = operations_of(network.module, pictures)
    module = network.module.to(memory_format=torch.channels_last)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    dtype = torch.float32
    shares, speeds = [], []
    with torch.inference_mode():
        module(pictures)
        for _ in range(rounds):
            seconds = timed(lambda: module.forward_features(pictures), cpu_clock)
            ceiling = product_gflops(dtype, rounds=1, sides=SIDES[-1:])
            speeds.append(operations / seconds / 1e9)
            shares.append(speeds[-1] / ceiling)
    found = spread(shares)
    return {
        "share": found.median,
        "quartiles": [found.low, found.high],
        "gflops": spread(speeds).median,
        "format": str(dtype).removeprefix("torch."),
        "gflop_per_image": operations / task.batch_size / 1e9,
    }


def operations_of(module: torch.nn.Module, pictures: torch.Tensor) -> int:
    """Floating-point operations of one forward pass over the batch `pictures`."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        module(pictures)
    return counter.get_total_flops()
