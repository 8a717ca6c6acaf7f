"""The dial job: a quick answer for every level at once, before anything long is started.

A few training images go through the frozen network once, and every border keeps what it sees. Then each level is asked in
turn, the head first: the head is solved on the features, and from there everything from the level up trains for a few
epochs at a tenth of the run's rate, as in LP-FT (Kumar et al. 2022). Every level starts from the same solved head, sees the
same images in the same order, and is judged on the same part of the validation split. The test split is never looked at.

The head is the run's own: one that cannot be solved trains on the features until it has stalled. The pull is the run's own
too: it is made once, from the network as it is before any level, and looks at no more source images than the dial trains on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tlcore.data.load import Dataset
from tlcore.errors import AssetError, SpecError
from tlcore.groups import HEAD, Group
from tlcore.models.network import Network
from tlcore.runs import EventWriter, Run
from tlcore.spec import DialSpec, RunSpec
from tlcore.strategies import Phase, Plan, Strategy, compile_plan
from tlcore.strategies.head import HEADS
from tlcore.strategies.phases import Gradual
from tlcore.strategies.rates import Uniform
from tlcore.strategies.scope import All, FromGroup, HeadOnly
from tlcore.training.fit import fit
from tlcore.training.intervals import wilson
from tlcore.training.job import build_network, load_data, setup_of
from tlcore.training.machine import Machine, choose, repeatable
from tlcore.training.metrics import majority_baseline, why_undefined
from tlcore.training.pull.shared import made_once, with_few_images
from tlcore.training.pull.source import Source, source_of
from tlcore.training.pull.term import Term
from tlcore.training.refuse import refuse_early
from tlcore.training.report import Reporter
from tlcore.training.route import CutRoute, Route
from tlcore.training.routing import Routing, decide
from tlcore.training.setup import Setup
from tlcore.training.state import State, put_back

HEAD_ROUNDS = 2  # of L-BFGS; or epochs, where nothing is kept and each costs a pass through the network
HEAD_EPOCHS, HEAD_PATIENCE = 30, 5  # of a head that is trained on rows that are kept
SHARE_OF_RATE = 0.1  # of the run's rate, for the head and the body alike, once the head is solved


def dial(run: Run, events: EventWriter) -> dict[str, Any]:
    """Ask every level, from the head down; returns the answers (tlcore/README.md names the fields).

    Each answer is also an event `level`. Raises `Cancelled`, and any other `ThawError` where it cannot be done as asked:
    `AssetError` where the spec says `kept_only` and some of the frozen layers' rows are not kept.
    """
    began = time.monotonic()
    spec = run.spec()
    if not isinstance(spec, DialSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} is not a dial.")
    report = Reporter(run, events)
    asked = spec.run
    machine = choose(asked.device, asked.precision)
    with repeatable(machine):
        refuse_early(spec, report.runs_dir)
        data = _few(load_data(asked, report), spec)
        notices = _Notices(report)
        notices.add(*data.notices, *why_undefined(data.val.labels, data.classes, "val"))
        plain = asked.strategy.model_copy(update={"scope": HeadOnly()})  # each level has a scope of its own, without adapters
        network = build_network(asked.model_copy(update={"strategy": plain}), data, machine, report)
        whole = Route(network, machine, {"train": data.train, "val": data.val}, asked.seed, False, data.card.flips)
        routes, kept = _routes(whole, spec, report, notices)
        source = source_of(with_few_images(asked, spec.images), report.runs_dir, report.progress)
        _tell_pull(asked, source, notices)
        everything = compile_plan(Strategy(scope=All()), network.groups, epochs=1, lr=asked.lr)
        term = made_once(network, _setup(asked, everything, data, machine, source=source), report)
        levels = []
        head: dict[str, Any] = {}
        for place, group in enumerate(reversed(network.groups)):
            report.progress("Asking the levels", place, len(network.groups), "levels")
            level = _Level(spec, network, data, machine, report, notices, routes[group.name], group, term)
            answer = level.answer(head)
            levels.append(answer)
            report.write("level", **answer)
    report.progress("Asking the levels", len(levels), len(levels), "levels")
    return {
        "levels": levels,
        "classes": list(data.classes),
        "images": {"train": len(data.train), "val": len(data.val)},
        "epochs": spec.epochs,
        "majority_baseline": majority_baseline(data.val.labels),
        "kept": kept,
        "notices": notices.said,
        "seconds": time.monotonic() - began,
    }


@dataclass
class _Notices:
    """What the dial has to say besides its answers: each once, however many levels it is true of."""

    report: Reporter
    said: list[str] = field(default_factory=list)

    def add(self, *texts: str) -> None:
        for text in texts:
            if text not in self.said:
                self.said.append(text)
                self.report.notice(text)


def _few(data: Dataset, spec: DialSpec) -> Dataset:
    """The same few images of each class, drawn by the seed, and a part of the validation split that is like the whole."""
    rng = np.random.default_rng(np.random.SeedSequence([spec.run.seed, 7]))
    per_class = max(1, spec.images // len(data.classes))
    rows = [np.flatnonzero(data.train.labels == label) for label in range(len(data.classes))]
    chosen = np.sort(np.concatenate([rng.permutation(of_class)[:per_class] for of_class in rows]))
    val = np.sort(rng.permutation(len(data.val))[: spec.val_images])
    return replace(data, train=data.train.part(chosen), val=data.val.part(val))


def _routes(whole: Route, spec: DialSpec, report: Reporter, notices: _Notices) -> tuple[dict[str, Route], list[str] | None]:
    """For each group the route of training from it up, and the folders in which the rows of every border are kept.

    One pass over the images fills every border. The folders are None where some level computes its frozen layers itself.
    """
    groups, asked = whole.network.groups, spec.run
    every_border = compile_plan(Strategy(scope=All(), phases=Gradual()), groups, epochs=len(groups), lr=asked.lr)
    routing = decide(
        whole,
        every_border,
        cut=asked.cut,
        views=1,
        precision=asked.precision,
        head_solver="minibatch",
        backbone=asked.backbone,
    )
    if spec.kept_only and not _holds_all(routing):
        raise AssetError(
            "The cache no longer holds what the frozen layers make of these images.",
            next_step="Ask every level: they are computed once more.",
        )
    routing, routes, error = routing.laid(report.progress)
    if error is not None:
        notices.add(f"{error.message} The frozen layers are computed at each level instead.")
    folders = {name for route in routes for name in _folders(route)}
    kept = sorted(folders) if _keeps_all(routing) else None
    return {group.name: route for group, route in zip(reversed(groups), routes, strict=True)}, kept


def _keeps_all(routing: Routing) -> bool:
    """Whether the rows below every level are kept; the last level, the whole network, has nothing below it."""
    return all(way.kind == "kept" for way in routing.ways[:-1])


def _holds_all(routing: Routing) -> bool:
    """Whether these rows are on the shelf already, so that no picture goes through the frozen layers."""
    if routing.frozen is None or not _keeps_all(routing):
        return False
    keys = [key for split in routing.whole.splits.values() for key in split.keys]
    return not any(len(routing.frozen.entry(cut, None).missing(keys)) for cut in routing.cuts)


def _folders(route: Route) -> list[str]:
    if not isinstance(route, CutRoute):
        return []
    return [folder for views in route.rows.values() for rows in views for folder in rows.folders]


def _tell_pull(asked: RunSpec, source: Source | None, notices: _Notices) -> None:
    if not asked.strategy.pull.active:
        return
    notices.add(f"Every level that trains a part of the backbone is pulled as the run is, by {asked.strategy.pull.kind}.")
    if source is not None:
        notices.add(f"The pull looks at {source.sentence}.")


def _setup(asked: RunSpec, plan: Plan, data: Dataset, machine: Machine, **more: Any) -> Setup:
    """The run's own, but that every image is seen as it is, and the test split is never looked at."""
    plain = asked.model_copy(update={"augment": False, "patience": None})
    return replace(setup_of(plain, plan, data, machine), test=None, **more)


