"""What every group answers, for every source: the numbers of the parts, and nulls that say why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.analysis.small_layers import GROUPS, RUN, SPEC, Done, do, few_images, pretend
from tlcore.analysis import layers as job
from tlcore.analysis import looking
from tlcore.analysis.answers import DIVERGED, NO_CLASSIFIER, NOT_ASKED, STILL, WHOLE
from tlcore.analysis.cka import cka
from tlcore.analysis.features import features, sites
from tlcore.analysis.hscore import hscore
from tlcore.analysis.leep import leep, nce
from tlcore.analysis.logme import logme
from tlcore.analysis.probe import probe
from tlcore.data.load import Dataset, load
from tlcore.models import network as networks
from tlcore.training.intervals import with_intervals
from tlcore.training.machine import choose

pytestmark = pytest.mark.usefixtures("small_layers")


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
    assert list(result["passes"]) == list(result["weights"]) == list(result["roots"]) == sources
    assert result["roots"]["random"] == result["roots"][sources[2]] == "random, seed 3, 10 classes", "the run began there"
    assert result["forward_seconds"] == pytest.approx(sum(result["passes"].values()))
    for group in result["groups"]:
        assert {"probe", "logme", "hscore", "leep", "nce", "cka", "drift", "why"} <= set(group)
        assert list(group["probe"]) == list(group["logme"]) == list(group["hscore"]) == sources
        assert list(group["hscore_by_chance"]) == sources
        assert all(0 < chance < 9 for chance in group["hscore_by_chance"].values())
        for probed in group["probe"].values():
            assert probed["images"] == 60
            for metric in ("accuracy", "balanced_accuracy", "auroc"):
                assert 0 <= probed[metric]["low"] <= probed[metric]["value"] <= probed[metric]["high"] <= 1
        assert set(group["cka"]) == {"pretrained ~ random", f"pretrained ~ {sources[2]}", f"random ~ {sources[2]}"}
        assert set(group["cka_interval"]) == set(group["cka"])
        for pair, (low, high) in group["cka_interval"].items():
            assert low - 1e-5 <= group["cka"][pair] <= high + 1e-5, "of these draws the middle holds the value"
    top = result["groups"][-1]
    assert max(group["probe"]["random"]["accuracy"]["value"] for group in result["groups"]) > 0.4, "digits can be told"
    assert top["why"] == {}
    assert {"leep": WHOLE, "nce": WHOLE}.items() <= result["groups"][0]["why"].items()
    assert set(result["rank"]) == {"source", "with", "groups", "logme", "hscore"}
    assert result["rank"]["groups"] == 7
    advice = result["recommendation"]
    assert advice["labelled"] == 1257, "those of a run, not only the 100 that were looked at"
    assert advice["group"] in [*GROUPS, "head"]
    assert " best" in advice["evidence"][0]  # which group, or which groups alike
    costs = [line for line in advice["evidence"] if line.startswith("Its cost: ")]
    assert len(costs) == (advice["group"] != "head"), "what learns then is said of every level but the head alone"
    assert advice["evidence"][-1].startswith("These images differ from everyday photographs")


@pytest.mark.slow
def test_its_numbers_are_those_of_the_parts(answered: Done) -> None:
    """The rows taken anew and given to each function by hand."""
    _, result = answered
    data, machine = few_images(), choose("cpu", "float32")
    train, val, test = (getattr(data, name) for name in ("train", "val", "test"))
    rows = {}
    for source in ("pretrained", "random"):
        network = pretend(RUN.backbone, start=source, classes=10, seed=3, image_size=32)
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
        rng = np.random.default_rng(0)
        by_chance = [hscore(a, rng.permutation(train.labels)) for _ in range(20)]
        spread = np.std(by_chance) / np.sqrt(20)
        assert group["hscore_by_chance"]["pretrained"] == pytest.approx(np.mean(by_chance), abs=5 * spread)
        assert group["cka"]["pretrained ~ random"] == pytest.approx(cka(one, rows["random"][group["name"]]), abs=1e-6)
    logits = rows["pretrained"]["logits"][:100].astype(np.float64)
    answers = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert result["groups"][-1]["leep"] == pytest.approx(leep(answers, train.labels))
    assert result["groups"][-1]["nce"] == pytest.approx(nce(logits.argmax(1), train.labels))


@pytest.mark.slow
def test_random_weights_alone_leave_nulls_that_say_why(layers_runs: Path) -> None:
    run, result = do(layers_runs, SPEC.model_copy(update={"sources": ("random",), "images": 100}))
    top = result["groups"][-1]
    assert (top["leep"], top["nce"], top["cka"], top["drift"]) == (None, None, {}, {})
    assert top["why"]["leep"] == NOT_ASKED
    assert set(top["why"]) == {"leep", "nce", "cka", "drift", "shift"}
    assert not any("Random weights reach" in sentence for sentence in result["recommendation"]["evidence"])
    told = [event for event in run.events()[0] if event["type"] == "progress"]
    assert {"Looking at the images, random weights", "Asking the groups"} <= {event["what"] for event in told}
    assert {event["total"] for event in told if event["what"] == "Asking the groups"} == {7}


@pytest.mark.slow
def test_blocks_weights_without_a_classifier_and_a_network_that_diverged(
    layers_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str, *, start: str, **options: Any) -> networks.Network:
        network = pretend(name, start=start, **options)
        network.source_head = None
        if start == "random":
            network.module.blocks[3][0].conv_pw.weight.data.fill_(torch.nan)
        return network

    monkeypatch.setattr(looking, "build", broken)
    _, result = do(layers_runs, SPEC.model_copy(update={"blocks": True, "images": 100}))
    json.dumps(result, allow_nan=False)
    names = [entry["name"] for entry in result["groups"]]
    assert [name for name in names if name in GROUPS] == GROUPS
    assert "blocks.1.0" in names
    entries = dict(zip(names, result["groups"], strict=True))
    assert entries["blocks.1.0"]["group"] == "stage 2"
    assert entries["stage 2"]["probe"]["random"] is not None
    assert entries["stage 4"]["probe"]["random"] is None
    assert entries["stage 4"]["logme"]["random"] is None
    assert entries["stage 4"]["hscore"]["random"] is None
    assert entries["stage 4"]["hscore_by_chance"].get("random") is None
    assert entries["stage 4"]["hscore_by_chance"]["pretrained"] > 0
    assert "not finite" in entries["stage 4"]["why"]["probe"]
    assert entries["stage 6"]["why"]["leep"] == NO_CLASSIFIER
    assert entries["stem"]["why"]["cka"] == DIVERGED
    assert result["recommendation"] is not None, "it is told by the pretrained weights"


@pytest.mark.slow
def test_patients_are_drawn_whole(layers_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def owned(*_: object) -> Dataset:
        data = load("digits", image_size=32, seed=3)
        test = replace(data.test, patients=tuple(f"p{i // 30}" for i in range(len(data.test))))
        return replace(data, test=test)

    monkeypatch.setattr(job, "load_data", owned)
    _, result = do(layers_runs, SPEC.model_copy(update={"sources": ("random",), "images": 100}))
    assert result["intervals_over"] == "patients"
    assert "patients" in result["recommendation"]["evidence"][1]


@pytest.mark.slow
def test_a_group_that_is_the_same_for_every_image_has_no_cka(layers_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def still(name: str, *, start: str, **options: Any) -> networks.Network:
        network = pretend(name, start=start, **options)
        if start == "random":
            last = network.module.blocks[1][-1].bn3
            torch.nn.init.zeros_(last.weight)
            for block in network.module.blocks[1]:
                block.has_skip = False
        return network

    monkeypatch.setattr(looking, "build", still)
    _, result = do(layers_runs, SPEC.model_copy(update={"images": 100, "embed": (), "photographs": 0}))
    json.dumps(result, allow_nan=False)
    entry = next(entry for entry in result["groups"] if entry["name"] == "stage 2")
    assert entry["cka"] == {"pretrained ~ random": None}
    assert entry["why"]["cka"] == f"stage 2 {STILL}"
