"""The dial job on a small real backbone with random weights: every level answers, and the network starts anew for each."""

from contextlib import closing
from pathlib import Path

import pytest

from tlcore.errors import AssetError, SpecError
from tlcore.runs import EventWriter, create
from tlcore.spec import DialSpec, RunSpec, parse
from tlcore.strategies import preset
from tlcore.training.dial import dial

RUN = RunSpec(
    backbone="mobilenetv3_small_100",
    dataset="digits",
    image_size=32,
    device="cpu",
    batch_size=16,
    strategy=preset("from-scratch"),
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))


def _ask(tmp_path: Path, **fields: object) -> tuple[dict, list[dict]]:
    run = create(tmp_path / "runs", DialSpec(run=RUN, images=40, val_images=50, epochs=1).model_copy(update=fields))
    with closing(EventWriter(run)) as events:
        return dial(run, events), run.events()[0]


@pytest.mark.slow
def test_every_level_answers_from_the_head_down(tmp_path: Path):
    result, events = _ask(tmp_path)
    said = [event for event in events if event["type"] == "level"]
    groups = [level["group"] for level in result["levels"]]
    assert groups[0] == "head"
    assert groups == [event["group"] for event in said]
    params = [level["trainable_params"] for level in result["levels"]]
    assert params == sorted(set(params))
    assert result["images"] == {"train": 40, "val": 50}
    for level in result["levels"]:
        accuracy = level["accuracy"]
        assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
        assert accuracy["low"] < accuracy["high"]
    # The network starts anew for each level, and what is kept changes nothing: the same answers again.
    again, _ = _ask(tmp_path)
    assert [(level["accuracy"], level["loss"]) for level in again["levels"]] == [
        (level["accuracy"], level["loss"]) for level in result["levels"]
    ]


@pytest.mark.slow
def test_uncut_levels_answer_too(tmp_path: Path):
    result, _ = _ask(tmp_path, run=RUN.model_copy(update={"cut": "off"}), images=20)
    assert len(result["levels"]) >= 5


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_told_and_every_level_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise AssetError("The disk is full.", next_step="Free some space.")

    monkeypatch.setattr("tlcore.training.frozen.Entry.adding", full)
    result, events = _ask(tmp_path, images=20)
    words = [event["text"] for event in events if event["type"] == "notice"]
    assert words == ["The disk is full. The frozen layers are computed at each level instead."]
    assert len(result["levels"]) >= 5


def test_it_goes_to_json_and_back_and_waits_behind_no_training():
    spec = DialSpec(run=RUN)
    assert parse(spec.model_dump_json()) == spec
    assert spec.lane == "quick"
    assert spec.subject == RUN


def test_a_spec_of_another_kind_is_refused(tmp_path: Path):
    run = create(tmp_path, RUN)
    with closing(EventWriter(run)) as events, pytest.raises(SpecError, match="not a dial"):
        dial(run, events)
