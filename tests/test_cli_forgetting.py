"""The command forgetting: what it prints of a result, what it refuses, and a point saved as a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.forgetting.conftest import finish
from tests.source_probes.made import fill_cache, weights_file
from tlcore.cli.forgetting_report import text
from tlcore.cli.main import main
from tlcore.figures.forgetting_path import bend_reading
from tlcore.figures.forgetting_relearn import relearn_reading
from tlcore.figures.forgetting_restore import restore_reading
from tlcore.figures.forgetting_words import knn_words, lost_words
from tlcore.runs import create
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Top

NAME = "20250101T000000-lite0-chest-xray-full-7f3a"


def _metric(value: float) -> dict[str, Any]:
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "method": "bootstrap"}


SOURCE = {"title": "ImageNet, asked with CIFAR-10", "measure": "accuracy", "images": 100, "chance": 0.1} | {
    "before": _metric(0.6),
    "after": _metric(0.4),
    "lost": _metric(0.2),
    "knn": {"before": _metric(0.5), "after": _metric(0.45), "lost": _metric(0.05)},
    "path": {"interpolated": [0.6, 0.57, 0.4], "recomputed": [0.5, 0.45, 0.35]},
    "restore": {"stem": {"source": _metric(0.41), "returned": _metric(0.01), "target": None, "paid": None}},
    "classes": [{"name": "cat", "images": 10, "before": 0.7, "after": 0.2}],
    "why": {"by_epoch": "The run carried no probe."},
    "best": {"floor": 0.55, "a": 0.5, "source_value": 0.57, "target_value": 0.88},
    "kl": 0.5,
}
RESULT = {"run": NAME, "strategy": "full", "backbone": "lite0", "dataset": "chest-xray", "device": "CPU, 1 thread"} | {
    "run_id": "20250102T000000-forgetting-lite0-chest-xray-full-1111",
    "seconds": 61.0,
    "sources": {"imagenet-cifar10": SOURCE},
    "target": {"before": _metric(0.6), "after": _metric(0.9), "path": {"interpolated": [0.6, 0.88, 0.9]}},
    "points": [0.0, 0.5, 1.0],
    "path_best": {"source": "imagenet-cifar10", "floor": 0.55, "a": 0.5, "source_value": 0.57, "target_value": 0.88},
    "relearn": {
        "steps": [0, 2],
        "curves": {"pretrained": [0.1, 0.5], "run": [0.1, 0.4], "random": [0.1, 0.2]},
        "spans": {"run": [[0.05, 0.15], [0.305, 0.503]]},
        "images": 100,
        "chance": 0.1,
    },
    "groups": {},
    "matrix": None,
    "notices": ["A sentence."],
    "images_looked_at": 4200,
}


def test_the_tables_and_sentences_of_a_result() -> None:
    said = text(RESULT)
    lines = [" ".join(line.split()) for line in said.splitlines()]
    numbers = "60.0 % (55.0 to 65.0) 40.0 % (35.0 to 45.0) 20.0 points (15.0 to 25.0) 50.0 %, 45.0 %"
    assert f"ImageNet, asked with CIFAR-10 accuracy {numbers}" in lines
    assert "0.50 57.0 % 88.0 % 45.0 %" in lines, "source and target interpolated, the source recomputed"
    assert "stem 41.0 % (36.0 to 46.0) 1.0 point (−4.0 to 6.0) unknown" in lines
    assert "Classes that lost most: cat 70.0 % to 20.0 % of 10." in lines
    assert "2 50.0 % 40.0 % (30.5 to 50.3) 20.0 %" in lines
    assert any("0.50 nats" in line and "a coin's toss" in line for line in lines)
    assert any(
        line.startswith("Best on the target with at least 55.0 % of ImageNet, asked with CIFAR-10: a = 0.50") for line in lines
    )
    for words in (
        *(lost_words(SOURCE), knn_words(SOURCE), *restore_reading(SOURCE)),
        *(bend_reading(RESULT, "imagenet-cifar10", "interpolated"), relearn_reading(RESULT["relearn"])),
    ):
        assert words in said.splitlines(), "what the page says of it"
    assert "The run carried no probe." in lines
    assert "Note: A sentence." in lines
    assert lines[-2:] == ["4,200 images passed through the network, 1 min 1 s on CPU, 1 thread.", f"Run {RESULT['run_id']}."]
    nothing = RESULT | {
        "sources": {},
        "target": {"before": None, "after": None, "path": {}},
        "path_best": None,
        "relearn": None,
    }
    assert "Target" not in text(nothing)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "No run was named."),
        (["--run", "not-a-run"], "There is no run not-a-run here."),
        (["--run", NAME], f"There is no run {NAME} here.\nSee the runs with: python -m tlcore list runs --runs-dir"),
        (["--run", NAME, "--source", "imagenet-cifar"], "There is no source (--source) named 'imagenet-cifar'. Did you mean"),
        (["--run", NAME, "--source", ","], "--source names no source."),
        (["--run", NAME, "--images", "few"], "--images takes a whole number from 10 to 10,000, not 'few'."),
        (["--run", NAME, "--relearn-steps", "-1"], "--relearn-steps takes a whole number from 0 to 1,000, not '-1'."),
        (["--run", NAME, "--device", "tpu"], "--device takes auto, cpu or cuda, not 'tpu'."),
        (["--run", NAME, "--save", "2"], "--save takes a number from 0 to 1, not '2'."),
        (["--run", NAME, "--save", "nan"], "--save takes a number from 0 to 1, not 'nan'."),
        (["--run", NAME, "--save", "1", "--batchnorm", "no"], "--batchnorm takes interpolated or recomputed, not 'no'."),
        (["--run", NAME, "--batchnorm", "recomputed"], "--batchnorm belongs to --save"),
    ],
)
def test_what_it_refuses(options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forgetting", *options, "--runs-dir", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def test_a_part_of_a_runs_id_is_answered_with_the_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = create(tmp_path, RunSpec(dataset="digits"))
    for part in (known.id[:12], known.id[-4:], f"{known.id}x"):
        for command in (["forgetting", "--run", part], ["diagnose", part]):
            assert main([*command, "--runs-dir", str(tmp_path)]) == 2
            assert f"There is no run {part} here. Did you mean {known.id}?" in capsys.readouterr().err


@pytest.mark.slow
def test_it_asks_about_a_run_and_saves_a_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("THAW_OFFLINE", "1")
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    fill_cache(tmp_path / "cache")
    weights_file(tmp_path)
    run = finish(tmp_path, strategy=Strategy(scope=Top(count=1, batchnorm="frozen")), images_per_class=2)
    sources = ["--source", "imagenet-cifar10", "--images", "20", "--points", "2"]
    assert main(["forgetting", "--run", run.id, *sources, "--device", "cpu", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    one = told["sources"]["imagenet-cifar10"]
    assert {"before", "after", "chance", "by_epoch", "restore", "path"} <= one.keys()
    assert main(["list", "runs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {(entry["kind"], entry["dataset"]) for entry in listed} == {("train", "digits"), ("forgetting", "digits")}
    assert main(["forgetting", "--run", run.id, "--save", "0.5"]) == 0
    said = capsys.readouterr().out
    assert f"The network at a = 0.5 of run {run.id}, BatchNorm interpolated" in said
    assert "timm.create_model('mobilenetv3_small_100', num_classes=10)" in said
    (blend,) = tmp_path.glob("runs/*/blend.safetensors")
    assert str(blend) in said
    assert "32 x 32 pixels, less the mean 0.485, 0.456, 0.406 and divided by 0.229, 0.224, 0.225" in said
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in said
    assert f"--weights {blend}" in said
    again = ["train", "--dataset", "digits", "--backbone", "mobilenetv3_small_100", "--start", f"run:{blend.parent.name}"]
    assert main(again) == 2
    assert f"--weights {blend}" in capsys.readouterr().err
