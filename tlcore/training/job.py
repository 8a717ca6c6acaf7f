"""The train job: from a spec to a result, with every number reported on the way."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

from tlcore.data.load import Dataset, load
from tlcore.errors import DataError, SpecError
from tlcore.models.adapters import insert
from tlcore.models.chain import build_from_run
from tlcore.models.describe import describe
from tlcore.models.network import Network, build
from tlcore.runs import EventWriter, Run
from tlcore.spec import RunSpec
from tlcore.strategies import Plan, compile_plan
from tlcore.training.checkpoint import Identity, Timer, file_in, load_checkpoint
from tlcore.training.fit import fit
from tlcore.training.forgotten import forgotten
from tlcore.training.machine import Machine, choose, repeatable
from tlcore.training.metrics import majority_baseline, why_undefined
from tlcore.training.pull.source import Source, source_of
from tlcore.training.refuse import refuse_early
from tlcore.training.remembered import numbers, remember
from tlcore.training.report import Reporter
from tlcore.training.result import result_of
from tlcore.training.route import Route
from tlcore.training.routing import Routing, decide
from tlcore.training.setup import Setup
from tlcore.training.state import State
from tlcore.training.weights import save_weights


def train(run: Run, events: EventWriter) -> dict[str, Any]:
    """Do what the run's `RunSpec` says and return its result (tlcore/README.md names the fields).

    Goes on from the folder's checkpoint where there is one. Raises `Cancelled` soon after it is asked for, whatever is being
    done then, and any other `ThawError` where the run cannot be done as asked.
    """
    began = time.monotonic()
    spec = run.spec()
    if not isinstance(spec, RunSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} is not a training run.")
    report = Reporter(run, events)
    machine = choose(spec.device, spec.precision)
    with repeatable(machine):
        refuse_early(spec, report.runs_dir)
        data = load_data(spec, report)
        network = build_network(spec, data, machine, report)
        plan = compile_plan(spec.strategy, network.groups, epochs=spec.epochs, lr=spec.lr)
        file = file_in(run.path)
        resumed = file.exists()
        report.progress("Deciding what to keep", 0, 1, "plan")
        whole = whole_route(spec, network, data, machine)
        routing = decide(
            whole,
            plan,
            cut=spec.cut,
            views=spec.views,
            precision=spec.precision,
            head_solver="minibatch" if spec.strategy.pull.holds_head(kept=network.kept_head) else spec.head_solver,
            backbone=spec.backbone,
            earlier=_cut_before(run) if resumed else None,
        )
        source = source_of(spec, report.runs_dir, report.progress)
        setup = setup_of(spec, plan, data, machine, routing, source)
        remembered, unasked = remember(spec, network, machine, report)
        setup = replace(setup, remembered=remembered)
        state = State.fresh(network, plan)
        state.source_seconds = 0.0 if remembered is None else remembered.seconds
        identity = Identity(spec.digest(), data.digest, network.provenance.get("sha256") or "")
        if resumed:
            load_checkpoint(file, state, setup, identity)
        notices = _notices(data) + list(network.notes) + ([f"The pull looks at {source.sentence}."] if source else []) + unasked
        _announce(report, spec, network, data, setup, routing, [] if resumed else notices)
        routing, routes, error = routing.laid(report.progress, first=state.phase)
        if error is not None:
            notices.append(f"{error.message} The frozen layers are computed in each epoch instead.")
            setup = replace(setup_of(spec, plan, data, machine, routing, source), remembered=remembered)
            _announce(report, spec, network, data, setup, routing, notices[-1:])
        setup = replace(setup, routes=routes)
        if resumed or run.written_status().resume:  # lost before its first checkpoint: from step 0 again
            report.write("resumed", step=state.step, epoch=state.epoch)

        if remembered is not None:
            report.write("source", sources=numbers(remembered.first), seconds=remembered.seconds)
        before, timer = state.seconds, Timer()
        for event in fit(state, setup):
            report.pass_on(event)
            state.seconds = before + time.monotonic() - began
            epoch_ended = event["type"] == "epoch"
            if epoch_ended and spec.keep_epochs:
                save_weights(run.epoch_file(state.epoch), state, spec, data.classes)
            within = event["type"] == "step" and 0 < state.step_in_epoch < setup.steps_per_epoch(state.phase)
            if (epoch_ended or within) and timer.due(epoch_ended=epoch_ended):
                timer.save(file, state, identity)
        result = result_of(run, spec, state, setup, data, report)
        if remembered is not None:
            result |= forgotten(remembered, remembered.at_the_end(state, report), state)
    result["precision"] = routing.precision
    result["cut"] = routing.as_data() | {"passes": None if routing.frozen is None else asdict(routing.frozen.passes)}
    result["notices"] = notices + [notice["text"] for notice in state.notices]
    return result | {"seconds": before + time.monotonic() - began}


def load_data(spec: RunSpec, report: Reporter) -> Dataset:
    """The spec's dataset, decoded with the interpolation that the backbone was trained with."""
    data = load(
        spec.dataset,
        labels=spec.labels,
        image_size=spec.image_size,
        images_per_class=spec.images_per_class,
        seed=spec.seed,
        interpolation=describe(spec.backbone).preprocessing.interpolation,
        progress=report.progress,
    )
    if len(data.classes) < 2:
        raise DataError(
            f"There is only one class here: {', '.join(data.classes) or 'none'}.",
            next_step="Training needs images of at least 2 classes, each in its own folder.",
        )
    return data


