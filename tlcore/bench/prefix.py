"""How near the frozen prefix comes to the fastest product of matrices that this machine can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from tlcore.bench.ceilings import FORMATS, SIDES, product_gflops
from tlcore.bench.task import Task
from tlcore.bench.timing import spread, timed
from tlcore.groups import HEAD
from tlcore.models.cut import find_cuts
from tlcore.models.network import build
from tlcore.models.prefix import Prefix, prefix_of

_TRIAL = 4  # pictures on which the number formats are compared: a format that is only imitated takes seconds for each


def beside_ceiling(task: Task, *, rounds: int) -> dict[str, Any]:
    """The prefix of a head-only run on one batch, and the ceiling of its number format, by turns in `rounds` rounds.

    `share` is the median of the rounds' ratios. The operations are those of the plain network in float32 (a multiplication
    and an addition are two); folding and formats change how fast they are done, not how many are asked for.
    """
    network = build(task.backbone, classes=2, start=task.start, seed=task.seed, image_size=task.image_size)
    shape = (task.batch_size, 3, task.image_size, task.image_size)
    pictures = torch.randn(shape, generator=torch.Generator().manual_seed(task.seed))
    cuts = find_cuts(network)
    operations = operations_of(cuts.prefix((HEAD,)).eval(), pictures)
    folded = prefix_of(cuts, (HEAD,), pictures[:_TRIAL])
    name, prefix = _fastest({name: folded.in_precision(name) for name in FORMATS}, pictures[:_TRIAL])
    prefix(pictures)
    shares, speeds = [], []
    for _ in range(rounds):
        speeds.append(operations / timed(lambda: prefix(pictures)) / 1e9)
        shares.append(speeds[-1] / product_gflops(FORMATS[name], rounds=1, sides=SIDES))
    found = spread(shares)
    return {
        "share": found.median,
        "quartiles": [found.low, found.high],
        "gflops": spread(speeds).median,
        "format": name,
        "gflop_per_image": operations / task.batch_size / 1e9,
    }


def _fastest(prefixes: dict[str, Prefix], pictures: torch.Tensor) -> tuple[str, Prefix]:
    """The prefix in the format in which it takes least time, the better of two tries after a warm-up."""
    seconds = {}
    for name, prefix in prefixes.items():
        tries = [timed(lambda prefix=prefix: prefix(pictures)) for _ in range(3)]
        seconds[name] = min(tries[1:])
    best = min(seconds, key=seconds.__getitem__)
    return best, prefixes[best]


def operations_of(call: Callable[[torch.Tensor], object], pictures: torch.Tensor) -> int:
    """Floating-point operations of one forward pass over the batch `pictures`."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        call(pictures)
    return counter.get_total_flops()
