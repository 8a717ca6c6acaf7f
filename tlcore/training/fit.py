"""The training loop: a generator of events. Stopping it is ending the loop that reads it.

    for event in fit(state, setup): ...

Events are dicts with a `type`: `step` after each step, `progress` while the validation images are looked at, `epoch` after
each epoch, `notice`. Whenever one is handed out, `state` is whole: it can be saved there, and a fit on the loaded state
goes on with the same numbers, bit for bit.

When the last phase has ended, the epoch with the lowest validation loss is put back. The loss decides, and not accuracy or
AUROC, because it is what training lowers, it moves with every image (accuracy on 60 images has 61 values), and it sees
overconfidence, to which both are blind. The earlier epoch wins a tie. Without validation images the last epoch is kept.
A phase ends early by the run's patience or by its own, where it has one, whichever is used up first; and where it has one,
also once the solver of its head has converged. It hands over the weights that it ended with, not its best ones, and the
epochs that it had left are not taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tlcore.models.freezing import apply_phase, set_modes
from tlcore.source_probes.cost import moves_body
from tlcore.strategies import Phase
from tlcore.training.chance import batch_at, order_of
from tlcore.training.evaluate import predict_batches
from tlcore.training.head import HeadProblem
from tlcore.training.measured_rates import batches_measured, measure_shares
from tlcore.training.metrics import score
from tlcore.training.optimizer import build_optimizer, set_rates
from tlcore.training.pace import Pace, step_costs
from tlcore.training.pull.make import make_term
from tlcore.training.remembered import numbers
from tlcore.training.route import CutRoute
from tlcore.training.setup import Setup, check_setup
from tlcore.training.state import State
from tlcore.training.step import Done, diverged, step_that_fits

Event = dict[str, Any]


def fit(state: State, setup: Setup) -> Iterator[Event]:
    """Train from `state` to the end of the plan, changing `state` and its network in place.

    Raises `Diverged` where a loss is not a number, `OutOfMemory` where not even the smallest batch fits, and `SpecError`
    where BatchNorm would have to train on one image.
    """
    check_setup(setup)
    pace = Pace(step_costs(setup.plan))
    weights = setup.weights()
    state.scaler = state.scaler or setup.machine.scaler()
    setup = replace(setup, term=(yield from _charged(state, make_term(state, setup))))
    ready = None  # the phase that the term is ready for
    head = None  # the problem that a phase solves
    while state.phase < len(setup.plan.phases):
        phase = setup.plan.phases[state.phase]
        apply_phase(state.network, phase)
        set_modes(state.network, phase)
        if setup.solves(state.phase):
            if not state.step_in_epoch:  # else it was saved between the round and the look at the validation images
                head = head or HeadProblem(_cut(state, setup), setup.train.labels, weights, setup.weight_decay)
                yield _solve(state, setup, phase, head, pace)
        else:
            head = None  # gives its features back
            if ready != state.phase:
                ready = state.phase
                yield from _charged(state, setup.term.ready(state, setup.route(state)))
            yield from _take_steps(state, setup, phase, weights, pace)
        yield from _end_epoch(state, setup, phase, pace)
    state.restore_best()


def _take_steps(state: State, setup: Setup, phase: Phase, weights: torch.Tensor | None, pace: Pace) -> Iterator[Event]:
    state.optimizer = state.optimizer or build_optimizer(state.network, phase, setup.optimizer, setup.weight_decay)
    if not state.step_in_epoch and not state.rate_shares:
        began = time.perf_counter()
        state.rate_shares = measure_shares(state, setup, phase, weights)
        _spend(state, time.perf_counter() - began)
    order = order_of(state.epoch, len(setup.train.labels), setup.seed)
    steps, route = setup.steps_per_epoch(state.phase), setup.route(state)
    while state.step_in_epoch < steps:
        indices = batch_at(order, state.step_in_epoch, setup.batch_size)
        if state.step_in_epoch + 1 < steps:
            route.look_ahead(batch_at(order, state.step_in_epoch + 1, setup.batch_size), epoch=state.epoch)
        yield from _take_step(state, setup, phase, indices, weights, pace)


def _take_step(
    state: State, setup: Setup, phase: Phase, indices: np.ndarray, weights: torch.Tensor | None, pace: Pace
) -> Iterator[Event]:
    began = time.perf_counter()
    per_epoch = setup.steps_per_epoch(state.phase)
    step_in_phase = state.phase_epoch * per_epoch + state.step_in_epoch
    rates = set_rates(state.optimizer, phase, step_in_phase, phase.epochs * per_epoch, state.rate_shares)
    while isinstance(done := step_that_fits(state, setup, phase, indices, weights), str):
        yield _notice(state, done)
    yield _step_done(state, setup, pace, done, len(indices), time.perf_counter() - began, rates)


def _cut(state: State, setup: Setup) -> CutRoute:
    route = setup.route(state)
    assert isinstance(route, CutRoute), "a head is solved on kept features"
    return route


def _solve(state: State, setup: Setup, phase: Phase, head: HeadProblem, pace: Pace) -> Event:
    """One round of L-BFGS on all training features: an epoch with a single step."""
    began = time.perf_counter()
    loss, accuracy, state.converged, looks = head.round()
    if not math.isfinite(loss):
        raise diverged("The training loss is no longer a number", state, setup, phase)
    images = len(setup.train.labels)
    seconds = (time.perf_counter() - began) / looks  # so that images a second are those looked at
    done = Done(loss, round(accuracy * images), pull=0.0)  # only the head moves: nothing is pulled
    event = _step_done(state, setup, pace, done, images, seconds, dict(phase.rates))
    _spend(state, seconds * (looks - 1))
    return event


def _step_done(
    state: State,
    setup: Setup,
    pace: Pace,
    done: Done,
    images: int,
    seconds: float,
    rates: dict[str, float | None],
) -> Event:
    pace.step(state.phase, images, seconds)
    _spend(state, seconds)
    state.loss_sum += done.loss * images
    state.pull_sum += done.pull * images
    state.correct += done.correct
    state.step += 1
    state.step_in_epoch += 1
    return {
        "type": "step",
        "step": state.step,
        "steps": state.step + sum(_steps_left(state, setup).values()),
        "epoch": state.epoch,
        "phase": state.phase,
        "loss": done.loss,
        **_pulled(setup, done.pull),
        "rates": rates,
        "images_per_second": pace.images_per_second,
        "seconds_left": _seconds_left(state, setup, pace),
    }


def _charged(state: State, events: Iterator[Event]) -> Generator[Event, None, Any]:
    """The events of a preparation and what it returns; the time between them counts as the epoch's."""
    while True:
        began = time.perf_counter()
        try:
            event = next(events)
        except StopIteration as done:
            return done.value
        finally:
            _spend(state, time.perf_counter() - began)
        yield event


