"""The measure job: how long a plan takes on this machine, by doing a few of its steps.

The steps are real: the network, the batch size, the optimizer and the threads of the run, on pictures of noise. Weights
are random, since neither their values nor the pictures' change how long a step takes, and so nothing is fetched.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tlcore.data.catalogue import dataset_card
from tlcore.data.load import Split
from tlcore.errors import OutOfMemory, SpecError
from tlcore.models.adapters import insert
from tlcore.models.ancestry import ancestry, keeps_head
from tlcore.models.freezing import apply_phase
from tlcore.models.network import Network, build
from tlcore.runs import EventWriter, Run
from tlcore.spec import MeasureSpec, RunSpec
from tlcore.strategies import Phase, Plan, compile_plan
from tlcore.strategies.start import FromRun
from tlcore.training.activations import Rows
from tlcore.training.chance import steps_per_epoch
from tlcore.training.evaluate import predict
from tlcore.training.formats import wait
from tlcore.training.frozen import BATCH
from tlcore.training.head import HeadProblem
from tlcore.training.look_cost import look_cost
from tlcore.training.machine import Machine, choose, repeatable
from tlcore.training.memory import is_out_of_memory
from tlcore.training.optimizer import build_optimizer, set_rates
from tlcore.training.pace import step_costs
from tlcore.training.peak import PeakMemory
from tlcore.training.pull.timed import with_timed_pull
from tlcore.training.report import Reporter
from tlcore.training.route import CutRoute, Route
from tlcore.training.routing import Routing, decide
from tlcore.training.setup import Setup, check_setup
from tlcore.training.state import State
from tlcore.training.step import train_step

WARM_UP = 2  # steps that do not count
TIMED_STEPS = 5  # in each phase, at most
LOOKS, LATER_LOOKS = 50, 2  # at all features in the first round of L-BFGS, which solves most heads, and in each later one
SECONDS = 2.0  # for all phases together; once spent, a phase in between two measured ones is put between them


def measure(run: Run, events: EventWriter) -> dict[str, Any]:
    """Time every phase of the plan and the evaluation, and return what the whole run would take.

    {plan, groups, device, precision, batch_size, phases: [{name, seconds_per_step, steps, seconds, measured}],
    eval_images_per_second, cut, pull: {seconds}, source (`look_cost`), frozen: {passes, seconds}, seconds, seconds_again,
    memory_bytes, memory_is}: `seconds` the first time, with the looks of the source probes that the run carries, when the
    frozen part has still to look at the pictures, `seconds_again` once that is kept; of the pull what it computes before the
    first step. A step of a head that is solved is one look at all its features.
    A phase that differs from two measured ones only in how far it unfreezes is put between them (`measured` is then false).
    Raises `OutOfMemory` where a step does not fit.
    """
    spec = run.spec()
    if not isinstance(spec, MeasureSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} is not a measurement.")
    report = Reporter(run, events)
    asked = spec.run
    machine = choose(asked.device, asked.precision)
    with repeatable(machine):
        report.progress("Building the network", 0, 1, "network")
        memory = PeakMemory(machine)
        network = build(
            asked.backbone, classes=spec.classes, start="random", seed=0, image_size=asked.image_size, head=asked.head
        )
        network.kept_head = _keeps_head(asked, report.runs_dir)
        insert(network, asked.strategy.scope, seed=0, image_size=asked.image_size)
        machine.place(network.module)
        plan = compile_plan(asked.strategy, network.groups, epochs=asked.epochs, lr=asked.lr)
        pictures = _noise(max(2, min(spec.train_images, asked.batch_size)), asked.image_size, spec.classes)
        routing = _routing(spec, plan, network, pictures, machine)
        setup = Setup(
            plan=plan,
            train=pictures,
            val=pictures,
            classes=tuple(str(c) for c in range(spec.classes)),
            machine=machine,
            seed=0,
            batch_size=asked.batch_size,
            optimizer=asked.optimizer,
            weight_decay=asked.weight_decay,
            augment=asked.augment,
            routes=_on_noise(routing, pictures, spec.train_images),
            solved=routing.solved,
        )
        check_setup(setup)
        report.progress("Timing the frozen layers", 0, 1, "batch")
        pass_seconds = _time_pass(routing, pictures)
        state = State.fresh(network, plan)
        state.scaler = machine.scaler()
        setup, pull_seconds = with_timed_pull(state, setup, asked)
        step_seconds = _time_phases(state, setup, memory, report)
        eval_rate = _time_evaluation(state, setup, report)
        report.progress("Timing a look at what it knew before", 0, 1, "batch")
        asked_besides = look_cost(asked, plan, network, machine, pictures.images, report.runs_dir)
    phases = []
    for place, (phase, (seconds, measured)) in enumerate(zip(plan.phases, step_seconds, strict=True)):
        per_epoch = steps_per_epoch(spec.train_images, asked.batch_size)
        if phase.measured is not None:  # a batch that rates are measured on takes about as long as a step
            per_epoch += min(phase.measured.batches, per_epoch)
        steps = LOOKS + LATER_LOOKS * (phase.epochs - 1) if setup.solves(place) else phase.epochs * per_epoch
        phases.append(
            {"name": phase.name, "seconds_per_step": seconds, "steps": steps, "seconds": seconds * steps, "measured": measured}
        )
    evaluated = plan.epochs * spec.val_images + spec.test_images
    again = sum(phase["seconds"] for phase in phases) + evaluated / eval_rate + pull_seconds + asked_besides["seconds"]
    passes = _passes(routing, spec)
    first = passes * pass_seconds
    return {
        "plan": plan.as_dict(),
        "groups": [group.__dict__ for group in plan.groups],
        "device": machine.name,
        "precision": routing.precision,
        "batch_size": asked.batch_size,
        "phases": phases,
        "eval_images_per_second": eval_rate,
        "cut": routing.as_data(),
        "pull": {"seconds": pull_seconds},
        "source": asked_besides,
        "frozen": {"passes": passes, "seconds": first},
        "seconds": again + first,
        "seconds_again": again,
        "memory_bytes": memory.peak,
        "memory_is": memory.what,
    }


def _routing(spec: MeasureSpec, plan: Plan, network: Network, pictures: Split, machine: Machine) -> Routing:
    whole = Route(network, machine, {"train": pictures, "val": pictures}, 0, spec.run.augment, False)
    return decide(
        whole,
        plan,
        cut=spec.run.cut,
        views=spec.run.views,
        precision=spec.run.precision,
        head_solver="minibatch" if spec.run.strategy.pull.holds_head(kept=network.kept_head) else spec.run.head_solver,
        backbone=spec.run.backbone,
        counts={"train": spec.train_images, "val": spec.val_images, "test": spec.test_images},
        judged=False,
    )


def _keeps_head(run: RunSpec, runs_dir: Path) -> bool:
    """Whether the run would go on with the head of the run that it starts from, as far as its names tell.

    The classes of one's own data are not known before they are read: the same data have the same.
    """
    start = run.strategy.start
    if not isinstance(start, FromRun):
        return False
    nearest = ancestry(start, runs_dir)[-1]
    same_data = (nearest.spec.dataset, nearest.spec.labels) == (run.dataset, run.labels)
    classes = dataset_card(run.dataset).classes or (nearest.classes if same_data or start.head == "kept" else ())
    return keeps_head(run, nearest, classes)


def _on_noise(routing: Routing, pictures: Split, train_images: int) -> tuple[Route, ...]:
    """The routes, with rows of noise where a run would have kept ones; nothing goes to the disk.

    The few rows there are stand for all `train_images`, again and again.
    """
    rows: dict[str, dict[str, tuple[Rows, ...]]] = {}
    if routing.frozen is not None:
        starts = range(0, len(pictures.labels), BATCH)
        parts = [routing.frozen.run(pictures.images[start : start + BATCH]) for start in starts]
        for group, way in routing.cuts.items():
            array = np.concatenate([part[group] for part in parts])
            few, all_of_them = (np.arange(count) % len(array) for count in (len(array), max(len(array), train_images)))
            kept = {"val": (Rows((array,), np.zeros_like(few), few),)} if way.bytes else {}
            if way.kind == "kept":
                kept["train"] = (Rows((array,), np.zeros_like(all_of_them), all_of_them),) * way.views
            rows[group] = kept
    return routing.through(rows)


def _time_pass(routing: Routing, pictures: Split) -> float:
    """Seconds that the frozen part takes for one picture, now: what was kept about it says which format is faster, not how
    busy the machine is."""
    if routing.frozen is None:
        return 0.0
    seconds = []
    for _ in range(2):  # rows have been made before: it is warm
        began = time.perf_counter()
        routing.frozen.run(pictures.images[:BATCH])
        seconds.append(time.perf_counter() - began)
    return min(seconds) / BATCH


def _passes(routing: Routing, spec: MeasureSpec) -> int:
    """How many pictures the frozen part looks at before the first step, the views of each counted."""
    trained = max((way.views for way in routing.ways if way.kind == "kept"), default=0) * spec.train_images
    return trained + (spec.val_images + spec.test_images if any(way.bytes for way in routing.ways) else 0)


def _time_phases(state: State, setup: Setup, memory: PeakMemory, report: Reporter) -> list[tuple[float, bool]]:
    """(seconds of a step, whether it was measured) of each phase: the last and the first one first, then those between."""
    phases = setup.plan.phases
    costs = step_costs(setup.plan)
    began = time.perf_counter()
    found: dict[int, float] = {}
    ends = list(dict.fromkeys((len(phases) - 1, 0)))
    for place in [*ends, *(i for i in range(len(phases)) if i not in ends)]:
        twin = next((i for i in found if _alike(phases[i], phases[place])), None)
        if twin is not None:
            found[place] = found[twin]
        elif place in ends or time.perf_counter() - began < SECONDS:
            found[place] = _time_step(state, setup, place, memory, SECONDS / len(ends))
        report.progress("Timing steps", len(found), len(phases), "phases")
    measured = sorted(found)
    xs, ys = [costs[i] for i in measured], [found[i] for i in measured]
    order = np.argsort(xs, kind="stable")
    between = np.interp(costs, np.array(xs)[order], np.array(ys)[order])
    return [(found.get(i, float(between[i])), i in found) for i in range(len(phases))]


def _alike(a: Phase, b: Phase) -> bool:
    return a.batchnorm == b.batchnorm and all(a.trains(group) == b.trains(group) for group in a.rates)


def _time_look(state: State, setup: Setup, place: int, memory: PeakMemory) -> float:
    """Seconds of one look, in a round of L-BFGS, at as many features as the run will have."""
    apply_phase(state.network, setup.plan.phases[place])
    route = setup.routes[place] if setup.routes else None
    assert isinstance(route, CutRoute)
    seconds = 0.0
    labels = np.resize(setup.train.labels, len(route.rows["train"][0]))
    head = HeadProblem(route, labels, None, setup.weight_decay)
    for _ in range(2):  # the first one warms up
        began = time.perf_counter()
        done = head.round()
        wait(setup.machine)
        seconds = (time.perf_counter() - began) / done.looks
    memory.look()
    return seconds


def _time_step(state: State, setup: Setup, place: int, memory: PeakMemory, budget: float) -> float:
    """Median seconds of up to 5 steps, after two that warm up; where those take far too long, the latest counts."""
    phase = setup.plan.phases[place]
    state.phase = place
    if setup.solves(place):
        return _time_look(state, setup, place, memory)
    apply_phase(state.network, phase)
    for _ in setup.term.ready(state, setup.route(state)):
        pass
    state.optimizer = build_optimizer(state.network, phase, setup.optimizer, setup.weight_decay)
    set_rates(state.optimizer, phase, 0, 1)
    chosen = np.arange(min(setup.batch_size, len(setup.train.labels)))
    seconds: list[float] = []
    try:
        while _goes_on(seconds, budget):
            began = time.perf_counter()
            train_step(state, setup, phase, chosen)
            wait(setup.machine)
            seconds.append(time.perf_counter() - began)
            memory.look()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(
            f"A batch of {len(chosen)} images does not fit into memory in phase {phase.name!r}.",
            next_step="A run would send it through in parts, more slowly. Choose a smaller batch or image size to avoid that.",
        ) from error
    return median(seconds[WARM_UP:] or seconds[-1:])


def _goes_on(seconds: list[float], budget: float) -> bool:
    """Whether to time another step. The first two are slow, by up to ten times: memory is got, kernels are chosen."""
    if len(seconds) <= WARM_UP:
        return not seconds or sum(seconds) < 2 * budget
    return len(seconds) < WARM_UP + TIMED_STEPS and sum(seconds[WARM_UP:]) + seconds[-1] < budget


def _time_evaluation(state: State, setup: Setup, report: Reporter) -> float:
    """Images a second, the best of a few batches: here too the first ones are slow."""
    report.progress("Timing the evaluation", 0, 1, "batch")
    seconds: list[float] = []
    while _goes_on(seconds, SECONDS / 2):
        began = time.perf_counter()
        predict(setup.route(state), "val", batch_size=setup.evaluation_batch_size)
        seconds.append(time.perf_counter() - began)
    report.progress("Timing the evaluation", 1, 1, "batch")
    return len(setup.val.labels) / min(seconds)


def _noise(count: int, image_size: int, classes: int) -> Split:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (count, image_size, image_size, 3), dtype=np.uint8)
    return Split(pictures, np.arange(count, dtype=np.int64) % classes, tuple(str(i) for i in range(count)))
