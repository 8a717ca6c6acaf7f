"""What a run's probes are made from: the run, its network as it starts, and the pretrained network behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from tlcore.errors import SpecError
from tlcore.models.ancestry import Ancestor, ancestry
from tlcore.models.describe import describe
from tlcore.models.network import Network, build
from tlcore.progress import Progress
from tlcore.source_probes.look import Machine
from tlcore.spec import RunSpec
from tlcore.strategies.start import FromRun


@dataclass
class Asking:
    """One call of `make_probes`."""

    spec: RunSpec
    network: Network  # the run's, as it starts
    machine: Machine
    runs_dir: Path
    images: int  # of each source, at most
    progress: Progress

    @property
    def interpolation(self) -> str:
        return describe(self.spec.backbone).preprocessing.interpolation

    @cached_property
    def chain(self) -> tuple[Ancestor, ...]:
        """The runs that the weights came through, the first one first. Raises as `ancestry` does."""
        start = self.spec.strategy.start
        return ancestry(start, self.runs_dir) if isinstance(start, FromRun) else ()

    @cached_property
    def pretrained(self) -> tuple[Network, nn.Module]:
        """The pretrained network behind the run's start, and the classifier that came with its weights.

        At the start of a chain this is what the chain's first run started from. Raises `SpecError` where there is none, or
        where this run's head sees something else than it does, and `WeightsUnavailable`.
        """
        first = self.chain[0].spec if self.chain else self.spec
        if first.strategy.start.kind == "random":
            raise SpecError("The weights began at random, so there is no old knowledge to ask for.")
        if self.spec.head == "attention":
            raise SpecError(
                "The attention head sees a map, and the classifier that came with the weights one pooled vector, of which "
                "there is none any more."
            )
        network = self.network if not self.chain else self._root(first)
        if network.source_head is None:
            raise SpecError(f"These weights came without a classifier that fits. {network.provenance['text']}")
        return network, network.source_head

    def _root(self, first: RunSpec) -> Network:
        network = build(
            first.backbone,
            classes=2,
            start="pretrained",
            weights=first.weights,
            seed=first.seed,
            image_size=self.spec.image_size,
            progress=self.progress,
        )
        network.module.to(self.machine.device, memory_format=torch.channels_last)
        return network
