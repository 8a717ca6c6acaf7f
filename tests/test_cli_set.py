"""`--set`: any setting of a strategy's choices on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlcore.cli.arguments import run_spec
from tlcore.cli.jobs import dial_spec
from tlcore.cli.main import build_parser
from tlcore.errors import SpecError, UnknownName
from tlcore.spec import DialSpec, RunSpec
from tlcore.strategies import preset
from tlcore.strategies.pull import EWC
from tlcore.strategies.scope import LoRA


def _spec(*arguments: str, command: str = "train") -> RunSpec:
    return run_spec(build_parser().parse_args([command, "--dataset", "digits", *arguments]))


@pytest.mark.parametrize("command", ["train", "measure"])
def test_settings_are_set_by_their_paths(command: str) -> None:
    spec = _spec("--strategy", "lora", "--set", "scope.rank=4", "--set", "rates.schedule = constant", command=command)
    assert spec.strategy.scope == LoRA(rank=4)
    assert (spec.strategy.rates.schedule, spec.strategy.name) == ("constant", "custom")
    group = _spec("--strategy", "adapters", "--set", "scope.from_group=blocks 7-9", command=command)
    assert group.strategy.scope.from_group == "blocks 7-9"


def test_what_changes_nothing_keeps_the_presets_name_and_the_last_word_counts() -> None:
    assert _spec("--strategy", "lora", "--set", "scope.rank=8").strategy == preset("lora")
    assert _spec("--strategy", "lora", "--set", "scope.rank=2", "--set", "scope.rank=3").strategy.scope.rank == 3


def test_they_come_after_the_other_changes_and_a_recipe_keeps_its_fields() -> None:
    spec = _spec("--strategy", "recipe-b", "--pull", "ewc", "--set", "pull.images=7", "--set", "phases.head_share=0.5")
    assert spec.strategy.pull == EWC(images=7)
    assert (spec.strategy.phases.head_share, spec.lr, spec.epochs) == (0.5, 1e-4, 20)


def test_a_spec_from_a_file_takes_them_too(tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_text(RunSpec(dataset="digits", strategy="gradual").model_dump_json())
    assert _spec("--spec", str(file), "--set", "phases.until=stalled").strategy.phases.until == "stalled"
    file.write_text(json.dumps({"dataset": "digits", "strategy": {"scope": {"kind": "everything"}}}))
    with pytest.raises(SpecError, match=r"strategy\.scope"):
        _spec("--spec", str(file), "--set", "scope.rank=8")


def test_a_setting_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'rates\.factor'") as refusal:
        _spec("--strategy", "ulmfit", "--set", "rates.factr=3")
    assert "phases.patience" in refusal.value.next_step
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("given", "words", "allowed"),
    [
        ("scope.rank=0", "scope.rank: Input should be greater than or equal to 1", "from 1 to 256"),
        ("scope.rank=many", "scope.rank: ", "a whole number"),
        ("rates.schedule=zigzag", "rates.schedule: ", "one-cycle or slanted-triangular"),
        ("scope.rank", "not 'scope.rank'", "--set scope.rank=8"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_may(given: str, words: str, allowed: str) -> None:
    with pytest.raises(SpecError) as refusal:
        _spec("--strategy", "lora", "--set", given)
    assert words in refusal.value.message
    assert allowed in refusal.value.next_step


def test_the_dials_epochs_are_those_of_its_levels() -> None:
    def epochs(*arguments: str) -> int:
        return dial_spec(build_parser().parse_args(["dial", "--dataset", "digits", *arguments])).epochs

    assert epochs("--epochs", "2") == 2
    assert epochs() == DialSpec.model_fields["epochs"].default
    with pytest.raises(SpecError, match="epochs"):
        epochs("--epochs", "0")
