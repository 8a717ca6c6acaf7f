"""The shift job on a small backbone, with pictures and weights made here in place of those that are fetched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlcore.data.load import Split
from tlcore.errors import AssetError, Cancelled, DataError, SpecError
from tlcore.models import network as networks
from tlcore.models.cards import saw_photographs
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import EventWriter, create
from tlcore.spec import RunSpec, ShiftSpec, parse
from tlcore.training import shift as job

RUN = RunSpec(backbone="mobilenetv3_small_100", dataset="digits", image_size=32, device="cpu")
BY_PHOTOGRAPHS = "Trained on ImageNet-1k (1.28 million photographs) by nobody. Made up."


def _photos(*_: object, image_size: int, **__: object) -> Split:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (30, image_size, image_size, 3), dtype=np.uint8)
    return Split(pictures, np.zeros(30, dtype=np.int64), tuple(map(str, range(30))))


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run the job: random weights that claim to know photographs, and noise in place of the photographs."""
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(job, "load_unlabelled", _photos)
    claim = {"text": BY_PHOTOGRAPHS}

    def build(name: str, *, start: str, weights: str | None, **options: Any) -> networks.Network:
        assert start == "pretrained"
        made = networks.build(name, start="random", **options)
        made.provenance["text"] = claim["text"]
        return made

    monkeypatch.setattr(job, "build", build)

    def measured(text: str = BY_PHOTOGRAPHS, *, cancelled: bool = False, **fields: Any) -> dict[str, Any]:
        claim["text"] = text
        run = create(tmp_path / "runs", ShiftSpec(run=RUN, images=24).model_copy(update=fields))
        if cancelled:
            run.request_cancel()
        with closing(EventWriter(run)) as events:
            return job.shift(run, events) | {"events": run.events()[0]}

    return measured


def test_digits_are_far_from_noise_and_the_rows_are_kept(measure: Callable[..., dict[str, Any]]) -> None:
    first = measure()
    assert first["images"] == {"source": 24, "target": 24}
    assert first["low"] <= first["shift"] <= first["high"] <= 1
    assert first["shift"] > first["floor"]
    assert first["weights"] == BY_PHOTOGRAPHS
    assert first["notices"] == []
    assert [event for event in first["events"] if event.get("what") == "Computing the frozen layers"]
    again = measure()
    assert (again["shift"], again["low"]) == (first["shift"], first["low"])
    assert not [event for event in again["events"] if event.get("what") == "Computing the frozen layers"]
    # Without the cache the same features come out, one batch after another.
    bare = measure(run=RUN.model_copy(update={"seed": 0}))
    assert bare["shift"] == first["shift"]


def test_the_same_kind_of_picture_on_both_sides_is_no_shift(
    measure: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def noise(*_: object, image_size: int, images: int, **__: object) -> Split:
        rng = np.random.default_rng(1)
        pictures = rng.integers(0, 256, (images, image_size, image_size, 3), dtype=np.uint8)
        return Split(pictures, np.zeros(images, dtype=np.int64), tuple(map(str, range(images))))

    monkeypatch.setattr(job, "load_sample", noise)
    found = measure()
    assert abs(found["shift"]) < 0.1
    assert found["low"] < found["floor"]


def test_a_full_disk_is_told_and_changes_no_number(
    measure: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise AssetError("The disk is full.", next_step="Free some space.")

    with monkeypatch.context() as patched:
        patched.setattr("tlcore.training.frozen.Entry.adding", full)
        bare = measure()
    assert bare["notices"] == ["The disk is full. What the frozen layers compute is not kept."]
    assert bare["shift"] == pytest.approx(measure()["shift"], abs=1e-4)


def test_weights_that_learnt_from_something_else_are_refused(measure: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(SpecError, match="did not learn from everyday photographs last"):
        measure("Trained on 142 million photographs, then MR images of the brain by nobody. Made up.")


def test_weights_that_nobody_described_are_measured_with_a_word(measure: Callable[..., dict[str, Any]]) -> None:
    found = measure("Trained on what timm's tag says (x) by its authors.")
    assert found["notices"] == ["Nobody says here what these weights learnt from: the distance is to everyday photographs."]


def test_no_photographs_no_measurement(measure: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> Split:
        raise AssetError("Natural photographs cannot be fetched.", next_step="Connect once.")

    monkeypatch.setattr(job, "load_unlabelled", unreachable)
    with pytest.raises(AssetError, match="cannot be fetched"):
        measure()


def test_too_few_images_another_kind_of_spec_and_cancel(
    measure: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(Cancelled):
        measure(cancelled=True)
    with monkeypatch.context() as patched:
        patched.setattr(job, "load_sample", lambda *_, **__: Split(*_nine()))
        with pytest.raises(DataError, match="only 9 training images"):
            measure()
    run = create(tmp_path, RUN)
    with closing(EventWriter(run)) as events, pytest.raises(SpecError, match="does not ask for a shift"):
        job.shift(run, events)


def _nine() -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    photos = _photos(image_size=32)
    return photos.images[:9], photos.labels[:9], photos.ids[:9]


def test_the_spec_goes_to_json_and_back() -> None:
    spec = ShiftSpec(run=RUN)
    assert parse(spec.model_dump_json()) == spec
    assert spec.lane == "quick"
    assert spec.slug() == "shift-mobilenetv3-small-100-digits"


def test_which_sources_saw_photographs() -> None:
    last = {name: saw_photographs(card.weights[0].text) for name, card in BACKBONES.items() if card.weights}
    assert [name for name, saw in last.items() if not saw] == ["vit_small_patch14_reg4_dinov2"]  # its package saw MR images
