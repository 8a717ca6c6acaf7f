"""The shortcut alarm in words: what sets it off, what it points at, and what it does not claim."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tlcore.explain.alarm import DENSE, DENSE_ALONE, FEWEST, HANGS, alarm
from tlcore.explain.exchanged import exchanged
from tlcore.explain.inside import inside, where

LUNGS = np.zeros((40, 16, 16), dtype=bool)
LUNGS[:, 3:12, 2:7] = LUNGS[:, 3:12, 9:14] = True


def maps(corner: float = 0.0, lungs: float = 0.0, seed: int = 0) -> np.ndarray:
    """Noise on a 4 x 4 grid, with evidence in the top left corner and in the cells that hold lungs."""
    values = np.random.default_rng(seed).uniform(0, 1, (40, 4, 4))
    values[:, 0, 0] += corner
    values[:, 1:3] += lungs
    return values


def told(values: np.ndarray, masks: np.ndarray | None = LUNGS, exchanged: Any = None) -> dict[str, Any]:
    found = None if masks is None else inside(values, masks[: len(values)], seed=0)
    return alarm(found, where(values, seed=0), exchanged)


def hanging(share: float, low: float | None, corner: str = "bottom right corner") -> dict[str, Any]:
    """`share` of the answers change with one corner, and 2 % with any other; the lead is surely above `low`."""
    quiet = {"value": 0.02, "low": 0.0, "high": 0.06, "lead": {"value": 0.0, "low": None, "high": None}}
    regions = dict.fromkeys(("top left corner", "middle", "bottom right corner"), quiet)
    lead = None if corner == "middle" else {"value": share - 0.02, "low": low, "high": 1.0}
    return {"images": 60, "alone": 0, "regions": regions | {corner: quiet | {"value": share, "lead": lead}}}


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
    assert sum(bool(told(maps(seed=seed))["fires"]) for seed in range(20)) == 0
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
    values[:, 0, 0] = np.random.default_rng(0).uniform(3.6, 4.4, 40)
    found = told(values)
    assert "more than chance" in " ".join(found["sentences"])
    assert (found["fires"], found["regions"]) == (True, ["top left corner"])
    values[:, 0, 0] /= 2  # 20 % of the evidence, 3.2 times its area
    assert told(values)["fires"] is False


def test_an_answer_that_hangs_on_a_corner_sets_it_off_even_where_maps_are_blind_to_it() -> None:
    found = told(maps(lungs=2), exchanged=hanging(0.35, HANGS + 0.05))
    assert (found["fires"], found["regions"]) == (True, ["bottom right corner"])
    text = " ".join(found["sentences"])
    assert "35 % of the answers change, though everything else stays: 33 points more than with another corner." in text


@pytest.mark.parametrize("low", [HANGS, HANGS - 0.05, None])
def test_one_that_may_be_chance_does_not(low: float | None) -> None:
    assert told(maps(lungs=2), exchanged=hanging(0.2, low))["fires"] is False


def test_a_few_exchanged_pictures_are_too_few() -> None:
    few = hanging(1.0, 0.2) | {"images": FEWEST - 1}
    assert told(maps(lungs=2), exchanged=few)["fires"] is False
    assert told(maps(lungs=2), exchanged=few | {"images": FEWEST})["fires"] is True


def test_the_middle_is_where_the_answer_should_hang() -> None:
    assert told(maps(lungs=2), exchanged=hanging(0.6, 0.5, corner="middle"))["fires"] is False


@pytest.mark.parametrize("seed", range(5))
def test_a_network_that_uses_all_of_the_picture_is_clean(seed: int) -> None:
    """Ten classes, told apart by every pixel: any exchanged part changes answers, and no corner more than the next."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (100, 16, 16, 3), dtype=np.uint8)
    weights = rng.normal(0, 1, (16 * 16 * 3, 10))

    def linear(images: np.ndarray) -> np.ndarray:
        logits = images.reshape(len(images), -1) / 255 @ weights
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)

    found = exchanged(linear, pictures, seed=seed)
    assert found is not None
    assert np.mean([one["value"] for one in found["regions"].values()]) > HANGS  # so that changes alone would be no sign
    assert told(maps(seed=seed), exchanged=found)["fires"] is False


@pytest.mark.parametrize("corners", [1, 2])
def test_a_network_that_reads_one_marked_corner_or_two_is_not(corners: int) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 200, (40, 16, 16, 3), dtype=np.uint8)
    pictures[::2, :4, :4] = 255
    pictures[::2, :4, 12:] = 255

    def reads(images: np.ndarray) -> np.ndarray:
        white = [images[:, 1, 1, 0] == 255, images[:, 1, 14, 0] == 255][:corners]
        sure = 0.05 + 0.9 * np.all(white, axis=0)
        return np.stack([1 - sure, sure], 1)

    found = told(maps(), exchanged=exchanged(reads, pictures, seed=0))
    assert found["fires"] is True
    assert found["regions"] == ["top left corner", "top right corner"][:corners]


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
