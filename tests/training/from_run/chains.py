"""Runs that start from other runs, small enough to train in a test, and what their folders hold."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from tlcore import run as run_now
from tlcore.models.freezing import state_of
from tlcore.models.network import Network
from tlcore.runs import Run, open_run
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.scope import HeadOnly, Top
from tlcore.strategies.start import FromRun, Pretrained, Random

SMALL = "mobilenetv3_small_100"
FIELDS = {
    "backbone": SMALL,
    "dataset": "digits",
    "device": "cpu",
    "precision": "float32",
    "augment": False,
    "image_size": 32,
    "images_per_class": 4,
    "epochs": 1,
    "batch_size": 16,
    "lr": 0.02,
}
DIGITS = tuple(str(digit) for digit in range(10))


def spec_of(start: FromRun | Random | Pretrained, *, scope: object = None, **fields: object) -> RunSpec:
    strategy = Strategy(scope=scope or Top(count=1, batchnorm="trained"), start=start)
    return RunSpec(**FIELDS | {"strategy": strategy} | fields)


def train(runs: Path, spec: RunSpec) -> tuple[Run, dict]:
    result = run_now(spec, runs_dir=runs, progress=False)
    return open_run(runs, result["run_id"]), result


def follow(run: Run, *, head_after: str = "auto", **fields: object) -> RunSpec:
    """A spec that starts from `run` and trains the head."""
    return spec_of(FromRun(run_id=run.id, head=head_after), **({"scope": HeadOnly()} | fields))


def body(network: Network) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in state_of(network).items() if network.partition.tensors[name] != "head"}


def moved(run: Run) -> dict[str, torch.Tensor]:
    return load_file(run.path / "weights.safetensors")
