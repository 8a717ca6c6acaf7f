"""The command line fills in what a preset is meant with; what is typed, or stands in a file, wins."""

from __future__ import annotations

import json
from pathlib import Path

from tlcore.cli.arguments import run_spec
from tlcore.cli.main import build_parser
from tlcore.spec import RunSpec


def _spec(*arguments: str) -> RunSpec:
    return run_spec(build_parser().parse_args(["train", "--dataset", "digits", *arguments]))


def test_a_recipe_comes_with_its_fields() -> None:
    spec = _spec("--strategy", "recipe-b")
    assert (spec.lr, spec.weight_decay, spec.epochs) == (1e-4, 0.05, 20)


def test_what_is_typed_wins() -> None:
    spec = _spec("--strategy", "recipe-b", "--lr", "0.01", "--epochs", "3")
    assert (spec.lr, spec.weight_decay, spec.epochs) == (0.01, 0.05, 3)


def test_a_recipe_with_a_changed_axis_keeps_its_fields() -> None:
    spec = _spec("--strategy", "recipe-b", "--schedule", "slanted-triangular")
    assert (spec.strategy.name, spec.strategy.rates.schedule, spec.lr) == ("custom", "slanted-triangular", 1e-4)


def test_a_runs_own_spec_is_taken_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    plain = RunSpec(dataset="digits", strategy="recipe-b")
    file.write_text(plain.model_dump_json())
    assert _spec("--spec", str(file)) == plain
    file.write_text(json.dumps({"dataset": "digits", "strategy": "recipe-b", "lr": 0.5}))
    assert (_spec("--spec", str(file)).lr, _spec("--spec", str(file)).epochs) == (0.5, 20)
