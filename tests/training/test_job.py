"""The train job on real pictures (handwritten digits) with a real backbone from random weights: nothing is fetched."""

import itertools
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from tlcore.data.load import Split
from tlcore.errors import Cancelled, DataError, SpecError, ThawError, UnknownName
from tlcore.models.network import build
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import CheckSpec, RunSpec, make
from tlcore.training import job
from tlcore.training.evaluate import predict
from tlcore.training.machine import choose
from tlcore.training.result import clusters_of
from tlcore.training.route import Route

FIELDS = {
    "backbone": "mobilenetv3_small_100",
    "dataset": "digits",
    "strategy": "random-features",
    "epochs": 2,
    "image_size": 32,
    "images_per_class": 8,
    "batch_size": 16,
    "device": "cpu",
    "lr": 0.05,
    "head_solver": "minibatch",
}

FIELDS_OF_A_RESULT = {
    *("run_id", "backbone", "dataset", "strategy", "seed", "image_size", "classes", "test", "val", "majority_baseline"),
    *("confusion", "trainable_params", "total_params", "seconds", "images_per_second", "epochs_run", "best_epoch", "made_with"),
    *("stopped_early", "history", "plan", "drift", "weights", "data", "errors", "device", "precision", "batch_size", "notices"),
    *("intervals_over", "cut"),
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "thaw-cache"))


def _run(tmp_path: Path, **fields: object) -> Run:
    return create(tmp_path / "runs", make(RunSpec, **(FIELDS | fields)))


def _train(run: Run) -> dict:
    with closing(EventWriter(run)) as events:
        result = job.train(run, events)
    json.dumps(result, allow_nan=False)  # what goes to result.json
    return result


def _kinds(run: Run) -> list[str]:
    return [event["type"] for event in run.events()[0]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "thaw-cache"))
        run = _run(tmp_path_factory.mktemp("done"))
        return run, _train(run)


