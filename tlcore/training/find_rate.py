"""The find-rate job: which learning rate suits a run (Smith 2017, "Cyclical learning rates for training neural networks").

The run trains for about a hundred steps as it would, on its own images, through its own route, each group at its multiple of
the head's rate, while that rate grows from 1e-6 to 10 by the same factor in each step. It stops where the loss diverges, and
suggests the middle of the longest fall of the smoothed loss (`rate_curve`). The network is not kept.

It is the first phase in which the backbone moves that is asked about, from the head as it is drawn: phases before it are left
out. The head and the pull are the run's own, and what the pull adds to the loss is in the curve: too high a rate times its
strength diverges too. No validation image is looked at.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from tlcore.data.load import Dataset
from tlcore.errors import Diverged, SpecError
from tlcore.groups import HEAD
from tlcore.runs import EventWriter, Run
from tlcore.spec import FindRateSpec, RunSpec
from tlcore.strategies import Phase, Plan, compile_plan
from tlcore.strategies.schedule import RAMP, share_of_peak
from tlcore.training.chance import order_of, steps_per_epoch
from tlcore.training.fit import fit
from tlcore.training.job import build_network, load_data, setup_of
from tlcore.training.machine import choose, repeatable
from tlcore.training.pull.source import Source, source_of
from tlcore.training.rate_curve import has_diverged, smoothed, suggest
from tlcore.training.refuse import refuse_early
from tlcore.training.report import Reporter
from tlcore.training.route import Route
from tlcore.training.routing import decide
from tlcore.training.setup import Setup
from tlcore.training.state import State

HIGHEST = 10.0  # the last rate of the ramp; the first one is 1e-7 times it
WHY = "It lies in the middle of the longest fall of the smoothed loss."
WHY_NOT = "The smoothed loss falls by a hundredth at no rate that was tried."
DIGITS = 2  # of the suggestion: more would claim what a hundred noisy steps cannot tell


def find_rate(run: Run, events: EventWriter) -> dict[str, Any]:
    """Raise the rate until the loss diverges; returns the curve and a suggestion (tlcore/README.md names the fields).

    Each step is also an event `rate`. Raises `Cancelled`, and any other `ThawError` where it cannot be done as asked:
    `SpecError` where the run has no rate to find, because its head is solved.
    """
    began = time.monotonic()
    spec = run.spec()
    if not isinstance(spec, FindRateSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} is not a rate finder.")
    report = Reporter(run, events)
    asked = spec.run
    machine = choose(asked.device, asked.precision)
    with repeatable(machine):
        refuse_early(spec, report.runs_dir)
        everything = load_data(asked, report)
        data = _few(everything, spec)
        notices = [*data.notices]
        for notice in notices:
            report.notice(notice)
        network = build_network(asked, data, machine, report)
        plan = ramp(compile_plan(asked.strategy, network.groups, epochs=asked.epochs, lr=asked.lr), asked, _rounds(data, spec))
        splits = {"train": data.train, "val": data.val}
        whole = Route(network, machine, splits, asked.seed, asked.augment, data.card.flips)
        routing = decide(
            whole,
            plan,
            cut=asked.cut,
            views=asked.views,
            precision=asked.precision,
            head_solver="minibatch" if asked.strategy.pull.holds_head(kept=network.kept_head) else asked.head_solver,
            backbone=asked.backbone,
            counts={name: len(getattr(everything, name)) for name in ("train", "val", "test")},
        )
        if routing.solved[0]:
            raise no_rate()
        source = source_of(asked, report.runs_dir, report.progress)
        if asked.strategy.pull.active:
            notices.append(_of_pull(asked, source))
            report.notice(notices[-1])
        routing, routes, error = routing.laid(report.progress)
        if error is not None:
            notices.append(f"{error.message} The frozen layers are computed in each step instead.")
            report.notice(notices[-1])
        setup = setup_of(asked, plan, data, machine, routing, source)
        setup = replace(setup, routes=routes, patience=None)
        state = State.fresh(network, plan)
        losses, stopped = _climb(state, setup, report)
    notices += [notice["text"] for notice in state.notices]
    rates = [_rate(step, setup.steps) for step in range(len(losses))]
    smooth = smoothed(losses)
    found = suggest(smooth, setup.steps)
    phase = plan.phases[0]
    return {
        "rates": rates,
        "losses": losses,
        "smoothed": smooth,
        "suggestion": None if found is None else float(f"{rates[found.chosen]:.{DIGITS}g}"),
        "valley": None if found is None else [rates[found.first], rates[found.last]],
        "why": WHY if found else WHY_NOT,
        "stopped": stopped,
        "phase": phase.name,
        "multiples": {name: None if rate is None else rate / HIGHEST for name, rate in phase.rates.items()},
        "steps": setup.steps,
        "images": len(data.train),
        "notices": notices,
        "seconds": time.monotonic() - began,
    }


def _of_pull(asked: RunSpec, source: Source | None) -> str:
    images = f" It looks at {source.sentence}." if source else ""
    return f"The loss shown is that of the labels and what the pull {asked.strategy.pull.kind} adds to it.{images}"


def no_rate() -> SpecError:
    """The refusal of a run whose head is solved."""
    return SpecError(
        "This run has no learning rate to find: its head alone trains, on kept features, and is solved by L-BFGS.",
        next_step="Unfreeze a group, or have the head trained in mini-batches.",
    )


def ramp(plan: Plan, asked: RunSpec, rounds: int) -> Plan:
    """The plan of the ramp: the first phase in which the backbone moves (the first of all where none does) for `rounds`
    epochs, its rates as multiples of the run's, times the highest rate of the ramp."""
    phase = next((phase for phase in plan.phases if _moves_the_backbone(phase)), plan.phases[0])
    rates = {name: None if rate is None else rate / asked.lr * HIGHEST for name, rate in phase.rates.items()}
    return replace(plan, phases=(replace(phase, epochs=rounds, rates=rates, schedule=RAMP, patience=None),))


