"""What was lost, counted by hand; its paired interval beside SciPy's bootstrap; the best point of a path for a floor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import bootstrap
from torch import nn

from tlcore.data.load import Split
from tlcore.forgetting.account import (
    NO_TARGET,
    apart,
    other_statistics,
    path_account,
    source_account,
    target_account,
)
from tlcore.forgetting.best import best_for, best_of, best_point
from tlcore.forgetting.lost import MOST, classes, images
from tlcore.forgetting.relearn import batches, looked_at, told
from tlcore.forgetting.seen import Seen, Target
from tlcore.source_probes.look import Look, Probe
from tlcore.training.intervals import mean_interval, share_interval, wilson
from tlcore.training.result import clusters_of

LABELS = np.array([0, 0, 0, 1, 1, 2])
BEFORE, AFTER = np.array([0, 0, 1, 1, 1, 0]), np.array([0, 1, 1, 2, 1, 2])


def _probe(labels: np.ndarray | None = LABELS, **changes: object) -> Probe:
    pictures = np.zeros((6, 120, 120, 3), dtype=np.uint8)
    pictures[:, :, :, 0] = 40 * np.arange(6)[:, None, None]
    ids = tuple(f"test/{i}" for i in range(6))
    kind = {"name": "made", "title": "Made up", "measure": "accuracy", "chance": 1 / 3, "classes": ("cat", "dog", "frog")}
    return Probe(images=pictures, labels=labels, ids=ids, head=nn.Identity(), **kind | changes)  # type: ignore[arg-type]


def _look(answers: np.ndarray, confidence: tuple[float, ...] = (0.9, 0.5, 0.4, 0.8, 0.7, 0.6), kl: float | None = None) -> Look:
    right = answers == LABELS
    return Look("accuracy", right.mean(), right, answers, np.array(confidence), kl, right.mean(), right, 0.1)


def test_classes_are_counted() -> None:
    assert classes(_probe(), _look(BEFORE), _look(AFTER)) == [
        {"name": "cat", "images": 3, "before": pytest.approx(2 / 3), "after": pytest.approx(1 / 3)},
        {"name": "dog", "images": 2, "before": 1.0, "after": 0.5},
        {"name": "frog", "images": 1, "before": 0.0, "after": 1.0},
    ]
    assert classes(_probe(None), _look(BEFORE), _look(AFTER)) == []


def test_lost_images_were_right_and_are_wrong_the_surest_first(tmp_path: Path) -> None:
    found = images(_probe(), _look(BEFORE), _look(AFTER), tmp_path / "lost-0")
    assert [(one["id"], one["truth"], one["before"], one["now"], one["confidence"]) for one in found] == [
        ("test/3", "dog", "dog", "frog", 0.8),
        ("test/1", "cat", "cat", "dog", 0.5),
    ]
    assert [one["file"] for one in found] == ["lost-0/000.png", "lost-0/001.png"]
    small = np.asarray(Image.open(tmp_path / found[0]["file"]))
    assert small.shape == (96, 96, 3)
    assert small[0, 0].tolist() == [120, 0, 0], "the picture of that image"
    assert images(_probe(), _look(BEFORE), _look(BEFORE), tmp_path / "none") == []
    assert not (tmp_path / "none").exists()
    assert len(images(_probe(), _look(BEFORE), _look(AFTER), tmp_path / "one", most=1)) == 1 < MOST
    assert images(_probe(None), _look(BEFORE), _look(AFTER), tmp_path / "agreement")[0]["truth"] is None


def test_a_source_is_accounted_for(tmp_path: Path) -> None:
    one = source_account(_probe(), _look(BEFORE), _look(AFTER, kl=float("inf")), {"by_epoch": [0.5]}, tmp_path / "lost-0")
    assert (one["before"]["value"], one["after"]["value"], one["lost"]["value"]) == pytest.approx((4 / 6, 3 / 6, 1 / 6))
    assert (one["before"]["low"], one["before"]["high"]) == pytest.approx(wilson(4 / 6, 6))
    assert one["lost"]["low"] < one["lost"]["value"] < one["lost"]["high"]
    assert one["changed"] == {"lost": 2, "gained": 1}
    assert one["kl"] is None, "infinite"
    assert (one["by_epoch"], one["why"]) == ([0.5], {})
    same = source_account(_probe(), _look(BEFORE), _look(BEFORE), None, tmp_path / "lost-1")
    assert (same["lost"]["value"], same["lost"]["low"], same["changed"]["lost"]) == (0, None, 0)
    assert set(same["why"]) == {"by_epoch"}


def test_a_paired_interval_is_that_of_scipy() -> None:
    rng = np.random.default_rng(2)
    first, last = rng.random(400) < 0.6, rng.random(400) < 0.45
    found = apart(first, last, None)
    other = bootstrap(((first * 1.0 - last),), np.mean, n_resamples=5000, method="percentile", rng=rng)
    assert found["value"] == pytest.approx(first.mean() - last.mean())
    assert (found["low"], found["high"]) == pytest.approx(tuple(other.confidence_interval), abs=0.012)
    assert found == apart(first, last, None), "drawn by a seed"
    assert apart(last, first, None)["value"] == -found["value"]


def test_whole_patients_are_drawn() -> None:
    """Four pictures of each patient, all alike: an interval over patients is about twice as wide."""
    one = np.random.default_rng(3).random(60) < 0.5
    right = np.repeat(one, 4)
    owners = [f"patient {i // 4}" for i in range(240)]
    narrow, wide = share_interval(right, seed=0), share_interval(right, seed=0, clusters=owners)
    assert wide["method"] == "bootstrap"
    assert 1.7 < (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"]) < 2.3
    assert share_interval(np.ones(8, bool), seed=0, clusters=["a", "a", "b", "b", "c", "c", "d", "d"])["low"] == wilson(1, 4)[0]
    assert share_interval(np.zeros(0, bool), seed=0)["value"] is mean_interval(np.zeros(0), seed=0)["value"] is None
    assert clusters_of(_probe(patients=("x", None, "x", "y", "y", "y")))[:3] == ["patient x", "image 1", "patient x"]


def test_the_best_point_keeps_the_floor() -> None:
    source, target = [0.6, 0.58, 0.5, 0.3], [0.5, 0.8, 0.9, 0.95]
    assert [best_point(source, target, floor) for floor in (0.7, 0.59, 0.55, 0.5, 0.0)] == [None, 0, 1, 2, 3]
    assert best_point([0.6, 0.6, 0.6], [0.5, 0.9, 0.9], 0.5) == 1, "of equals the nearest to the start"
    assert best_point([None, 0.6], [0.9, None], 0.0) is None


def test_the_best_of_a_result_is_that_of_its_first_labelled_source() -> None:
    photos = {"measure": "agreement", "before": {"value": 1.0}, "path": {"interpolated": [1.0, 0.9, 0.5]}}
    cifar = {"measure": "accuracy", "before": {"value": 0.6}, "path": {"interpolated": [0.6, 0.56, 0.4]}}
    target = {"path": {"interpolated": [0.5, 0.8, 0.9]}}
    best = best_of({"photos": photos, "cifar": cifar}, target, [0.0, 0.5, 1.0])
    assert best is not None
    assert (best["source"], best["place"], best["a"], best["floor"]) == ("cifar", 1, 0.5, pytest.approx(0.55))
    assert (best["source_value"], best["target_value"]) == (0.56, 0.8)
    assert best_for(photos, target, [0.0, 0.5, 1.0]) | {"source": "photos"} == best_of(
        {"photos": photos}, target, [0.0, 0.5, 1.0]
    )
    assert best_for(photos, target, [0.0, 0.5, 1.0])["place"] == 0, "its own floor is 95 %"
    assert best_of({}, target, [0.0, 0.5, 1.0]) is None
    assert best_of({"cifar": cifar}, {"path": {}}, [0.0, 0.5, 1.0]) is None


def test_statistics_that_do_not_go_with_the_weights_are_told() -> None:
    well, badly = np.arange(200) % 10 > 0, np.arange(200) % 10 > 4
    (said,) = other_statistics(Seen({}, badly), Seen({}, well), None)
    assert "50.0% of its test images instead of 90.0%" in said
    assert other_statistics(Seen({}, well), Seen({}, well), None) == []
    assert other_statistics(Seen({}, well), Seen({}, badly), None) == [], "better is no warning"
    assert other_statistics(Seen({}, None), Seen({}, None), None) == []


def test_relearning_goes_through_the_same_batches_in_whole_rounds() -> None:
    assert looked_at(40) == [0, 10, 20, 40]
    assert looked_at(1) == [0, 1]
    steps = batches(100, 7, seed=5)
    assert [len(step) for step in steps] == [32] * 7
    assert sorted(np.concatenate(steps)[:100].tolist()) == list(range(100)), "every image once before any comes again"
    assert all((one == other).all() for one, other in zip(steps, batches(100, 7, seed=5), strict=True))
    assert len(batches(5, 2, seed=0)[1]) == 5


def test_a_point_of_the_way_is_paired_with_the_run_image_by_image() -> None:
    right = np.arange(100) < 50
    more = right | (np.arange(100) >= 90)  # the same 50 and 10 others
    probe = _probe(np.zeros(100, dtype=np.int64))
    here, last = (Seen({"made": _right_look(one)}, one) for one in (more, right))
    along = path_account("made", probe, {"interpolated": [here, last]}, last)
    assert along["path"]["interpolated"] == [0.6, 0.5]
    back, none = along["path_back"]["interpolated"]
    assert back["value"] == pytest.approx(0.1)
    assert back["low"] == pytest.approx(0.1 - 1.96 * 0.03, abs=0.02), "10 of 100 changed: far narrower than unpaired (±0.14)"
    assert (none["value"], none["low"]) == (0, None)
    patients = tuple(f"p{i // 2}" for i in range(100))
    split = Split(np.zeros((100, 2, 2, 3), np.uint8), np.zeros(100, np.int64), tuple(map(str, range(100))), patients)
    told_of = target_account(Target(split, split), here, last, {"interpolated": [here, last]})
    assert told_of["path_paid"]["interpolated"][0]["value"] == pytest.approx(-0.1)
    assert (told_of["images"], told_of["units"]) == (100, 50)
    assert target_account(None, here, last, {}) == NO_TARGET


def test_relearning_pairs_the_starts_on_the_same_images() -> None:
    run, random = np.arange(200) < 120, np.arange(200) < 80
    found = told({"pretrained": [run], "run": [run], "random": [random]}, _probe(np.zeros(200, dtype=np.int64)))
    assert found["curves"] == {"pretrained": [0.6], "run": [0.6], "random": [0.4]}
    assert found["spans"]["random"] == [[pytest.approx(end) for end in wilson(0.4, 200)]]
    ((ahead,), (level,)) = found["ahead"]["random"], found["ahead"]["pretrained"]
    assert (ahead["value"], ahead["method"]) == (pytest.approx(0.2), "bootstrap")
    assert ahead["low"] == pytest.approx(0.2 - 1.96 * (0.16 / 200) ** 0.5, abs=0.01)
    assert (level["value"], level["low"]) == (0, None)


def _right_look(right: np.ndarray) -> Look:
    return Look("accuracy", float(right.mean()), right, right.astype(np.int64), right.astype(float), None, None, None, 0.1)
