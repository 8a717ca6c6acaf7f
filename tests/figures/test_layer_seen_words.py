"""Sentences about what layers see, from lists whose answers are known."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from tlcore.figures.layer_seen import change, colours_reading, excited_reading, filters_reading, pure, source_title

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
PURE = np.array([[0, 1], [4, 5], [0, 4]])  # two channels of one class, one of both
ALIVE = np.ones(3, dtype=bool)
ID = "20261121T051819-tf-efficientnet-lite0-chest-xray-full-a5b6"


def test_names_of_sources() -> None:
    assert [source_title(source) for source in ("pretrained", "random", ID)] == ["Pretrained", "Random weights", "Run a5b6"]


def test_pure_channels_beside_chance() -> None:
    same, channels, expected = pure(PURE, LABELS, ALIVE)
    assert (same, channels) == (2, 3)
    assert expected == pytest.approx(3 * 2 * comb(4, 2) / comb(8, 2))
    assert pure(PURE, LABELS, np.array([True, False, True]))[:2] == (1, 2)


def test_chance_is_what_random_lists_do() -> None:
    rng = np.random.default_rng(0)
    lists = np.array([rng.permutation(8)[:2] for _ in range(4000)])
    same, _, expected = pure(lists, LABELS, np.ones(4000, dtype=bool))
    assert same == pytest.approx(expected, rel=0.05)
    others = np.array([rng.permutation(8)[:2] for _ in range(4000)])
    found = change(lists, others, 8)
    assert found.shared.mean() == pytest.approx(found.chance, rel=0.06)


def test_a_chance_of_nearly_none_is_told_in_plain_figures() -> None:
    labels = np.arange(300) % 10
    said = excited_reading("top", [("Pretrained", np.arange(8)[None] * 10, np.array([True]))], labels, related=True)
    assert said == "Pretrained: of 1 channel of top, 1 have all 8 images from one class; fewer than 0.01 would by chance."


def test_two_lists_are_compared_whatever_their_order() -> None:
    assert change(PURE, np.array([[1, 0], [6, 7], [4, 6]]), 8).shared.tolist() == [2, 0, 1]


def test_the_reading_compares_channels_of_related_networks_alone() -> None:
    after = np.array([[1, 0], [6, 7], [4, 6]])
    sources = [("Pretrained", PURE, ALIVE), ("Run a5b6", after, np.array([True, True, False]))]
    said = excited_reading("stage 4", sources, LABELS, related=True)
    assert "Pretrained: of 3 channels of stage 4, 2 have all 2 images from one class; 1.29 would by chance." in said
    assert "The same answer to every image: 1 channel (Run a5b6)." in said
    assert "share 1.0 of 2 images on average, where chance gives 0.5; of 2 channels, 1 share none." in said
    assert "share" not in excited_reading("stage 4", sources, LABELS, related=False)
    assert excited_reading("stage 4", [("Pretrained", PURE, ALIVE)], np.zeros(8, int), related=True) == ""


def test_filters_are_counted_and_their_change_is_measured() -> None:
    before = np.zeros((4, 3, 3, 3))
    before[:, 0, 0, 0] = 1.0  # a norm of 2 in all
    after = before.copy()
    after[2, 1, 1, 1] = 0.2
    titles = ["Pretrained", "Run a5b6"]
    said = filters_reading(before, after, titles, patches=False, everything=4)
    assert said == (
        "All 4 filter weights of 3 × 3 pixels; gray is 0. From Pretrained to Run a5b6 they change by 10.00 % of their size, "
        "100 % of which (in squares) is in one, number 3 in the picture."
    )
    assert "the same in both" in filters_reading(before, before, titles, patches=False, everything=4)
    alone = filters_reading(before, None, titles[:1], patches=True, everything=192)
    assert alone == "4 of 192, evenly spaced, patch weights of 3 × 3 pixels; gray is 0."


def test_colours_say_what_they_hold() -> None:
    said = colours_reading(["Pretrained", "Run a5b6"], [(0.3, 0.2, 0.1), (0.5, 0.2, 0.1)], 0.83, 6)
    assert "over all 6 images: they hold 60 % (Pretrained) and 80 % (Run a5b6) of the variance." in said
    assert said.endswith("the two agree to 83 %.")
    assert "agree" not in colours_reading(["Pretrained"], [(0.3, 0.2, 0.1)], None, 6)
