"""Measure the layer groups of every catalogued backbone: `python -m tlcore.models.facts` writes facts.json.

The catalogue reads that file, so that a page knows every network's groups without building one.
"""

from __future__ import annotations

import json
from dataclasses import asdict

import timm
import torch
from torch import nn

from tlcore.files import write_atomically
from tlcore.models.catalogue import BACKBONES, FACTS_FILE
from tlcore.models.partition import head_inputs, partition


def facts_of(module: nn.Module) -> dict[str, object]:
    """What the catalogue keeps of `module`: its backbone's groups, and how many features its head sees."""
    return {
        "head_inputs": head_inputs(module),
        "groups": [asdict(group) for group in partition(module).groups[:-1]],
    }


def skeleton(name: str, **arguments: object) -> nn.Module:
    """The timm model `name` with a head for two classes and without weights: shapes alone, at no cost in memory."""
    with torch.device("meta"):
        return timm.create_model(name, num_classes=2, **arguments)


def main() -> None:
    lines = [f" {json.dumps(name)}: {json.dumps(facts_of(skeleton(name)))}" for name in BACKBONES]
    write_atomically(FACTS_FILE, "{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(lines)} backbones measured, written to {FACTS_FILE}")


if __name__ == "__main__":
    main()
