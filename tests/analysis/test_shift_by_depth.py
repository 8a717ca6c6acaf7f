"""The shift by depth on features whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis.shift_by_depth import a_distance, in_words, shift_by_depth
from tlcore.analysis.undefined import Undefined
from tlcore.training.discrepancy import discrepancy


def _sets(shift: float, seed: int = 0, ours: int = 120, theirs: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(ours, 6)), rng.normal(size=(theirs, 6)) + shift * np.eye(6)[0]


def test_it_grows_with_the_distance_and_says_what_chance_gives() -> None:
    source, near, far = *_sets(1.0, ours=400, theirs=400), _sets(12.0)[1]
    found = shift_by_depth({"stem": source, "top": source}, {"stem": near, "top": far}, seed=0)
    assert list(found) == ["stem", "top"]
    for name, target in {"stem": near, "top": far}.items():
        alone = discrepancy(source, target, seed=0)
        assert (found[name]["shift"], found[name]["floor"]) == (alone.shift, alone.floor)
    stem, top = (found[name]["a_distance"] for name in ("stem", "top"))
    # Two normal distributions one apart: the best line is right for 69 % of either, so 2 (1 - 2 * 0.309) = 0.77.
    assert stem["low"] < 0.77 < stem["high"]
    assert top == {"value": 2.0, "low": None, "high": None, "chance": top["chance"]}
    assert top["chance"] < 1


@pytest.mark.parametrize("seed", range(3))
def test_two_sets_of_one_kind_are_within_chance(seed: int) -> None:
    found = a_distance(*_sets(0.0, seed=seed), seed=seed)
    assert 0 <= found["value"] <= max(found["chance"], 0.35)


def test_unequal_numbers_count_alike() -> None:
    """A classifier that always named the larger set would be right for 90 % of the images, and says nothing."""
    found = a_distance(*_sets(0.0, ours=540, theirs=60), seed=1)
    assert found["value"] < 0.6
    apart = a_distance(*_sets(3.0, ours=540, theirs=60), seed=1)
    assert apart["value"] > 1.4


def test_the_same_seed_gives_the_same_numbers_and_features_alike_are_no_shift() -> None:
    source, target = _sets(0.7)
    assert a_distance(source, target, seed=5) == a_distance(source, target, seed=5)
    same = np.ones((40, 3))
    found = shift_by_depth({"a": same}, {"a": same}, seed=0)["a"]
    assert found["shift"] == found["a_distance"]["value"] == found["a_distance"]["chance"] == 0


def test_in_words_it_is_chance_or_more_where_and_where_most() -> None:
    source, far = _sets(4.0)
    found = shift_by_depth(
        {"stem": source, "block": source, "top": source}, {"stem": _sets(0, 9)[1], "block": far, "top": far}, seed=0
    )
    assert in_words(found, ["stem"]).startswith("At no group are these images further")
    said = in_words(found, ["stem", "top"])
    assert "by more than chance at 1 of 2 groups, first at top; most at top, a kernel distance (MMD) of " in said
    assert f"{found['top']['shift']:.2f} of 1 ({found['top']['low']:.2f} to" in said
    assert "more than chance at every group;" in in_words(found, ["block", "top"])


def test_too_few_images_and_what_is_not_finite() -> None:
    source, target = _sets(1.0)
    with pytest.raises(Undefined, match="needs 20 images of each side, and there are 19"):
        shift_by_depth({"a": source}, {"a": target[:19]}, seed=0)
    target[0, 0] = np.nan
    with pytest.raises(Undefined, match="not finite"):
        shift_by_depth({"a": source}, {"a": target}, seed=0)
