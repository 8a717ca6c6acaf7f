"""Findings on data made to have exactly the faults looked for, and none on data that have none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tlcore.data import duplicates
from tlcore.data.quality import SHOWN, Finding, Pictures, findings
from tlcore.data.shortcuts import FileFacts, skills

SIDE = 64


def noise(count: int, seed: int = 0) -> np.ndarray:
    """Smooth noise pictures, all different: uint8 (count, SIDE, SIDE, 3)."""
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(c).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for c in coarse])


def pictures(images: np.ndarray, **changes: object) -> Pictures:
    """Two classes in turn, three quarters train and the rest test, no patients and no files unless given."""
    count = len(images)
    fields: dict[str, object] = {
        "images": images,
        "labels": np.arange(count) % 2,
        "ids": [f"{i:03d}.png" for i in range(count)],
        "splits": ["train" if i < count * 3 // 4 else "test" for i in range(count)],
        "patients": [None] * count,
        "facts": [None] * count,
        "classes": ("a", "b"),
    }
    return Pictures(**(fields | changes))  # type: ignore[arg-type]


def by_kind(data: Pictures, **options: object) -> dict[str, Finding]:
    return {finding.kind: finding for finding in findings(data, **options)}  # type: ignore[arg-type]


def facts(count: int, **changes: object) -> list[FileFacts]:
    chance = np.random.default_rng(1)
    base = {"width": SIDE, "height": SIDE, "format": "PNG", "mode": "L", "compression": 0.0}
    return [FileFacts(**({"bytes": int(chance.integers(900, 1100))} | base | changes)) for _ in range(count)]  # type: ignore[arg-type]


def test_sound_data_have_no_findings() -> None:
    assert findings(pictures(noise(80), facts=facts(80), patients=[f"p{i}" for i in range(80)])) == []


def test_exact_duplicates_by_harm() -> None:
    images = noise(80)
    images[2] = images[0]  # same label, both in train
    images[5] = images[4]  # other label
    images[70] = images[6]  # same label, across the split
    found = by_kind(pictures(images))
    assert set(found) == {"exact-duplicates-within", "exact-duplicates-labels", "exact-duplicates-across"}
    assert found["exact-duplicates-within"].pairs == [["000.png", "002.png"]]
    assert found["exact-duplicates-labels"].pairs == [["004.png", "005.png"]]
    assert found["exact-duplicates-across"].pairs == [["006.png", "070.png"]]
    assert [found[f"exact-duplicates-{k}"].severity for k in ("within", "labels", "across")] == ["info", "problem", "problem"]


def _jpeg(image: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=50)
    return np.asarray(Image.open(buffer))


@pytest.mark.parametrize(
    "copy",
    [
        _jpeg,
        lambda image: np.clip(image * 1.1 + 5, 0, 255).astype(np.uint8),
        lambda image: np.asarray(Image.fromarray(image).resize((48, 48)).resize((SIDE, SIDE))),
    ],
    ids=["compressed", "brightened", "resized"],
)
def test_near_duplicates_are_found_and_are_not_called_exact(copy: object) -> None:
    images = noise(80)
    images[70] = copy(images[6])  # type: ignore[operator]
    found = by_kind(pictures(images))
    assert set(found) == {"near-duplicates-across"}
    assert found["near-duplicates-across"].pairs == [["006.png", "070.png"]]
    assert found["near-duplicates-across"].severity == "warning"


def test_near_pairs_equal_numpys_correlation() -> None:
    images = noise(30)
    cells = images.reshape(30, 32, 2, 32, 2, 3).mean((2, 4)).reshape(30, -1)
    expected = np.corrcoef(cells)
    pairs = {(i, j): value for i, j, value in duplicates.near_pairs(images, threshold=-1.0)}
    assert len(pairs) == 30 * 29 // 2
    for (i, j), value in pairs.items():
        assert value == pytest.approx(expected[i, j], abs=1e-5)


def test_near_pairs_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(30)
    images[29] = images[1]
    monkeypatch.setattr(duplicates, "_BLOCK", 7)
    assert [(i, j) for i, j, _ in duplicates.near_pairs(images)] == [(1, 29)]


def test_odd_and_small_sides_are_compared_too() -> None:
    images = noise(4)[:, :17, :17]
    images[3] = images[0]
    assert [(i, j) for i, j, _ in duplicates.near_pairs(images)] == [(0, 3)]


def test_constant_pictures_are_named_and_are_not_duplicates() -> None:
    images = noise(80)
    images[3] = images[5] = 128
    found = by_kind(pictures(images))
    assert set(found) == {"constant"}
    assert found["constant"].files == ["003.png", "005.png"]


def test_patients_on_both_sides() -> None:
    patients = [f"p{i}" for i in range(80)]
    patients[79] = patients[0]
    found = by_kind(pictures(noise(80), patients=patients))
    assert set(found) == {"patients-across"}
    assert (found["patients-across"].count, found["patients-across"].files) == (1, ["000.png", "079.png"])


def test_tiny_and_uneven_classes() -> None:
    labels = np.zeros(80, int)
    labels[[1, 2, 3, 70]] = 1  # 3 of the 60 training pictures
    found = by_kind(pictures(noise(80), labels=labels))
    assert set(found) == {"tiny-classes", "imbalance"}
    assert "'b' (3)" in found["tiny-classes"].detail
    assert "'a' has 57 training pictures, 'b' 3" in found["imbalance"].detail


def test_unreadable_files_are_counted_and_not_all_named() -> None:
    found = by_kind(pictures(noise(80)), unreadable=[(f"{i}.png", "cut off.") for i in range(50)])["unreadable"]
    assert (found.count, len(found.files)) == (50, SHOWN)


@pytest.mark.parametrize(
    ("changes", "name", "severity"),
    [
        ({"mode": "RGB"}, "colour mode", "problem"),
        ({"format": "JPEG"}, "file format", "problem"),
        ({"compression": 40.0}, "JPEG compression", "problem"),
        ({"width": 70}, "width", "problem"),
        ({"bytes": 2000}, "file size", "warning"),
    ],
)
def test_a_fact_of_the_files_that_gives_the_class_away(changes: dict[str, object], name: str, severity: str) -> None:
    both = [fact for pair in zip(facts(40), facts(40, **changes), strict=True) for fact in pair]
    found = by_kind(pictures(noise(80), facts=both))
    assert set(found) == {"shortcut-file"}
    assert name in found["shortcut-file"].title
    assert "100%" in found["shortcut-file"].detail
    assert found["shortcut-file"].severity == severity


@pytest.mark.parametrize(("name", "rows"), [("brightness of the border", slice(0, 2)), ("brightness", slice(None))])
def test_a_fact_of_the_pictures_that_gives_the_class_away(name: str, rows: slice) -> None:
    images = noise(80) // 2
    images[1::2, rows] += 120
    found = by_kind(pictures(images))["shortcut-picture"]
    assert name in found.title + found.detail
    assert found.severity == "warning"


def test_skill_is_0_for_guessing_and_1_for_knowing() -> None:
    labels = np.arange(300) % 3
    known = skills({"chance": np.random.default_rng(0).random(300), "truth": labels.astype(float)}, labels)
    assert list(known) == ["truth", "chance"]
    assert known["truth"] == 1.0
    assert abs(known["chance"]) < 0.15
    assert skills({"truth": labels[:6].astype(float)}, labels[:6]) == {}  # too few to say
    assert skills({"constant": np.ones(300)}, labels) == {}


def test_long_and_small_pictures_are_mentioned() -> None:
    both = [*facts(78), *facts(1, width=200, height=64), *facts(1, width=20, height=20)]
    found = by_kind(pictures(noise(80), facts=both))
    assert (found["long"].files, found["small"].files) == (["078.png"], ["079.png"])


def test_unlabelled_data_are_checked_for_what_needs_no_label() -> None:
    images = noise(80)
    images[5] = images[4]
    data = pictures(images, classes=(), labels=np.zeros(80, int), splits=["all"] * 80)
    assert set(by_kind(data)) == {"exact-duplicates-within"}


def test_the_worst_comes_first_and_all_of_it_is_json() -> None:
    images = noise(80)
    images[1] = images[0]
    images[4] = images[2]
    images[3] = 0
    found = findings(pictures(images))
    assert [finding.severity for finding in found] == ["problem", "warning", "info"]
    assert set(found[0].as_dict()) == {"kind", "severity", "title", "detail", "what_to_do", "count", "files", "pairs"}
