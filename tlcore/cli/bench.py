"""The command bench: this engine beside those that people use, measured on this machine."""

from __future__ import annotations

import argparse
import json
import sys

from tlcore.bench.table import render
from tlcore.bench.task import BACKBONE_NAMES, SCOPES, cells, quick_cells
from tlcore.errors import SpecError


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="a smoke run of a minute, on tiny pictures and random weights")
    parser.add_argument("--images", type=int, metavar="N", help="training images of each class (default: by scope)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often all are timed by turns (default: 3)")
    parser.add_argument("--epochs", type=int, default=10, metavar="N", help="epochs of every run (default: 10)")
    parser.add_argument("--memory", action="store_true", help="also the memory at most resident, in processes of their own")
    parser.add_argument(
        "--backbone",
        action="append",
        default=[],
        metavar="NAME",
        help=f"only this one (default: {', '.join(BACKBONE_NAMES)})",
    )
    parser.add_argument(
        "--scope", action="append", default=[], metavar="|".join(SCOPES), help="only this scope (default: each)"
    )


def bench(given: argparse.Namespace) -> None:
    for name in ("rounds", "epochs"):
        if getattr(given, name) < 1:
            raise SpecError(
                f"--{name} must be 1 or more, not {getattr(given, name)}.", next_step="Leave it out for the default."
            )
    chosen = cells(backbones=given.backbone, scopes=given.scope, images=given.images, epochs=given.epochs)
    from tlcore.bench.benchmark import benchmark  # only here: it imports torch

    found = benchmark(
        quick_cells() if given.quick else chosen,
        rounds=1 if given.quick else given.rounds,
        say=lambda text: print(f"bench: {text}", file=sys.stderr, flush=True),
        quick=given.quick,
        memory=given.memory,
    )
    print(render(found))
    if given.json:
        print(json.dumps(found))
