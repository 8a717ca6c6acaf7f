"""The matrix of a chain, checked by hand, and against what Avalanche says of the same matrices."""

from __future__ import annotations

import numpy as np
import pytest

from tests.forgetting.made_matrices import MATRICES
from tlcore.forgetting.matrix import ELSEWHERE, FORMULAS, MEASURES, matrix_result, measured, resampled_means

BY_HAND = {
    # ACC = (.6 + .74 + .95)/3; BWT = (.6 - .9 + .74 - .8)/2; F = (.9 - .6 + .8 - .74)/2; FWT = (.4 - .3 + .15 - .1)/2
    "forgets": {"acc": 2.29 / 3, "bwt": -0.18, "forgetting": 0.18, "fwt": 0.075},
    # BWT = (.88 - .8 + .76 - .7)/2; F = (.85 - .88 + .7 - .76)/2, negative; FWT = (.25 - .3 + .05 - .1)/2
    "helps": {"acc": 2.54 / 3, "bwt": 0.07, "forgetting": -0.045, "fwt": -0.05},
    # BWT = (.6 - .7 + .8 - .8)/2; F = (.9 - .6 + 0)/2: the best was in between; FWT = 0
    "improves first": {"acc": 2.3 / 3, "bwt": -0.05, "forgetting": 0.15, "fwt": 0.0},
}

# What avalanche-lib 0.6.0's StreamForgetting, StreamBWT and StreamForwardTransfer say: `avalanche_figures.py` prints it.
AVALANCHE = {
    "forgets": {"forgetting": 0.18, "bwt": -0.18, "fwt": 0.075},
    "helps": {"forgetting": -0.07, "bwt": 0.07, "fwt": -0.05},
    "improves first": {"forgetting": 0.05, "bwt": -0.05, "fwt": 0.0},
}


@pytest.mark.parametrize("name", MATRICES)
def test_measures_by_hand(name: str) -> None:
    baselines, rows = MATRICES[name]
    assert measured(np.array(rows), np.array(baselines)) == pytest.approx(BY_HAND[name])


@pytest.mark.parametrize("name", MATRICES)
def test_measures_beside_avalanche(name: str) -> None:
    baselines, rows = MATRICES[name]
    ours, theirs = measured(np.array(rows), np.array(baselines)), AVALANCHE[name]
    assert ours["bwt"] == pytest.approx(theirs["bwt"])
    assert ours["fwt"] == pytest.approx(theirs["fwt"])
    assert -ours["bwt"] == pytest.approx(theirs["forgetting"])  # as ELSEWHERE says: theirs is not Chaudhry's ...
    no_better_in_between = name == "forgets"
    assert (ours["forgetting"] == pytest.approx(theirs["forgetting"])) == no_better_in_between  # ... but for this case
    assert "Avalanche" in ELSEWHERE


def test_what_lies_above_the_diagonal_is_never_forgotten() -> None:
    rows = np.array([[0.5, 0.99], [0.5, 0.6]])  # a probe found .99 of task 2 before it was learned
    assert measured(rows)["forgetting"] == 0.0
    three = np.array([[0.5, 0.99, 0.2], [0.5, 0.6, 0.2], [0.5, 0.6, 0.9]])
    assert measured(three)["forgetting"] == 0.0


def test_one_task_has_an_accuracy_and_nothing_else() -> None:
    assert measured(np.array([[0.8]]), np.array([0.4])) == {"acc": 0.8, "bwt": None, "forgetting": None, "fwt": None}
    told = matrix_result({(0, 0): _right(8, 10)}, {}, tasks=["A"], clusters=[None], seed=0)
    assert told["acc"]["value"] == 0.8
    for name in ("bwt", "forgetting", "fwt"):
        assert told[name]["value"] is None
        assert "One task" in told[name]["reason"]


