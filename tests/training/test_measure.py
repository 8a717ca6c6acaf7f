"""The measure job on a small real backbone: nothing is fetched, and its parts add up."""

from contextlib import closing
from pathlib import Path

import pytest
import torch

from tlcore.data.catalogue import dataset_card
from tlcore.errors import OutOfMemory, SpecError
from tlcore.models.ancestry import Ancestor
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import MeasureSpec, RunSpec, make
from tlcore.training import measure as job


def _measure(tmp_path: Path, classes: int = 3, **fields: object) -> dict:
    asked = {"backbone": "mobilenetv3_small_100", "dataset": "digits", "image_size": 32, "batch_size": 4, "device": "cpu"}
    spec = make(
        MeasureSpec, run=make(RunSpec, **(asked | fields)), train_images=41, val_images=10, test_images=20, classes=classes
    )
    run = create(tmp_path, spec)
    with closing(EventWriter(run)) as events:
        return job.measure(run, events)


def test_the_seconds_are_the_phases_and_the_evaluations(tmp_path: Path):
    found = _measure(tmp_path, strategy="lp-ft", epochs=5)
    assert [phase["name"] for phase in found["phases"]] == ["head", "head and body"]
    # The head is solved in 50 looks at all features, with two in each later epoch; 41 images by 4: the last one joins a batch.
    assert [phase["steps"] for phase in found["phases"]] == [50 + 2, 3 * 10]
    assert all(phase["measured"] and phase["seconds_per_step"] > 0 for phase in found["phases"])
    for phase in found["phases"]:
        assert phase["seconds"] == pytest.approx(phase["steps"] * phase["seconds_per_step"])
    evaluation = (5 * 10 + 20) / found["eval_images_per_second"]
    assert found["seconds_again"] == pytest.approx(sum(phase["seconds"] for phase in found["phases"]) + evaluation)
    assert found["frozen"]["passes"] == 41 * 4 + 10 + 20  # four views of each training picture, the others as they are
    assert found["seconds"] == pytest.approx(found["seconds_again"] + found["frozen"]["seconds"])
    assert found["frozen"]["seconds"] > 0
    assert found["plan"]["groups"] == tuple(found["groups"]) or list(found["plan"]["groups"]) == found["groups"]
    assert found["groups"][-1]["params"] == (1024 + 1) * 3
    assert found["cut"]["prefix"]["error"] is None, "on pictures of noise it says nothing"
    assert {"device", "precision", "batch_size", "memory_bytes", "memory_is"} <= set(found)


@pytest.mark.parametrize(
    ("pull", "head", "before", "stepped"),
    [
        ({"kind": "l2-sp", "head_strength": 0.0}, "auto", "digits", True),  # recipe C's, after a run on the same classes
        ({"kind": "l2-sp", "head_strength": 0.0}, "fresh", "digits", False),
        ({"kind": "l2-sp", "head_strength": 0.0}, "auto", "chest-xray", False),
        ({"kind": "l2-sp", "head_strength": 0.1}, "fresh", "digits", True),
        ({"kind": "ewc", "images": 8}, "auto", "digits", True),
        ({"kind": "none"}, "auto", "digits", False),
    ],
)
def test_a_head_that_the_pull_holds_is_timed_in_steps_as_it_will_train(tmp_path, monkeypatch, pull, head, before, stepped):
    earlier = RunSpec(backbone="mobilenetv3_small_100", dataset=before)
    nearest = Ancestor(Run(tmp_path / "20260101T000000-x-0000"), earlier, dataset_card(before).classes)
    monkeypatch.setattr(job, "ancestry", lambda start, folder: (nearest,))
    start = {"kind": "run", "run_id": nearest.run.id, "head": head}
    phases = {"kind": "head-then-body", "head_share": 0.4}
    strategy = {"name": "custom", "scope": {"kind": "top", "count": 1}, "phases": phases, "pull": pull, "start": start}
    found = _measure(tmp_path, strategy=strategy, epochs=5, classes=len(dataset_card("digits").classes))
    assert found["phases"][0]["steps"] == (2 * 10 if stepped else 50 + 2)  # of 41 images by 4, or looks of L-BFGS


