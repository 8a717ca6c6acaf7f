"""Rates that are measured: Auto-RGN and Auto-SNR (Lee et al. 2023, "Surgical fine-tuning improves adaptation to distribution
shifts", section 4).

At the start of each epoch the gradient of the labels' loss is taken on the first few batches of that epoch. Each group that
moves then has a share of its peak rate for the epoch, the largest a share of 1:

    Auto-RGN   RGN = ||g|| / ||w||, averaged over the batches; share = RGN / the largest RGN
    Auto-SNR   SNR = the gradient's mean over the batches, squared, by its variance over them; share = 1, or 0 where the SNR is
               below a threshold, as a share of the largest one: the group keeps still

Departures, from the paper and from its published code. They go by tensor and leave norms out; here a layer group is one, with
all of its weights that move. Of the signal and of the noise the sums over the group are compared, not the mean over the
weights of their ratios: a single weight with next to no variance would decide for all. (Their code takes the variance over
the rows of a tensor, and 0.95 of the plain ratio as its threshold.) They begin each epoch with a fresh optimizer; here it
goes on. The gradient is taken in float32, in evaluation mode: no dropout, and the statistics of BatchNorm are left alone. A
group that keeps still has no rate, though its BatchNorm goes on where it is trained.

The batches, their augmented views and so the shares are a function of (seed, epoch) and of the weights as the epoch begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
import torch
from torch.nn import functional

from tlcore.models.freezing import set_modes
from tlcore.models.network import Network
from tlcore.strategies import Phase
from tlcore.strategies.rates import Measured
from tlcore.training.chance import batch_at, order_of, steps_per_epoch
from tlcore.training.memory import free, is_out_of_memory, nothing_fits
from tlcore.training.setup import Setup
from tlcore.training.state import State

Gradient = dict[str, list[torch.Tensor]]  # of each group that moves: one tensor for each of its parameters


def measure_shares(state: State, setup: Setup, phase: Phase, weights: torch.Tensor | None = None) -> dict[str, float]:
    """The share of its peak rate that each group that moves has in this epoch; {} where the phase measures nothing.

    Changes nothing but `state.images_at_once`, which it lowers where memory runs out. Raises `OutOfMemory` where not even one
    picture fits.
    """
    if phase.measured is None:
        return {}
    groups = _moving(state.network, phase)
    order = order_of(state.epoch, len(setup.train.labels), setup.seed)
    batches = batches_measured(phase, setup)
    state.network.module.eval()
    gradients = (
        _gradient_that_fits(state, setup, groups, batch_at(order, place, setup.batch_size), state.step + place, weights)
        for place in range(batches)
    )
    try:
        return shares_of(phase.measured, groups, gradients)
    finally:
        set_modes(state.network, phase)


def batches_measured(phase: Phase, setup: Setup) -> int:
    """How many batches the measurement looks at in each epoch of the phase; each takes about as long as a step."""
    return min(phase.measured.batches, steps_per_epoch(len(setup.train.labels), setup.batch_size)) if phase.measured else 0


def _moving(network: Network, phase: Phase) -> Gradient:
    """The parameters that move, by group."""
    moving = {
        group.name: [parameter for _, parameter in network.parameters(group.name) if parameter.requires_grad]
        for group in network.groups
        if phase.trains(group.name)
    }
    return {name: parameters for name, parameters in moving.items() if parameters}


def _gradient_that_fits(
    state: State, setup: Setup, groups: Gradient, indices: np.ndarray, step: int, weights: torch.Tensor | None
) -> Gradient:
    while True:
        at_once = min(len(indices), state.images_at_once or len(indices))
        try:
            return _gradient(state, setup, groups, indices, at_once, step, weights)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if at_once == 1:
                raise nothing_fits() from error
        free(setup.machine)
        state.images_at_once = max(1, at_once // 2)


def _gradient(
    state: State, setup: Setup, groups: Gradient, indices: np.ndarray, at_once: int, step: int, weights: torch.Tensor | None
) -> Gradient:
    """The gradient of the batch's (weighted) mean cross-entropy, on the pictures as the epoch's step will see them."""
    route = setup.route(state)
    route = replace(route, machine=replace(route.machine, precision="float32"))
    inputs = route.training_inputs(indices, epoch=state.epoch, step=step)
    labels = torch.from_numpy(setup.train.labels[indices]).to(setup.machine.device)
    shares = torch.ones(len(labels), device=labels.device) if weights is None else weights[labels]
    shares = shares / shares.sum()
    parameters = [parameter for members in groups.values() for parameter in members]
    total = [torch.zeros_like(parameter) for parameter in parameters]
    for part in (slice(start, start + at_once) for start in range(0, len(indices), at_once)):
        losses = functional.cross_entropy(route.logits(inputs[part]).float(), labels[part], reduction="none")
        found = torch.autograd.grad((losses * shares[part]).sum(), parameters, allow_unused=True)
        for whole, gradient in zip(total, found, strict=True):
            if gradient is not None:
                whole += gradient
    tensors = iter(total)
    return {name: [next(tensors) for _ in members] for name, members in groups.items()}


def shares_of(measured: Measured, weights: Gradient, gradients: Iterable[Gradient]) -> dict[str, float]:
    """The share of each group, from its weights and the gradients of several batches, which are looked at one by one.

    Groups of which nothing can be said (no gradient anywhere, weights that are all 0, one batch alone, which shows no noise)
    have all of their rate.
    """
    if measured.what == "relative-gradient-norm":
        return relative_to_largest(relative_norms(weights, gradients))
    shares = relative_to_largest(_signals_to_noise(gradients))
    return {name: float(share >= measured.threshold) for name, share in shares.items()}


def relative_to_largest(values: Mapping[str, float]) -> dict[str, float]:
    """Each value by the largest finite one; 1 for a value that is not finite, and where all are 0."""
    largest = max((value for value in values.values() if math.isfinite(value)), default=0.0)
    return {name: value / largest if math.isfinite(value) and largest > 0 else 1.0 for name, value in values.items()}


def relative_norms(weights: Gradient, gradients: Iterable[Gradient]) -> dict[str, float]:
    """||g|| / ||w|| of each group, the mean over `gradients`; infinite where the weights are all 0."""
    norms = [{name: _norm(tensors) for name, tensors in gradient.items()} for gradient in gradients]
    sizes = {name: _norm(tensors) for name, tensors in weights.items()}
    return {name: fmean(of[name] for of in norms) / size if size > 0 else math.inf for name, size in sizes.items()}


def _norm(tensors: Sequence[torch.Tensor]) -> float:
    return math.sqrt(sum(tensor.detach().double().square().sum().item() for tensor in tensors))


def _signals_to_noise(gradients: Iterable[Gradient]) -> dict[str, float]:
    """By Welford's updates, so that two tensors are kept for each weight, however many batches there are."""
    count, means, spreads = 0, {}, {}
    for gradient in gradients:
        count += 1
        for name, tensors in gradient.items():
            for place, tensor in enumerate(tensors):
                key = (name, place)
                mean, spread = (
                    means.setdefault(key, torch.zeros_like(tensor)),
                    spreads.setdefault(key, torch.zeros_like(tensor)),
                )
                away = tensor - mean
                mean += away / count
                spread += away * (tensor - mean)
    signal, noise = (dict.fromkeys((name for name, _ in means), 0.0) for _ in range(2))
    for (name, place), mean in means.items():
        signal[name] += mean.double().square().sum().item()
        noise[name] += spreads[name, place].double().sum().item() / max(count - 1, 1)
    return {name: signal[name] / noise[name] if noise[name] > 0 else math.inf for name in signal}