def _spend(state: State, seconds: float) -> None:
    state.train_seconds += seconds
    state.epoch_seconds += seconds


def _pulled(setup: Setup, value: float) -> dict[str, float]:
    return {"pull": value} if setup.pull.active else {}


def _notice(state: State, text: str) -> Event:
    notice = {"level": "warning", "text": text}
    state.notices.append(notice)
    return {"type": "notice", **notice}


# --- the end of an epoch


def _end_epoch(state: State, setup: Setup, phase: Phase, pace: Pace) -> Iterator[Event]:
    began = time.perf_counter()
    total = len(setup.val.labels)
    batches = []
    done = 0
    for batch in predict_batches(setup.route(state), "val", batch_size=setup.evaluation_batch_size):
        batches.append(batch)
        done += len(batch)
        if done:
            yield {"type": "progress", "what": "Validating", "done": done, "total": total, "unit": "images"}
    probabilities = np.concatenate(batches)
    if not np.isfinite(probabilities).all():
        raise diverged(
            f"The answers on the validation images are no longer numbers after step {state.step}", state, setup, phase
        )
    validation = score(probabilities, setup.val.labels, setup.classes)
    set_modes(state.network, phase)
    pace.evaluation(total, time.perf_counter() - began)
    seconds = state.epoch_seconds + time.perf_counter() - began
    looks = {} if setup.remembered is None else (yield from setup.remembered.looking(state))

    best = _note_best(state, validation["loss"])
    images = len(setup.train.labels)
    pulled = _pulled(setup, state.pull_sum / images)
    event: Event = {
        "type": "epoch",
        "epoch": state.epoch,
        "step": state.step,
        "phase": state.phase,
        "train": {"loss": state.loss_sum / images, "accuracy": state.correct / images} | pulled,
        "val": validation,
        "rates": _last_rates(phase, state, setup),
        "drift": state.drift(),
        "best": best,
        "seconds": seconds,
        "images_per_second": images / max(state.epoch_seconds, 1e-9),
    }
    if setup.remembered is not None:
        event["source"] = numbers(looks)
        if best:
            setup.remembered.keep_as_best(looks)
    state.epoch += 1
    state.phase_epoch += 1
    state.step_in_epoch, state.loss_sum, state.pull_sum, state.correct, state.epoch_seconds = 0, 0.0, 0.0, 0, 0.0
    if state.phase_epoch == phase.epochs or _ends_early(state, setup, phase):
        state.stopped_early |= state.phase_epoch < phase.epochs
        state.phase += 1
        state.phase_epoch, state.phase_best, state.stale_epochs, state.optimizer = 0, None, 0, None
    state.converged, state.rate_shares = False, {}
    event["seconds_left"] = _seconds_left(state, setup, pace) if pace.measured else None
    state.history.append(event)
    yield event


