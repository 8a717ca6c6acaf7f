"""Whole runs that carry source probes, alone and in a chain, with noise in place of the real sources."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.source_probes.made import SIDE, SMALL
from tlcore import run as run_now
from tlcore.errors import Cancelled
from tlcore.runs import EventWriter, create, open_run
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy, preset
from tlcore.strategies.scope import All, HeadOnly, LoRA
from tlcore.strategies.start import FromRun
from tlcore.training import job
from tlcore.training.report import Reporter

ALL = ("imagenet-cifar10", "natural-photos", "earlier-tasks")
pytestmark = pytest.mark.slow


def _spec(own_weights: Path, **fields: object) -> RunSpec:
    strategy = preset("full").model_copy(update={"scope": All(batchnorm="trained")})
    given = {
        "backbone": SMALL,
        "weights": str(own_weights),
        "dataset": "digits",
        "device": "cpu",
        "precision": "float32",
        "image_size": SIDE,
        "images_per_class": 4,
        "epochs": 2,
        "batch_size": 16,
        "lr": 0.02,
        "strategy": strategy,
        "source_images": 30,
    }
    return RunSpec(**given | fields)


def _train(runs: Path, spec: RunSpec) -> tuple[dict, list[dict]]:
    result = run_now(spec, runs_dir=runs, progress=False)
    return result, open_run(runs, result["run_id"]).events()[0]


def _of(events: list[dict], kind: str) -> list[dict]:
    return [event for event in events if event["type"] == kind]


def test_a_run_tells_what_it_still_knows_and_trains_as_without(own_weights: Path, tmp_path: Path) -> None:
    plain, _ = _train(tmp_path, _spec(own_weights))
    result, events = _train(tmp_path, _spec(own_weights, source_probes=ALL))
    weights = [load_file(tmp_path / one["run_id"] / "weights.safetensors") for one in (plain, result)]
    assert all((weights[0][name] == tensor).all() for name, tensor in weights[1].items())
    assert set(weights[0]) == set(weights[1])
    assert result["test"] == plain["test"]
    assert not {"source", "forgetting", "source_seconds"} & set(plain)

    kinds = [event["type"] for event in events]
    (first,) = _of(events, "source")
    assert kinds.index("plan") < kinds.index("source") < kinds.index("step")
    assert set(first["sources"]) == {"imagenet-cifar10", "natural-photos"} == set(_of(events, "plan")[-1]["source"])
    assert _of(events, "plan")[-1]["source"]["imagenet-cifar10"]["images"] == 30
    assert first["sources"]["natural-photos"] == {"value": 1.0, "knn": None, "kl": 0.0}
    epochs = _of(events, "epoch")
    assert result["source"]["natural-photos"]["by_epoch"] == [event["source"]["natural-photos"]["value"] for event in epochs]
    best = epochs[result["best_epoch"] - 1]["source"]
    for name, told in result["source"].items():
        assert told["before"]["value"] == first["sources"][name]["value"]
        assert told["after"]["value"] == best[name]["value"]
        assert told["kl"] == best[name]["kl"]
    assert result["source"]["natural-photos"]["lost"]["value"] > 0
    assert result["forgetting"]["source"] == "imagenet-cifar10"
    assert 0 < result["source_seconds"] < result["seconds"]
    assert any("no earlier task" in notice for notice in result["notices"])


def test_a_run_that_was_stopped_goes_on_with_the_same_source_numbers(
    own_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = _spec(own_weights, source_probes=ALL[:2])
    whole, _ = _train(tmp_path, spec)
    run = create(tmp_path, spec)
    passed_on, pass_on = [], Reporter.pass_on

    def stop(self: Reporter, event: dict) -> None:
        pass_on(self, event)
        passed_on.append(event["type"])
        if passed_on.count("epoch") == 1 and passed_on[-1] == "step":  # the first epoch's checkpoint is written
            raise Cancelled("Stop.")

    with closing(EventWriter(run)) as events:
        with monkeypatch.context() as patch:
            patch.setattr(Reporter, "pass_on", stop)
            with pytest.raises(Cancelled):
                job.train(run, events)
        result = job.train(run, events)
    assert _of(run.events()[0], "resumed")
    first, again = _of(run.events()[0], "source")
    assert first["sources"] == again["sources"]
    assert result["source"] == whole["source"]
    assert result["forgetting"] == whole["forgetting"]


def test_what_lora_forgets_is_read_from_its_adapted_network(own_weights: Path, tmp_path: Path) -> None:
    strategy = Strategy(scope=LoRA(rank=2))
    result, _ = _train(tmp_path, _spec(own_weights, strategy=strategy, source_probes=("natural-photos",), lr=0.05))
    told = result["source"]["natural-photos"]
    assert told["before"]["value"] == 1.0, "LoRA begins as nothing"
    assert told["kl"] > 0


def test_each_earlier_task_is_asked_by_its_own_head(own_weights: Path, tmp_path: Path) -> None:
    """A's accuracy is what its own run measured, for as long as nothing moves; ImageNet's head comes from the first start."""
    a, _ = _train(tmp_path, _spec(own_weights, seed=1))
    shared = {"weights": None, "source_probes": ALL, "source_images": 5000}
    head_only = Strategy(scope=HeadOnly(), start=FromRun(run_id=a["run_id"]))
    b, _ = _train(tmp_path, _spec(own_weights, strategy=head_only, head="mlp", **shared))
    task = f"task:{a['run_id']}"
    told = b["source"][task]
    assert told["images"] == a["test"]["n"]
    assert told["before"]["value"] == pytest.approx(a["test"]["accuracy"]["value"])
    assert told["after"] == told["before"]
    assert told["title"] == f"Earlier task, Handwritten digits (run {a['run_id'][-4:]})"
    photos = b["source"]["natural-photos"]
    assert photos["before"]["value"] < 1, "the pretrained network's answers, not those that A left"
    assert photos["lost"]["value"] == 0

    whole = Strategy(scope=All(), start=FromRun(run_id=b["run_id"], head="fresh"))
    c, _ = _train(tmp_path, _spec(own_weights, strategy=whole, **shared))
    names = [task, f"task:{b['run_id']}"]
    assert [name for name in c["source"] if name.startswith("task:")] == names
    assert c["source"][names[1]]["before"]["value"] == pytest.approx(b["test"]["accuracy"]["value"])
    assert c["source"][names[0]]["before"] == told["before"], "B moved its head alone"
    assert c["source"][names[0]]["lost"]["value"] != 0