def _moves_the_backbone(phase: Phase) -> bool:
    return any(phase.trains(name) for name in phase.rates if name != HEAD)


def _few(data: Dataset, spec: FindRateSpec) -> Dataset:
    """As many training images as the ramp can see, drawn by the seed, and none of the others."""
    most = spec.steps * spec.run.batch_size
    train = data.train
    if len(train) > most:
        train = train.part(np.sort(order_of(0, len(train), spec.run.seed)[:most]))
    nothing = np.arange(0)
    return replace(data, train=train, val=data.val.part(nothing), test=data.test.part(nothing))


def _rounds(data: Dataset, spec: FindRateSpec) -> int:
    """How often it goes through its images, to come nearest to the steps asked for."""
    return max(1, round(spec.steps / steps_per_epoch(len(data.train), spec.run.batch_size)))


def _rate(step: int, steps: int) -> float:
    """The run's learning rate in a step (from 0): what the groups' multiples are of."""
    return HIGHEST * share_of_peak(RAMP, step, steps)


def _climb(state: State, setup: Setup, report: Reporter) -> tuple[list[float], str]:
    """The loss of each step, what a pull adds to it too, until it diverges, or the ramp ends; and which of the two."""
    losses: list[float] = []
    try:
        for event in fit(state, setup):
            report.check()
            if event["type"] == "notice":
                report.notice(event["text"], event["level"])
            if event["type"] != "step":
                continue
            losses.append(event["loss"] + event.get("pull", 0.0))  # what the steps lower
            smooth = smoothed(losses)
            report.write("rate", rate=_rate(len(losses) - 1, setup.steps), loss=losses[-1], smoothed=smooth[-1])
            report.progress("Raising the rate", len(losses), setup.steps, "steps")
            if has_diverged(smooth):
                return losses, "diverged"
    except Diverged:
        if not losses:
            raise
        return losses, "diverged"
    return losses, "ended"
