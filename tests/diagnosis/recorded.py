"""Real runs of real backbones, recorded: what their events and results say to a detector, and how well they did.

`python -m tests.diagnosis.recorded FOLDER_OF_RUNS RUN_ID...` adds runs to the record, each with the probe in the same folder.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tlcore.diagnosis import Diagnosis, diagnose, probe_beside, runs_in
from tlcore.figures.fold import Event, fold
from tlcore.models.catalogue import backbone_card
from tlcore.runs import open_run
from tlcore.spec import RunSpec
from tlcore.strategies import compile_plan

FILE = Path(__file__).with_name("recorded.json")
DIGITS = 4  # more of a loss or a share changes no verdict


@dataclass(frozen=True)
class Recorded:
    """A run as it was reported, cut to what detectors read; `accuracy` and that of its probe are of the test split."""

    name: str
    spec: RunSpec
    events: list[Event]
    result: Mapping[str, Any]
    probe: Mapping[str, Any] | None

    @property
    def accuracy(self) -> float:
        return self.result["accuracy"]

    @property
    def diagnosis(self) -> Diagnosis:
        return diagnose(self.spec, self.events, self.result, self.probe)

    @property
    def found(self) -> dict[str, str]:
        """The findings' severities by name."""
        return {finding.name: finding.severity for finding in self.diagnosis.findings}


@cache
def recorded() -> dict[str, Recorded]:
    """All of them, by name."""
    return {kept["name"]: _recorded(kept) for kept in json.loads(FILE.read_bytes())}


def _recorded(kept: Mapping[str, Any]) -> Recorded:
    spec = RunSpec(**kept["spec"])
    groups = backbone_card(spec.backbone).groups_with_head(len(kept["plan"]["classes"]))
    plan = compile_plan(spec.strategy, groups, epochs=spec.epochs, lr=spec.lr).as_dict()
    steps = [{"type": "step", "step": s, "phase": phase, "epoch": 0, "loss": loss} for s, phase, loss in kept["steps"]]
    epochs = [{"type": "epoch", **event} for event in kept["epochs"]]
    events = sorted([*steps, *epochs], key=lambda event: (event["step"], event["type"] == "epoch"))
    return Recorded(
        kept["name"], spec, [{"type": "plan", **kept["plan"], "plan": plan}, *events], kept["result"], kept["probe"]
    )


def record(folder: Path, run_id: str) -> dict[str, Any]:
    """What to keep of a finished run, as JSON has it."""
    run = open_run(folder, run_id)
    spec, result, events = run.spec(), run.result(), run.events()[0]
    assert isinstance(spec, RunSpec)
    assert result is not None
    known = fold(events)
    phases = {event["step"]: event["phase"] for event in events if event["type"] == "step"}
    probe = probe_beside(spec, result, runs_in(folder))
    scale = f"{result['data']['images']['train']} images at {spec.image_size} px, {spec.epochs} epochs"
    name = f"{spec.strategy.name} of {spec.backbone} on {spec.dataset}, {scale}, {spec.lr:g}, seed {spec.seed}"
    plan = {field: known.plan[field] for field in ("classes", "images", "majority_baseline", "steps")}
    ways = [{"kind": way["kind"], "solver": way["solver"]} for way in (known.plan["cut"] or {"phases": []})["phases"]]
    return {
        "name": name,
        "spec": spec.model_dump(mode="json"),
        "plan": plan | {"cut": {"phases": ways, "prefix": None} if ways else None},
        "steps": [[step, phases[step], None if math.isnan(loss) else _short(loss)] for step, loss in known.steps],
        "epochs": [_epoch(event) for event in known.epochs],
        "result": _result(result),
        "probe": None if probe is None else _result(probe),
    }


def _epoch(event: Event) -> dict[str, Any]:
    val = {name: event["val"][name] for name in ("loss", "accuracy", "auroc", "recall")}
    kept = {name: event[name] for name in ("epoch", "step", "phase", "train", "drift")}
    return _short({**kept, "val": val})


def _result(result: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: result[name] for name in ("confusion", "classes", "majority_baseline")}
    history = [{"train": _short(result["history"][-1]["train"])}]
    val = {"accuracy": result["val"]["accuracy"], "n": result["val"]["n"]}
    return kept | {"val": val, "history": history, "accuracy": _short(result["test"]["accuracy"]["value"])}


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(part) for name, part in value.items()}
    return round(value, DIGITS) if isinstance(value, float) else value


def main(folder: str, *run_ids: str) -> None:
    kept = json.loads(FILE.read_bytes()) if FILE.exists() else []
    new = [record(Path(folder), run_id) for run_id in run_ids]
    names = {one["name"] for one in new}
    rows = [one for one in kept if one["name"] not in names] + new
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in sorted(rows, key=lambda one: one["name"]))
    FILE.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