def build_network(spec: RunSpec, data: Dataset, machine: Machine, report: Reporter) -> Network:
    """The backbone with the start and the adapters that the strategy names and the head that the spec does, on the machine."""
    report.progress("Building the network", 0, 1, "network")
    if spec.strategy.start.kind == "run":
        network = build_from_run(spec, data.classes, runs_dir=report.runs_dir, progress=report.progress)
    else:
        network = build(
            spec.backbone,
            classes=len(data.classes),
            start=spec.strategy.start.kind,
            weights=spec.weights,
            seed=spec.seed,
            image_size=spec.image_size,
            head=spec.head,
            progress=report.progress,
        )
    network.notes = insert(network, spec.strategy.scope, seed=spec.seed, image_size=spec.image_size)
    machine.place(network.module)
    report.progress("Building the network", 1, 1, "network")
    return network


def whole_route(spec: RunSpec, network: Network, data: Dataset, machine: Machine) -> Route:
    splits = {"train": data.train, "val": data.val, "test": data.test}
    return Route(network, machine, splits, spec.seed, spec.augment, data.card.flips)


def setup_of(
    spec: RunSpec, plan: Plan, data: Dataset, machine: Machine, routing: Routing | None = None, source: Source | None = None
) -> Setup:
    """What the spec says of how to train. Without a routing no phase is a head that is solved."""
    return Setup(
        plan=plan,
        train=data.train,
        val=data.val,
        classes=data.classes,
        machine=machine,
        seed=spec.seed,
        batch_size=spec.batch_size,
        optimizer=spec.optimizer,
        weight_decay=spec.weight_decay,
        class_weights=spec.class_weights,
        patience=spec.patience,
        augment=spec.augment,
        flips=data.card.flips,
        test=data.test,
        solved=() if routing is None else routing.solved,
        pull=spec.strategy.pull,
        source=source,
    )


def _cut_before(run: Run) -> dict[str, Any] | None:
    """What the run had decided about the cut before it was interrupted."""
    return next((event.get("cut") for event in reversed(run.events()[0]) if event["type"] == "plan"), None)


def _notices(data: Dataset) -> list[str]:
    return [
        *data.notices,
        *why_undefined(data.val.labels, data.classes, "val"),
        *why_undefined(data.test.labels, data.classes, "test"),
    ]


def _announce(
    report: Reporter, spec: RunSpec, network: Network, data: Dataset, setup: Setup, routing: Routing, notices: list[str]
) -> None:
    for notice in notices:
        report.notice(notice)
    report.write(
        "plan",
        plan=setup.plan.as_dict(),
        classes=list(data.classes),
        images={"train": len(data.train.labels), "val": len(data.val.labels), "test": len(data.test.labels)},
        steps_per_epoch=setup.steps_per_epoch(0),
        steps=setup.steps,
        cut=routing.as_data(),
        majority_baseline=majority_baseline(data.val.labels),
        device=setup.machine.name,
        precision=routing.precision,
        batch_size=spec.batch_size,
        weights=network.provenance["text"],
        source=None if setup.remembered is None else setup.remembered.as_data(),
    )
