"""From the command line's options to the spec of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlcore.cli.arguments import run_spec
from tlcore.cli.main import build_parser
from tlcore.spec import RunSpec
from tlcore.strategies import preset
from tlcore.strategies.start import FromRun


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))


def spec_of(*options: str) -> RunSpec:
    return run_spec(build_parser().parse_args(["train", *options]))


def test_the_readmes_own_command() -> None:
    options = (
        "--backbone tf_efficientnet_lite0 --dataset chest-xray --strategy linear-probe --epochs 5 "
        "--image-size 128 --images-per-class 200 --seed 0 --runs-dir DIR --json"
    )
    assert spec_of(*options.split(" ")) == RunSpec(dataset="chest-xray", images_per_class=200)


def test_a_run_is_a_start_and_a_head_is_swapped() -> None:
    run_id = "20261120T224500-resnet18-digits-lp-ft-7f3a"
    spec = spec_of(*f"--dataset digits --strategy lp-ft --start run:{run_id} --start-head fresh --head mlp".split())
    assert spec.strategy == preset("lp-ft").model_copy(update={"name": "custom", "start": FromRun(run_id=run_id, head="fresh")})
    assert spec.head == "mlp"
    assert spec_of("--dataset", "digits", "--start", f"run:{run_id}").strategy.start.head == "auto"


def test_every_field_of_the_spec_is_an_option() -> None:
    options = {
        "--backbone": "resnet18", "--weights": "w.safetensors", "--dataset": "digits", "--labels": "l.csv", "--epochs": "3",
        "--lr": "0.1", "--optimizer": "sgd", "--weight-decay": "0", "--batch-size": "7", "--image-size": "64",
        "--images-per-class": "9", "--patience": "2", "--precision": "bfloat16", "--device": "cpu", "--seed": "4",
        "--strategy": "full", "--views": "0", "--cut": "off", "--head-solver": "minibatch", "--head": "mlp",
        "--source-probes": "natural-photos, imagenet-cifar10,natural-photos", "--source-images": "50",
    }  # fmt: skip
    spec = spec_of(*(part for pair in options.items() for part in pair), "--no-augment", "--class-weights", "--keep-epochs")
    given = spec.model_dump()
    assert [name for name, field in RunSpec.model_fields.items() if given[name] == field.default] == ["kind"]
    assert (spec.strategy, spec.lr, spec.batch_size, spec.augment) == (preset("full"), 0.1, 7, False)
    assert spec.source_probes == ("natural-photos", "imagenet-cifar10")


def test_changes_to_a_strategy_make_it_custom() -> None:
    changes = "--batchnorm trained --schedule one-cycle --body-lr-mult 0.5 --start random"
    strategy = spec_of("--dataset", "digits", "--strategy", "full", *changes.split(" ")).strategy
    assert strategy.name == "custom"
    assert (strategy.scope.kind, strategy.scope.batchnorm) == ("all", "trained")
    assert (strategy.rates.kind, strategy.rates.schedule, strategy.rates.body_lr_mult) == ("uniform", "one-cycle", 0.5)
    assert strategy.start.kind == "random"
    assert strategy.phases == preset("full").phases


def test_a_spec_file_is_the_base_that_options_change(tmp_path: Path) -> None:
    base = RunSpec(dataset="digits", strategy="lp-ft", epochs=9, seed=3)
    (tmp_path / "spec.json").write_text(base.model_dump_json())
    file = str(tmp_path / "spec.json")
    assert spec_of("--spec", file) == base
    assert spec_of("--spec", file, "--seed", "4") == base.model_copy(update={"seed": 4})
    changed = spec_of("--spec", file, "--schedule", "constant").strategy
    assert (changed.name, changed.rates.schedule, changed.phases) == ("custom", "constant", base.strategy.phases)


def test_paths_are_made_absolute_and_names_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "digits").mkdir()  # the catalogue's name wins
    (tmp_path / "table.csv").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    spec = spec_of("--dataset", "photos", "--labels", "~/table.csv")
    assert (spec.dataset, spec.labels) == (str(tmp_path / "photos"), str(tmp_path / "table.csv"))
    assert spec_of("--dataset", "digits").dataset == "digits"


@pytest.mark.parametrize("word", ["hub", "package"])
def test_a_source_of_weights_stays_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    (tmp_path / word).touch()
    (tmp_path / "own.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    assert spec_of("--dataset", "digits", "--weights", word).weights == word
    assert spec_of("--dataset", "digits", "--weights", f"./{word}").weights == str(tmp_path / word)
    assert spec_of("--dataset", "digits", "--weights", "own.safetensors").weights == str(tmp_path / "own.safetensors")
