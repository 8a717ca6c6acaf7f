"""The command `layers --check` for real, on random weights that a file calls pretrained; nothing is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from tlcore.advice.kept import LEVEL_FILE, kept_level
from tlcore.cli.main import main
from tlcore.runs import all_runs

NAME = "mobilenetv3_small_100"
GRID = ["--dataset", "digits", "--images-per-class", "3", "--epochs", "1", "--image-size", "32", "--backbone", NAME]


@pytest.fixture
def runs(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache of the check of levels"))
    monkeypatch.setenv("THAW_OFFLINE", "1")
    return tmp_path / "runs"


@pytest.mark.slow
def test_every_level_runs_once_and_the_answer_is_kept(runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    torch.manual_seed(0)
    save_file(timm.create_model(NAME, num_classes=0).state_dict(), weights)
    asked = ["layers", "--check", *GRID, "--weights", str(weights)]
    assert main([*asked, "--json"]) == 0
    shown = capsys.readouterr()
    answer = json.loads(shown.out.splitlines()[-1])
    (one,) = answer["situations"]
    assert list(one["levels"]) == ["head", "stage 6", "stage 5", "stage 4", "stage 3", "stage 2", "stage 1", "stem"]
    assert (one["dataset"], one["images"], one["images_per_class"], one["test_images"]) == ("digits", 30, 3, 361)
    accuracy = {name: level["accuracy"] for name, level in one["levels"].items()}
    (advised,) = one["chosen"]["advice"]
    assert advised == one["recommendations"][0]["group"]
    assert one["regret"]["advice"]["accuracy"]["value"] == pytest.approx(accuracy[one["best"]] - accuracy[advised])
    assert one["most_lost"]["head"] == pytest.approx(max(accuracy.values()) - accuracy["head"])
    assert answer["summary"]["advice"]["of"] == 1
    told = shown.err.splitlines()
    cost = next(line for line in told if "to train, at most about" in line)
    assert cost.startswith("8 runs to train")
    assert told.index(cost) < next(place for place, line in enumerate(told) if line.startswith("Run 1 of 9"))
    found = kept_level(runs, shipped=tmp_path / "none")
    assert found is not None
    assert found.answer == json.loads((runs / LEVEL_FILE).read_bytes()) == answer

    before = [run.id for run in all_runs(runs)]
    asked[asked.index("digits")] = "digits:3"
    asked[asked.index("3")] = "100"
    assert main(asked) == 0
    shown = capsys.readouterr()
    assert [run.id for run in all_runs(runs)] == before, "what was there is taken as it is"
    assert "Every run is there already" in shown.err
    assert "The recommendation: within noise of the best level in" in shown.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--dataset", "nonsense"], "nonsense"),
        (["--dataset", ","], "names nothing"),
        (["--images-per-class", "0"], "a whole number above 0"),
        (["--dataset", "digits:0"], "a whole number above 0"),
        (["--dataset", "digits:few"], "digits:few"),
        (["--seeds", "0"], "at least 1 seed"),
        (["--epochs", "0"], "epochs"),
        (["--image-size", "tiny"], "image_size"),
        (["--backbone", "nonsense"], "nonsense"),
        (["--blocks"], "--blocks plays no part in a check"),
        (["--run", "20250101T000000-a-run-0000"], "--run plays no part"),
    ],
)
def test_what_cannot_work_is_a_sentence(runs: Path, capsys: pytest.CaptureFixture[str], change: list[str], said: str) -> None:
    assert main(["layers", "--check", *GRID, *change]) in (1, 2)
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert not runs.exists(), "it is refused before there is a folder"


@pytest.mark.parametrize("option", ["--seeds", "--epochs"])
def test_what_belongs_to_a_check_is_refused_without_one(option: str, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "--dataset", "digits", option, "2"]) == 2
    assert f"{option} belongs to --check" in capsys.readouterr().err