def test_what_is_not_known_makes_a_measure_undefined_and_no_other() -> None:
    rows = np.array([[0.9, np.nan], [0.6, 0.8]])
    assert measured(rows) == pytest.approx({"acc": 0.7, "bwt": -0.3, "forgetting": 0.3, "fwt": None})
    lost = np.array([[0.9, 0.5], [np.nan, 0.8]])
    assert measured(lost, np.array([0.5, 0.4])) == {
        "acc": None,
        "bwt": None,
        "forgetting": None,
        "fwt": pytest.approx(0.1),
    }


def test_formulae_are_of_the_measures() -> None:
    assert FORMULAS.keys() == MEASURES.keys()
    assert all(one.formula and one.source and one.sentence.endswith(".") for one in FORMULAS.values())


def test_result_pairs_the_images_of_a_task() -> None:
    """Task A's images are right in 60 of 100, and later in the same 60 but 20: the difference varies as 20 of 100 do."""
    first, later = _right(60, 100), _right(40, 100)
    told = matrix_result(
        {(0, 0): first, (1, 0): later, (1, 1): _right(90, 100), (0, 1): _right(55, 100)},
        {1: _right(50, 100), 0: _right(50, 100)},
        tasks=["A", "B"],
        clusters=[None, None],
        seed=0,
    )
    assert told["R"] == [[0.6, 0.55], [0.4, 0.9]]
    assert told["baselines"][1]["value"] == 0.5
    assert [cell["how"] for cell in told["cells"][0]] == ["head", "probe"]
    assert told["bwt"]["value"] == pytest.approx(-0.2)
    deviation = (0.2 * 0.8 / 100) ** 0.5  # of a share of 20 in 100; unpaired it would be .07 and not .04
    assert told["bwt"]["low"] == pytest.approx(-0.2 - 1.96 * deviation, abs=0.015)
    assert told["bwt"]["high"] == pytest.approx(-0.2 + 1.96 * deviation, abs=0.015)
    assert told["forgetting"]["value"] == pytest.approx(0.2)
    assert told["fwt"]["value"] == pytest.approx(0.05)
    assert told["acc"]["value"] == pytest.approx(0.65)
    assert [part["value"] for part in told["by_task"]["bwt"]] == [pytest.approx(-0.2), None]
    assert [part["value"] for part in told["by_task"]["fwt"]] == [None, pytest.approx(0.05)]


def test_nothing_forgotten_has_no_interval_and_says_why() -> None:
    same = _right(60, 100)
    told = matrix_result({(0, 0): same, (1, 0): same, (1, 1): same}, {}, tasks=["A", "B"], clusters=[None, None], seed=0)
    assert told["bwt"]["value"] == 0.0
    assert told["bwt"]["low"] is None
    assert "same value" in told["bwt"]["reason"]
    assert told["fwt"]["value"] is None
    assert told["R"][0][1] is None


def test_patients_are_drawn_whole() -> None:
    """Ten patients of ten images each, all right or all wrong: the mean varies as of ten draws, not of a hundred."""
    table = np.repeat([[1.0, 0.0] * 5], 10, axis=1).reshape(1, -1)
    owners = [f"patient {i // 10}" for i in range(100)]
    by_image = resampled_means(table, None, np.random.default_rng(0)).std()
    by_patient = resampled_means(table, owners, np.random.default_rng(0)).std()
    assert by_image == pytest.approx(0.05, rel=0.1)
    assert by_patient == pytest.approx(0.5 / 10**0.5, rel=0.1)


def test_two_tasks_of_one_size_are_not_drawn_alike() -> None:
    """The difference of two tasks' accuracies must vary more than either: the same draw for both would cancel it."""
    right = _right(50, 100)
    told = matrix_result({(0, 0): right, (1, 0): right, (1, 1): ~right}, {}, tasks=["A", "B"], clusters=[None, None], seed=3)
    # ACC is (x + y)/2 with x and y of variance .0025 each; drawn alike, x + y would always be 1.
    half = 1.96 * (0.0025 / 2) ** 0.5
    assert told["acc"]["high"] - told["acc"]["low"] == pytest.approx(2 * half, rel=0.15)


def _right(count: int, of: int) -> np.ndarray:
    return np.arange(of) < count
