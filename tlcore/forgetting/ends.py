"""The two ends of a finished run: the weights that it started from and those that it ended with, tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from tlcore.groups import HEAD
from tlcore.models.adapters import insert
from tlcore.models.ancestry import leaves_weights
from tlcore.models.chain import build_from_run
from tlcore.models.ended import lay_weights, started
from tlcore.models.freezing import state_of
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.runs import Run
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.start import FromRun

COUNTERS = "num_batches_tracked"  # of BatchNorm: how often it looked, which no answer depends on
_STATISTICS = ("running_mean", "running_var")

Body = Mapping[str, Tensor]  # the backbone's tensors on the CPU, by their names in the module


@dataclass
class Ends:
    """A run's network with its own head, into which either body can be put, and all between them.

    `network.source_head` is what the start knew before, where it knew something. Bottleneck adapters are in the body, with what
    they were before the first step in `start`.
    """

    spec: RunSpec
    classes: tuple[str, ...]
    network: Network
    start: Body
    end: Body

    @property
    def moved(self) -> tuple[str, ...]:
        """The groups of the backbone of which anything is not bit for bit what it was, from bottom to top."""
        group_of = self.network.partition.tensors
        moved = {group_of[name] for name in self.moved_tensors}
        return tuple(group.name for group in self.network.groups if group.name in moved)

    @property
    def moved_tensors(self) -> tuple[str, ...]:
        """The tensors of the backbone that are not what they were, counters left out."""
        return tuple(
            name
            for name, tensor in self.end.items()
            if not name.endswith(COUNTERS) and not torch.equal(tensor, self.start[name])
        )

    @property
    def statistics(self) -> tuple[str, ...]:
        """The running means and variances of the backbone's BatchNorm layers."""
        return tuple(name for name in self.end if name.rpartition(".")[2] in _STATISTICS)

    def put(self, body: Body) -> Network:
        """Copy `body` into the network, in place, and return it."""
        own = self.network.module.state_dict()
        with torch.no_grad():
            for name, tensor in body.items():
                own[name].copy_(tensor)
        return self.network


def load_ends(run: Run, spec: RunSpec, classes: tuple[str, ...], *, progress: Progress = silent) -> Ends:
    """Both ends of a training run that is done, on the CPU; LoRA's changes are added to the weights first.

    Raises what `build_from_run` does: `RunNotFound` where a run that it started from is not here any more, `SpecError`, and
    `WeightsUnavailable` where the weights that it started from can no longer be had as they were.
    """
    network = started(run, spec, classes, progress=progress)
    if leaves_weights(spec.strategy):
        after = spec.model_copy(
            update={"strategy": Strategy(start=FromRun(run_id=run.id, head="kept")), "weights": None}  # lays, merges and checks
        )
        ended = build_from_run(after, classes, runs_dir=run.path.parent, progress=progress)
        body = _body(network)
        network.head.load_state_dict(ended.head.state_dict())
        return Ends(spec, classes, network, body, _body(ended))
    insert(network, spec.strategy.scope, seed=spec.seed, image_size=spec.image_size)
    body = _body(network)
    lay_weights(network, run, spec)
    return Ends(spec, classes, network, body, _body(network))


def _body(network: Network) -> dict[str, Tensor]:
    return state_of(network, {group.name for group in network.groups if group.name != HEAD})
