"""What the advice lost, on made-up outcomes that can be reckoned by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tlcore.advice.regret import Tried, best_by_validation, choice, judge, regret, summary
from tlcore.advice.situation import Situation
from tlcore.compare.outcomes import Outcome

SMALL_FAR = Situation("small", "high", "low")  # the advice: gradual


def _outcome(folder: Path, right: np.ndarray, auroc: float | None = 0.9) -> Outcome:
    """A run on as many test images of one class as there are answers; predictions are kept where `folder` is to be had."""
    folder.mkdir(parents=True, exist_ok=True)
    probabilities = np.stack([right, 1 - right], 1).astype(float)
    ids = np.array([str(i) for i in range(len(right))])
    np.savez(folder / "predictions.npz", probabilities=probabilities, labels=np.zeros(len(right), int), ids=ids)
    metric = {"value": float(right.mean()), "low": None, "high": None}
    test = dict.fromkeys(("accuracy", "balanced_accuracy", "f1"), metric) | {"auroc": metric | {"value": auroc}}
    return Outcome(folder, test, len(right), "images", 0.5, 2, 10, 100, 1.0, (), None)


@pytest.fixture
def tried(tmp_path: Path) -> dict[str, Tried]:
    """On 100 test images the probe names 70 rightly, gradual 80, full 90; on validation gradual is ahead of the probe."""
    found = {}
    for name, count, val in (("linear-probe", 70, 0.70), ("gradual", 80, 0.82), ("full", 90, 0.91)):
        right = (np.arange(100) < count).astype(float)
        found[name] = Tried({0: val}, {0: _outcome(tmp_path / name, right)})
    return found


def test_validation_names_the_best_and_the_test_split_what_was_lost(tried: dict[str, Tried]) -> None:
    found = judge(SMALL_FAR, tried)
    assert (found["advised"], found["best"]) == ("gradual", "full")
    assert found["ranked"][0] == "gradual"
    lost = found["regret"]["advice"]["accuracy"]
    # Of 100 images 10 are right in full alone and none in gradual alone: the mean is .1, its deviation .3015, t(99) = 1.984.
    assert lost["value"] == pytest.approx(0.1)
    assert lost["low"] == pytest.approx(0.1 - 1.98422 * 0.30151 / 10, abs=1e-4)
    assert lost["over"] == "images"
    assert found["right"] == {"advice": False, "linear-probe": False, "full": True}
    assert found["regret"]["linear-probe"]["accuracy"]["value"] == pytest.approx(0.2)
    assert found["regret"]["full"]["accuracy"] == {"value": 0.0, "low": 0.0, "high": 0.0, "over": None}
    assert found["regret"]["advice"]["auroc"]["value"] == 0


def test_where_validation_misleads_the_regret_is_below_zero_and_counts_as_right(tried: dict[str, Tried]) -> None:
    misled = tried | {"linear-probe": Tried({0: 0.99}, tried["linear-probe"].outcomes)}
    found = judge(SMALL_FAR, misled)
    assert found["best"] == "linear-probe"
    assert found["regret"]["advice"]["accuracy"]["value"] == pytest.approx(-0.1)
    assert found["right"]["advice"]


def test_from_three_seeds_on_the_interval_is_over_seeds(tmp_path: Path) -> None:
    def seeds(name: str, counts: tuple[int, ...]) -> Tried:
        outcomes = {s: _outcome(tmp_path / f"{name}{s}", (np.arange(100) < n).astype(float)) for s, n in enumerate(counts)}
        return Tried(dict.fromkeys(outcomes, 0.5), outcomes)

    found = regret(seeds("a", (90, 92, 94)), seeds("b", (89, 90, 91)), "accuracy")
    assert found is not None
    assert found.over == "seeds"
    assert found.value == pytest.approx(0.02)
    assert found.low == pytest.approx(0.02 - 4.302653 * 0.01 / np.sqrt(3), abs=1e-6)
    assert found.within_noise


def test_an_undefined_auroc_has_no_regret(tried: dict[str, Tried], tmp_path: Path) -> None:
    undefined = Tried({0: 0.5}, {0: _outcome(tmp_path / "u", np.ones(10), auroc=None)})
    assert regret(tried["full"], undefined, "auroc") is None
    assert judge(SMALL_FAR, tried | {"gradual": undefined})["regret"]["advice"]["auroc"] is None


def test_the_choice_is_the_first_advised_that_was_run(tried: dict[str, Tried]) -> None:
    assert choice(SMALL_FAR, ["full", "lora", "linear-probe"]) == "lora"
    assert choice(SMALL_FAR, ["from-scratch", "full"]) == "from-scratch"  # none was advised
    assert best_by_validation(tried) == "full"


def test_the_summary_counts_and_averages(tried: dict[str, Tried]) -> None:
    one = judge(SMALL_FAR, tried)
    other = judge(Situation("large", "high", "high"), tried)  # the advice: full, which is the best
    found = summary([one, other])
    assert found["advice"]["right"] == 1
    assert found["advice"]["best"] == 1
    assert found["advice"]["of"] == 2
    assert found["advice"]["mean_regret"] == pytest.approx(0.05)
    assert found["advice"]["worst_regret"] == pytest.approx(0.1)
    assert found["linear-probe"]["mean_regret"] == pytest.approx(0.2)
    assert found["full"] == {"right": 2, "best": 2, "of": 2, "mean_regret": 0, "worst_regret": 0, "mean_auroc_regret": 0}
