"""The dial job on a small real backbone with random weights: every level answers, and the network starts anew for each."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tlcore import run as train
from tlcore.cli.report import levels
from tlcore.errors import AssetError, SpecError
from tlcore.models.catalogue import backbone_card
from tlcore.runs import EventWriter, create
from tlcore.settings import activations_dir
from tlcore.spec import DialSpec, RunSpec, parse
from tlcore.strategies import Strategy, preset
from tlcore.strategies.head import HEADS, head_params
from tlcore.strategies.pull import EWC, L2SP, NoPull, Pull, Replay
from tlcore.strategies.scope import All
from tlcore.strategies.start import FromRun
from tlcore.training.activations import still_there
from tlcore.training.dial import dial
from tlcore.training.fit import fit

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
    assert result["notices"] == []
    assert result["kept"]
    assert still_there(result["kept"])
    # The network starts anew for each level, and what is kept changes nothing: the same answers again.
    again, _ = _ask(tmp_path, kept_only=True)
    assert [(level["accuracy"], level["loss"]) for level in again["levels"]] == [
        (level["accuracy"], level["loss"]) for level in result["levels"]
    ]


@pytest.mark.slow
def test_uncut_levels_answer_too(tmp_path: Path):
    result, _ = _ask(tmp_path, run=RUN.model_copy(update={"cut": "off"}), images=20)
    assert len(result["levels"]) >= 5
    assert result["kept"] is None


@pytest.mark.slow
def test_what_is_kept_alone_serves_other_rates_and_nothing_else(tmp_path: Path):
    result, _ = _ask(tmp_path, images=20)
    other = RUN.model_copy(update={"lr": 0.02, "optimizer": "sgd", "batch_size": 8, "weight_decay": 0.0, "class_weights": True})
    _, events = _ask(tmp_path, images=20, run=other, kept_only=True)
    assert not [event for event in events if event.get("what", "").startswith("Computing the frozen layers")]
    with pytest.raises(AssetError, match="no longer holds"):  # other images
        _ask(tmp_path, images=30, kept_only=True)
    shutil.rmtree(activations_dir() / result["kept"][0])
    assert not still_there(result["kept"])
    with pytest.raises(AssetError, match="no longer holds"):
        _ask(tmp_path, images=20, kept_only=True)


@pytest.mark.slow
def test_a_dial_that_keeps_nothing_does_not_begin_on_what_is_kept_alone(tmp_path: Path):
    with pytest.raises(AssetError, match="no longer holds"):
        _ask(tmp_path, images=20, run=RUN.model_copy(update={"cut": "off"}), kept_only=True)


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_told_and_every_level_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise AssetError("The disk is full.", next_step="Free some space.")

    monkeypatch.setattr("tlcore.training.frozen.Entry.adding", full)
    result, events = _ask(tmp_path, images=20)
    words = [event["text"] for event in events if event["type"] == "notice"]
    assert words == [
        "The disk is full. The frozen layers are computed at each level instead.",
        "Nothing is kept, so the head alone trained for 2 epochs only.",
    ]
    assert result["notices"] == words
    assert result["kept"] is None
    assert len(result["levels"]) >= 5
    assert f"Note: {words[0]}" in levels(result)  # as the command line prints it


@pytest.mark.slow
def test_what_training_notices_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def short_of_memory(*args: Any) -> Iterator[dict[str, Any]]:
        yield {"type": "notice", "level": "warning", "text": "A batch did not fit."}
        yield from fit(*args)

    monkeypatch.setattr("tlcore.training.dial.fit", short_of_memory)
    result, events = _ask(tmp_path, images=20)
    assert result["notices"] == ["A batch did not fit."]
    assert [event["text"] for event in events if event["type"] == "notice"] == result["notices"]


@pytest.mark.slow
@pytest.mark.parametrize("head", ["mlp", "cosine"])
def test_it_asks_with_the_runs_own_head(tmp_path: Path, head: str):
    result, _ = _ask(tmp_path, run=RUN.model_copy(update={"head": head, "lr": 0.01}))
    inputs = backbone_card(RUN.backbone).head_inputs
    assert result["levels"][0]["trainable_params"] == head_params(head, inputs, 10)
    (said,) = result["notices"]
    assert HEADS[head].short in said
    assert result["levels"][0]["accuracy"]["value"] > 0.3  # of ten classes, on random features: it has been trained


@pytest.mark.slow
def test_it_asks_with_the_runs_own_pull(tmp_path: Path):
    before = train(RUN.model_copy(update={"images_per_class": 6, "epochs": 1}), runs_dir=tmp_path / "runs", progress=False)
    start = FromRun(run_id=before["run_id"], head="fresh")

    def asked(pull: Pull) -> dict:
        strategy = Strategy(scope=All(), start=start, pull=pull)
        return _ask(tmp_path, run=RUN.model_copy(update={"strategy": strategy, "lr": 0.05, "precision": "float32"}))[0]

    def losses(result: dict) -> list[float]:
        return [level["loss"] for level in result["levels"]]

    plain = asked(NoPull())
    assert plain["notices"] == []
    for pull in (L2SP(strength=300.0), EWC(strength=1e4), Replay(strength=50.0)):
        pulled = asked(pull)
        said = " ".join(pulled["notices"])
        assert f"pulled as the run is, by {pull.kind}" in said
        assert ("40 training images of your run" in said) == ("images" in pull.needs)
        assert ("it is not solved" in said) == pull.holds_head()
        changed = [one != other for one, other in zip(losses(plain), losses(pulled), strict=True)]
        assert changed == [pull.holds_head(), *[True] * (len(changed) - 1)]
    assert losses(asked(pull)) == losses(pulled)


def test_it_goes_to_json_and_back_and_waits_behind_no_training():
    spec = DialSpec(run=RUN)
    assert parse(spec.model_dump_json()) == spec
    assert spec.lane == "quick"
    assert spec.subject == RUN


def test_a_spec_of_another_kind_is_refused(tmp_path: Path):
    run = create(tmp_path, RUN)
    with closing(EventWriter(run)) as events, pytest.raises(SpecError, match="not a dial"):
        dial(run, events)
