"""The command cache: what it lists, in words and as JSON, and how it removes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tlcore.cli.main import main
from tlcore.files import TEMPORARY_SUFFIX
from tlcore.training.activations import Entry, kept

RECIPE = {"backbone": "resnet18", "cut": "head", "view": "as it is", "precision": "float32", "image_size": 128}
KEYS = [bytes([n]) * 16 for n in range(3)]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_ACTIVATIONS_DIR", str(tmp_path / "activations"))
    monkeypatch.setenv("THAW_ACTIVATIONS_GB", "2")
    return tmp_path


def keep(**changes: object) -> Entry:
    """An entry of three rows of five numbers that was computed once and found once."""
    entry = Entry(RECIPE | changes, "hub" if changes else "random")
    with entry.adding(KEYS, (5,), np.float32) as rows:
        rows[:] = 1
    entry.count(0, 3)
    entry.count(3, 0)
    return entry


def test_an_empty_cache_says_where_it_would_be(capsys):
    assert main(["cache"]) == 0
    said = capsys.readouterr().out
    assert "Nothing is kept in" in said
    assert "activations (limit 2 GB)" in said


def test_the_list_tells_each_entry_and_the_totals(capsys):
    keep()
    keep(view="augmented 1", image_size=64)
    assert main(["cache"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["backbone", "weights", "cut"]
    assert sum("resnet18" in line for line in lines) == 2
    assert [sum(f" {source} " in line for line in lines) for source in ("random", "hub")] == [1, 1]
    assert "2 entries" in lines[-1]
    assert "of at most 2 GB" in lines[-1]
    assert "found 6 rows here and computed 6" in lines[-1]


def test_json_has_the_same_as_numbers(capsys):
    keep()
    assert main(["cache", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    (entry,) = told["entries"]
    assert entry["weights"] == "random"
    assert (told["served"], told["computed"], told["limit_bytes"]) == (3, 3, 2_000_000_000)
    assert (entry["backbone"], entry["images"], entry["served"], entry["computed"]) == ("resnet18", 3, 3, 3)
    assert told["bytes"] == entry["bytes"] > 3 * 5 * 4


def test_clear_removes_only_when_told_to(capsys):
    entry = keep()
    assert main(["cache", "clear"]) == 2  # nobody can be asked: the tests have no terminal
    assert "--yes" in capsys.readouterr().err
    assert len(kept()) == 1
    assert main(["cache", "clear", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["removed_bytes"] > 60
    assert kept() == []
    assert not entry.folder.exists()


def test_what_is_being_filled_stays(capsys):
    busy, idle = keep(), keep(image_size=64)
    (busy.folder / f".segment-1.1{TEMPORARY_SUFFIX}").mkdir()
    assert main(["cache", "clear", "--yes"]) == 0
    assert busy.folder.exists()
    assert not idle.folder.exists()


def test_an_unknown_action_is_refused():
    with pytest.raises(SystemExit, match="2"):
        main(["cache", "burn"])
