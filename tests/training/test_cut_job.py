"""The cut through the train job on real pictures: the same numbers from an empty cache, a full one, and none."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from tlcore.errors import AssetError
from tlcore.runs import EventWriter, Run, create
from tlcore.settings import activations_dir
from tlcore.spec import RunSpec, make
from tlcore.strategies import preset
from tlcore.strategies.start import Random
from tlcore.training import job, routing
from tlcore.training.activations import kept, shelf

CLOCK = {"seconds", "images_per_second", "seconds_left", "t"}
FIELDS = {
    "backbone": "mobilenetv3_small_100",
    "dataset": "digits",
    "image_size": 32,
    "images_per_class": 4,
    "batch_size": 16,
    "device": "cpu",
    "precision": "float32",
    "views": 2,
}
NUMBERS = ("test", "val", "confusion", "drift", "errors", "best_epoch", "epochs_run")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))


def _spec(strategy: str, **fields: object) -> RunSpec:
    return make(RunSpec, **(FIELDS | {"strategy": preset(strategy).model_copy(update={"start": Random()})} | fields))


def _train(run: Run, writer: type[EventWriter] = EventWriter) -> dict:
    with closing(writer(run)) as events:
        return job.train(run, events)


def _history(result: dict) -> list[dict]:
    return [{name: value for name, value in epoch.items() if name not in CLOCK} for epoch in result["history"]]


@pytest.mark.slow
def test_the_same_spec_gives_the_same_numbers_from_an_empty_cache_and_a_full_one_and_more_images_reuse_it(
    tmp_path: Path,
) -> None:
    spec = _spec("two-stage", epochs=4)
    first, second = (_train(create(tmp_path, spec)) for _ in range(2))
    assert [first[name] for name in NUMBERS] == [second[name] for name in NUMBERS]
    assert _history(first) == _history(second)
    assert first["cut"]["passes"]["computed"] == first["cut"]["passes"]["needed"] > 0
    assert second["cut"]["passes"]["computed"] == 0
    before = {(entry.cut, entry.view): entry.images for entry in kept()}
    more = _train(create(tmp_path, spec.model_copy(update={"images_per_class": 6})))
    assert more["cut"]["passes"]["computed"] == 2 * 20, "two views of the twenty new ones, and nothing else"
    after = {(entry.cut, entry.view): entry.images for entry in kept()}
    assert after == {place: count + 20 * place[1].startswith("augmented") for place, count in before.items()}


class _Stopped(Exception):
    """Stands for a kill."""


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["lp-ft", "gradual"])
def test_a_killed_job_goes_on_with_the_same_numbers_even_when_the_cache_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    epochs = 4 if strategy == "lp-ft" else 7
    expected = _train(create(tmp_path, _spec(strategy, epochs=epochs)))
    run = create(tmp_path, _spec(strategy, epochs=epochs))

    class Killed(EventWriter):
        def write(self, kind: str, **fields: object) -> dict:
            event = super().write(kind, **fields)
            if kind == "step" and fields["epoch"] == 2:
                raise _Stopped
            return event

    monkeypatch.setattr("tlcore.training.report.SECONDS_BETWEEN", 0.0)
    with pytest.raises(_Stopped):
        _train(run, Killed)
    shelf().clear()
    for file in (activations_dir().parent / "formats").iterdir():
        file.write_text("{}")
    result = _train(run)
    assert "resumed" in [event["type"] for event in run.events()[0]]
    assert [result[name] for name in NUMBERS] == [expected[name] for name in NUMBERS]
    assert _history(result) == _history(expected)
    assert result["cut"]["phases"] == expected["cut"]["phases"]


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_told_and_the_run_trains_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise AssetError("The disk is full.", next_step="Free some space.")

    monkeypatch.setattr("tlcore.training.frozen.Entry.adding", full)
    run = create(tmp_path, _spec("linear-probe", epochs=2))
    result = _train(run)
    words = "The disk is full. The frozen layers are computed in each epoch instead."
    assert words in result["notices"]
    events = run.events()[0]
    assert [event["text"] for event in events if event["type"] == "notice"].count(words) == 1
    last = [event for event in events if event["type"] == "plan"][-1]
    assert [way["kind"] for way in last["cut"]["phases"]] == ["recomputed"]
    assert [way["solver"] for way in result["cut"]["phases"]] == ["steps"]
    assert last["steps"] == 2 * last["steps_per_epoch"] == 2 * 3
    uncut = _train(create(tmp_path, _spec("linear-probe", epochs=2, cut="off")))
    for cut_epoch, epoch in zip(result["history"], uncut["history"], strict=True):
        assert cut_epoch["val"]["loss"] == pytest.approx(epoch["val"]["loss"], abs=1e-3)
    assert asdict(routing.Way(**result["cut"]["phases"][0])) == result["cut"]["phases"][0]