@dataclass
class _Level:
    """One level of the dial: everything from `group` up."""

    spec: DialSpec
    network: Network
    data: Dataset
    machine: Machine
    report: Reporter
    notices: _Notices
    route: Route
    group: Group
    term: Term

    def answer(self, head: dict[str, Any]) -> dict[str, Any]:
        """What the level gives, on the validation images. `head` gets the solved head from the first level asked."""
        began = time.monotonic()
        plan, solves = self._plan(), self._solves()
        state = State.fresh(self.network, plan)
        if head:
            put_back({name: state.movable[name] for name in head}, head)
        seen = []
        for event in fit(state, _setup(self.spec.run, plan, self.data, self.machine, **self._own(solves))):
            self.report.check()
            if event["type"] == "epoch":
                seen.append(event["val"])
            elif event["type"] == "notice":
                self.notices.add(event["text"])
        last = seen[-1]
        if self.group.name == HEAD and not solves:
            last = seen[state.best.epoch]  # it trained until it had stalled: what is kept came before that
            self._tell_trained_head()
        if not head:
            head |= {name: tensor.detach().clone() for name, tensor in self.network.parameters(HEAD)}
        put_back(state.movable, state.start)  # the next level starts from the same network
        low, high = wilson(last["accuracy"], len(self.data.val))
        return {
            "group": self.group.name,
            "level": self.group.level,
            "accuracy": {"value": last["accuracy"], "low": low, "high": high},
            "auroc": last["auroc"],
            "loss": last["loss"],
            "trainable_params": plan.trainable_params,
            "seconds": time.monotonic() - began,
        }

    def _plan(self) -> Plan:
        asked, groups = self.spec.run, self.network.groups
        if self.group.name == HEAD:
            trains = self._kept and not self._solves()
            plan = compile_plan(Strategy(scope=HeadOnly()), groups, epochs=HEAD_EPOCHS if trains else HEAD_ROUNDS, lr=asked.lr)
            (alone,) = plan.phases
            return replace(plan, phases=(replace(alone, patience=HEAD_PATIENCE if trains else None),))
        scope = FromGroup(group=self.group.name)
        together = Strategy(scope=scope, rates=Uniform(body_lr_mult=1.0))
        plan = compile_plan(together, groups, epochs=self.spec.epochs, lr=asked.lr * SHARE_OF_RATE)
        return replace(plan, phases=tuple(_named(phase, self.group.name) for phase in plan.phases))

    def _solves(self) -> bool:
        """Whether it is a linear head alone, which nothing pulls at, on rows that are kept."""
        asked = self.spec.run
        alone = self.group.name == HEAD and asked.head == "linear"
        free = not asked.strategy.pull.holds_head(kept=self.network.kept_head)
        return alone and free and self._kept

    @property
    def _kept(self) -> bool:
        """Whether the frozen layers' rows of the training images are there, so that an epoch costs the rest alone."""
        return isinstance(self.route, CutRoute) and "train" in self.route.rows

    def _own(self, solves: bool) -> dict[str, Any]:
        """What of a setup is the level's own."""
        return {"routes": (self.route,), "solved": (solves,), "term": self.term}

    def _tell_trained_head(self) -> None:
        asked = self.spec.run
        if not self._kept:
            self.notices.add(f"Nothing is kept, so the head alone trained for {HEAD_ROUNDS} epochs only.")
            return
        why = f"This run's {HEADS[asked.head].short} cannot be solved as a linear one is"
        if asked.head == "linear":
            why = "The pull holds the head too, so it is not solved"
        self.notices.add(
            f"{why}: it trained until its validation loss had not fallen for {HEAD_PATIENCE} epochs, {HEAD_EPOCHS} at most."
        )


def _named(phase: Phase, name: str) -> Phase:
    return replace(phase, name=f"from {name}")
