"""One step of the optimizer, whatever the batch takes: in parts where memory is short, refused where a number is lost."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch.nn import functional

from tlcore.errors import Diverged
from tlcore.strategies import Phase
from tlcore.training.chance import noise
from tlcore.training.memory import free, is_out_of_memory, nothing_fits
from tlcore.training.setup import Setup
from tlcore.training.state import State


def train_step(
    state: State, setup: Setup, phase: Phase, indices: np.ndarray, weights: torch.Tensor | None = None
) -> tuple[float, int]:
    """One step of the optimizer on the images `indices`; returns their mean loss (unweighted) and how many were right.

    Where the batch does not fit into memory it goes through in parts of `state.images_at_once`, whose gradients add up to
    the whole batch's: the steps, the rates and (but for BatchNorm in train mode) the maths stay the same.
    """
    route = setup.route(state)
    machine = route.machine
    inputs = route.training_inputs(indices, epoch=state.epoch, step=state.step)
    labels = torch.from_numpy(setup.train.labels[indices]).to(machine.device)
    share_of = torch.ones(len(labels), device=machine.device) if weights is None else weights[labels]
    total = share_of.sum()
    state.optimizer.zero_grad(set_to_none=True)
    loss_sum, correct = 0.0, 0
    with noise(setup.seed, state.step, machine.device):
        for part in _parts(len(indices), state.images_at_once):
            with machine.autocast():
                logits = route.logits(inputs[part])
            losses = functional.cross_entropy(logits.float(), labels[part], reduction="none")
            state.scaler.scale((losses * share_of[part]).sum() / total).backward()
            loss_sum += float(losses.detach().double().sum())
            correct += int((logits.detach().argmax(1) == labels[part]).sum())
    loss = loss_sum / len(indices)
    if not math.isfinite(loss):
        raise diverged(f"The training loss is no longer a number at step {state.step + 1}", state, setup, phase)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    return loss, correct


def _parts(images: int, at_once: int | None) -> list[slice]:
    """Slices of nearly equal size, of at most `at_once` images, but of 2 at least unless 1 is asked for (BatchNorm)."""
    count = 1 if at_once is None else min(math.ceil(images / at_once), max(1, images // min(2, at_once)))
    edges = [images * i // count for i in range(count + 1)]
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


def step_that_fits(
    state: State, setup: Setup, phase: Phase, indices: np.ndarray, weights: torch.Tensor | None
) -> tuple[float, int] | str:
    """`train_step`; where memory runs out nothing is done but `state.images_at_once` lowered, and a sentence tells so.

    Raises `OutOfMemory` where not even the smallest part fits.
    """
    fewest = 2 if "train" in phase.batchnorm.values() else 1
    at_once = min(len(indices), state.images_at_once or len(indices))
    try:
        return train_step(state, setup, phase, indices, weights)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        if at_once <= fewest:
            raise nothing_fits() from error
    state.optimizer.zero_grad(set_to_none=True)
    free(setup.machine)
    state.images_at_once = max(fewest, at_once // 2)
    return (
        f"Memory ran out. From here each step's {setup.batch_size} images go through in parts of at most "
        f"{state.images_at_once}, whose gradients add up to the same step."
    )


def diverged(what: str, state: State, setup: Setup, phase: Phase) -> Diverged:
    """The error for a loss or an answer that is no longer a number, with what to change."""
    fastest = max((rate, group) for group, rate in phase.rates.items() if rate is not None)
    advice = f"Lower the learning rate: {fastest[1]} moves fastest, at {fastest[0]:g}. Try a tenth of it."
    precision = setup.route(state).machine.precision
    if precision != "float32":
        advice += f" Or choose the precision float32 in place of {precision}."
    return Diverged(f"{what} (phase {phase.name!r}).", next_step=advice)
