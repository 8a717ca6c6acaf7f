"""Loading: decoded once, framed by rule, the same again, and honest about what cannot be read."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcore.data import decoded
from tlcore.data import load as loading
from tlcore.data.framing import frame
from tlcore.data.load import load, load_sample, load_unlabelled
from tlcore.errors import AssetError, Cancelled, DataError, UnknownName

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("THAW_OFFLINE", "1")
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, 20 pictures each, of 24 x 24 noise."""
    for name in ("cat", "dog"):
        (tmp_path / "own" / name).mkdir(parents=True)
        for i in range(20):
            pixels = RNG.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{i:02d}.png")
    return tmp_path / "own"


def test_a_folder_of_class_folders(folder: Path) -> None:
    data = load(str(folder), image_size=24)
    assert data.classes == ("cat", "dog")
    assert [len(split) for split in (data.train, data.val, data.test)] == [28, 6, 6]
    assert data.card.images == {"train": 28, "val": 6, "test": 6}
    assert data.card.task == "binary"
    for split in (data.train, data.val, data.test):
        assert split.images.dtype == np.uint8
        assert split.images.shape == (len(split), 24, 24, 3)
        assert split.labels.dtype == np.int64
        for i, name in enumerate(split.ids):
            assert name.startswith(data.classes[split.labels[i]])
            assert np.array_equal(split.images[i], np.asarray(Image.open(folder / name)))


def test_the_second_time_nothing_is_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(str(folder), image_size=16)
    monkeypatch.setattr(decoded, "_fill", None)  # decoding would raise a TypeError
    second = load(str(folder), image_size=16)
    assert np.array_equal(first.train.images, second.train.images)
    assert first.digest == second.digest


def test_images_per_class_thins_train_alone_and_is_cut_from_what_is_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = load(str(folder), image_size=16, images_per_class=3, seed=1)
    whole = load(str(folder), image_size=16)
    monkeypatch.setattr(decoded, "_fill", None)
    again = load(str(folder), image_size=16, images_per_class=3, seed=1)
    five = load(str(folder), image_size=16, images_per_class=5, seed=1)
    other = load(str(folder), image_size=16, images_per_class=3, seed=2)
    assert np.bincount(fresh.train.labels).tolist() == [3, 3]
    assert fresh.train.ids == again.train.ids
    assert np.array_equal(fresh.train.images, again.train.images)
    assert set(fresh.train.ids) < set(five.train.ids) < set(whole.train.ids)
    assert other.train.ids != fresh.train.ids
    assert other.test.ids == fresh.test.ids == whole.test.ids
    assert len({data.digest for data in (fresh, whole, five, other)}) == 4
    for i, name in enumerate(five.train.ids):
        assert np.array_equal(five.train.images[i], whole.train.images[whole.train.ids.index(name)])


def test_a_kept_key_is_of_the_pictures_own_pixels_whichever_way_they_came(folder: Path) -> None:
    Image.new("RGB", (8, 8)).save(folder / "cat" / "zz.png")  # one that is read, and one that cannot be
    (folder / "dog" / "zz.png").write_bytes(b"no picture")
    for few in (None, 4):  # decoded, then cut out of what is decoded
        data = load(str(folder), image_size=16, images_per_class=few)
        for split in (data.train, data.val, data.test):
            assert split.keys == decoded.keys_of(split.images)
            assert len(set(split.keys)) == len(split)
        rows = np.array([3, 0])
        assert data.train.part(rows).keys == (data.train.keys[3], data.train.keys[0])


def test_the_digest_follows_contents_and_labels_but_not_the_size(folder: Path) -> None:
    first = load(str(folder), image_size=16).digest
    assert load(str(folder), image_size=24).digest == first
    shutil.move(folder / "cat/00.png", folder / "dog/moved.png")
    assert load(str(folder), image_size=16).digest != first


def test_one_bad_picture_is_left_out_and_named(folder: Path) -> None:
    for i in range(7):
        (folder / f"cat/bad{i}.png").write_bytes(b"this is no picture %d" % i)
    for _ in range(2):  # decoded, and from the cache
        data = load(str(folder), image_size=16)
        assert len(data.train) + len(data.val) + len(data.test) == 40
        notice = next(notice for notice in data.notices if "cannot be read" in notice)
        assert notice.startswith("Left out 7 pictures")
        assert notice.count("bad") >= 5
        assert "And 2 more." in notice
        assert np.array_equal(data.train.images[0], load(str(folder), image_size=16).train.images[0])


def test_rows_and_labels_stay_together_where_pictures_are_bad(folder: Path) -> None:
    for i in (0, 5, 11):
        (folder / f"dog/{i:02d}.png").write_bytes(b"broken %d" % i)
    data = load(str(folder), image_size=24)
    assert sum(map(len, (data.train, data.val, data.test))) == 37
    for split in (data.train, data.val, data.test):
        for i, name in enumerate(split.ids):
            assert np.array_equal(split.images[i], np.asarray(Image.open(folder / name)))


def test_all_bad_is_an_error(folder: Path) -> None:
    for i, file in enumerate(sorted(folder.rglob("*.png"))):
        file.write_bytes(b"broken %d" % i)
    with pytest.raises(DataError, match="None of the 28 train pictures can be read") as caught:
        load(str(folder), image_size=16)
    assert caught.value.next_step


