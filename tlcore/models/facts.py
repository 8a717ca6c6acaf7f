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
from tlcore.models.head_swap import shows_positions
from tlcore.models.partition import head_inputs, partition
from tlcore.models.sites import find_sites, with_sites


def facts_of(module: nn.Module, image_size: int) -> dict[str, object]:
    """What the catalogue keeps of `module`: its backbone's groups, how many features its head sees, and if at positions."""
    found = partition(module)
    groups = with_sites(found.groups[:-1], found.modules, find_sites(module, found.modules, image_size))
    return {
        "head_inputs": head_inputs(module),
        "shows_positions": shows_positions(module, image_size),
        "groups": [asdict(group) for group in groups],
    }


def main() -> None:
    argparse.ArgumentParser(prog="python -m tlcore.models.facts", description=__doc__).parse_args()
    facts = {name: facts_of(skeleton(card, classes=2), card.image_size) for name, card in BACKBONES.items()}
    lines = [f" {json.dumps(name)}: {json.dumps(known)}" for name, known in facts.items()]
    write_atomically(FACTS_FILE, "{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(lines)} backbones measured, written to {FACTS_FILE}")


if __name__ == "__main__":
    main()
