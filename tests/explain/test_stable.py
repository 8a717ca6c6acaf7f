"""Maps under small shifts and noise: moved back before they are compared, on what both show."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.watched import CPU, hooks_of
from tests.training.tiny import tiny_network, tiny_split
from tlcore.explain import stable
from tlcore.explain.maps import Maps
from tlcore.explain.stable import moved, stability
from tlcore.models.network import Network

IMAGES = tiny_split(10, 0).images


def brightness(network: Network, machine: object, images: np.ndarray, **_: object) -> Maps:
    """A map that goes where the picture goes: its red channel, pixel by pixel."""
    values = images[..., 0].astype(np.float32)
    logits = np.stack([values.mean((1, 2)), np.full(len(values), 110.0)], 1)
    return Maps(values, logits, logits.argmax(1), None, "brightness", None)


def fixed(network: Network, machine: object, images: np.ndarray, **_: object) -> Maps:
    """A map that stays where it is, wherever the picture goes."""
    values = np.random.default_rng(0).random((len(images), 16, 16)).astype(np.float32)
    return Maps(values, np.zeros((len(images), 2)), np.zeros(len(images), np.int64), None, "fixed", None)


def test_moving_by_hand() -> None:
    picture = np.arange(9).reshape(1, 3, 3)
    np.testing.assert_array_equal(moved(picture, np.array([[1, 0]]))[0], [[0, 1, 2], [0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(moved(picture, np.array([[0, -1]]))[0], [[1, 2, 2], [4, 5, 5], [7, 8, 8]])
    both = moved(np.concatenate([picture, picture]), np.array([[1, 1], [0, 0]]))
    np.testing.assert_array_equal(both[0], [[0, 0, 1], [0, 0, 1], [3, 3, 4]])
    np.testing.assert_array_equal(both[1], picture[0])


def test_a_map_that_goes_with_the_picture_is_stable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stable, "explain", brightness)
    monkeypatch.setattr(stable, "SHIFTS", (1 / 16, 1 / 8))
    rows = stability(tiny_network(), CPU, IMAGES)
    assert [(row["kind"], row["size"]) for row in rows] == [
        ("shift", 1),
        ("shift", 2),
        ("noise", pytest.approx(5.1)),
        ("noise", pytest.approx(12.75)),
    ]
    for row in rows[:2]:  # moved back, pixel by pixel the same
        assert row["spearman"]["value"] == pytest.approx(1)
        assert row["ssim"]["value"] == pytest.approx(1)
    assert 0.9 < rows[3]["spearman"]["value"] < rows[2]["spearman"]["value"] < 1
    assert all(0 < row["same_answer"]["value"] <= 1 for row in rows)


def test_a_map_that_stays_is_told_by_shifts_and_not_by_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stable, "explain", fixed)
    rows = stability(tiny_network(), CPU, IMAGES)
    assert rows[0]["kind"] == "shift"
    assert rows[0]["spearman"]["value"] < 0.3
    assert rows[-1]["spearman"]["value"] == 1
    assert rows[-1]["same_answer"]["value"] == 1


def test_a_network_is_asked_and_left_as_it_was() -> None:
    network = tiny_network()
    network.module.train()
    before = hooks_of(network.module)
    rows = stability(network, CPU, IMAGES, seed=2)
    assert rows == stability(network, CPU, IMAGES, seed=2)
    assert rows != stability(network, CPU, IMAGES, seed=3)
    assert hooks_of(network.module) == before
    assert all(module.training for module in network.module.modules())
    assert all(row["images"] + row["silent"] == len(IMAGES) for row in rows)
