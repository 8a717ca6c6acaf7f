"""Groups of images: their shares, how far they are apart and how that changed, checked by hand and against publications."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcore import run as run_now
from tlcore.data.metadata import metadata
from tlcore.forgetting.group_split import groups_of_run, read_answers
from tlcore.forgetting.groups import column_result, difference_interval, grouped
from tlcore.models.network import build
from tlcore.runs import EventWriter, create, open_run
from tlcore.spec import CheckSpec, RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.start import Random
from tlcore.training.intervals import wilson
from tlcore.training.machine import choose
from tlcore.training.report import Reporter


def test_newcombe_as_published() -> None:
    """Newcombe 1998, table II, method 10: 56/70 against 48/80 and 9/10 against 3/10."""
    for first, second, low, high in (((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090)):
        found = difference_interval(_right(*first), _right(*second))
        assert (round(found["low"], 4), round(found["high"], 4)) == (low, high)
        assert found["value"] == pytest.approx(first[0] / first[1] - second[0] / second[1])


def test_shares_of_each_group_by_hand() -> None:
    """Group a: 20 images, 10 of each class, 9 and 5 found. Group b: 20 images, 10 of each class, all found."""
    labels = np.array(([0] * 10 + [1] * 10) * 2)
    answers = labels.copy()
    answers[9] = 1
    answers[10:15] = 0
    found = column_result(["a"] * 20 + ["b"] * 20, labels, ("no", "yes"), before=None, after=answers, clusters=None, seed=0)
    a, b = found["after"]["a"], found["after"]["b"]
    assert found["groups"] == ["a", "b"]
    assert (a["images"], a["accuracy"]["value"]) == (20, 0.7)
    assert (a["accuracy"]["low"], a["accuracy"]["high"]) == wilson(0.7, 20)
    assert {name: share["value"] for name, share in a["recall"].items()} == {"no": 0.9, "yes": 0.5}
    assert {name: share["value"] for name, share in a["answered"].items()} == {"no": 0.7, "yes": 0.3}
    assert b["accuracy"]["value"] == 1.0
    gap = found["gap"]
    assert (gap["highest"], gap["lowest"]) == ("b", "a")
    assert gap["after"]["value"] == pytest.approx(0.3)
    assert gap["after"]["low"] > 0
    assert found["gaps"]["recall: yes"]["after"]["value"] == pytest.approx(0.5)
    assert found["gaps"]["answered: yes"]["after"]["value"] == pytest.approx(0.2)
    assert gap["before"]["value"] is None
    assert gap["change"]["reason"]


def test_how_a_gap_changed_is_paired() -> None:
    """Before, both groups have 60 of 100. After, b has the same images right, a 30 of those 60 more wrong."""
    labels = np.zeros(200, dtype=int)
    before = np.array(([0] * 60 + [1] * 40) * 2)
    after = before.copy()
    after[:30] = 1
    found = column_result(["a"] * 100 + ["b"] * 100, labels, ("no", "yes"), before=before, after=after, clusters=None, seed=0)
    gap = found["gap"]
    assert (gap["highest"], gap["lowest"]) == ("b", "a")
    assert gap["before"]["value"] == pytest.approx(0.0)
    assert gap["before"]["low"] < 0 < gap["before"]["high"]
    assert gap["change"]["value"] == pytest.approx(0.3)
    deviation = (0.3 * 0.7 / 100) ** 0.5  # only the 30 changed; unpaired it would be .1 and not .046
    assert gap["change"]["low"] == pytest.approx(0.3 - 1.96 * deviation, abs=0.02)
    assert gap["change"]["high"] == pytest.approx(0.3 + 1.96 * deviation, abs=0.02)


def test_patients_widen_a_gap() -> None:
    labels, answers = np.zeros(200, dtype=int), np.array(([0] * 60 + [1] * 40) + ([0] * 80 + [1] * 20))
    groups = ["a"] * 100 + ["b"] * 100
    owners = [f"patient {i // 20}" for i in range(200)]
    one = column_result(groups, labels, ("no", "yes"), before=None, after=answers, clusters=None, seed=0)["gap"]["after"]
    whole = column_result(groups, labels, ("no", "yes"), before=None, after=answers, clusters=owners, seed=0)["gap"]["after"]
    assert whole["value"] == one["value"] == pytest.approx(0.2)
    assert whole["high"] - whole["low"] > 1.5 * (one["high"] - one["low"])


def test_groups_that_are_nested_in_classes_have_no_gap_of_answers() -> None:
    labels = np.array([0] * 20 + [1] * 40)
    kinds = ["normal"] * 20 + ["bacterial"] * 20 + ["viral"] * 20
    found = column_result(kinds, labels, ("normal", "pneumonia"), before=None, after=labels, clusters=None, seed=0)
    assert found["gaps"].keys() == {"accuracy", "recall: pneumonia"}
    assert found["after"]["viral"]["recall"]["normal"]["value"] is None
    assert ["furthest apart" in found["notes"][0], "one class alone" in found["notes"][1]] == [True, True]


def test_small_groups_are_shown_and_not_compared() -> None:
    labels = np.zeros(45, dtype=int)
    answers = np.array([0] * 40 + [1] * 5)
    found = column_result(
        ["a"] * 20 + ["b"] * 20 + ["c"] * 5, labels, ("no", "yes"), before=None, after=answers, clusters=None, seed=0
    )
    assert found["after"]["c"]["accuracy"]["value"] == 0.0
    assert {found["gap"]["highest"], found["gap"]["lowest"]} == {"a", "b"}
    assert any(note.endswith(": c.") for note in found["notes"])
    lonely = column_result(["a"] * 40 + [None] * 5, labels, ("no", "yes"), before=None, after=answers, clusters=None, seed=0)
    assert lonely["gap"] is None
    assert lonely["unknown"] == 5


def test_numbers_are_cut_at_their_quartiles_and_words_are_not() -> None:
    ages = [str(age) for age in range(1, 17)]
    groups, why = grouped([*ages, None])
    assert why is None
    assert groups == ["1 to 4"] * 4 + ["5 to 8"] * 4 + ["9 to 12"] * 4 + ["13 to 16"] * 4 + [None]
    assert column_result(
        groups[:16], np.zeros(16, dtype=int), ("a", "b"), before=None, after=np.zeros(16, dtype=int), clusters=None, seed=0
    )["groups"] == ["1 to 4", "5 to 8", "9 to 12", "13 to 16"]
    assert grouped([f"scanner {i}" for i in range(20)]) == (
        [],
        "It has 20 different values, and at most 12 groups are compared.",
    )
    assert "same value" in (grouped(["x"] * 9)[1] or "")
    assert "No test image" in (grouped([None] * 9)[1] or "")
    assert grouped(["f", "m", None]) == (["f", "m", None], None)


@pytest.mark.slow
def test_a_real_run_is_split_by_a_column_of_its_table(tmp_path: Path) -> None:
    """Two classes of colour, told from two sites; the answers are those of the run's own predictions."""
    rng, lines = np.random.default_rng(0), ["file,label,site"]
    folder = tmp_path / "colours"
    folder.mkdir()
    for i in range(160):
        picture = rng.integers(0, 160, (32, 32, 3), dtype=np.uint8)
        picture[..., i % 2] += 60
        Image.fromarray(picture).save(folder / f"{i:03}.png")
        lines.append(f"{i:03}.png,{('red', 'green')[i % 2]},{('north', 'south')[i // 2 % 2]}")
    (folder / "labels.csv").write_text("\n".join(lines))
    spec = RunSpec(
        backbone="mobilenetv3_small_100",
        dataset=str(folder),
        strategy=Strategy(start=Random()),
        image_size=32,
        epochs=1,
        device="cpu",
        precision="float32",
        augment=False,
    )
    result = run_now(spec, runs_dir=tmp_path / "runs", progress=False)
    run = open_run(tmp_path / "runs", result["run_id"])
    asking = create(tmp_path / "runs", CheckSpec(dataset="digits"))
    events = EventWriter(asking)
    try:
        start = build(spec.backbone, classes=2, start="random", seed=spec.seed, image_size=32)
        found, why = groups_of_run(run, spec, start, choose("cpu", "float32"), Reporter(asking, events))
    finally:
        events.close()
    assert why == {}
    one, answers = found["site"], read_answers(run)
    assert one["groups"] == ["north", "south"]
    sites = metadata(str(folder))["site"]
    for site in one["groups"]:
        within = np.array([sites[name] == site for name in answers.ids])
        assert one["after"][site]["accuracy"]["value"] == pytest.approx((answers.answers == answers.labels)[within].mean())
        assert one["before"][site]["images"] == within.sum()
    total = sum(one["after"][site]["images"] for site in one["groups"])
    assert total == result["test"]["n"] == len(answers.ids)
    weighted = sum(one["after"][site]["images"] * one["after"][site]["accuracy"]["value"] for site in one["groups"]) / total
    assert weighted == pytest.approx(result["test"]["accuracy"]["value"])


def _right(count: int, of: int) -> np.ndarray:
    return np.arange(of) < count
