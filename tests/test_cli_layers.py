"""The command layers, for real, on a network that needs nothing fetched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlcore.cli.layers import text
from tlcore.cli.main import main

TINY = "layers --backbone mobilenetv3_small_100 --dataset digits --image-size 32 --images 200 --sources random"
NAMES = ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "stage 5", "stage 6"]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache of the command layers"))
    monkeypatch.setenv("THAW_OFFLINE", "1")


@pytest.mark.slow
def test_it_prints_the_groups_as_json_or_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TINY.split(" "), "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out.splitlines()[-1])
    assert [group["name"] for group in told["groups"]] == NAMES
    for group in told["groups"]:
        assert {"name", "band", "probe", "logme", "hscore", "leep", "nce", "cka", "drift"} <= set(group)
        assert group["leep"] is None
    assert "Looking at the images" in shown.err
    assert "judged by an earlier time" not in shown.err  # nothing was asked here before
    assert main(["show", told["run_id"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "layers"

    said = text(told)
    heads, _, *lines = said.splitlines()
    assert heads.split("  ")[0] == "group"
    assert "random, auroc" in heads
    assert [line for line in lines if line.startswith("stage 4")]
    best = told["recommendation"]["best"]
    value = next(group for group in told["groups"] if group["name"] == best)["probe"]["random"]["auroc"]
    assert f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})" in said
    assert "random: Random weights drawn from seed 0" in said
    assert all(sentence in said for sentence in told["recommendation"]["evidence"])
    assert told["run_id"] in said
    beside = told | {"weights": told["weights"] | {"20250101T000000-a-run-0000": "The weights of a run."}}
    assert "run 1, auroc" in text(beside)
    assert "run 1: The weights of a run." in text(beside)

    assert main([*TINY.replace("200", "60").split(" "), "--photographs", "0"]) == 0
    assert "judged by an earlier time that this backbone was asked here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--sources imagenet", "sources.0: Input should be 'pretrained' or 'random'"),
        ("--images few", "images: Input should be a valid integer"),
        ("--run not-a-run", "runs.0: This is no such name"),
        ("--run 20250101T000000-nothing-0000", "which is to be laid beside, is not here any more."),
        ("--embed mds", "embed.0: Input should be 'pca', 'tsne' or 'umap'"),
    ],
)
def test_what_makes_no_sense_exits_with_2_and_a_sentence(
    options: str, words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*TINY.split(" "), *options.split(" ")]) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert "Traceback" not in shown.err
    assert not (tmp_path / "runs").exists(), "it is refused before there is a folder"