def test_the_result_has_what_the_contract_says(done: tuple[Run, dict]):
    run, result = done
    assert set(result) == FIELDS_OF_A_RESULT
    assert result["intervals_over"] == "images"  # nobody says who wrote which digit
    assert result["run_id"] == run.id
    assert set(result["test"]) == {"n", "accuracy", "balanced_accuracy", "auroc", "f1", "ece", "loss", "recall"}
    accuracy = result["test"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert 0 < result["majority_baseline"] < 0.2
    assert np.sum(result["confusion"]) == result["test"]["n"] == result["data"]["images"]["test"]
    assert np.trace(result["confusion"]) / np.sum(result["confusion"]) == pytest.approx(accuracy["value"])
    assert result["epochs_run"] == len(result["history"]) == 2
    best = result["history"][result["best_epoch"] - 1]
    assert result["val"] == best["val"]
    assert best["val"]["loss"] == min(epoch["val"]["loss"] for epoch in result["history"])
    assert result["drift"]["head"] > 0
    assert {value for group, value in result["drift"].items() if group != "head"} == {0.0}
    assert result["trainable_params"] == 1024 * 10 + 10
    assert result["weights"]["source"] == "random"


def test_intervals_resample_patients_where_they_are_known():
    pictures, labels = np.zeros((4, 1, 1, 3), np.uint8), np.zeros(4, np.int64)
    split = Split(pictures, labels, tuple("abcd"))
    assert clusters_of(split) is None
    clusters = clusters_of(replace(split, patients=("p", "q", None, "p")))
    assert clusters[0] == clusters[3]
    assert len(set(clusters)) == 3


def test_the_events_come_in_order(done: tuple[Run, dict]):
    run, _ = done
    kinds = _kinds(run)
    assert set(kinds) <= {"progress", "notice", "plan", "step", "epoch"}
    assert kinds.index("plan") < kinds.index("step") < kinds.index("epoch")
    assert kinds.count("epoch") == 2
    events = run.events()[0]
    first = next(event for event in events if event["type"] == "step")
    assert first["step"] == 1
    plan = next(event for event in events if event["type"] == "plan")
    assert plan["steps"] == first["steps"] == 2 * plan["steps_per_epoch"] == 10
    steps = [event["t"] for event in events if event["type"] == "step"]
    assert all(later - earlier > 0.2 for earlier, later in itertools.pairwise(steps))


def test_its_files(done: tuple[Run, dict]):
    run, result = done
    with np.load(run.path / "predictions.npz") as saved:
        probabilities, labels, ids = saved["probabilities"], saved["labels"], saved["ids"]
    assert probabilities.shape == (result["test"]["n"], 10)
    assert (probabilities.argmax(1) == labels).mean() == pytest.approx(result["test"]["accuracy"]["value"])
    confidences = [error["confidence"] for error in result["errors"]]
    assert confidences == sorted(confidences, reverse=True)
    assert len(confidences) == min(24, int((probabilities.argmax(1) != labels).sum()))
    for error in result["errors"]:
        place = list(ids).index(error["id"])
        assert error["predicted"] != error["truth"] == result["classes"][labels[place]]
        assert error["confidence"] == pytest.approx(probabilities[place].max())
        with Image.open(run.path / error["file"]) as picture:
            assert picture.size == (32, 32)
    wrong = probabilities.argmax(1) != labels
    assert confidences[0] == pytest.approx(probabilities[wrong].max())


def test_the_saved_weights_give_back_the_network(done: tuple[Run, dict]):
    run, result = done
    with safe_open(run.path / "weights.safetensors", "pt") as file:
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = file.metadata()
    assert set(kept) == {"classifier.weight", "classifier.bias"}
    assert header["backbone"] == FIELDS["backbone"]
    assert json.loads(header["classes"]) == result["classes"]
    assert json.loads(header["preprocessing"])["mean"]
    network = build(FIELDS["backbone"], classes=10, start="random", seed=0, image_size=32)
    network.module.load_state_dict(kept, strict=False)
    with closing(EventWriter(run)) as events:
        data = job.load_data(make(RunSpec, **FIELDS), job.Reporter(run, events))
    machine = choose("cpu", "float32")
    machine.place(network.module)
    again = predict(Route(network, machine, {"test": data.test}, 0, False, False), "test", batch_size=32)
    with np.load(run.path / "predictions.npz") as saved:
        assert np.abs(again - saved["probabilities"]).max() < 1e-5


def test_the_same_spec_gives_the_same_numbers(done: tuple[Run, dict], tmp_path: Path):
    _, first = done
    second = _train(_run(tmp_path))
    for name in ("test", "val", "confusion", "drift", "errors", "best_epoch"):
        assert first[name] == second[name], name


class Stopped(Exception):
    """Stands for a kill."""


def test_a_killed_job_goes_on_from_its_checkpoint_with_the_same_numbers(
    done: tuple[Run, dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _, expected = done
    run = _run(tmp_path)

    class Killed(EventWriter):
        def write(self, kind: str, **fields: object) -> dict:
            event = super().write(kind, **fields)
            if kind == "step" and fields["epoch"] == 1:
                raise Stopped
            return event

    monkeypatch.setattr("tlcore.training.report.SECONDS_BETWEEN", 0.0)
    with closing(Killed(run)) as events, pytest.raises(Stopped):
        job.train(run, events)
    assert (run.path / "checkpoint" / "state.safetensors").is_file()
    result = _train(run)
    resumed = [event for event in run.events()[0] if event["type"] == "resumed"]
    assert [(event["step"], event["epoch"]) for event in resumed] == [(5, 1)]
    for name in ("test", "val", "confusion", "drift", "errors", "best_epoch", "epochs_run"):
        assert result[name] == expected[name], name


def test_cancelling_stops_a_run_while_it_prepares_and_while_it_trains(tmp_path: Path):
    run = _run(tmp_path)
    run.request_cancel()
    with pytest.raises(Cancelled):
        _train(run)
    assert _kinds(run) == []

    run = _run(tmp_path, epochs=1000)

    class Impatient(EventWriter):
        def write(self, kind: str, **fields: object) -> dict:
            if kind == "epoch":
                run.request_cancel()
            return super().write(kind, **fields)

    with closing(Impatient(run)) as events, pytest.raises(Cancelled):
        job.train(run, events)
    assert _kinds(run).count("epoch") == 1, "it looks at every step"


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"dataset": "natural-photos"}, DataError, "no labels"),
        ({"backbone": "vit_small_patch14_reg4_dinov2", "image_size": 30}, SpecError, "multiples of 14"),
        ({"strategy": "lp-ft", "epochs": 1}, SpecError, "at least 2 epochs"),
        ({"dataset": "no-such-dataset"}, ThawError, "no-such-dataset"),
        ({"backbone": "no_such_backbone"}, UnknownName, "no_such_backbone"),
        ({"precision": "float16"}, SpecError, "needs a GPU"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_read(tmp_path: Path, fields: dict, error: type, words: str):
    run = _run(tmp_path, **fields)
    with pytest.raises(error, match=words) as refused:
        _train(run)
    assert refused.value.next_step
    assert "progress" not in _kinds(run)


def test_a_dataset_with_one_class_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = job.load

    def one_class(*arguments: object, **fields: object):
        return replace(whole(*arguments, **fields), classes=("0",))

    monkeypatch.setattr(job, "load", one_class)
    with pytest.raises(DataError, match="only one class here: 0"):
        _train(_run(tmp_path))


def test_a_spec_of_another_kind_is_refused(tmp_path: Path):
    with pytest.raises(SpecError, match="not a training run"):
        _train(create(tmp_path, CheckSpec(dataset="digits")))
