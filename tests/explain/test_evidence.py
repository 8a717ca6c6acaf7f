"""What the evidence of a job is measured on: the class that was asked for, masked images, a person's one picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.analysis.watched import CPU
from tests.explain.small_run import SIDE, finished
from tlcore.analysis.start_probe import some
from tlcore.data.arriving import arrive
from tlcore.data.load import Dataset, load
from tlcore.errors import SpecError, UnknownName
from tlcore.explain import evidence
from tlcore.explain.answer import answers_of
from tlcore.explain.evidence import FEWEST_HELD_OUT, NO_MASKS, TAKES_MORE
from tlcore.explain.faithful import deletion_insertion
from tlcore.explain.inside import pointing, share
from tlcore.explain.job import explain
from tlcore.explain.maps import explain as explain_images
from tlcore.models.ended import ended
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import ExplainSpec, make
from tlcore.training.job import load_data
from tlcore.training.report import Reporter


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "thaw-cache"))
        yield finished(tmp_path_factory.mktemp("evidence"))


def asked(run: Run, **fields: Any) -> dict[str, Any]:
    job = create(run.path.parent, make(ExplainSpec, run_id=run.id, **{"each": 1, "start": False} | fields))
    with closing(EventWriter(job)) as events:
        return explain(job, events)


def data_of(run: Run) -> Dataset:
    job = create(run.path.parent, run.spec())
    with closing(EventWriter(job)) as events:
        return load_data(run.spec(), Reporter(job, events))


def test_the_tests_are_of_the_class_that_was_asked_for(run: Run) -> None:
    usual = asked(run, belief=["deletion", "stability"], belief_images=8)["belief"]
    other = asked(run, target="3", belief=["deletion", "stability"], belief_images=8)["belief"]
    data = data_of(run)
    network = ended(run, run.spec(), data.classes)
    CPU.place(network.module)
    images = some(data.test, 8).images
    shares = answers_of(network, CPU)(images)
    maps = explain_images(network, CPU, images, targets=np.full(8, 3)).values
    told = np.ptp(maps.reshape(8, -1), axis=1) > 0  # maps that are the same everywhere have no curve
    assert other["deletion"]["whole"] == pytest.approx(shares[told, 3].mean())
    assert other["deletion"]["whole"] < usual["deletion"]["whole"]  # what is answered is the likeliest
    assert other["stability"] != usual["stability"]
    assert not other["deletion"]["of_two"]


def test_and_of_one_class_against_another(run: Run) -> None:
    found = asked(run, target="3", against="8", belief=["deletion", "randomization"], belief_images=8)["belief"]
    assert found["deletion"]["of_two"]
    alone = asked(run, target="3", belief=["deletion", "randomization"], belief_images=8)["belief"]
    assert found["deletion"]["whole"] > alone["deletion"]["whole"]  # of two classes the share is the larger one
    assert found["randomization"][-1]["spearman"] != alone["randomization"][-1]["spearman"]


def test_curves_of_two_classes_by_hand() -> None:
    pictures = np.zeros((1, 8, 8, 3), np.uint8)
    pictures[0, :4] = 200

    def answer(images: np.ndarray) -> np.ndarray:
        bright = images[:, :, :, 0].mean((1, 2)) / 255
        return np.stack([0.2 * bright, 0.1 * (1 - bright), 1 - 0.2 * bright - 0.1 * (1 - bright)], 1)

    maps, first, second = np.arange(4.0).reshape(1, 2, 2), np.array([0]), np.array([1])
    curves = deletion_insertion(answer, pictures, maps, first, against=second)
    plain = deletion_insertion(answer, pictures, maps, first)
    whole, other = answer(pictures)[0, :2]
    assert curves.deletion["map"][0, 0] == pytest.approx(whole / (whole + other))
    assert plain.deletion["map"][0, 0] == pytest.approx(whole)
    gone = deletion_insertion(lambda images: np.eye(3)[np.full(len(images), 2)], pictures, maps, first, against=second)
    assert gone.deletion["map"][0, 0] == 0.5  # neither is answered at all


class TestMasks:
    """The lungs of digits: made-up masks, so that the whole way is taken without fetching anything."""

    def masks(self, data: Dataset, splits: Mapping[str, int]) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(0)
        ids = [one for name, count in splits.items() for one in getattr(data, name).ids[:count]]
        return {one: rng.random((SIDE, SIDE)) < 0.4 for one in ids}

    def test_held_out_images_count_where_there_are_enough(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        data = data_of(run)
        masks = self.masks(data, {"test": FEWEST_HELD_OUT, "train": 5})
        monkeypatch.setattr(evidence, "lung_masks", lambda *_, **__: masks)
        found = asked(run, belief=["inside"], belief_images=12)["belief"]["inside"]["run"]
        assert (found["masked"], found["trained_on"]) == (True, 0)
        assert found["images"] + found["silent"] == FEWEST_HELD_OUT
        network = ended(run, run.spec(), data.classes)
        CPU.place(network.module)
        maps = explain_images(network, CPU, np.asarray(data.test.images[:FEWEST_HELD_OUT])).values
        shapes = np.stack([masks[one] for one in data.test.ids[:FEWEST_HELD_OUT]])
        assert found["share"]["value"] == pytest.approx(np.nanmean(share(maps, shapes)))
        hits = pointing(maps, shapes)
        assert found["there"]["value"] == pytest.approx((hits[np.isfinite(hits)] > 0.5).mean())
        assert "of the positive evidence is inside the lungs" in " ".join(found["alarm"]["sentences"])

    def test_with_few_of_them_those_it_was_trained_on_count_and_are_counted(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = data_of(run)
        masks = self.masks(data, {"test": 3, "val": 2, "train": 5})
        monkeypatch.setattr(evidence, "lung_masks", lambda *_, **__: masks)
        found = asked(run, belief=["inside"], belief_images=8)["belief"]["inside"]["run"]
        assert found["trained_on"] == 5
        assert found["images"] + found["silent"] == 10

    def test_without_any_the_reason_stands(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(evidence, "lung_masks", lambda *_, **__: {})
        result = asked(run, belief=["inside"], belief_images=8)
        assert not result["belief"]["inside"]["run"]["masked"]
        assert result["why"]["inside"] == NO_MASKS


def test_a_region_is_counted_on_every_image(run: Run) -> None:
    region = (0.0, 0.5, 0.0, 1.0)
    found = asked(run, belief=["inside"], belief_images=8, region=region)["belief"]["inside"]["run"]
    assert (found["masked"], found["of"], found["trained_on"]) == (True, "the region", 0)
    assert found["chance"] == pytest.approx(0.5)
    assert found["images"] + found["silent"] == 8
    left = ["top left corner", "left edge", "bottom left corner"]
    edges = sum(found["where"]["regions"][name]["value"] for name in left)
    assert found["share"]["value"] >= edges  # which are a part of it
    assert "marked region" not in " ".join(found["alarm"]["sentences"])  # whether it is the right one nobody knows
    with pytest.raises(SpecError, match="no part of a picture"):
        make(ExplainSpec, run_id=run.id, region=(0.5, 0.2, 0, 1))


def test_galleries_choose_among_the_images_that_are_meant(run: Run) -> None:
    result = asked(run, each=3, only=["class=3", "class=8"])
    assert {told["truth"] for told in result["images"]} == {"3", "8"}
    for wrong, words in (("class=cat", "no value of 'class' named 'cat'"), ("sex=F", "no column of metadata named 'sex'")):
        with pytest.raises(UnknownName, match=words):
            asked(run, only=[wrong])


def test_one_picture_has_its_curves_and_the_rest_says_why_not(run: Run, tmp_path: Path) -> None:
    data = load("digits", image_size=SIDE)
    file = tmp_path / "seven.png"
    Image.fromarray(np.asarray(data.test.images[0])).save(file)
    arrived = arrive(file.read_bytes(), file.name)
    result = asked(run, picture=arrived.sha256, belief=["deletion", "inside"])
    curves = result["belief"]["deletion"]
    assert curves["images"] == 1
    assert curves["deletion"]["map"]["low"] is None  # one picture has no interval
    assert curves["whole"] == pytest.approx(result["picture"]["probability"], abs=1e-5)
    assert result["why"]["inside"] == TAKES_MORE
    assert "inside" not in result["belief"]
