"""What the recommended level lost, on made-up outcomes that can be reckoned by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tlcore.advice.kept import LEVEL_FILE, kept_level
from tlcore.advice.level_grid import group_of, levels
from tlcore.advice.level_regret import Advised, judge_level, summary
from tlcore.advice.regret import Tried
from tlcore.compare.outcomes import Outcome
from tlcore.groups import HEAD
from tlcore.models.catalogue import BACKBONES

IMAGES = 200
LEVELS = ("head", "stage 2", "stage 1", "stem")


def _outcome(folder: Path, right: int, seed: int = 0) -> Outcome:
    """A run that names the first `right` of 200 test images of two classes rightly, and how sure it is of each is luck."""
    folder.mkdir(parents=True)
    labels = np.arange(IMAGES) % 2
    sure = 0.5 + 0.5 * np.random.default_rng(seed).random(IMAGES)
    of_truth = np.where(np.arange(IMAGES) < right, sure, 1 - sure)
    probabilities = np.where(labels[:, None] == np.arange(2), of_truth[:, None], 1 - of_truth[:, None])
    np.savez(folder / "predictions.npz", probabilities=probabilities, labels=labels, ids=np.arange(IMAGES).astype(str))
    metric = {"value": right / IMAGES, "low": None, "high": None}
    auroc = metric | {"value": float(roc_auc_score(labels, probabilities[:, 1]))}
    test = dict.fromkeys(("accuracy", "balanced_accuracy", "f1"), metric) | {"auroc": auroc}
    return Outcome(folder, test, IMAGES, "images", 0.5, 2, 10, 100, 1.0, (), None)


@pytest.fixture
def tried(tmp_path: Path) -> dict[str, Tried]:
    """Validation likes stage 1 best; of the test images 140, 150, 180 and 184 are named rightly from the head down."""
    numbers = {"head": (140, 0.70), "stage 2": (150, 0.76), "stage 1": (180, 0.91), "stem": (184, 0.90)}
    return {name: Tried({0: val}, {0: _outcome(tmp_path / name, right)}) for name, (right, val) in numbers.items()}


def test_validation_names_the_best_and_the_test_images_what_was_lost(tried: dict[str, Tried]) -> None:
    found = judge_level(tried, {0: Advised("stage 2", "head")})
    assert found["best"] == "stage 1"
    assert found["best_on_test"] == "stem"
    assert found["chosen"] == {"advice": ["stage 2"], "curve": ["head"], "head": ["head"], "all": ["stem"]}
    lost = found["regret"]["advice"]["accuracy"]
    # 30 of 200 images are right in stage 1 alone: the mean is .15, its deviation .35797, t(199) = 1.97196.
    assert lost["value"] == pytest.approx(0.15)
    assert lost["low"] == pytest.approx(0.15 - 1.97196 * 0.35797 / np.sqrt(200), abs=1e-4)
    assert lost["over"] == "images"
    assert found["regret"]["head"]["accuracy"]["value"] == pytest.approx(0.2)
    assert found["regret"]["all"]["accuracy"]["value"] == pytest.approx(-0.02), "the test images think otherwise"
    assert found["right"] == {"advice": False, "curve": False, "head": False, "all": True}
    assert found["most_lost"]["advice"] == pytest.approx(0.17)
    assert found["most_lost"]["all"] == 0
    assert list(found["levels"]) == list(LEVELS)
    json.dumps(found, allow_nan=False)


def test_the_difference_of_aurocs_is_drawn_in_pairs(tried: dict[str, Tried]) -> None:
    found = judge_level(tried, {0: Advised("stage 2", "stage 1")})["regret"]
    lost = found["advice"]["auroc"]
    best, chosen = (tried[name].outcomes[0].value("auroc") for name in ("stage 1", "stage 2"))
    assert lost["value"] == pytest.approx(best - chosen)
    assert lost["low"] < lost["value"] < lost["high"]
    saved = [np.load(tried[name].outcomes[0].path / "predictions.npz") for name in ("stage 1", "stage 2")]
    labels, scores = saved[0]["labels"], [one["probabilities"][:, 1] for one in saved]
    rng, draws = np.random.default_rng(5), []
    for _ in range(300):
        rows = rng.integers(0, IMAGES, IMAGES)
        draws.append(np.subtract(*(roc_auc_score(labels[rows], score[rows]) for score in scores)))
    assert [lost["low"], lost["high"]] == pytest.approx(np.percentile(draws, [2.5, 97.5]).tolist(), abs=0.02)
    assert found["curve"]["auroc"] == {"value": 0.0, "low": 0.0, "high": 0.0, "over": None}


def test_each_seed_has_a_recommendation_of_its_own(tmp_path: Path) -> None:
    def runs(name: str, counts: tuple[int, ...], val: float) -> Tried:
        outcomes = {seed: _outcome(tmp_path / f"{name}{seed}", count, seed) for seed, count in enumerate(counts)}
        return Tried(dict.fromkeys(outcomes, val), outcomes)

    tried = {"head": runs("head", (100, 120, 140), 0.6), "stem": runs("stem", (150, 160, 170), 0.8)}
    found = judge_level(tried, {0: Advised("head", "head"), 1: Advised("stem", "head"), 2: Advised("head", "head")})
    assert found["chosen"]["advice"] == ["head", "stem", "head"]
    lost = found["regret"]["advice"]["accuracy"]
    # Lost: 50, 0 and 30 of 200 images; over seeds the mean is .1333, its deviation .12583, t(2) = 4.30265.
    assert lost["value"] == pytest.approx((0.25 + 0 + 0.15) / 3)
    assert lost["low"] == pytest.approx(0.13333 - 4.30265 * 0.12583 / np.sqrt(3), abs=1e-4)
    assert lost["over"] == "seeds"
    assert summary([found])["advice"]["best"] == 0, "it was the best with one seed of three"
    assert summary([found])["all"]["best"] == 1


def test_the_summary_counts_and_averages(tried: dict[str, Tried]) -> None:
    good, bad = (judge_level(tried, {0: Advised(level, "head")}) for level in ("stage 1", "head"))
    found = summary([good, bad])
    assert found["advice"] == {
        "right": 1,
        "best": 1,
        "of": 2,
        "mean_regret": pytest.approx(0.1),
        "worst_regret": pytest.approx(0.2),
        "mean_auroc_regret": pytest.approx(bad["regret"]["advice"]["auroc"]["value"] / 2),
        "mean_most_lost": pytest.approx((0.02 + 0.22) / 2),
    }
    assert found["all"]["right"] == 2
    assert summary([]) == {}


@pytest.mark.parametrize("backbone", sorted(BACKBONES))
def test_there_is_a_level_for_every_group_and_the_head(backbone: str) -> None:
    found = levels(backbone)
    assert [group_of(one) for one in found] == [HEAD, *(group.name for group in reversed(BACKBONES[backbone].groups))]
    assert len({one.name for one in found}) == len(found)


def test_the_shipped_record_is_whole() -> None:
    found = kept_level(Path("nowhere"))
    assert found is not None
    answer = found.answer
    assert len({one["dataset"] for one in answer["situations"]}) >= 4
    assert answer["summary"] == summary(answer["situations"])
    apart = [one for one in answer["situations"] if one["dataset"] not in answer["tuned_on"]]
    assert answer["summary_apart"] == summary(apart)
    for one in answer["situations"]:
        values = {name: level["val_accuracy"] for name, level in one["levels"].items()}
        assert one["best"] == max(values, key=lambda name: values[name])


def test_what_was_found_here_comes_before_what_was_shipped(tmp_path: Path) -> None:
    machine = {"processor": "another", "threads": 64, "gpu": None}
    (tmp_path / LEVEL_FILE).write_text(json.dumps({"machine": machine, "summary": {"advice": {"of": 4}}}))
    found = kept_level(tmp_path)
    assert found is not None
    assert found.answer["machine"]["threads"] == 64
    assert not found.from_here
