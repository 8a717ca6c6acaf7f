"""The images that the layers are asked about: a fair part of each split, the photographs beside them, and what figures keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.analysis.small_layers import RUN, SPEC, Done, do, few_images
from tlcore.analysis import layers as job
from tlcore.analysis import looking
from tlcore.data.load import Split, load
from tlcore.errors import AssetError

pytestmark = pytest.mark.usefixtures("small_layers")


def test_the_images_are_a_fair_part_of_each_split() -> None:
    whole = load("digits", image_size=32, seed=3)
    few = few_images()
    for name, count in {"train": 100, "val": 40, "test": 60}.items():
        part, all_of_it = getattr(few, name), getattr(whole, name)
        assert len(part) == count
        assert set(part.ids) <= set(all_of_it.ids)
        shares = np.bincount(part.labels, minlength=10) / count, np.bincount(all_of_it.labels) / len(all_of_it)
        assert np.abs(shares[0] - shares[1]).max() <= 1.01 / count
    assert few.train.ids == few_images().train.ids
    assert few.train.ids != job._few(whole, SPEC.model_copy(update={"run": RUN.model_copy(update={"seed": 4})})).train.ids
    everything = job._few(whole, SPEC.model_copy(update={"images": 100_000}))
    assert {len(everything.train), len(everything.val), len(everything.test)} == {
        len(whole.train),
        len(whole.val),
        len(whole.test),
    }


def test_a_rare_class_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load("digits", image_size=32, seed=3)
    rare = np.flatnonzero(whole.train.labels == 9)[1:]
    train = whole.train.part(np.setdiff1d(np.arange(len(whole.train)), rare))
    few = job._few(replace(whole, train=train), SPEC)
    assert (few.train.labels == 9).sum() == 1


@pytest.mark.slow
def test_digits_are_far_from_noise_at_every_depth(answered: Done, layers_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, result = answered
    assert result["shift"] == {"source": looking.PHOTOGRAPHS, "photographs": 50}
    for group in result["groups"]:
        found = group["shift"]
        assert found["floor"] < found["low"] <= found["shift"] <= found["high"] <= 1
        assert found["a_distance"]["value"] > found["a_distance"]["chance"]

    def unreachable(*_: object, **__: object) -> Split:
        raise AssetError("They cannot be fetched.", next_step="Connect once.")

    monkeypatch.setattr(looking, "load_unlabelled", unreachable)
    _, without = do(layers_runs, SPEC.model_copy(update={"sources": ("random", "pretrained"), "images": 60}))
    assert list(without["weights"]) == ["pretrained", "random"], "what is recommended is about the pretrained weights"
    assert without["rank"]["source"] == "pretrained"
    assert without["shift"] is None
    advice = without["recommendation"]
    assert advice is None or not any("everyday photographs" in sentence for sentence in advice["evidence"])
    for group in without["groups"]:
        assert group["shift"] is None
        assert group["why"]["shift"] == "There are no photographs to hold the images against. They cannot be fetched."


@pytest.mark.slow
def test_arrays_for_figures_lie_in_the_folder(answered: Done) -> None:
    run, result = answered
    told = result["embedding"]
    with np.load(run.path / told["file"]) as arrays:
        assert arrays["pca-2-6"].shape == (60, 2)
        np.testing.assert_array_equal(arrays["labels"], few_images().test.labels)
        np.testing.assert_array_equal(arrays["rows"], np.arange(140, 200))
    assert list(result["seen"]) == list(result["weights"])
    for about in result["seen"].values():
        assert about["looked_at"] == 200
        assert (run.path / about["file"]).is_file()
    assert (run.path / result["thumbnails"]["file"]).is_file()
    assert result["thumbnails"]["count"] == 200
