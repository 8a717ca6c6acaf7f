"""The probes of a run, made from noise in place of the real images: what is asked, and what is said where it cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.source_probes.made import CIFAR_IMAGES, PHOTOS, SIDE, SMALL, weights_file
from tlcore.data.load import load_sample
from tlcore.errors import Cancelled, DataError
from tlcore.models.network import Network, build
from tlcore.source_probes.look import log_probabilities
from tlcore.source_probes.probes import SourceProbes, make_probes
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.start import FromRun
from tlcore.training.machine import choose

BOTH = ("imagenet-cifar10", "natural-photos")
CPU = choose("cpu", "float32")


def _spec(**fields: object) -> RunSpec:
    return RunSpec(**{"backbone": SMALL, "dataset": "digits", "image_size": SIDE, "device": "cpu"} | fields)


def _network(spec: RunSpec) -> Network:
    return build(
        SMALL,
        classes=3,
        start=spec.strategy.start.kind,
        weights=spec.weights,
        seed=0,
        image_size=SIDE,
        head=spec.head,
    )


def _probes(spec: RunSpec, network: Network | None = None, names: tuple[str, ...] = BOTH, images: int = 30) -> SourceProbes:
    return make_probes(spec, network or _network(spec), CPU, Path("none"), names=names, images=images)


def test_pretrained_weights_are_asked_by_their_own_classifier(own_weights: Path) -> None:
    spec = _spec(weights=str(own_weights))
    network = _network(spec)
    torch.manual_seed(3)
    chance = torch.get_rng_state()
    made = _probes(spec, network)
    assert torch.equal(torch.get_rng_state(), chance)
    assert (dict(made.why), made.notices) == ({}, [])
    cifar, photos = made.probes["imagenet-cifar10"], made.probes["natural-photos"]
    assert cifar.images.shape == (30, SIDE, SIDE, 3)
    assert cifar.images.dtype == np.uint8
    assert cifar.classes[0] == "airplane"
    assert cifar.chance == 0.1
    assert all(name.startswith("test/") for name in cifar.ids)
    assert len(photos) == PHOTOS // 2 == made.images - 30
    assert all(int(name.rpartition("/")[2].removesuffix(".jpg")) % 2 for name in photos.ids), "the others are for replay"
    assert photos.classes[:2] == ("tench", "goldfish")
    assert len(photos.classes) == 1000
    looks = made.look(network, CPU)
    assert (looks["natural-photos"].value, looks["natural-photos"].kl) == (1.0, 0.0)
    logs = log_probabilities(network, CPU, cifar.images, network.source_head)
    assert looks["imagenet-cifar10"].answers.tolist() == (logs.exp() @ cifar.sums).argmax(1).tolist()


def test_the_images_hang_on_their_number_alone(own_weights: Path) -> None:
    one, other = _spec(weights=str(own_weights)), _spec(weights=str(own_weights), seed=9, strategy="full", head="mlp")
    first, second = _probes(one), _probes(other)
    for name in BOTH:
        assert first.probes[name].ids == second.probes[name].ids
        assert torch.equal(torch.from_numpy(first.probes[name].images), torch.from_numpy(second.probes[name].images))


def test_all_images_are_taken_where_there_are_fewer(own_weights: Path) -> None:
    assert len(_probes(_spec(weights=str(own_weights)), images=5000).probes["imagenet-cifar10"]) == CIFAR_IMAGES


def test_what_cannot_be_had_is_said_and_the_rest_is_there(own_weights: Path, tmp_path: Path) -> None:
    made = _probes(_spec(weights=str(own_weights)), names=(*BOTH, "earlier-tasks"))
    assert set(made.probes) == set(BOTH)
    assert made.notices == [
        "Earlier tasks of the chain: not asked. This run starts from no other run, so there is no earlier task."
    ]

    few = _probes(_spec(weights=str(weights_file(tmp_path, classes=7))))
    assert set(few.probes) == {"natural-photos"}, "agreement needs no known classes"
    assert few.probes["natural-photos"].classes[6] == "class 6"
    assert "knows 7 classes, and not ImageNet's 1,000" in few.why["imagenet-cifar10"]


def test_random_weights_and_an_attention_head_have_nothing_to_ask() -> None:
    random = _probes(_spec(strategy="from-scratch"))
    assert random.probes == {}
    assert "began at random" in random.why["natural-photos"]
    spec = _spec(backbone="resnet18", head="attention", image_size=64)
    network = build("resnet18", classes=3, start="random", seed=0, image_size=64, head="attention")
    attention = _probes(spec, network)
    assert attention.probes == {}
    assert all("attention head sees a map" in why for why in attention.why.values())


def test_where_a_run_of_the_chain_is_gone_a_sentence_says_so(own_weights: Path, tmp_path: Path) -> None:
    network = _network(_spec(weights=str(own_weights)))
    spec = _spec(strategy=Strategy(start=FromRun(run_id="20260101T000000-a-run-that-was-deleted-0a1b")))
    made = make_probes(spec, network, CPU, tmp_path, names=(*BOTH, "earlier-tasks"), images=30)
    assert made.probes == {}
    assert set(made.why) == {*BOTH, "earlier-tasks"}
    assert all("is not here any more" in why for why in made.why.values())


def test_without_the_images_the_run_goes_on(own_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "empty"))
    made = _probes(_spec(weights=str(own_weights)))
    assert made.probes == {}
    assert all("is not in the cache" in why or "network is switched off" in why for why in made.why.values())


def test_it_stops_when_asked_to(own_weights: Path) -> None:
    def stop(*_: object) -> None:
        raise Cancelled("Stop.")

    spec = _spec(weights=str(own_weights), image_size=40)  # not decoded yet: so there is progress
    with pytest.raises(Cancelled):
        make_probes(spec, _network(spec), CPU, Path("none"), names=BOTH, images=30, progress=stop)


def test_a_sample_is_of_the_split_that_was_asked_for_and_of_the_classes_that_were() -> None:
    train, test = (load_sample("digits", images=9, image_size=SIDE, split=split) for split in ("train", "test"))
    assert len(train) == len(test) == 9
    assert not set(train.ids) & set(test.ids)
    with pytest.raises(DataError, match="no longer of the classes cat, dog"):
        load_sample("digits", images=9, image_size=SIDE, classes=("cat", "dog"))
