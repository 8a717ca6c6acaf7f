"""The layers job on a small backbone and digits: random weights stand in for pretrained ones, and a real run lies beside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tlcore.analysis import layers as job
from tlcore.analysis import looking
from tlcore.analysis.answers import DIVERGED, NO_CLASSIFIER, NOT_ASKED, WHOLE
from tlcore.analysis.cka import cka
from tlcore.analysis.features import features, sites
from tlcore.analysis.hscore import hscore
from tlcore.analysis.leep import leep, nce
from tlcore.analysis.logme import logme
from tlcore.analysis.probe import probe
from tlcore.data.load import Dataset, Split, load
from tlcore.errors import AssetError, Cancelled, DataError, RunNotFound, SpecError
from tlcore.models import network as networks
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import LayersSpec, RunSpec, parse
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Top
from tlcore.strategies.start import Random
from tlcore.training.intervals import with_intervals
from tlcore.training.job import train
from tlcore.training.machine import choose

RUN = RunSpec(backbone="mobilenetv3_small_100", dataset="digits", image_size=32, device="cpu", seed=3)
SPEC = LayersSpec(run=RUN, images=200, photographs=50)
GROUPS = ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "stage 5", "stage 6"]
OLD_CLASSES = 7
Done = tuple[Run, dict[str, Any]]  # a run and its result


def _pretend(name: str, *, start: str, weights: str | None = None, **options: Any) -> networks.Network:
    """Random weights of another seed, with a classifier of another task, where pretrained ones are asked for."""
    if start == "random":
        return networks.build(name, start="random", weights=weights, **options)
    network = networks.build(name, start="random", **options | {"seed": options["seed"] + 100})
    network.provenance["text"] = "Trained on photographs by nobody."
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.source_head = nn.Linear(network.head.in_features, OLD_CLASSES).requires_grad_(False)
    return network


def _photographs(*_: object, image_size: int, **__: object) -> Split:
    """Noise, where photographs are asked for."""
    pictures = np.random.default_rng(0).integers(0, 256, (60, image_size, image_size, 3), dtype=np.uint8)
    return Split(pictures, np.zeros(60, dtype=np.int64), tuple(map(str, range(60))))


@pytest.fixture(scope="module", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("THAW_OFFLINE", "1")
        patch.setattr(looking, "build", _pretend)
        patch.setattr(looking, "load_unlabelled", _photographs)
        yield


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def _do(runs_dir: Path, spec: LayersSpec) -> Done:
    run = create(runs_dir, spec)
    with closing(EventWriter(run)) as events:
        return run, job.layers(run, events)


@pytest.fixture(scope="module")
def trained(runs_dir: Path) -> Done:
    """A run from random weights that moved its top two groups and its head, one epoch."""
    strategy = Strategy(scope=Top(count=2, batchnorm="trained"), start=Random())
    run = create(runs_dir, RUN.model_copy(update={"strategy": strategy, "images_per_class": 12, "epochs": 1}))
    with closing(EventWriter(run)) as events:
        result = train(run, events)
    run.write_result(result)
    run.write_status(replace(run.status(), state="done"))
    return run, result


@pytest.fixture(scope="module")
def answered(runs_dir: Path, trained: Done) -> Done:
    return _do(runs_dir, SPEC.model_copy(update={"runs": (trained[0].id,)}))


def _few() -> Dataset:
    return job._few(load("digits", image_size=32, seed=3), SPEC)


@pytest.mark.slow
def test_every_group_answers_for_every_source(answered: Done, trained: Done) -> None:
    _, result = answered
    sources = ["pretrained", "random", trained[0].id]
    json.dumps(result, allow_nan=False)  # never NaN
    assert [group["name"] for group in result["groups"]] == GROUPS
    assert [group["band"] for group in result["groups"]] == ["bottom"] * 2 + ["middle"] * 3 + ["top"] * 2
    assert result["images"] == {"train": 100, "val": 40, "test": 60}
    assert result["intervals_over"] == "images"
    assert 0.1 <= result["majority_baseline"] < 0.15
    assert list(result["passes"]) == list(result["weights"]) == sources
    assert result["forward_seconds"] == pytest.approx(sum(result["passes"].values()))
    for group in result["groups"]:
        assert {"probe", "logme", "hscore", "leep", "nce", "cka", "drift", "why"} <= set(group)
        assert list(group["probe"]) == list(group["logme"]) == list(group["hscore"]) == sources
        for probed in group["probe"].values():
            assert probed["images"] == 60
            for metric in ("accuracy", "balanced_accuracy", "auroc"):
                assert 0 <= probed[metric]["low"] <= probed[metric]["value"] <= probed[metric]["high"] <= 1
        assert set(group["cka"]) == {"pretrained ~ random", f"pretrained ~ {sources[2]}", f"random ~ {sources[2]}"}
    top = result["groups"][-1]
    assert max(group["probe"]["random"]["accuracy"]["value"] for group in result["groups"]) > 0.4, "digits can be told"
    assert top["why"] == {}
    assert {"leep": WHOLE, "nce": WHOLE}.items() <= result["groups"][0]["why"].items()
    assert set(result["rank"]) == {"source", "with", "groups", "logme", "hscore"}
    assert result["rank"]["groups"] == 7
    advice = result["recommendation"]
    assert advice["group"] in [*GROUPS[1:], "head"]
    assert len(advice["evidence"]) == 4


@pytest.mark.slow
def test_its_numbers_are_those_of_the_parts(answered: Done) -> None:
    """The rows taken anew and given to each function by hand."""
    _, result = answered
    data, machine = _few(), choose("cpu", "float32")
    train, val, test = (getattr(data, name) for name in ("train", "val", "test"))
    rows = {}
    for source in ("pretrained", "random"):
        network = _pretend(RUN.backbone, start=source, classes=10, seed=3, image_size=32)
        machine.place(network.module)
        images = np.concatenate([train.images, val.images, test.images])
        rows[source] = features(network, machine, images, sites=sites(network))
    for group in result["groups"]:
        one = rows["pretrained"][group["name"]]
        a, b, c = one[:100], one[100:140], one[140:]
        found = probe(a, train.labels, b, val.labels, c, classes=10)
        judged = with_intervals(found.probabilities, test.labels, data.classes, seed=3)
        assert group["probe"]["pretrained"]["auroc"] == judged["auroc"]
        assert group["probe"]["pretrained"]["accuracy"] == judged["accuracy"]
        assert group["probe"]["pretrained"]["penalty"] == found.penalty
        assert group["logme"]["pretrained"] == pytest.approx(logme(a, train.labels))
        assert group["hscore"]["pretrained"] == pytest.approx(hscore(a, train.labels))
        assert group["cka"]["pretrained ~ random"] == pytest.approx(cka(one, rows["random"][group["name"]]), abs=1e-6)
    logits = rows["pretrained"]["logits"][:100].astype(np.float64)
    answers = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert result["groups"][-1]["leep"] == pytest.approx(leep(answers, train.labels))
    assert result["groups"][-1]["nce"] == pytest.approx(nce(logits.argmax(1), train.labels))


@pytest.mark.slow
def test_what_a_run_moved_and_what_it_left(answered: Done, trained: Done) -> None:
    _, result = answered
    run, training = trained
    for group in result["groups"]:
        drift, alike = group["drift"][run.id], group["cka"][f"random ~ {run.id}"]
        assert drift == pytest.approx(training["drift"][group["name"]], rel=1e-4), "what the run itself says"
        if group["name"] in GROUPS[-2:]:
            assert drift > 0
            assert alike < 1 - 1e-6
        else:
            assert drift == 0
            assert alike == pytest.approx(1)
            assert group["probe"]["random"] == group["probe"][run.id], "the same weights as the random ones of this seed"
    moves = result["moved"][run.id]
    assert list(moves) == [*GROUPS, "head"]
    assert moves["stem"]["activation_drift"] == 0
    assert moves["stage 6"]["activation_drift"] > 0
    assert moves["stage 6"]["fisher_after"] > 0
    assert moves["stem"]["activation_drift_source"] == 0
    assert moves["stage 6"]["activation_drift_source"] > 0
    assert moves["head"]["activation_drift_source"] is None
    assert moves["head"]["why"]["activation_drift_source"] == looking.NO_DRIFT_ON_PHOTOGRAPHS


@pytest.mark.slow
def test_digits_are_far_from_noise_at_every_depth(answered: Done, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, result = answered
    assert result["shift"] == {"source": looking.PHOTOGRAPHS, "photographs": 50}
    for group in result["groups"]:
        found = group["shift"]
        assert found["floor"] < found["low"] <= found["shift"] <= found["high"] <= 1
        assert found["a_distance"]["value"] > found["a_distance"]["chance"]

    def unreachable(*_: object, **__: object) -> Split:
        raise AssetError("They cannot be fetched.", next_step="Connect once.")

    monkeypatch.setattr(looking, "load_unlabelled", unreachable)
    _, without = _do(runs_dir, SPEC.model_copy(update={"sources": ("pretrained",), "images": 60}))
    assert without["shift"] is None
    for group in without["groups"]:
        assert group["shift"] is None
        assert group["why"]["shift"] == "There are no photographs to hold the images against. They cannot be fetched."


@pytest.mark.slow
def test_arrays_for_figures_lie_in_the_folder(answered: Done) -> None:
    run, result = answered
    told = result["embedding"]
    with np.load(run.path / told["file"]) as arrays:
        assert arrays["pca-2-6"].shape == (60, 2)
        np.testing.assert_array_equal(arrays["labels"], _few().test.labels)
        np.testing.assert_array_equal(arrays["rows"], np.arange(140, 200))
    assert list(result["seen"]) == list(result["weights"])
    for about in result["seen"].values():
        assert about["looked_at"] == 200
        assert (run.path / about["file"]).is_file()
    assert (run.path / result["thumbnails"]["file"]).is_file()
    assert result["thumbnails"]["count"] == 200


@pytest.mark.slow
def test_random_weights_alone_leave_nulls_that_say_why(runs_dir: Path) -> None:
    run, result = _do(runs_dir, SPEC.model_copy(update={"sources": ("random",), "images": 100}))
    top = result["groups"][-1]
    assert (top["leep"], top["nce"], top["cka"], top["drift"]) == (None, None, {}, {})
    assert top["why"]["leep"] == NOT_ASKED
    assert set(top["why"]) == {"leep", "nce", "cka", "drift", "shift"}
    assert len(result["recommendation"]["evidence"]) == 3
    told = [event for event in run.events()[0] if event["type"] == "progress"]
    assert {"Looking at the images, random weights", "Asking the groups"} <= {event["what"] for event in told}
    assert {event["total"] for event in told if event["what"] == "Asking the groups"} == {7}


@pytest.mark.slow
def test_blocks_weights_without_a_classifier_and_a_network_that_diverged(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str, *, start: str, **options: Any) -> networks.Network:
        network = _pretend(name, start=start, **options)
        network.source_head = None
        if start == "random":
            network.module.blocks[3][0].conv_pw.weight.data.fill_(torch.nan)
        return network

    monkeypatch.setattr(looking, "build", broken)
    _, result = _do(runs_dir, SPEC.model_copy(update={"blocks": True, "images": 100}))
    json.dumps(result, allow_nan=False)
    names = [entry["name"] for entry in result["groups"]]
    assert [name for name in names if name in GROUPS] == GROUPS
    assert "blocks.1.0" in names
    entries = dict(zip(names, result["groups"], strict=True))
    assert entries["blocks.1.0"]["group"] == "stage 2"
    assert entries["stage 2"]["probe"]["random"] is not None
    assert entries["stage 4"]["probe"]["random"] is None
    assert entries["stage 4"]["logme"]["random"] is None
    assert "not finite" in entries["stage 4"]["why"]["probe"]
    assert entries["stage 6"]["why"]["leep"] == NO_CLASSIFIER
    assert entries["stem"]["why"]["cka"] == DIVERGED
    assert result["recommendation"] is not None, "it is told by the pretrained weights"


@pytest.mark.slow
def test_patients_are_drawn_whole(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def owned(*_: object) -> Dataset:
        data = load("digits", image_size=32, seed=3)
        test = replace(data.test, patients=tuple(f"p{i // 30}" for i in range(len(data.test))))
        return replace(data, test=test)

    monkeypatch.setattr(job, "load_data", owned)
    _, result = _do(runs_dir, SPEC.model_copy(update={"sources": ("random",), "images": 100}))
    assert result["intervals_over"] == "patients"
    assert "patients" in result["recommendation"]["evidence"][1]


def test_the_images_are_a_fair_part_of_each_split() -> None:
    whole = load("digits", image_size=32, seed=3)
    few = _few()
    for name, count in {"train": 100, "val": 40, "test": 60}.items():
        part, all_of_it = getattr(few, name), getattr(whole, name)
        assert len(part) == count
        assert set(part.ids) <= set(all_of_it.ids)
        shares = np.bincount(part.labels, minlength=10) / count, np.bincount(all_of_it.labels) / len(all_of_it)
        assert np.abs(shares[0] - shares[1]).max() <= 1.01 / count
    assert few.train.ids == _few().train.ids
    assert few.train.ids != job._few(whole, SPEC.model_copy(update={"run": RUN.model_copy(update={"seed": 4})})).train.ids
    everything = job._few(whole, SPEC.model_copy(update={"images": 100_000}))
    assert {len(everything.train), len(everything.val), len(everything.test)} == {
        len(whole.train),
        len(whole.val),
        len(whole.test),
    }


def test_a_rare_class_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load("digits", image_size=32, seed=3)
    rare = np.flatnonzero(whole.train.labels == 9)[1:]
    train = whole.train.part(np.setdiff1d(np.arange(len(whole.train)), rare))
    few = job._few(replace(whole, train=train), SPEC)
    assert (few.train.labels == 9).sum() == 1


def test_what_is_refused(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(runs_dir, RUN)
    with closing(EventWriter(run)) as events, pytest.raises(SpecError, match="does not ask what layers know"):
        job.layers(run, events)
    gone = "20250101T000000-nothing-0000"
    with pytest.raises(RunNotFound, match="is not here any more"):
        _do(runs_dir, SPEC.model_copy(update={"runs": (gone,)}))
    cancelled = create(runs_dir, SPEC)
    cancelled.request_cancel()
    with closing(EventWriter(cancelled)) as events, pytest.raises(Cancelled):
        job.layers(cancelled, events)
    whole = load("digits", image_size=32, seed=3)
    with pytest.raises(DataError, match="The val split has only 3 images"):
        job._few(replace(whole, val=whole.val.part(np.arange(3))), SPEC)


@pytest.mark.slow
def test_a_run_of_another_backbone_is_refused(runs_dir: Path, trained: Done) -> None:
    other = RUN.model_copy(update={"backbone": "resnet18"})
    with pytest.raises(SpecError, match="its weights do not fit resnet18"):
        _do(runs_dir, LayersSpec(run=other, runs=(trained[0].id,)))


def test_the_spec_goes_to_json_and_back_and_refuses_what_makes_no_sense() -> None:
    name = "20261120T224500-lite0-chest-xray-lp-ft-7f3a"
    spec = LayersSpec(run=RUN, runs=(name, name), embed=("pca", "tsne"))
    assert spec.runs == (name,)
    assert parse(spec.model_dump_json()) == spec
    assert (spec.lane, spec.slug()) == ("quick", "layers-mobilenetv3-small-100-digits")
    assert spec.started_from(name).strategy.start.run_id == name
    wrong: list[Callable[[], LayersSpec]] = [
        lambda: LayersSpec(run=RUN, runs=("../outside",)),
        lambda: LayersSpec(run=RUN, sources=()),
        lambda: LayersSpec(run=RUN, sources=("imagenet",)),
        lambda: LayersSpec(run=RUN, images=3),
    ]
    for make in wrong:
        with pytest.raises(SpecError, match="Correct the fields named"):
            make()
