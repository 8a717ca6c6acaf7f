"""The table and the command: what people read, what programs read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlcore.bench.table import in_a_line, render
from tlcore.cli.main import main

PEER = {"ratio_first": 24.96, "ratio_again": 212.4, "in_memory": {"ratio_first": 20.0, "ratio_again": 180.2}}
CELL = {
    "backbone": "resnet18",
    "scope": "head",
    "views": 0,
    "images": {"train": 2144, "val": 375, "test": 638},
    "seconds_first": 21.25,
    "seconds_again": 2.04,
    "peers": {"plain PyTorch": PEER},
    "accuracy": {"ours": {"value": 0.948}, "plain": {"value": 0.9514}, "overlap": True},
}
FOUND = {
    "cells": [CELL, CELL | {"views": 4, "peers": {"fastai": PEER}, "accuracy": None}],
    "prefix": {"resnet18": {"gflops": 71.2, "format": "float32", "share": 0.9123}},
    "ceilings": {"float32_gflops": 78.04, "bfloat16_gflops": 2.0, "copy_gb_per_s": 21.25, "threads": 1},
    "growth": [{"images": 1234, "seconds_first": 5.04, "seconds_again": 1.26}],
    "growth_of": "resnet18, head",
    "machine": {"processor": "A processor"},
    "versions": {"torch": "2.14.1"},
    "left_out": ["Lightning: not installed: lightning"],
    "clock": "CPU seconds",
}


def cells_of(text: str, start: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith(f"| {start}")
    ]


def test_the_table_says_every_figure_once_rounded() -> None:
    text = render(FOUND)
    first, second, in_memory, _ = cells_of(text, "resnet18")
    assert first == [
        "resnet18", "head", "none", "2,144/375/638", "25.0 (212)", "", "0.948, plain loop 0.951 (intervals overlap)"
    ]  # fmt: skip
    assert second == ["resnet18", "head", "4", "2,144/375/638", "", "25.0 (212)", ""]
    assert in_memory == ["resnet18", "head", "none", "21.2 s (2.0 s)", "20.0 (180)", ""]
    assert cells_of(text, "1,234") == [["1,234", "5.0 s", "1.3 s"]]
    for part in ("not installed: lightning", "91% of", "78 GFLOP/s in float32", "torch 2.14.1"):
        assert part in text


def test_all_rows_are_of_one_width() -> None:
    for block in render(FOUND).split("\n\n"):
        if block.startswith("|"):
            assert len({len(line) for line in block.splitlines()}) == 1


def test_a_cell_in_a_line() -> None:
    assert in_a_line(CELL) == (
        "21.2 s (2.0 s); times longer: plain PyTorch 25.0 (212); test accuracy 0.948, plain loop 0.951 (intervals overlap)"
    )


@pytest.mark.parametrize(("ours", "word"), [(0.99, "HIGHER"), (0.5, "LOWER")])
def test_accuracies_that_differ_are_shouted(ours: float, word: str) -> None:
    cell = CELL | {"accuracy": {"ours": {"value": ours}, "plain": {"value": 0.95}, "overlap": False}}
    assert f"plain loop 0.950 ({word})" in render(FOUND | {"cells": [cell]})


def test_memory_is_told_where_it_was_measured() -> None:
    cell = CELL | {"memory": {"ours_bytes": 1_100_000_000, "plain_bytes": 1_000_000_000, "ratio": 1.1}}
    assert "at most 1.10 GB resident, the plain loop 1.00 GB (1.10 times)" in render(FOUND | {"cells": [cell]})
    assert "resident" not in render(FOUND)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rounds", "0"], "--rounds must be 1 or more, not 0"),
        (["--epochs", "-1"], "--epochs must be 1 or more, not -1"),
        (["--scope", "tail"], "no scope named 'tail'"),
        (["--backbone", "resnet-18"], "no backbone named 'resnet-18'"),
        (["--images", "1"], "at least 3 images of each class, not 1"),
    ],
)
def test_what_cannot_be_timed_is_refused(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *options]) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert shown.out == ""


@pytest.mark.slow
def test_the_smoke_run_from_end_to_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    assert main(["bench", "--quick", "--json"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out.splitlines()[-1])
    assert [(cell["backbone"], cell["scope"]) for cell in found["cells"]] == [
        ("mobilenetv3_small_100", "head"),
        ("mobilenetv3_small_100", "all"),
    ]
    for cell in found["cells"]:
        peer = cell["peers"]["plain PyTorch"]
        assert peer["seconds"] > peer["in_memory"]["seconds"] > 0
        assert peer["ratio_first"] == pytest.approx(peer["seconds"] / cell["seconds_first"])
        assert cell["ratio_first"] == min(each["ratio_first"] for each in cell["peers"].values())
        assert cell["accuracy"]["images"] == cell["images"]["test"]
        assert 0 <= cell["accuracy"]["ours"]["low"] <= cell["accuracy"]["ours"]["value"] <= cell["accuracy"]["ours"]["high"]
    named = {*found["cells"][0]["peers"], *(line.split(":")[0] for line in found["left_out"])}
    assert named >= {"plain PyTorch", "fastai", "Lightning", "Hugging Face Trainer"}
    assert 0 < found["prefix_of_ceiling"]["mobilenetv3_small_100"] < 2
    assert found["ceilings"]["float32_gflops"] > 0
    assert "bench: " in shown.err
    assert "bench: " not in shown.out
