"""Measure the layer groups of every catalogued backbone: `python -m tlcore.models.facts` writes facts.json.

The catalogue reads that file, so that a page knows every network's groups without building one.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from torch import nn

from tlcore.files import write_atomically
from tlcore.models.catalogue import BACKBONES, FACTS_FILE
from tlcore.models.construct import skeleton
from tlcore.models.partition import head_inputs, partition


def facts_of(module: nn.Module) -> dict[str, object]:
    """What the catalogue keeps of `module`: its backbone's groups, and how many features its head sees."""
    return {
        "head_inputs": head_inputs(module),
        "groups": [asdict(group) for group in partition(module).groups[:-1]],
    }


def main() -> None:
    argparse.ArgumentParser(prog="python -m tlcore.models.facts", description=__doc__).parse_args()
    lines = [f" {json.dumps(name)}: {json.dumps(facts_of(skeleton(card, classes=2)))}" for name, card in BACKBONES.items()]
    write_atomically(FACTS_FILE, "{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(lines)} backbones measured, written to {FACTS_FILE}")


if __name__ == "__main__":
    main()
