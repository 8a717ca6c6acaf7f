"""Gradual unfreezing and the dial on transformers and on backbones that the catalogue does not have, cut and uncut."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tlcore.groups import HEAD
from tlcore.runs import EventWriter, create
from tlcore.spec import DialSpec, RunSpec
from tlcore.strategies import preset
from tlcore.strategies.start import Random
from tlcore.training.dial import dial
from tlcore.training.job import train

pytestmark = pytest.mark.slow
TYPED = ("test_vit", "test_convnext")  # by timm's name; small ones that timm's own tests use


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))


def _spec(backbone: str, **fields: object) -> RunSpec:
    return RunSpec(
        backbone=backbone,
        dataset="digits",
        image_size=32,
        images_per_class=3,
        batch_size=16,
        device="cpu",
        precision="float32",
        augment=False,
        head_solver="minibatch",
        strategy=preset("gradual").model_copy(update={"start": Random()}),
        **fields,
    )


def _train(tmp_path: Path, spec: RunSpec) -> dict:
    run = create(tmp_path, spec)
    with closing(EventWriter(run)) as events:
        return train(run, events)


@pytest.mark.parametrize("backbone", ["vit_tiny_patch16_224", *TYPED])
def test_gradual_from_the_top_is_the_uncut_run(tmp_path: Path, backbone: str) -> None:
    cut, uncut = (_train(tmp_path, _spec(backbone, epochs=9, cut=cut)) for cut in ("auto", "off"))
    ways = cut["cut"]["phases"]
    assert [way["kind"] for way in ways] == ["kept"] * (len(ways) - 1) + ["whole"]
    assert ways[0]["cut"] == HEAD
    assert len({way["cut"] for way in ways}) == len(ways)
    for one, other in zip(cut["history"], uncut["history"], strict=True):
        assert one["val"]["loss"] == pytest.approx(other["val"]["loss"], abs=2e-3)


@pytest.mark.parametrize("backbone", TYPED)
def test_the_dial_asks_every_level(tmp_path: Path, backbone: str) -> None:
    run = create(tmp_path, DialSpec(run=_spec(backbone), images=20, val_images=30, epochs=1))
    with closing(EventWriter(run)) as events:
        levels = dial(run, events)["levels"]
    assert levels[0]["group"] == HEAD
    params = [level["trainable_params"] for level in levels]
    assert params == sorted(set(params))
    assert len(levels) >= 5
