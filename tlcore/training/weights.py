"""The weights that a run ends with, and those of each epoch where they are kept: what differs from its start, and the head."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save

from tlcore.files import write_atomically
from tlcore.groups import HEAD
from tlcore.models.kinds import adapter_tensors
from tlcore.spec import RunSpec
from tlcore.training.state import State


def save_weights(path: Path, state: State, spec: RunSpec, classes: tuple[str, ...]) -> None:
    """Write every tensor that is not bit for bit what it was at the start, and all of the head and the adapters.

    The header names what is needed to use them: backbone, scope (which says what adapters there are), classes, preprocessing,
    image size, and where the other tensors come from (start, its seed, and the SHA-256 of the pretrained file, or of all that a
    chain of runs is made of).
    """
    whole = {name for name, _ in state.network.parameters(HEAD)} | adapter_tensors(state.network.module)
    kept = {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in state.movable.items()
        if name in whole or not torch.equal(tensor, state.start[name])
    }
    header = {
        "format": "pt",
        "backbone": spec.backbone,
        "classes": json.dumps(classes),
        "preprocessing": json.dumps(asdict(state.network.preprocessing)),
        "image_size": str(spec.image_size),
        "head": spec.head,
        "scope": spec.strategy.scope.model_dump_json(),
        "start": spec.strategy.start.kind,
        "seed": str(spec.seed),
        "start_sha256": state.network.provenance.get("sha256") or "",
    }
    write_atomically(path, save(kept, header))
