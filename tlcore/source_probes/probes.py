"""The probes of a run: made once, before training, from the network as it starts; then any network of its kind can be asked.

    probes = make_probes(spec, network, machine, runs_dir, names=spec.source_probes, images=spec.source_images)
    looks = probes.look(network, machine)

Which images are asked hangs on their number alone, neither on the run's seed nor on its strategy: every look of every run sees
the same ones.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tlcore.errors import Cancelled, ThawError
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.source_probes.asking import Asking
from tlcore.source_probes.catalogue import SOURCES
from tlcore.source_probes.kinds import KINDS
from tlcore.source_probes.look import Look, Machine, Probe
from tlcore.spec import RunSpec
from tlcore.spec.run import SourceName


@dataclass(frozen=True)
class SourceProbes:
    """The probes that could be had, by name, and of the others why not, in a sentence."""

    probes: Mapping[str, Probe] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def notices(self) -> list[str]:
        return [f"{SOURCES[name].title if name in SOURCES else name}: not asked. {reason}" for name, reason in self.why.items()]

    @property
    def images(self) -> int:
        """Of all probes together: what one look passes through the network."""
        return sum(len(probe) for probe in self.probes.values())

    def look(self, network: Network, machine: Machine) -> dict[str, Look]:
        """Ask `network` each source. Nothing random is drawn, and the network is left as it was."""
        steps = self.looking(network, machine)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value

    def looking(self, network: Network, machine: Machine) -> Generator[int, None, dict[str, Look]]:
        """`look`, which says after each batch how many images of all are done."""
        before, looks = 0, {}
        for name, probe in self.probes.items():
            steps = probe.looking(network, machine)
            while True:
                try:
                    yield before + next(steps)
                except StopIteration as done:
                    looks[name] = done.value
                    break
            before += len(probe)
        return looks


def make_probes(
    spec: RunSpec,
    network: Network,
    machine: Machine,
    runs_dir: Path,
    *,
    names: Sequence[SourceName],
    images: int,
    progress: Progress = silent,
) -> SourceProbes:
    """The probes `names` of a run of `spec`, with at most `images` images of each source.

    `network` is the run's as it starts. What cannot be had (no old classifier, no images, a run of the chain that is gone) is
    in `why`, and the others are there all the same. Raises `Cancelled` where `progress` does. The caller's random numbers go
    on as if nothing had been drawn.
    """
    asking = Asking(spec, network, machine, runs_dir, images, progress)
    probes: dict[str, Probe] = {}
    why: dict[str, str] = {}
    with torch.random.fork_rng(devices=[]):
        for name in dict.fromkeys(names):
            try:
                probes |= KINDS[name](asking, why)
            except Cancelled:
                raise
            except ThawError as error:
                why[name] = str(error)
    return SourceProbes(probes, why)
