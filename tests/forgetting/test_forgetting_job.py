"""The forgetting job on small real runs: each number beside the look that it comes from, and what is said without one."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.forgetting.conftest import finish
from tests.source_probes.made import CIFAR_IMAGES, PHOTOS
from tlcore.errors import Cancelled, DataError, RunNotFound, SpecError
from tlcore.forgetting import job, relearn, seen
from tlcore.forgetting.account import NO_TARGET
from tlcore.forgetting.ends import load_ends
from tlcore.forgetting.path import mixed
from tlcore.forgetting.restore import KEPT_STILL, STATISTICS
from tlcore.runs import EventWriter, Run, create, delete, restore
from tlcore.source_probes.probes import make_probes
from tlcore.spec import CheckSpec, ForgettingSpec, RunSpec, parse
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Top
from tlcore.strategies.start import FromRun, Random
from tlcore.training.machine import choose
from tlcore.training.refuse import refuse_early

BOTH = ("imagenet-cifar10", "natural-photos")
IMAGES = 50


def ask(room: Path, about: Run, **fields: Any) -> tuple[Run, dict[str, Any]]:
    spec = ForgettingSpec(**{"run_id": about.id, "images": IMAGES, "points": 3, "device": "cpu"} | fields)
    run = create(room / "runs", spec)
    with contextlib.closing(EventWriter(run)) as events:
        result = job.forgetting(run, events)
    json.dumps(result, allow_nan=False)
    return run, result


@pytest.fixture
def answered(room: Path, moved: Run, cache: dict[str, Any] = {}) -> tuple[Run, dict[str, Any]]:  # noqa: B006 - asked once
    if not cache:
        cache["once"] = ask(room, moved, relearn_steps=2)
    return cache["once"]


@pytest.mark.slow
def test_its_numbers_are_those_of_the_looks(room: Path, moved: Run, answered: tuple[Run, dict[str, Any]]) -> None:
    _, result = answered
    assert (result["run"], result["dataset"], result["points"]) == (moved.id, "digits", [0.0, 0.5, 1.0])
    assert list(result["sources"]) == list(BOTH)
    assert list(result["unavailable"]) == ["earlier-tasks"]
    assert not any("earlier" in notice.lower() for notice in result["notices"]), "no news of a run that starts from no other"
    spec, machine = moved.spec(), choose("cpu", "float32")
    ends = load_ends(moved, spec, tuple("0123456789"))
    probes = make_probes(spec, ends.network, machine, room, names=BOTH, images=IMAGES)
    before = probes.look(ends.network, machine)
    half = probes.look(ends.put(mixed(ends.start, ends.end, 0.5)), machine)
    after = probes.look(ends.put(ends.end), machine)
    for name, one in result["sources"].items():
        assert one["before"]["value"] == before[name].value
        assert one["after"]["value"] == after[name].value
        assert one["lost"]["value"] == pytest.approx(before[name].value - after[name].value)
        assert one["path"]["interpolated"] == [before[name].value, half[name].value, after[name].value]
        assert len(one["path"]["recomputed"]) == 3
        assert list(one["restore"]) == ["stem", *(f"stage {i}" for i in range(1, 7)), STATISTICS]
        for group in ("stem", "stage 4"):
            assert one["restore"][group]["source"]["value"] == after[name].value, "it did not move"
            assert one["restore"][group]["returned"]["value"] == 0
        assert one["changed"]["lost"] == (before[name].correct & ~after[name].correct).sum()
        assert "by_epoch" in one["why"]
    cifar, photos = (result["sources"][name] for name in BOTH)
    assert (cifar["images"], photos["images"]) == (IMAGES, PHOTOS // 2)
    assert CIFAR_IMAGES > IMAGES
    assert photos["before"]["value"] == 1.0
    assert photos["knn"] is None
    assert cifar["knn"]["before"]["value"] == before["imagenet-cifar10"].knn
    assert sum(one["images"] for one in cifar["classes"]) == IMAGES
    assert all(0.1 <= one["confidence"] <= 1 for one in cifar["lost_images"]), "the largest share among ten answers"


@pytest.mark.slow
def test_the_target_is_asked_by_the_runs_own_head(moved: Run, answered: tuple[Run, dict[str, Any]]) -> None:
    run, result = answered
    target = result["target"]
    assert (target["path"]["interpolated"][0], target["path"]["interpolated"][-1]) == (
        target["before"]["value"],
        target["after"]["value"],
    )
    assert target["images"] == IMAGES
    with np.load(moved.path / "predictions.npz") as kept:
        right = dict(zip(kept["ids"].tolist(), (kept["probabilities"].argmax(1) == kept["labels"]).tolist(), strict=True))
    shown = seen.load_sample("digits", images=IMAGES, image_size=32, split="test", interpolation="bicubic")
    assert target["after"]["value"] == pytest.approx(np.mean([right[name] for name in shown.ids]), abs=0.021)
    assert result["moved"] == ["stage 5", "stage 6"]
    best = result["path_best"]
    assert best is None or best["source_value"] >= best["floor"]
    cifar, photos = (result["sources"][name] for name in BOTH)
    assert best == (None if cifar["best"] is None else {"source": "imagenet-cifar10"} | cifar["best"])
    assert photos["best"] is None or photos["best"]["floor"] == pytest.approx(0.95)
    for one in (cifar, photos):
        gone = [one["after"]["value"] + back["value"] for back in one["path_back"]["interpolated"]]
        assert gone == pytest.approx(one["path"]["interpolated"])
    done = [target["after"]["value"] - paid["value"] for paid in target["path_paid"]["interpolated"]]
    assert done == pytest.approx(target["path"]["interpolated"])
    lost = [one for source in result["sources"].values() for one in source["lost_images"]]
    assert all((run.path / one["file"]).is_file() for one in lost)
    looks = 1 + 1 + 1 + 3 + 3  # both ends, a point between, three points, two groups and the statistics
    assert result["images_looked_at"] == looks * (IMAGES + PHOTOS // 2 + IMAGES)
    told = [event for event in run.events()[0] if event["type"] == "progress" and event["unit"] == "images"]
    assert any(event["done"] == event["total"] == result["images_looked_at"] for event in told)


@pytest.mark.slow
def test_relearning_has_three_curves(answered: tuple[Run, dict[str, Any]]) -> None:
    again = answered[1]["relearn"]
    assert again["steps"] == [0, 1, 2]
    assert list(again["curves"]) == ["pretrained", "run", "random"]
    assert all(len(curve) == 3 and all(0 <= value <= 1 for value in curve) for curve in again["curves"].values())
    assert (again["images"], again["chance"]) == (IMAGES, 0.1)
    assert 0 < again["trained_on"] <= 2 * 32, "different images of two steps"
    for start, spans in again["spans"].items():
        assert all(low <= value <= high for value, (low, high) in zip(again["curves"][start], spans, strict=True))
    for other, ahead in again["ahead"].items():
        apart = [run - value for run, value in zip(again["curves"]["run"], again["curves"][other], strict=True)]
        assert [one["value"] for one in ahead] == pytest.approx(apart)


@pytest.mark.slow
def test_where_memory_runs_out_in_relearning_the_rest_is_answered(
    room: Path, probed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(relearn._Again, "_step", full)
    _, result = ask(room, probed, relearn_steps=1, sources=("imagenet-cifar10",))
    assert result["relearn"] is None
    assert "A step of relearning, in which every weight learns from 30 images, does not fit" in result["why"]["relearn"]
    assert list(result["sources"]) == ["imagenet-cifar10"]


@pytest.mark.slow
def test_a_linear_probe_is_the_same_all_the_way_and_nothing_is_computed_twice(
    room: Path, probed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    own = seen.Looking.look
    monkeypatch.setattr(seen.Looking, "look", lambda *given: (looks.append(1), own(*given))[1])
    _, result = ask(room, probed, relearn_steps=1)
    assert len(looks) == 1
    for one in result["sources"].values():
        assert one["before"] == one["after"]
        assert one["lost"]["value"] == 0
        assert one["path"] == {"interpolated": [one["after"]["value"]] * 3}
        assert one["restore"] == {}
        assert {"restore", "recomputed"} <= set(one["why"])
    assert job.NOTHING_MOVED in result["notices"]
    assert result["target"]["before"] == result["target"]["after"]
    curves = result["relearn"]["curves"]
    assert curves["pretrained"] == curves["run"], "the same weights, the same batches"


@pytest.mark.slow
def test_where_batchnorm_kept_still_and_the_start_was_random(room: Path) -> None:
    strategy = Strategy(scope=Top(count=1, batchnorm="frozen"), start=Random())
    run = finish(room, strategy=strategy, weights=None)
    _, result = ask(room, run, relearn_steps=1)
    assert result["sources"] == {}
    assert set(result["unavailable"]) == {*BOTH, "earlier-tasks"}
    assert sum("began at random" in notice for notice in result["notices"]) == 2
    assert len(result["target"]["path"]["interpolated"]) == 3, "the rest is there"
    assert result["path_best"] is None
    assert result["why"]["relearn"] == job.NEVER_LEARNED
    assert not any(words.startswith("Earlier tasks") for words in result["notices"]), "they were not asked for by name"


@pytest.mark.slow
def test_a_source_that_was_named_and_does_not_apply_is_said(room: Path, probed: Run) -> None:
    _, result = ask(room, probed, sources=("natural-photos", "earlier-tasks"))
    assert list(result["sources"]) == ["natural-photos"]
    told = [words for words in result["notices"] if words.startswith("Earlier tasks of the chain: not asked.")]
    assert len(told) == 1
    assert "starts from no other run" in told[0]


@pytest.mark.slow
def test_a_chain_is_asked_about_its_earlier_task_and_a_deleted_parent_leaves_what_the_run_measured(
    room: Path, moved: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = finish(
        room,
        weights=None,
        images_per_class=3,
        strategy=Strategy(scope=Top(count=1, batchnorm="frozen"), start=FromRun(run_id=moved.id)),
    )
    task = f"task:{moved.id}"
    _, result = ask(room, child, sources=("earlier-tasks",))
    assert list(result["sources"]) == [task]
    one = result["sources"][task]
    assert STATISTICS not in one["restore"]
    assert one["why"][STATISTICS] == KEPT_STILL
    assert list(one["path"]) == list(result["target"]["path"]) == ["interpolated"]
    assert one["why"]["recomputed"] == job.NOTHING_TO_MEASURE
    assert one["path"]["interpolated"][0] == one["before"]["value"]
    assert one["chance"] == pytest.approx(0.1, abs=0.08)

    carried = child.result() | {"source": {"imagenet-cifar10": {"title": "T", "measure": "accuracy", "by_epoch": [0.4]}}}
    child.write_result(carried)
    delete(room / "runs", moved.id)
    try:
        _, result = ask(room, child)
    finally:
        restore(room / "runs", moved.id)
    assert result["sources"]["imagenet-cifar10"]["by_epoch"] == [0.4]
    assert result["target"]["after"] == carried["test"]["accuracy"]
    assert set(result["unavailable"]) == {"natural-photos", "earlier-tasks"}
    for part in ("path", "restore", "relearn", "matrix"):
        assert f"Run {moved.id}, which this run starts from, is not here any more" in result["why"][part]


@pytest.mark.slow
def test_images_that_are_gone_are_said_and_the_sources_are_still_asked(
    room: Path, moved: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise DataError("There is nothing there.")

    monkeypatch.setattr(seen, "load_sample", gone)
    _, result = ask(room, moved, sources=("imagenet-cifar10",))
    one = result["sources"]["imagenet-cifar10"]
    assert len(one["path"]["interpolated"]) == 3
    assert "recomputed" in one["why"]
    assert one["restore"]["stage 6"]["target"] is None
    assert result["target"] == NO_TARGET
    assert result["why"]["target"] == "The run's own images cannot be had. There is nothing there."


@pytest.mark.slow
def test_it_stops_soon_after_it_is_asked_to(room: Path, moved: Run) -> None:
    run = create(room / "runs", ForgettingSpec(run_id=moved.id, images=IMAGES, device="cpu"))
    batches = 0

    class Watched(EventWriter):
        def write(self, kind: str, **fields: Any) -> dict[str, Any]:
            nonlocal batches
            if kind == "progress" and fields["what"].startswith("Along"):
                batches += 1
                self_run.request_cancel()
            return super().write(kind, **fields)

    self_run = run
    with contextlib.closing(Watched(run)) as events, pytest.raises(Cancelled):
        job.forgetting(run, events)
    assert batches == 1


def test_only_a_finished_training_run_can_be_asked(room: Path) -> None:
    runs = room / "runs"
    with pytest.raises(RunNotFound, match="There is no run"):
        refuse_early(ForgettingSpec(run_id="20250101T000000-nothing-0000"), runs)
    check = create(runs, CheckSpec(dataset="digits"))
    with pytest.raises(SpecError, match="trains nothing"):
        refuse_early(ForgettingSpec(run_id=check.id), runs)
    waiting = create(runs, RunSpec(dataset="digits"))
    with pytest.raises(SpecError, match="is queued: only a run that is done"):
        refuse_early(ForgettingSpec(run_id=waiting.id), runs)
    waiting.write_status(replace(waiting.written_status(), state="running"))
    with pytest.raises(SpecError, match="is lost"):
        refuse_early(ForgettingSpec(run_id=waiting.id), runs)


def test_the_spec_refuses_what_cannot_be_asked() -> None:
    name = "20250101T000000-lite0-chest-xray-full-7f3a"
    spec = ForgettingSpec(run_id=name, sources=("natural-photos", "natural-photos"))
    assert spec.sources == ("natural-photos",)
    assert parse(spec.model_dump_json()) == spec
    assert (spec.slug(), spec.lane, spec.subject) == ("forgetting-lite0-chest-xray-full", "quick", None)
    for wrong in ({"run_id": "../elsewhere"}, {"sources": ()}, {"sources": ("dreams",)}, {"images": 1}, {"points": 1}):
        with pytest.raises(SpecError):
            ForgettingSpec(**{"run_id": name} | wrong)


@pytest.mark.slow
def test_a_question_about_a_run_knows_its_data(room: Path, moved: Run) -> None:
    run = create(room / "runs", ForgettingSpec(run_id=moved.id))
    assert run.subject() == moved.spec()
    assert create(room / "runs", ForgettingSpec(run_id="20250101T000000-nothing-0000")).subject() is None
