"""In which number format the trainable part computes: timed on a few of its own steps, kept in the cache, shown.

On a CPU a lower format pays where the processor has instructions for it and the convolutions are dense; depthwise ones train
slower in it. So it is measured, once for each backbone, cut and set of groups that train. Nothing is measured where there is
nothing to choose: a format was asked for, a GPU (mixed precision it is), or a processor that multiplies no lower format faster.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tlcore.data.transforms import normalise
from tlcore.files import write_json
from tlcore.models.freezing import apply_phase
from tlcore.models.network import Network
from tlcore.models.nf4 import in_nf4
from tlcore.strategies import Phase
from tlcore.training.chance import noise
from tlcore.training.formats import WORTH, faster_formats, format_file, wait
from tlcore.training.machine import Precision
from tlcore.training.route import CutRoute, Route

BATCH = 8  # pictures in a timed step
ROUNDS = 3  # that count; where they take longer than `SECONDS` together, fewer
SECONDS = 1.0


@dataclass(frozen=True)
class StepFormat:
    """The format of a phase's steps."""

    precision: Precision
    seconds: dict[str, float] = field(default_factory=dict)  # format -> of a step, for one picture; empty: nothing to choose


def step_format(route: Route, phase: Phase, backbone: str, *, asked: str) -> StepFormat:
    """The fastest format for the steps of `phase` along `route`; float32 unless another is a tenth faster.

    `asked` is the spec's precision. The network is left as it was.
    """
    machine = route.machine
    others = faster_formats(machine) if asked == "auto" and machine.device.type == "cpu" else []
    if not others:
        return StepFormat(machine.precision)
    file = format_file(
        {
            "step": backbone,
            "cut": route.group if isinstance(route, CutRoute) else None,
            "head": route.network.head_kind,
            "trains": [group for group, rate in phase.rates.items() if rate is not None],
            "moves": phase.moves,
            "nf4": in_nf4(route.network.module),
            "batchnorm": dict(phase.batchnorm),
            "image_size": route.splits["train"].images.shape[1],
            "torch": torch.__version__,
            "machine": machine.processor,
        }
    )
    try:
        kept = json.loads(file.read_bytes())
        return StepFormat(kept["precision"], kept["seconds"])
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        found = _timed(route, phase, ["float32", *others])
        write_json(file, found.__dict__)
        return found


def _timed(route: Route, phase: Phase, formats: list[Precision]) -> StepFormat:
    routes = {name: replace(route, machine=replace(route.machine, precision=name)) for name in formats}
    inputs = _inputs(route)
    with _left_as_it_was(route.network), noise(0, 0, route.machine.device):
        apply_phase(route.network, phase)
        rounds: list[dict[str, float]] = []
        began = time.perf_counter()
        while len(rounds) < 2 or (len(rounds) <= ROUNDS and time.perf_counter() - began < SECONDS * len(formats)):
            rounds.append({name: _seconds(one, inputs) for name, one in routes.items()})
    seconds = {name: median(taken[name] for taken in rounds[1:]) / BATCH for name in formats}  # the first round warms up
    fastest = min(formats, key=lambda name: seconds[name])
    return StepFormat(fastest if seconds["float32"] >= WORTH * seconds[fastest] else "float32", seconds)


def _inputs(route: Route) -> Tensor:
    """What `route.logits` takes, of noise: pictures, or rows at its cut."""
    device, generator = route.machine.device, torch.Generator().manual_seed(0)
    if isinstance(route, CutRoute):
        shape = route.frozen.format.shapes[route.group]
        rows = torch.randn(BATCH, *shape, generator=generator).to(device)
        return rows.contiguous(memory_format=torch.channels_last) if rows.ndim == 4 else rows
    pictures = np.resize(np.array(route.splits["train"].images[:BATCH]), (BATCH, *route.splits["train"].images.shape[1:]))
    return torch.from_numpy(pictures).to(device)


def _seconds(route: Route, inputs: Tensor) -> float:
    """Of one forward and backward pass: the optimizer's share is the same in every format."""
    began = time.perf_counter()
    with route.machine.autocast():
        logits = route.logits(inputs)
    functional.cross_entropy(logits.float(), torch.zeros(len(inputs), dtype=torch.long, device=logits.device)).backward()
    wait(route.machine)
    return time.perf_counter() - began


@contextlib.contextmanager
def _left_as_it_was(network: Network) -> Iterator[None]:
    """Put back what a step changes besides the weights: running statistics, gradients, modes, what may move."""
    module = network.module
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    moves = {name: parameter.requires_grad for name, parameter in module.named_parameters()}
    modes = {name: part.training for name, part in module.named_modules()}
    try:
        yield
    finally:
        for name, buffer in module.named_buffers():
            buffer.copy_(buffers[name])
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(moves[name]).grad = None
        for name, part in module.named_modules():
            part.training = modes[name]


def error_of(whole: Route, precision: Precision) -> float:
    """How far a format moves the logits of the whole network: root mean square against float32, by the logits' spread.

    Measured on up to 8 training pictures, in eval mode. Infinite where a logit is not a number.
    """
    images = whole.splits["train"].images
    look = whole.network.preprocessing
    pictures = torch.from_numpy(np.array(images[:BATCH])).to(whole.machine.device)
    seen = normalise(pictures, look.mean, look.std).contiguous(memory_format=torch.channels_last)
    with _left_as_it_was(whole.network), torch.inference_mode():
        whole.network.module.eval()
        exact = whole.network.module(seen)
        with replace(whole.machine, precision=precision).autocast():
            found = whole.network.module(seen).float()
    spread = (exact - exact.mean(0)).square().mean().sqrt()
    share = float((found - exact).square().mean().sqrt() / spread.clamp(min=1e-12))
    return share if math.isfinite(share) else math.inf
