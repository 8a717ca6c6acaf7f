"""Heads in whole runs: only a linear one is solved, what is kept of each picture is what the head looks at, and they resume."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tlcore import run as run_now
from tlcore.errors import SpecError
from tlcore.runs import EventWriter, create, open_run
from tlcore.spec import DialSpec, MeasureSpec, RunSpec
from tlcore.strategies import Strategy, preset
from tlcore.strategies.head import head_params
from tlcore.strategies.start import Random
from tlcore.training import job

FIELDS = {
    "backbone": "test_resnet",  # small, and in no catalogue
    "dataset": "digits",
    "device": "cpu",
    "precision": "float32",
    "image_size": 64,
    "images_per_class": 3,
    "epochs": 2,
    "batch_size": 16,
    "augment": False,
    "lr": 0.01,
    "strategy": preset("random-features"),
}


INPUTS = 96  # features that its head sees


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, _own_cache: None) -> dict[str, dict]:
    """A run with each head, one after the other, on the same cache."""
    runs = tmp_path_factory.mktemp("runs")
    return {
        head: run_now(RunSpec(**FIELDS, head=head), runs_dir=runs, progress=False)
        for head in ("linear", "attention", "mlp", "cosine")
    }


def test_only_a_linear_head_is_solved(results: dict[str, dict]) -> None:
    solvers = {head: result["cut"]["phases"][0]["solver"] for head, result in results.items()}
    assert solvers == {"linear": "lbfgs", "attention": "steps", "mlp": "steps", "cosine": "steps"}
    assert all(result["history"][1]["val"]["loss"] < result["history"][0]["val"]["loss"] * 1.5 for result in results.values())


def test_each_plan_counts_its_own_head(results: dict[str, dict]) -> None:
    for head, result in results.items():
        assert result["trainable_params"] == head_params(head, INPUTS, 10)


def test_what_is_kept_of_a_picture_is_what_its_head_looks_at(results: dict[str, dict]) -> None:
    """96 features, or as many at each of 2 x 2 positions, 4 bytes each; the two never read each other's rows."""
    images = {head: sum(result["data"]["images"].values()) for head, result in results.items()}
    bytes_of = {head: result["cut"]["phases"][0]["bytes"] / images[head] for head, result in results.items()}
    assert bytes_of == {"linear": 384, "mlp": 384, "cosine": 384, "attention": 1536}
    shapes = {head: result["cut"]["prefix"]["shapes"]["head"] for head, result in results.items()}
    assert shapes["attention"] == [INPUTS, 2, 2]
    assert shapes["linear"] == shapes["mlp"] == [INPUTS]
    computed = {head: result["cut"]["passes"]["computed"] for head, result in results.items()}
    assert computed["linear"] > 0
    assert computed["attention"] == computed["linear"], "maps are rows of their own"
    assert computed["mlp"] == computed["cosine"] == 0, "and pooled features are shared by the heads that look at them"


@pytest.mark.parametrize("head", ["mlp", "attention"])
def test_cut_and_uncut_training_agree(tmp_path: Path, head: str) -> None:
    spec = RunSpec(**FIELDS | {"strategy": Strategy(start=Random())}, head=head)
    cut, uncut = (run_now(spec.model_copy(update={"cut": cut}), runs_dir=tmp_path, progress=False) for cut in ("auto", "off"))
    assert cut["cut"]["phases"][0]["kind"] == "kept"
    for one, other in zip(cut["history"], uncut["history"], strict=True):
        assert one["val"]["loss"] == pytest.approx(other["val"]["loss"], abs=2e-3)


class Stopped(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("head", ["mlp", "cosine", "attention"])
def test_killed_between_two_steps_it_goes_on_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str) -> None:
    """Dropout in the MLP draws what it would have drawn; the scale of the cosines and the query go on too."""
    spec = RunSpec(**FIELDS, head=head)
    expected = run_now(spec, runs_dir=tmp_path, progress=False)
    whole = load_file(open_run(tmp_path, expected["run_id"]).path / "weights.safetensors")
    run = create(tmp_path, spec)

    class Killed(EventWriter):
        def write(self, kind: str, **fields: object) -> dict:
            event = super().write(kind, **fields)
            if kind == "step" and fields["step"] == 3:
                raise Stopped
            return event

    monkeypatch.setattr("tlcore.training.report.SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr("tlcore.training.checkpoint.EVERY_SECONDS", 0.0)
    monkeypatch.setattr("tlcore.training.checkpoint.MOST_TIME_SHARE", 1e9)
    with closing(Killed(run)) as events, pytest.raises(Stopped):
        job.train(run, events)
    with closing(EventWriter(run)) as events:
        result = job.train(run, events)
    assert [event["step"] for event in run.events()[0] if event["type"] == "resumed"] == [2]
    assert (result["test"], result["val"]) == (expected["test"], expected["val"])
    again = load_file(run.path / "weights.safetensors")
    assert again.keys() == whole.keys()
    assert all(torch.equal(tensor, whole[name]) for name, tensor in again.items())


def test_a_measurement_builds_the_head_it_is_asked_about(tmp_path: Path) -> None:
    asked = RunSpec(**FIELDS, head="attention")
    measured = run_now(
        MeasureSpec(run=asked, train_images=30, val_images=100, test_images=100, classes=10), runs_dir=tmp_path, progress=False
    )
    assert measured["plan"]["trainable_params"] == head_params("attention", INPUTS, 10)
    assert measured["cut"]["phases"][0]["bytes"] == 230 * 1536
    assert measured["cut"]["phases"][0]["solver"] == "steps"


def test_a_dial_with_another_head_takes_steps(tmp_path: Path) -> None:
    asked = DialSpec(run=RunSpec(**FIELDS, head="mlp"), images=20, val_images=20, epochs=1)
    levels = run_now(asked, runs_dir=tmp_path, progress=False)["levels"]
    assert levels[0]["trainable_params"] == head_params("mlp", INPUTS, 10)


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_100", "vgg11_bn"])
def test_attention_without_a_map_is_refused_before_there_is_a_folder(tmp_path: Path, backbone: str) -> None:
    with pytest.raises(SpecError, match="no map"):
        run_now(RunSpec(**FIELDS | {"backbone": backbone}, head="attention"), runs_dir=tmp_path / "runs", progress=False)
    assert not (tmp_path / "runs").exists()
