"""What is timed: the same images and the same plan for all."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from tlcore.bench.ours import nothing_kept, one_thread
from tlcore.bench.pictures import Folder, FromFiles, InMemory, Watched
from tlcore.bench.task import Task, cells, quick_cells
from tlcore.data.load import load
from tlcore.errors import SpecError, UnknownName
from tlcore.models.catalogue import backbone_card
from tlcore.settings import cache_dir
from tlcore.strategies import compile_plan


def test_the_cells_are_those_that_the_table_promises() -> None:
    found = [(task.backbone, task.scope, task.views) for task in cells()]
    each = [("head", 0), ("head", 4), ("last", 0), ("all", 0)]
    assert found == [(name, *kind) for name in ("resnet18", "tf_efficientnet_lite0") for kind in each]


def test_cells_can_be_chosen() -> None:
    (task,) = cells(backbones=["resnet18"], scopes=["all"], images=7, epochs=3)
    assert (task.images_per_class, task.epochs) == (7, 3)
    with pytest.raises(UnknownName, match="no scope named 'middle'"):
        cells(scopes=["middle"])
    with pytest.raises(UnknownName, match="no backbone named 'resnet19'"):
        cells(backbones=["resnet19"])
    with pytest.raises(SpecError, match="at least 3 images"):
        cells(images=2)


def test_all_move_at_the_rates_that_are_told() -> None:
    groups = backbone_card("resnet18").groups_with_head(2)
    for scope, trained in (("head", []), ("last", ["stage 4"]), ("all", [group.name for group in groups[:-1]])):
        spec = Task("resnet18", scope).spec("digits")
        (phase,) = compile_plan(spec.strategy, groups, epochs=spec.epochs, lr=spec.lr).phases
        moving = {name: rate for name, rate in phase.rates.items() if rate is not None}
        assert moving == pytest.approx(dict.fromkeys(trained, 1e-4) | {"head": 1e-3})
        assert phase.schedule == "constant"
        assert set(phase.batchnorm.values()) == {"eval"}


def test_the_smoke_run_fetches_nothing() -> None:
    assert {(task.dataset, task.start) for task in quick_cells()} == {("digits", "random")}


def test_the_folder_holds_the_datasets_shares(folder: Folder, task: Task) -> None:
    assert folder.classes == 10
    assert folder.images["train"] == 10 * task.images_per_class
    assert 10 <= folder.images["val"] <= folder.images["test"] < folder.images["train"]


def test_peers_see_the_very_pixels_that_this_engine_sees(folder: Folder, task: Task) -> None:
    with nothing_kept():
        mine = load(str(folder.path), image_size=task.image_size, interpolation="bilinear")
    theirs = FromFiles(folder, "train", task.image_size, "bilinear")
    assert len(theirs) == len(mine.train)
    by_id = {
        name: (image, label) for name, image, label in zip(mine.train.ids, mine.train.images, mine.train.labels, strict=True)
    }
    for file, (image, label) in zip(theirs.files, (theirs[i] for i in range(len(theirs))), strict=True):
        expected, truth = by_id[str(file.relative_to(folder.path))]
        assert label == truth
        np.testing.assert_array_equal(image.numpy(), expected)


def test_images_in_memory_are_those_in_the_files(folder: Folder, task: Task) -> None:
    files = FromFiles(folder, "val", task.image_size, "bilinear")
    memory = InMemory(files)
    assert len(memory) == len(files)
    for i in range(len(files)):
        assert torch.equal(memory[i][0], files[i][0])
        assert memory[i][1] == files[i][1]


def test_a_watched_dataset_knows_when_and_how_long() -> None:
    said = iter([1.0, 3.0, 10.0, 14.0])
    watched = Watched([(torch.zeros(1), 0), (torch.ones(1), 1)], 2, lambda: next(said))
    assert [watched[i][1] for i in (1, 0)] == [1, 0]
    assert watched.asked == [1.0, 10.0]
    assert watched.reading_seconds_per_image == 3.0
    with pytest.raises(IndexError):
        watched[2]


def test_nothing_that_was_computed_is_kept_for_the_first_time(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("THAW_ACTIVATIONS_DIR", raising=False)
    for name in ("assets", "weights", "decoded", "activations"):
        (tmp_path / name).mkdir()
    with nothing_kept() as cache:
        assert cache_dir() == cache.resolve()
        assert sorted(entry.name for entry in cache.iterdir()) == ["assets", "formats", "weights"]
        assert os.environ["THAW_ACTIVATIONS_DIR"] == str(cache / "activations")
        (cache / "formats" / "measured.json").touch()
    assert cache_dir() == tmp_path
    assert "THAW_ACTIVATIONS_DIR" not in os.environ
    assert not cache.exists()
    assert (tmp_path / "weights").is_dir()
    assert (tmp_path / "formats" / "measured.json").exists()


def test_one_thread_within_and_as_before_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert torch.get_num_threads() == before
    assert os.environ["OMP_NUM_THREADS"] == "2"
