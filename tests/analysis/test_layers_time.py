"""How long asking the layers takes, from earlier times: what grows with the images apart from what may not."""

from __future__ import annotations

from typing import Any

import pytest

from tlcore.analysis.layers_time import Estimate, estimate
from tlcore.figures.layers_words import time_words
from tlcore.spec import LayersSpec, RunSpec

ASKED = LayersSpec(run=RunSpec(dataset="digits"))  # 1,000 images through 2 networks
BESIDE = ("20261121T120000-lite0-digits-full-0abc",)


def _took(seconds: float, passes: float, images: int) -> dict[str, Any]:
    return {"seconds": seconds, "forward_seconds": passes, "images": {"train": images - 20, "val": 10, "test": 10}}


def test_the_passes_grow_with_the_images_and_the_rest_lies_between_two_ends() -> None:
    found = estimate(ASKED, [(ASKED, _took(14.0, 2.0, 100))])  # ten times the images
    assert found == Estimate(2.0 * 10 + 12.0, 140.0, True)
    assert time_words(found).startswith("Between 32 s and 2 min 20 s, judged by an earlier time")
    assert estimate(ASKED, [(ASKED, _took(14.0, 2.0, 1000))]) == Estimate(14.0, 14.0, True)
    fewer = ASKED.model_copy(update={"sources": ("pretrained",), "images": 500})
    assert estimate(fewer, [(ASKED, _took(60.0, 20.0, 1000))]) == Estimate(15.0, 45.0, True)


def test_those_alike_go_first_and_the_nearest_of_them() -> None:
    small, beside = ASKED.model_copy(update={"images": 60}), ASKED.model_copy(update={"images": 60, "runs": BESIDE})
    slow = (beside, _took(14.0, 1.0, 60))
    assert estimate(ASKED, [slow, (small, _took(6.0, 3.0, 60)), (ASKED, _took(26.0, 12.0, 1000))]) == Estimate(26.0, 26.0, True)
    found = estimate(ASKED, [slow])
    assert found is not None
    assert (found.alike, found.low) == (False, pytest.approx(2000 / 180))
    assert "which did other things besides, so this is rough." in time_words(found)


def test_without_one_of_the_backbone_at_its_size_there_is_none() -> None:
    assert estimate(ASKED, []) is None
    assert estimate(ASKED.model_copy(update={"blocks": True}), [(ASKED, _took(14.0, 2.0, 100))]) is None