def test_pictures_stay_on_disk_and_a_part_of_a_large_split_is_decoded_for_itself(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load(str(folder), image_size=16)
    assert all(isinstance(split.images, np.memmap) for split in (whole.train, whole.val, whole.test))
    kept = len(list((cache / "decoded").glob("[!.]*")))
    few = load(str(folder), image_size=16, images_per_class=5)
    assert len(list((cache / "decoded").glob("[!.]*"))) == kept, "cut out of the whole split"
    monkeypatch.setattr(loading, "MEMORY_BYTES", 16 * 16 * 3 * 9)
    own = load(str(folder), image_size=16, images_per_class=5)
    assert len(list((cache / "decoded").glob("[!.]*"))) > kept
    assert np.array_equal(own.train.images, few.train.images)


def test_the_cache_drops_what_was_used_longest_ago(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MEMORY_BYTES", 0)
    kept = load(str(folder), image_size=16)
    for i, entry in enumerate(sorted((cache / "decoded").iterdir())):
        os.utime(entry, (i, i))
    before = {entry.name for entry in (cache / "decoded").iterdir() if not entry.name.startswith(".")}
    monkeypatch.setenv("THAW_DECODED_GB", "0.00001")  # 10 kB
    load(str(folder), image_size=17)
    after = {entry.name for entry in (cache / "decoded").iterdir() if not entry.name.startswith(".")}
    assert len(before) == 3
    assert not before & after
    assert kept.train.images.sum() > 0  # whoever has it open still reads it


def test_stopping_leaves_nothing_half_done(folder: Path, cache: Path) -> None:
    def stop(what: str, *rest: object) -> None:
        if what == "Decoding pictures":
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        load(str(folder), image_size=16, progress=stop)
    assert not [entry for entry in (cache / "decoded").iterdir() if entry.name != ".locks"]


def test_a_full_disk(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(decoded.os, "posix_fallocate", full)
    with pytest.raises(AssetError, match="No space left") as caught:
        load(str(folder), image_size=16)
    assert "THAW_CACHE_DIR" in caught.value.next_step
    assert not [entry for entry in (cache / "decoded").iterdir() if entry.name != ".locks"]


def test_progress_counts_pictures(folder: Path) -> None:
    seen: list[tuple[str, int, int, str]] = []
    load(str(folder), image_size=16, progress=lambda *report: seen.append(report))
    assert ("Decoding pictures", 28, 28, "images") in seen


def test_digits_are_what_scikit_learn_ships() -> None:
    from sklearn.datasets import load_digits

    data = load("digits", image_size=16)
    digits = load_digits()
    at = int(data.train.ids[7].split("/")[1])
    assert data.train.labels[7] == digits.target[at]
    mean = data.train.images[7].mean() / 255
    assert mean == pytest.approx(digits.images[at].mean() / 16, abs=0.02)


def test_what_cannot_be_trained_on_is_refused() -> None:
    with pytest.raises(DataError, match="no labels"):
        load("natural-photos", image_size=16)
    with pytest.raises(UnknownName):
        load("no-such-set", image_size=16)
    with pytest.raises(DataError, match="its own labels"):
        load("digits", labels="labels.csv", image_size=16)


def test_pictures_without_labels() -> None:
    split = load_unlabelled("digits", image_size=16)
    assert split.images.shape == (1797, 16, 16, 3)
    assert not split.labels.any()
    assert list(split.ids) == sorted(split.ids)


def test_a_sample_is_drawn_by_its_seed_from_the_training_pictures_alone() -> None:
    whole = load("digits", image_size=16).train
    sample = load_sample("digits", images=100, image_size=16, seed=1)
    place = {name: row for row, name in enumerate(whole.ids)}
    rows = [place[name] for name in sample.ids]
    assert rows == sorted(set(rows))
    assert len(rows) == 100
    np.testing.assert_array_equal(sample.images, whole.images[rows])
    np.testing.assert_array_equal(sample.labels, whole.labels[rows])
    assert load_sample("digits", images=100, image_size=16, seed=1).ids == sample.ids
    assert load_sample("digits", images=100, image_size=16, seed=2).ids != sample.ids
    assert len(load_sample("digits", images=5000, image_size=16)) == len(whole)


# --- framing


def test_whole_loses_nothing_and_pads_with_black() -> None:
    tall = Image.new("RGB", (20, 60), (200, 100, 50))
    out = np.asarray(frame(tall, 60, "whole", "nearest"))
    assert (out[:, 20:40] == (200, 100, 50)).all()
    assert not out[:, :20].any()
    assert not out[:, 40:].any()


def test_crop_takes_the_middle_of_the_shorter_side() -> None:
    pixels = np.zeros((80, 160, 3), dtype=np.uint8)
    pixels[5:75, 45:115] = 255  # the central 70 x 70, 87.5 % of 80
    assert (np.asarray(frame(Image.fromarray(pixels), 70, "crop", "nearest")) == 255).all()


def test_a_square_picture_of_the_right_size_is_left_as_it_is() -> None:
    pixels = RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for interpolation in ("nearest", "bilinear", "bicubic", "lanczos"):
        assert np.array_equal(np.asarray(frame(Image.fromarray(pixels), 32, "whole", interpolation)), pixels)


def test_shrinking_is_antialiased() -> None:
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    picture = Image.fromarray(np.stack([checks] * 3, -1).astype(np.uint8))
    out = np.asarray(frame(picture, 8, "whole", "bicubic"))
    assert abs(out.astype(int) - 128).max() < 12


def test_the_thinnest_picture_keeps_a_pixel() -> None:
    assert frame(Image.new("RGB", (1, 400)), 32, "whole").size == (32, 32)


def test_an_unknown_interpolation() -> None:
    with pytest.raises(UnknownName, match="interpolation"):
        frame(Image.new("RGB", (4, 4)), 4, "whole", "cubic")
