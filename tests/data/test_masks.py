"""Lung masks: under the ids of the listing, framed as the pictures, and nothing else of the data is touched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcore.assets import folder_of
from tlcore.data import pinned
from tlcore.data.catalogue import DATASETS
from tlcore.data.listing import SPLITS
from tlcore.data.load import _digest, load_those
from tlcore.data.masks import MASKED, lung_masks
from tlcore.data.sources import listing, split_listing
from tlcore.errors import DataError, UnknownName

CHEST_XRAYS = "a6eca350bdd4106e"  # how the digest of the training data begins: the same before there were masks
SIDE = 40


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache with a dozen chest X-rays, made up, four of them with masks, two of these the same film."""
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("THAW_OFFLINE", "1")
    rng = np.random.default_rng(0)
    names = [f"test/NORMAL/IM-{i:04d}-0001.jpeg" for i in range(4)]
    names += [
        f"train/PNEUMONIA/person{2 * i + (kind == 'virus')}_{kind}_1.jpeg" for i in range(4) for kind in ("bacteria", "virus")
    ]
    digests = {name: f"{place:064d}" for place, name in enumerate(names)} | {names[3]: f"{0:064d}"}
    fill(pinned.CHEST_XRAY, {name: rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8) for name in names}, digests)
    masks = {}
    for place, name in enumerate(names[:4]):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[10 + place : 30, 5:15] = 255
        masks[name.replace(".jpeg", ".png")] = mask
    fill(pinned.CHEST_XRAY_MASKS, masks)


def fill(asset: pinned.Asset, arrays: dict[str, np.ndarray], digests: dict[str, str] | None = None) -> None:
    folder, files = folder_of(asset), {}
    for path, array in arrays.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(folder / path)
        files[path] = {"digest": (digests or {}).get(path, "0" * 64), "size": (folder / path).stat().st_size}
    (folder / "manifest.json").write_text(json.dumps({"source": "made up", "files": files}))


@pytest.mark.usefixtures("few")
def test_masks_have_the_ids_of_the_listing() -> None:
    ids = {item.id for item in listing("chest-xray").items}
    for dataset in MASKED:
        masks = lung_masks(dataset, SIDE)
        assert sorted(masks) == [f"test/NORMAL/IM-{i:04d}-0001.jpeg" for i in range(3)]  # the fourth is the first one again
        assert set(masks) <= ids
    assert all(mask.shape == (SIDE, SIDE) and mask.dtype == bool for mask in masks.values())
    expected = np.zeros((SIDE, SIDE), dtype=bool)
    expected[11:30, 5:15] = True
    np.testing.assert_array_equal(masks["test/NORMAL/IM-0001-0001.jpeg"], expected)


@pytest.mark.usefixtures("few")
def test_a_mask_is_framed_as_its_picture_is() -> None:
    half = lung_masks("chest-xray", SIDE // 2)["test/NORMAL/IM-0000-0001.jpeg"]
    assert half[5:15, 3:7].all()  # from row 10 to 30, column 5 to 15
    assert half.sum() == pytest.approx(20 * 10 / 4, abs=10)  # a column of half pixels on either side, or not
    twice = lung_masks("chest-xray", 2 * SIDE)["test/NORMAL/IM-0000-0001.jpeg"]
    assert twice.mean() == pytest.approx(20 * 10 / SIDE**2, rel=0.02)


@pytest.mark.usefixtures("few")
def test_the_films_themselves_whichever_split_they_are_in() -> None:
    masks = lung_masks("chest-xray", SIDE)
    films, splits = load_those("chest-xray", masks, image_size=SIDE)
    assert films.ids == tuple(sorted(masks))
    assert films.images.shape == (3, SIDE, SIDE, 3)
    assert films.patients == ("IM-0000", "IM-0001", "IM-0002")
    assert set(splits) <= {"train", "val", "test"}
    with pytest.raises(DataError, match="none of the 1 pictures"):
        load_those("chest-xray", {"somewhere else"}, image_size=SIDE)


def test_other_datasets_have_none_and_fetch_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("THAW_OFFLINE", "1")
    assert lung_masks("digits", SIDE) == {}
    with pytest.raises(UnknownName, match="Did you mean 'chest-xray'"):
        lung_masks("chest-xrays", SIDE)


def test_the_pictures_keep_their_place_in_the_cache() -> None:
    """Runs, caches and machines without a network hold the chest X-rays under this key."""
    assert pinned.CHEST_XRAY.key() == "chest-xray-images-1.0.0-2075d09a0867"


@pytest.mark.network
def test_the_real_masks() -> None:
    masks = lung_masks("chest-xray", 224)
    assert len(masks) == 298  # 299 less one that is an exact duplicate of another
    labels = {item.id: item.label for item in listing("chest-xray").items}
    assert {labels[name] for name in masks} == {0}
    areas = np.array([mask.mean() for mask in masks.values()])
    assert areas.mean() == pytest.approx(0.303, abs=0.002)
    assert areas.min() > 0.15
    average = np.mean(list(masks.values()), axis=0)
    assert average[90:150, 60:80].min() > 0.8  # both lungs, and what lies between and around them
    assert average[90:150, 150:170].min() > 0.8
    assert average[:20].max() < 0.3
    assert average[:, 105:115].mean() < 0.4
    assert max(average[:20, :20].max(), average[:20, -20:].max(), average[-15:, :15].max()) < 0.05


@pytest.mark.network
def test_the_training_data_are_what_they_were() -> None:
    found = split_listing(DATASETS["chest-xray"], listing("chest-xray"))
    splits = {name: [item for item in found.items if item.split == name] for name in SPLITS}
    assert _digest(found.classes, splits).startswith(CHEST_XRAYS)  # as `load` says it where every picture can be read
