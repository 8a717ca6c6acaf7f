"""The forgetting job: what a finished run's network still knows of what it knew at its start, and what brings it back.

Everything is asked of one network, into which the weights of the start, of the run, and of all between them are put, with the
run's own head for its own task and the old heads for the sources. Each look passes the same images, so any two are paired.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tlcore.errors import Cancelled, SpecError, ThawError
from tlcore.forgetting.account import (
    NO_TARGET,
    carried_account,
    other_statistics,
    path_account,
    restored_account,
    source_account,
    target_account,
)
from tlcore.forgetting.best import best_for, best_of
from tlcore.forgetting.chain_matrix import matrix_or_why
from tlcore.forgetting.ends import Ends, load_ends
from tlcore.forgetting.group_split import groups_of_run
from tlcore.forgetting.path import batchnorms, mixed, points
from tlcore.forgetting.relearn import relearn
from tlcore.forgetting.restore import NO_BATCHNORM, STATISTICS, parts, restored, why_no_statistics
from tlcore.forgetting.seen import Looking, Seen, Target, load_target
from tlcore.models.ancestry import leaves_weights
from tlcore.models.network import Network
from tlcore.runs import EventWriter, Run, finished_training
from tlcore.source_probes.askable import chose_all
from tlcore.source_probes.catalogue import SOURCES
from tlcore.source_probes.probes import SourceProbes, make_probes
from tlcore.spec import ForgettingSpec, RunSpec
from tlcore.training.machine import Machine, choose, repeatable
from tlcore.training.report import Reporter

LABELLED = "imagenet-cifar10"
NOTHING_MOVED = (
    "Nothing of the backbone moved in this run, not even a running mean: it knows what it knew, to the last bit, and every "
    "point between its start and its end is the same network."
)
NOTHING_TO_MEASURE = (
    "BatchNorm has the same statistics at both ends of this run, and so all the way: measured anew on a few hundred images "
    "they would only bring in noise, so that way is left out."
)
NOT_AMONG_SOURCES = "Earlier tasks of the chain were not among what was asked."
NO_RELEARNING = "No steps of relearning were asked for."
NO_ADAPTERS = "The run's bottleneck adapters are no part of a plain backbone, and relearning compares plain ones."
NO_PROBE = "Relearning asks with CIFAR-10, and that source could not be had."
NEVER_LEARNED = "The run started from random weights, so there is nothing to learn again."


def forgetting(run: Run, events: EventWriter) -> dict[str, Any]:
    """Ask what the spec's run forgot, and return what tlcore/README.md says of `forgetting`.

    Where a part cannot be had, `why` says so in a sentence and the rest comes all the same. Raises `Cancelled`, and
    `RunNotFound` and `SpecError` where there is no finished training run of that name.
    """
    began = time.monotonic()
    spec = run.spec()
    if not isinstance(spec, ForgettingSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} does not ask what was forgotten.")
    report = Reporter(run, events)
    about, asked, found = finished_training(report.runs_dir, spec.run_id)
    machine = choose(spec.device, "float32")
    with repeatable(machine):
        asking = _Asking(run, spec, about, asked, found, machine, report)
        result = asking.answer()
    for notice in result["notices"]:
        report.notice(notice)
    return {
        "run": about.id,
        "strategy": asked.strategy.name,
        "backbone": asked.backbone,
        "dataset": asked.dataset,
        "device": machine.name,
        **result,
        "seconds": time.monotonic() - began,
    }


@dataclass
class _Asking:
    """One forgetting job, from the loading of both ends to the result."""

    run: Run
    spec: ForgettingSpec
    about: Run
    asked: RunSpec
    found: Mapping[str, Any]  # the run's own result
    machine: Machine
    report: Reporter
    notices: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)

    def answer(self) -> dict[str, Any]:
        """The result's fields."""
        classes = tuple(self.found["classes"])
        self.report.progress("Building the networks", 0, 1, "networks")
        try:
            ends = load_ends(self.about, self.asked, classes, progress=self.report.progress)
        except Cancelled:
            raise
        except ThawError as error:
            return self._without_weights(error)
        self.machine.place(ends.network.module)
        probes = make_probes(
            self.asked,
            ends.put(ends.start),
            self.machine,
            self.report.runs_dir,
            names=self.spec.sources,
            images=self.spec.images,
            progress=self.report.progress,
        )
        return self._answers(ends, probes, self._target(classes))

    def _target(self, classes: tuple[str, ...]) -> Target | None:
        try:
            return load_target(self.asked, classes, images=self.spec.images, report=self.report)
        except Cancelled:
            raise
        except ThawError as error:
            self.why["target"] = f"The run's own images cannot be had. {error.message}"
            self.notices.append(self.why["target"])
            return None

    def _answers(self, ends: Ends, probes: SourceProbes, target: Target | None) -> dict[str, Any]:
        steps = list(points(self.spec.points))
        plan = _Plan(ends, target, len(steps))
        looking = Looking(probes, target, self.machine, self.report, looks=plan.looks)
        after = looking.look(ends.put(ends.end))
        before = looking.look(ends.put(ends.start)) if ends.moved else after
        if not ends.moved:
            self.notices.append(NOTHING_MOVED)
        paths = {mode: self._path(mode, ends, looking, steps, before, after) for mode in plan.modes}
        back = self._restored(ends, looking, before, after)
        carried = self.found.get("source") or {}
        sources = {}
        for place, (name, probe) in enumerate(probes.probes.items()):
            one = source_account(
                probe, before.sources[name], after.sources[name], carried.get(name), self.run.path / f"lost-{place}"
            )
            clusters = target.clusters if target else None
            one["restore"] = {part: restored_account(name, probe, seen, after, clusters) for part, seen in back.items()}
            one |= path_account(name, probe, paths, after)
            one["why"] |= plan.why
            sources[name] = one
        of_target = target_account(target, before, after, paths)
        for one in sources.values():
            one["best"] = best_for(one, of_target, steps)
        if target is not None and "recomputed" in paths:
            self.notices += other_statistics(paths["recomputed"][-1], after, target.clusters)
        again = self._relearn(ends, probes)
        groups = self._groups(ends.put(ends.start))
        matrix = self._matrix()
        chained = self.asked.strategy.start.kind == "run"  # else it is no news that there are no earlier tasks
        self.notices += [
            f"{SOURCES[name].title if name in SOURCES else name}: not asked. {words}"
            for name, words in probes.why.items()
            if chained or name != "earlier-tasks" or not chose_all(self.spec)
        ]
        return {
            "sources": sources,
            "unavailable": dict(probes.why),
            "target": of_target,
            "points": steps,
            "path_best": best_of(sources, of_target, steps),
            "moved": list(ends.moved),
            "relearn": again,
            "matrix": matrix,
            "groups": groups,
            "weights": ends.network.provenance["text"],
            "images_looked_at": plan.looks * looking.images,
            "why": self.why,
            "notices": self.notices,
        }

    def _path(self, mode: str, ends: Ends, looking: Looking, steps: list[float], before: Seen, after: Seen) -> list[Seen]:
        """A look at each point. Where statistics are interpolated both ends are known already; where nothing moved, all."""
        if not ends.moved:
            return [after] * len(steps)
        looking.what = f"Along the way, BatchNorm {mode}"
        seen = []
        for a in steps:
            if mode == "interpolated" and a in (0.0, 1.0):
                seen.append(after if a else before)
                continue
            network = ends.put(mixed(ends.start, ends.end, a))
            if mode == "recomputed":
                looking.recompute(network)
            seen.append(looking.look(network))
        return seen

    def _restored(self, ends: Ends, looking: Looking, before: Seen, after: Seen) -> dict[str, Seen]:
        found = {}
        everything = set(ends.moved_tensors)
        for name, tensors in parts(ends) if everything else ():
            looking.what = f"Putting back {'BatchNorm' if name == STATISTICS else name}"
            if not tensors:
                found[name] = after
            elif set(tensors) == everything:
                found[name] = before
            else:
                found[name] = looking.look(ends.put(restored(ends, tensors)))
        return found

    def _relearn(self, ends: Ends, probes: SourceProbes) -> dict[str, Any] | None:
        probe = probes.probes.get(LABELLED)
        why = None
        if not self.spec.relearn_steps:
            why = NO_RELEARNING
        elif self.asked.strategy.start.kind == "random":
            why = NEVER_LEARNED
        elif not leaves_weights(self.asked.strategy):
            why = NO_ADAPTERS
        elif probe is None:
            why = NO_PROBE
        if why is None and probe is not None:
            began = time.monotonic()
            try:
                found = relearn(ends, probe, self.machine, steps=self.spec.relearn_steps, report=self.report)
                return found | {"seconds": time.monotonic() - began}
            except Cancelled:
                raise
            except ThawError as error:
                why = error.message
        self.why["relearn"] = str(why)
        return None

    def _groups(self, start: Network | None) -> dict[str, Any]:
        """The run split by each column of its dataset; `start` is its network with the weights that it started from."""
        found, why = groups_of_run(self.about, self.asked, start, self.machine, self.report)
        if why:
            self.why["groups"] = " ".join(words if name == "groups" else f"{name}: {words}" for name, words in why.items())
        return found

    def _matrix(self) -> dict[str, Any] | None:
        if "earlier-tasks" not in self.spec.sources:
            self.why["matrix"] = NOT_AMONG_SOURCES
            return None
        found, why = matrix_or_why(self.about, self.asked, self.machine, self.report, images=self.spec.images)
        if found is None:
            self.why["matrix"] = why
        return found

    def _without_weights(self, error: ThawError) -> dict[str, Any]:
        """What is left where the weights at one end cannot be had: what the run itself measured while it trained."""
        why = f"The weights at both ends are needed, and cannot be had. {error.message}"
        self.notices.append(f"{why} {error.next_step}".strip())
        carried = self.found.get("source") or {}
        groups = self._groups(None)
        self.why |= dict.fromkeys(("path", "restore", "relearn", "matrix"), why)
        return {
            "sources": {name: carried_account(one, why) for name, one in carried.items()},
            "unavailable": {name: why for name in self.spec.sources if name not in carried},
            "target": NO_TARGET | {"after": self.found["test"]["accuracy"], "images": self.found["test"]["n"]},
            "points": [],
            "path_best": None,
            "moved": [],
            "relearn": None,
            "matrix": None,
            "groups": groups,
            "weights": self.found["weights"]["text"],
            "images_looked_at": 0,
            "why": self.why,
            "notices": self.notices,
        }


class _Plan:
    """How many looks there will be, and what there is no looking at."""

    def __init__(self, ends: Ends, target: Target | None, count: int) -> None:
        self.why: dict[str, str] = {}
        self.modes = ["interpolated"]
        self.looks = 1
        if not ends.moved:
            self.why = {"restore": NOTHING_MOVED, "recomputed": NOTHING_MOVED}
            return
        moved = set(ends.moved_tensors)
        self.looks += 1 + count - 2 + sum(bool(names) and set(names) != moved for _, names in parts(ends))
        if not batchnorms(ends.network):
            self.why["recomputed"] = NO_BATCHNORM
        elif why_no_statistics(ends) is not None:
            self.why["recomputed"] = NOTHING_TO_MEASURE
        elif target is None:
            self.why["recomputed"] = "They are measured on the run's own training images, which cannot be had."
        else:
            self.modes.append("recomputed")
            self.looks += count
        if (why := why_no_statistics(ends)) is not None:
            self.why[STATISTICS] = why