def test_the_looks_of_source_probes_are_part_of_the_time(tmp_path: Path):
    asked = {"source_probes": ("imagenet-cifar10", "natural-photos"), "source_images": 100}
    found = _measure(tmp_path, strategy="lp-ft", epochs=5, cut="off", **asked)
    source, plan = found["source"], found["plan"]["phases"]
    assert [phase["epochs"] for phase in plan] == [2, 3]
    assert (source["looks"], source["images"]) == (1 + 3, 100 + 100), "while the head alone moves a look repeats the first"
    passes = 4 * 200 + 100  # and the pretrained network's own answers on photographs
    assert source["seconds"] == pytest.approx(passes / source["images_per_second"])
    rest = sum(phase["seconds"] for phase in found["phases"]) + (5 * 10 + 20) / found["eval_images_per_second"]
    assert found["seconds"] == pytest.approx(rest + source["seconds"])


def test_without_probes_a_look_is_timed_and_costs_nothing(tmp_path: Path):
    assert _measure(tmp_path, strategy="full", cut="off")["source"]["images_per_second"] > 0
    none = _measure(tmp_path, strategy="from-scratch", cut="off", source_probes=("natural-photos",))["source"]
    assert (none["looks"], none["images"], none["seconds"]) == (0, 0, 0.0), "random weights know nothing to ask for"


def test_an_uncut_plan_has_no_frozen_part_to_wait_for(tmp_path: Path):
    found = _measure(tmp_path, strategy="last-group", epochs=2, cut="off")
    assert found["frozen"] == {"passes": 0, "seconds": 0.0}
    assert found["seconds"] == found["seconds_again"]
    assert found["cut"]["phases"][0]["reason"] == "The cut is switched off."


def test_phases_in_between_are_put_between_once_time_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(job, "SECONDS", 0.0)
    seconds = iter([5.0, 1.0])  # the last phase, then the first one
    monkeypatch.setattr(job, "_time_step", lambda *_: next(seconds))
    found = _measure(tmp_path, strategy="gradual", epochs=12, cut="off")["phases"]
    assert [phase["measured"] for phase in found] == [True] + [False] * (len(found) - 2) + [True]
    times = [phase["seconds_per_step"] for phase in found]
    assert times[0] == 1.0
    assert times[-1] == 5.0
    assert times == sorted(times)


def test_the_first_two_steps_warm_up_and_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock, costs = [0.0], iter([1.2, 1.0, *[0.2] * 20])
    monkeypatch.setattr(job.time, "perf_counter", lambda: clock[0])

    def step(*_: object, **__: object) -> None:
        clock[0] += next(costs)

    monkeypatch.setattr(job, "train_step", step)
    monkeypatch.setattr(job, "_time_evaluation", lambda *_: 100.0)
    (phase,) = _measure(tmp_path, strategy="random-features", cut="off")["phases"]
    assert phase["seconds_per_step"] == pytest.approx(0.2)
    assert clock[0] == pytest.approx(1.2 + 1.0 + 5 * 0.2)


def test_a_step_that_takes_far_too_long_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock = [0.0]
    monkeypatch.setattr(job.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(job, "train_step", lambda *_: clock.__setitem__(0, clock[0] + 30.0))
    monkeypatch.setattr(job, "_time_evaluation", lambda *_: 100.0)
    (phase,) = _measure(tmp_path, strategy="random-features", cut="off")["phases"]
    assert (phase["seconds_per_step"], clock[0]) == (30.0, 30.0)


def test_a_batch_that_does_not_fit_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(job, "train_step", full)
    with pytest.raises(OutOfMemory, match="4 images does not fit"):
        _measure(tmp_path, cut="off")


def test_what_a_run_would_refuse_is_not_timed(tmp_path: Path):
    with pytest.raises(SpecError, match="BatchNorm cannot be trained on one image"):
        _measure(tmp_path, strategy="from-scratch", batch_size=1)


def test_a_spec_of_another_kind_is_refused(tmp_path: Path):
    run = create(tmp_path, make(RunSpec, dataset="digits"))
    with closing(EventWriter(run)) as events, pytest.raises(SpecError, match="not a measurement"):
        job.measure(run, events)
