"""The command `transferability`: how well each layer of a small network serves other classes (Yosinski et al. 2014)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from tlcore.analysis.transferability_plan import FORMS, suited
from tlcore.cli.arguments import absolute_paths, add_spec_options
from tlcore.cli.report import plain, table
from tlcore.data.catalogue import DATASETS
from tlcore.engine import run
from tlcore.errors import SpecError
from tlcore.figures.transfer_curve import as_data, base, curve
from tlcore.figures.transferability_words import readings
from tlcore.figures.words import duration
from tlcore.spec import TransferabilityCostSpec, TransferabilitySpec


def add_options(parser: argparse.ArgumentParser) -> None:
    add_spec_options(parser, TransferabilitySpec)  # type: ignore[arg-type]
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
    print(json.dumps(told) if given.json else text(result))


def cost_text(result: Mapping[str, Any]) -> str:
    return f"About {duration(result['seconds'])} for {result['networks']} networks, on this machine ({result['device']})."


def text(result: Mapping[str, Any]) -> str:
    """The mean over the seeds of each form at each cut, and the sentences that read it."""
    means = {(point.form, point.cut): point.accuracy.mean for point in curve(result["networks"])}
    found = base(result["networks"])
    assert found is not None
    rows = [[str(cut), *(f"{means[form, cut]:.3f}" for form in FORMS)] for cut in result["cuts"]]
    head = f"{result['title']}: accuracy on B's test images by the number of layers taken over"
    whole = f"Base network: {found.mean:.3f}. {duration(result['seconds'])} in all, on {result['device']}."
    notices = [f"Note: {notice}" for notice in result["notices"]]
    said = [plain(sentence) for sentence in (*readings(result), *notices)]
    return "\n".join([plain(head), "", table(rows, ("cut", *FORMS)), "", whole, *said, f"Run {result['run_id']}."])
