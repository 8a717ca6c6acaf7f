"""Checkpoints: where a lost run goes on. One file, `checkpoint/state.safetensors`, replaced in one step.

It holds the tensors that may have moved, the best epoch's, and the optimizer's; its header holds the rest as JSON, so that
tensors and counters can never be of different moments. Frozen tensors are not kept: building the network gives them again.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from tlcore.errors import ThawError
from tlcore.files import sweep_temporaries, write_atomically
from tlcore.made_with import MADE_WITH
from tlcore.training.optimizer import build_optimizer
from tlcore.training.setup import Setup
from tlcore.training.state import Best, State, put_back

FORMAT = 3
EVERY_SECONDS = 20.0
MOST_TIME_SHARE = 0.05  # of a run's time that goes into writing checkpoints
_IN_TENSORS = {"network", "movable", "start", "best", "optimizer", "scaler"}
_COUNTERS = tuple(field.name for field in fields(State) if field.name not in _IN_TENSORS)  # plain data: the header


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to: going on from it with another spec, other images or weights would mix two runs."""

    spec: str  # RunSpec.digest()
    data: str  # Dataset.digest
    weights: str  # SHA-256 of the pretrained file; empty for a random start
    made_with: str = json.dumps(MADE_WITH, sort_keys=True)


def file_in(run_folder: Path) -> Path:
    return run_folder / "checkpoint" / "state.safetensors"


def save_checkpoint(path: Path, state: State, identity: Identity) -> None:
    """Write all of `state`; a process killed at any moment leaves the old file or the new."""
    tensors = {f"weights/{name}": tensor for name, tensor in state.movable.items()}
    head: dict[str, Any] = {"format": FORMAT, "identity": identity.__dict__}
    head |= {name: getattr(state, name) for name in _COUNTERS}
    if state.best is not None:
        head["best"] = {"epoch": state.best.epoch, "loss": state.best.loss}
        tensors |= {f"best/{name}": tensor for name, tensor in state.best.tensors.items()}
    if state.optimizer is not None:
        tensors |= _optimizer_tensors(state.optimizer)
    if state.scaler is not None:
        head["scaler"] = state.scaler.state_dict()
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(plain, {"state": json.dumps(head, allow_nan=False)}))


def load_checkpoint(path: Path, state: State, setup: Setup, identity: Identity) -> None:
    """Bring a fresh `state` to where the checkpoint was written. Raises `ThawError` where it belongs to something else."""
    sweep_temporaries(path.parent, older_than_seconds=0.0)
    try:
        with safe_open(path, framework="pt", device=str(setup.machine.device)) as file:
            head = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ThawError("This run's checkpoint cannot be read.", next_step="Start the run again from its spec.") from error
    _check(head, identity)
    for name in _COUNTERS:
        setattr(state, name, head[name])
    put_back(state.movable, _under("weights/", tensors))
    if "best" in head:
        state.best = Best(head["best"]["epoch"], head["best"]["loss"], _under("best/", tensors))
    moments = _under("optimizer/", tensors)
    if moments:
        phase = setup.plan.phases[state.phase]
        state.optimizer = build_optimizer(state.network, phase, setup.optimizer, setup.weight_decay)
        _fill(state.optimizer, moments)
    if "scaler" in head:
        state.scaler = setup.machine.scaler()
        state.scaler.load_state_dict(head["scaler"])


def _check(head: dict[str, Any], identity: Identity) -> None:
    if head.get("format") != FORMAT:
        raise ThawError("This run's checkpoint was written by another version.", next_step="Start the run again from its spec.")
    words = {"spec": "another spec", "data": "other images", "weights": "other pretrained weights"}
    words["made_with"] = "other versions of the program"
    for name, value in identity.__dict__.items():
        if head["identity"].get(name) != value:
            raise ThawError(
                f"This run's checkpoint was written with {words[name]} than there are now.",
                next_step="Start the run again: going on would mix two runs.",
            )


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"optimizer/{place}/{name}": value
        for place, parameter in enumerate(_parameters(optimizer))
        for name, value in optimizer.state.get(parameter, {}).items()
        if value is not None
    }


def _fill(optimizer: torch.optim.Optimizer, moments: dict[str, torch.Tensor]) -> None:
    parameters = _parameters(optimizer)
    for name, value in moments.items():
        place, _, key = name.partition("/")
        parameter = parameters[int(place)]
        if value.shape == parameter.shape and value.ndim:  # in the memory order of its parameter, as when it was made
            value = torch.empty_like(parameter, requires_grad=False).copy_(value)
        optimizer.state[parameter][key] = value.to(parameter.device)  # the count of steps too: the optimizer is fused


class Timer:
    """Says when to save: every 20 seconds within an epoch, and at its end; less often where a run would spend over a twentieth
    of its time on it."""

    def __init__(self) -> None:
        self._saved_at = time.monotonic()
        self._took = 0.0

    def due(self, *, epoch_ended: bool) -> bool:
        wait = self._took / MOST_TIME_SHARE
        return time.monotonic() - self._saved_at >= (wait if epoch_ended else max(EVERY_SECONDS, wait))

    def save(self, path: Path, state: State, identity: Identity) -> None:
        began = time.monotonic()
        save_checkpoint(path, state, identity)
        self._saved_at = time.monotonic()
        self._took = self._saved_at - began
