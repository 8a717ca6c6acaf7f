"""The check job on real folders: what it returns, what it writes, and that it can be stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import pytest
from PIL import Image

from tlcore.data import check as job
from tlcore.data.check import check
from tlcore.errors import Cancelled, DataError
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import CheckSpec


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))


def run_of(tmp_path: Path, dataset: Path | str, **fields: object) -> Run:
    return create(tmp_path / "runs", CheckSpec(dataset=str(dataset), image_size=32, **fields))  # type: ignore[arg-type]


def checked(run: Run) -> dict[str, Any]:
    events = EventWriter(run)
    try:
        return check(run, events)
    finally:
        events.close()


def test_a_folder_is_counted_shown_and_judged(tmp_path: Path) -> None:
    root = hostile.class_folders(tmp_path / "set", {"<b>cats</b>".replace("/", "∕"): 30, "dogs": 30}, side=40)
    (root / "dogs" / "broken.png").write_bytes(b"broken")
    run = run_of(tmp_path, root)
    result = checked(run)
    json.dumps(result, allow_nan=False)
    assert result["classes"] == ["<b>cats<∕b>", "dogs"]
    assert sum(sum(by_class.values()) for by_class in result["counts"].values()) == 60
    assert set(result["counts"]) == {"train", "val", "test"}
    assert result["patients"] is None
    unreadable = [finding for finding in result["findings"] if finding["kind"] == "unreadable"]
    assert unreadable[0]["files"] == ["dogs/broken.png"]
    assert result["image_sizes"] == {
        "width": [40, 40, 40],
        "height": [40, 40, 40],
        "formats": {"PNG": 60},
        "modes": {"L": 60},
    }
    assert len(result["samples"]) == 24
    for sample in result["samples"]:
        file = (run.path / sample["file"]).resolve()
        assert file.parent == run.path / "samples"
        shown = np.asarray(Image.open(file).convert("L"))
        assert (shown == np.asarray(Image.open(root / sample["id"]))).all()
    written, _ = run.events()
    assert {event["type"] for event in written} >= {"progress"}


def test_samples_are_drawn_by_the_seed(tmp_path: Path) -> None:
    root = hostile.class_folders(tmp_path / "set", {"a": 30, "b": 30})
    drawn = []
    for seed in (0, 0, 1):
        run = run_of(tmp_path, root, seed=seed)
        drawn.append([sample["id"] for sample in checked(run)["samples"]])
    assert drawn[0] == drawn[1] != drawn[2]


def test_thinned_training_pictures_are_not_called_unreadable(tmp_path: Path) -> None:
    run = run_of(tmp_path, hostile.class_folders(tmp_path / "set", {"a": 30, "b": 30}), images_per_class=5)
    result = checked(run)
    assert result["counts"]["train"] == {"a": 5, "b": 5}
    assert "unreadable" not in {finding["kind"] for finding in result["findings"]}


def test_duplicates_across_shipped_splits_are_found(tmp_path: Path) -> None:
    for split, count in {"train": 24, "test": 6, "val": 6}.items():
        hostile.class_folders(tmp_path / "set" / split, {"a": count, "b": count}, seed=10_000 * len(split) + ord(split[0]))
    root = tmp_path / "set"
    (root / "test/a/twin.png").write_bytes((root / "train/a/000.png").read_bytes())
    run = run_of(tmp_path, root)
    kinds = {finding["kind"]: finding for finding in checked(run)["findings"]}
    assert kinds["exact-duplicates-across"]["pairs"] == [["train/a/000.png", "test/a/twin.png"]]


def test_patients_are_counted_by_split(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    lines = ["file,label,patient"]
    for i in range(60):
        hostile.plain(i).save(tmp_path / "set" / f"{i}.png")
        lines.append(f"{i}.png,{'ab'[i // 2 % 2]},p{i // 2}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    run = run_of(tmp_path, tmp_path / "set", labels=str(tmp_path / "labels.csv"))
    result = checked(run)
    assert sum(result["patients"].values()) == 30
    assert "patients-across" not in {finding["kind"] for finding in result["findings"]}


def test_a_cancelled_check_stops(tmp_path: Path) -> None:
    run = run_of(tmp_path, hostile.class_folders(tmp_path / "set", {"a": 12, "b": 12}))
    run.request_cancel()
    with pytest.raises(Cancelled):
        checked(run)
    assert run.result() is None


def test_data_that_cannot_be_used_fail_in_words(tmp_path: Path, made: dict[str, Path]) -> None:
    for name in ("data_only_broken", "data_one_class", "data_zip_dotdot", "data_missing"):
        run = run_of(tmp_path, made[name])
        with pytest.raises(DataError) as caught:
            checked(run)
        assert caught.value.message.endswith((".", "Check its path."))


def test_unlabelled_pictures_have_samples_and_one_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tlcore.data import load, sources
    from tlcore.data.catalogue import DATASETS

    root = hostile.class_folders(tmp_path / "set", {"a": 15, "b": 15})
    listed = sources.listing(str(root))
    for module in (job, load):
        monkeypatch.setattr(module, "listing", lambda *args, **options: listed)
    assert not DATASETS["natural-photos"].labelled
    run = run_of(tmp_path, "natural-photos")
    result = checked(run)
    assert (result["classes"], result["counts"]) == ([], {"all": {"pictures": 30}})
    assert [(sample["class"], sample["split"]) for sample in result["samples"]] == [(None, "all")] * 12
