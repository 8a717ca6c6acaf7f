"""The shortcut alarm in words: what sets it off, what it points at, and what it does not claim."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tlcore.explain.alarm import DENSE, DENSE_ALONE, HANGS, alarm
from tlcore.explain.inside import inside, where

LUNGS = np.zeros((40, 16, 16), dtype=bool)
LUNGS[:, 3:12, 2:7] = LUNGS[:, 3:12, 9:14] = True
rng = np.random.default_rng(0)


def maps(corner: float = 0.0, lungs: float = 0.0) -> np.ndarray:
    """Noise on a 4 x 4 grid, with evidence in the top left corner and in the cells that hold lungs."""
    values = rng.uniform(0, 1, (40, 4, 4))
    values[:, 0, 0] += corner
    values[:, 1:3] += lungs
    return values


def told(values: np.ndarray, masks: np.ndarray | None = LUNGS, exchanged: Any = None) -> dict[str, Any]:
    found = None if masks is None else inside(values, masks[: len(values)], seed=0)
    return alarm(found, where(values, seed=0), exchanged)


def hanging(share: float, low: float, corner: str = "bottom right corner") -> dict[str, Any]:
    quiet = {"value": 0.02, "low": 0.0, "high": 0.06}
    regions = dict.fromkeys(("top left corner", "middle", "bottom right corner"), quiet)
    return {"images": 60, "regions": regions | {corner: {"value": share, "low": low, "high": 1.0}}}


def test_evidence_in_a_corner_and_not_in_the_lungs_sets_it_off() -> None:
    found = told(maps(corner=8))
    assert found["fires"] is True
    assert found["regions"] == ["top left corner"]
    text = " ".join(found["sentences"])
    assert text.startswith("Shortcut alarm: the model looks at the top left corner. Look there for what gives the class away")
    assert "less than chance" in text
    assert "of the evidence lies in the top left corner, which is 6 % of the picture." in text
    json.dumps(found)


def test_evidence_in_the_lungs_does_not() -> None:
    found = told(maps(lungs=2))
    assert (found["fires"], found["regions"]) == (False, [])
    assert found["sentences"][0] == "No sign of a shortcut. That is no proof that there is none."
    assert "more than chance" in found["sentences"][1]


def test_noise_does_not_whatever_it_looks_like() -> None:
    assert sum(bool(told(maps())["fires"]) for _ in range(20)) == 0
    assert "no more and no less than chance" in " ".join(told(maps()[:10])["sentences"])


def test_looking_away_everywhere_is_told_and_is_no_alarm() -> None:
    values = np.ones((40, 4, 4))
    values[:, 1:3, :] = 0.3
    found = told(values)
    assert found["fires"] is False
    assert found["sentences"][0].startswith("The model looks away from the marked region, but at no single corner or edge.")


def test_without_masks_a_region_must_be_denser() -> None:
    times = {"corner": 0.0}
    for corner in (1.0, 2.0, 8.0):
        values = maps(corner=corner)
        region = where(values, seed=0)["regions"]["top left corner"]
        times[corner] = region["low"] / region["area"]
        assert told(values, masks=None)["fires"] == (times[corner] > DENSE_ALONE)
    assert DENSE < times[2.0] < DENSE_ALONE < times[8.0]


def test_a_corner_that_is_dense_enough_counts_even_beside_the_lungs() -> None:
    values = np.zeros((40, 4, 4))
    values[:, 1:3] = 1  # 8 cells, of which the lungs cover 5
    values[:, 0, 0] = rng.uniform(3.6, 4.4, 40)
    found = told(values)
    assert "more than chance" in " ".join(found["sentences"])
    assert (found["fires"], found["regions"]) == (True, ["top left corner"])
    values[:, 0, 0] /= 2  # 20 % of the evidence, 3.2 times its area
    assert told(values)["fires"] is False


def test_an_answer_that_hangs_on_a_corner_sets_it_off_even_where_maps_are_blind_to_it() -> None:
    found = told(maps(lungs=2), exchanged=hanging(0.35, HANGS + 0.05))
    assert (found["fires"], found["regions"]) == (True, ["bottom right corner"])
    assert "35 % of the answers change" in " ".join(found["sentences"])


@pytest.mark.parametrize("low", [HANGS, HANGS - 0.05, None])
def test_one_that_may_be_chance_does_not(low: float | None) -> None:
    assert told(maps(lungs=2), exchanged=hanging(0.2, low))["fires"] is False  # type: ignore[arg-type]


def test_the_middle_is_where_the_answer_should_hang() -> None:
    assert told(maps(lungs=2), exchanged=hanging(0.6, 0.5, corner="middle"))["fires"] is False


def test_both_are_named_once_each() -> None:
    both = told(maps(corner=8), exchanged=hanging(0.4, 0.3, corner="top left corner"))
    assert both["regions"] == ["top left corner"]
    two = told(maps(corner=8), exchanged=hanging(0.4, 0.3))
    assert two["sentences"][0].startswith("Shortcut alarm: the model looks at the bottom right corner and top left corner.")


def test_too_little_to_say_is_said() -> None:
    found = told(maps(corner=9)[:4])
    assert found["fires"] is None
    assert found["sentences"] == ["Only 4 pictures with evidence in the map: too little to say."]
    assert told(np.zeros((40, 4, 4)), masks=None)["fires"] is None
    silent_but_hanging = told(np.zeros((40, 4, 4)), exchanged=hanging(0.4, 0.3))
    assert silent_but_hanging["fires"] is True
    silent_and_quiet = told(np.zeros((40, 4, 4)), exchanged=hanging(0.02, 0.0))
    assert silent_and_quiet["fires"] is None
    assert "too little" in silent_and_quiet["sentences"][0]