def _ends_early(state: State, setup: Setup, phase: Phase) -> bool:
    """Whether the phase has had enough: by the run's patience, by its own, or because its head is solved to convergence."""
    patience = min((given for given in (setup.patience, phase.patience) if given is not None), default=None)
    stalled = patience is not None and state.stale_epochs >= patience
    return stalled or (phase.patience is not None and state.converged)


def _note_best(state: State, loss: float | None) -> bool:
    """Keep the epoch where it is the best of the run, and count how long the phase has waited for a better one."""
    if loss is None or state.phase_best is None or loss < state.phase_best:
        state.phase_best, state.stale_epochs = loss, 0
    else:
        state.stale_epochs += 1
    best = state.best is None or loss is None or loss < state.best.loss
    if best:
        state.keep_as_best(state.epoch, loss)
    return best


def _last_rates(phase: Phase, state: State, setup: Setup) -> dict[str, float | None]:
    if state.optimizer is None:  # solved
        return dict(phase.rates)
    per_epoch = setup.steps_per_epoch(state.phase)
    last = (state.phase_epoch + 1) * per_epoch - 1
    return set_rates(state.optimizer, phase, last, phase.epochs * per_epoch, state.rate_shares)


def _steps_left(state: State, setup: Setup) -> dict[int, int]:
    """Steps still to take by phase, where no phase ends early."""
    places = range(state.phase, len(setup.plan.phases))
    left = {place: setup.plan.phases[place].epochs * setup.steps_per_epoch(place) for place in places}
    if left:
        left[state.phase] -= state.phase_epoch * setup.steps_per_epoch(state.phase) + state.step_in_epoch
    return left


def _seconds_left(state: State, setup: Setup, pace: Pace) -> float:
    """For the steps still to take, batches still to measure rates on, images still to evaluate, and looks at the source."""
    work = _steps_left(state, setup)
    for place in work:
        phase = setup.plan.phases[place]
        epochs = phase.epochs - (state.phase_epoch + bool(state.step_in_epoch) if place == state.phase else 0)
        work[place] += epochs * batches_measured(phase, setup)
    left = pace.seconds_left(work, _images_to_evaluate(state, setup))
    return left if setup.remembered is None else left + _looks_left(state, setup) * setup.remembered.seconds


def _images_to_evaluate(state: State, setup: Setup) -> int:
    epochs = sum(phase.epochs for phase in setup.plan.phases[state.phase :]) - state.phase_epoch
    return max(0, epochs) * len(setup.val.labels) + (0 if setup.test is None else len(setup.test.labels))


def _looks_left(state: State, setup: Setup) -> int:
    """Looks at the source that will be computed: after each epoch from the first on that moves the backbone."""
    phases = setup.plan.phases
    first = next((place for place, phase in enumerate(phases) if moves_body(phase)), len(phases))
    done = state.phase_epoch if first <= state.phase else 0
    return sum(phase.epochs for phase in phases[max(first, state.phase) :]) - done
