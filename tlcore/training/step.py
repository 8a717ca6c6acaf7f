"""One step of the optimizer, whatever the batch takes: in parts where memory is short, refused where a number is lost."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from tlcore.errors import Diverged
from tlcore.strategies import Phase
from tlcore.training.chance import noise
from tlcore.training.memory import free, is_out_of_memory, nothing_fits, parts
from tlcore.training.setup import Setup
from tlcore.training.state import State


class Done(NamedTuple):
    """What a step came to."""

    loss: float  # mean cross-entropy of its images, unweighted
    correct: int
    pull: float  # what the pull added to the loss


def train_step(state: State, setup: Setup, phase: Phase, indices: np.ndarray, weights: torch.Tensor | None = None) -> Done:
    """One step of the optimizer on the images `indices`.

    Where the batch does not fit into memory it goes through in parts of `state.images_at_once`, whose gradients add up to
    the whole batch's: the steps, the rates and (but for BatchNorm in train mode) the maths stay the same. What a pull says
    about the images counts by their number, whatever their class weighs; what it says about the weights counts once.
    """
    route = setup.route(state)
    machine = route.machine
    inputs = route.training_inputs(indices, epoch=state.epoch, step=state.step)
    labels = torch.from_numpy(setup.train.labels[indices]).to(machine.device)
    share_of = torch.ones(len(labels), device=machine.device) if weights is None else weights[labels]
    total = share_of.sum()
    state.optimizer.zero_grad(set_to_none=True)
    loss_sum, correct, pull = 0.0, 0, 0.0
    with noise(setup.seed, state.step, machine.device):
        for part in parts(len(indices), state.images_at_once):
            with machine.autocast():
                with setup.term.watching():
                    logits = route.logits(inputs[part])
                pulled = setup.term.of_part()
            losses = functional.cross_entropy(logits.float(), labels[part], reduction="none")
            loss = (losses * share_of[part]).sum() / total
            if pulled is not None:
                pulled = pulled * (len(logits) / len(indices))
                pull += float(pulled.detach())
                loss = loss + pulled
            state.scaler.scale(loss).backward()
            loss_sum += float(losses.detach().double().sum())
            correct += int((logits.detach().argmax(1) == labels[part]).sum())
        for pulled in setup.term.of_step(state):
            pull += float(pulled.detach())
            state.scaler.scale(pulled).backward()
    loss = loss_sum / len(indices)
    if not math.isfinite(loss):
        raise diverged(f"The training loss is no longer a number at step {state.step + 1}", state, setup, phase)
    if not math.isfinite(pull):
        raise diverged(f"What the pull adds to the loss is no longer a number at step {state.step + 1}", state, setup, phase)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    return Done(loss, correct, pull)


def step_that_fits(state: State, setup: Setup, phase: Phase, indices: np.ndarray, weights: torch.Tensor | None) -> Done | str:
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
    if setup.pull.active:
        advice += " Or lower the pull's strength: a rate times a strength of 2 or more throws weights further than it pulls."
    return Diverged(f"{what} (phase {phase.name!r}).", next_step=advice)
