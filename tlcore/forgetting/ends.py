"""The two ends of a finished run: the weights that it started from and those that it ended with, tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tlcore.errors import WeightsUnavailable
from tlcore.groups import HEAD
from tlcore.models.adapters import insert
from tlcore.models.ancestry import WEIGHTS, leaves_weights
from tlcore.models.chain import build_from_run
from tlcore.models.freezing import state_of
from tlcore.models.network import Network, build
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
    network = _start_of(run, spec, classes, progress)
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
    try:
        changed = load_file(run.path / WEIGHTS)
        unknown = network.module.load_state_dict(changed, strict=False).unexpected_keys
    except (SafetensorError, OSError, RuntimeError) as error:
        raise WeightsUnavailable(
            f"The weights of run {run.id} cannot be read ({error}).", next_step="Repeat that run, or ask about another one."
        ) from error
    if unknown:
        raise WeightsUnavailable(
            f"The weights of run {run.id} do not fit: {unknown[0]} has no place in {spec.backbone} as it is built here.",
            next_step="Repeat that run, or ask about another one.",
        )
    return Ends(spec, classes, network, body, _body(network))


def _body(network: Network) -> dict[str, Tensor]:
    return state_of(network, {group.name for group in network.groups if group.name != HEAD})


def _start_of(run: Run, spec: RunSpec, classes: tuple[str, ...], progress: Progress) -> Network:
    """The network as the run built it, before its first step."""
    runs_dir: Path = run.path.parent
    if spec.strategy.start.kind == "run":
        return build_from_run(spec, classes, runs_dir=runs_dir, progress=progress)
    return build(
        spec.backbone,
        classes=len(classes),
        start=spec.strategy.start.kind,
        weights=spec.weights,
        seed=spec.seed,
        image_size=spec.image_size,
        head=spec.head,
        progress=progress,
    )
