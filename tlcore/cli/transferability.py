"""The command `transferability`: how well each layer of a small network serves other classes (Yosinski et al. 2014)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from tlcore.analysis.transferability_plan import suited
from tlcore.cli import report
from tlcore.cli.arguments import absolute_paths, add_spec_options
from tlcore.data.catalogue import DATASETS
from tlcore.engine import run
from tlcore.errors import SpecError
from tlcore.figures.transfer_curve import as_data
from tlcore.figures.transferability_words import readings
from tlcore.figures.words import duration
from tlcore.spec import TransferabilityCostSpec, TransferabilitySpec


def add_options(parser: argparse.ArgumentParser) -> None:
    add_spec_options(parser, TransferabilitySpec, title="the experiment")
    parser.add_argument("--cost", action="store_true", help="only say how long it would take on this machine")


def transferability(given: argparse.Namespace) -> None:
    """Train all networks of the experiment and print its curve and what it says. Raises `ThawError`."""
    fields = {name: value for name, value in vars(given).items() if name in TransferabilitySpec.model_fields}
    if "dataset" not in fields:
        raise SpecError("No dataset was named.", next_step=f"Add --dataset with a path or one of: {', '.join(DATASETS)}.")
    spec = suited(**fields | absolute_paths(fields))
    if given.cost:
        asked = TransferabilityCostSpec(**spec.model_dump(exclude={"kind"}))
        result = run(asked, runs_dir=given.runs_dir)
        print(json.dumps(result) if given.json else cost_text(result))
        return
    result = run(spec, runs_dir=given.runs_dir)
    told = result | as_data(result["networks"]) | {"readings": readings(result)}
    print(json.dumps(told) if given.json else report.transferability(result))


def cost_text(result: Mapping[str, Any]) -> str:
    return f"About {duration(result['seconds'])} for {result['networks']} networks, on this machine ({result['device']})."
