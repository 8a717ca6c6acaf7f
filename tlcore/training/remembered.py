"""What a run still knows of what the network knew before: asked as it starts, after each epoch, and at the weights kept.

Looks change no number of training. While nothing of the backbone has moved a look repeats the first one, which it would equal
to the last bit: the old classifiers see what the head sees, and that is then the same.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from tlcore.groups import HEAD
from tlcore.models.network import Network
from tlcore.source_probes.look import Look
from tlcore.source_probes.probes import SourceProbes, make_probes
from tlcore.spec import RunSpec
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter
from tlcore.training.state import State

Looks = Mapping[str, Look]
Event = dict[str, Any]
_LOOKING = "Asking what it still knows"


@dataclass
class Remembered:
    """A run's probes and what they said. Made from the network as it starts, whether the run begins or goes on."""

    probes: SourceProbes
    machine: Machine
    first: Looks
    seconds: float  # of the latest look that was computed
    _best: Looks | None = field(default=None, init=False)  # of the best epoch so far; None where it was before this process

    def as_data(self) -> dict[str, dict[str, Any]]:
        """What is carried, as the `plan` event has it: {NAME: {title, measure, images, chance}}."""
        return {
            name: {"title": probe.title, "measure": probe.measure, "images": len(probe), "chance": probe.chance}
            for name, probe in self.probes.probes.items()
        }

    def looking(self, state: State) -> Generator[Event, None, Looks]:
        """The look at `state` as it stands, with events on the way; its time is `state.source_seconds`."""
        if not body_moved(state):
            return self.first
        began = time.perf_counter()
        steps = self.probes.looking(state.network, self.machine)
        while True:
            try:
                done = next(steps)
            except StopIteration as ended:
                self.seconds = time.perf_counter() - began
                state.source_seconds += self.seconds
                return ended.value
            yield {"type": "progress", "what": _LOOKING, "done": done, "total": self.probes.images, "unit": "images"}

    def keep_as_best(self, looks: Looks) -> None:
        self._best = looks

    def at_the_end(self, state: State, report: Reporter) -> Looks:
        """The look at the weights kept, which `state` has been given back."""
        if self._best is not None:
            return self._best
        steps = self.looking(state)
        while True:
            try:
                report.pass_on(next(steps))
            except StopIteration as ended:
                return ended.value


def remember(spec: RunSpec, network: Network, machine: Machine, report: Reporter) -> tuple[Remembered | None, list[str]]:
    """The probes that the spec asks for and the look before the first step, and what must be said of those not to be had."""
    if not spec.source_probes:
        return None, []
    probes = make_probes(
        spec,
        network,
        machine,
        report.runs_dir,
        names=spec.source_probes,
        images=spec.source_images,
        progress=report.progress,
    )
    if not probes.probes:
        return None, probes.notices
    began = time.perf_counter()
    steps = probes.looking(network, machine)
    while True:
        try:
            report.progress(_LOOKING, next(steps), probes.images, "images")
        except StopIteration as done:
            return Remembered(probes, machine, done.value, time.perf_counter() - began), probes.notices


def body_moved(state: State) -> bool:
    """Whether any tensor of the backbone, a running mean too, is not bit for bit what it was at the start."""
    group_of = state.network.partition.tensors
    return any(group_of[name] != HEAD and not torch.equal(tensor, state.start[name]) for name, tensor in state.movable.items())


def numbers(looks: Looks) -> dict[str, dict[str, float | None]]:
    """Looks as an event has them."""
    return {name: look.numbers() for name, look in looks.items()}
