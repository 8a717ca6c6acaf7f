"""The shortcut alarm on real runs: chest X-rays with a marker painted into one class, and the same films clean.

A linear probe on EfficientNet-Lite0 at 128 px, 60 films of each class to learn from: a case that is hard to notice, since the
frozen layers know nothing of markers and the head weighs them beside all else. Measured with 80 test films, marked and clean:

- At stage 6 the marked corner holds 5.0 (4.1 to 5.8) and 0.95 (0.6 to 1.4) times its area of the evidence for normal; 23 % and
  33 % of the evidence is in the lungs, where 30 % is chance.
- With that corner exchanged 26 % (18 to 37) and 6 % (3 to 14) of the answers change; with any other, 6 % at most in both.
- At the last group, whose cells have seen the whole film, the maps do not differ (0.9 and 0.7 times): there the answers tell.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.analysis.watched import CPU
from tlcore.data.catalogue import DATASETS
from tlcore.data.load import Dataset, load, load_those
from tlcore.data.masks import lung_masks
from tlcore.data.sources import listing, split_listing
from tlcore.explain.alarm import DENSE, HANGS, alarm
from tlcore.explain.answer import answers_of
from tlcore.explain.exchanged import exchanged
from tlcore.explain.inside import inside, where
from tlcore.explain.job import explain as explain_job
from tlcore.explain.maps import explain
from tlcore.explain.sanity import randomized
from tlcore.models.ended import ended
from tlcore.models.network import Network
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import ExplainSpec, RunSpec, make
from tlcore.training.job import train

pytestmark = [pytest.mark.slow, pytest.mark.network]

SIZE, CLASSES = 128, ("normal", "pneumonia")
FILMS = {"train": 60, "val": 10, "test": 30}  # of each class
CORNER, PLACE = "top left corner", "stage 6"  # the last group but one: its cells are 32 pixels, and have not seen everything


@dataclass
class Trained:
    """A finished run, and what there is to ask it about."""

    run: Run
    network: Network
    data: Dataset
    normal: np.ndarray  # its masked test films
    masks: np.ndarray

    def told(self, place: str) -> dict[str, Any]:
        """What the alarm says, from the maps of `place` and from parts exchanged; with its `where` and `inside`."""
        maps = explain(self.network, CPU, self.normal, place=place).values
        lies, found = where(maps, seed=0), inside(maps, self.masks, seed=0)
        if not hasattr(self, "parts"):
            self.parts = exchanged(answers_of(self.network, CPU), np.asarray(self.data.test.images), seed=0)
        return alarm(found, lies, self.parts) | {"where": lies, "inside": found, "by maps": alarm(found, lies)}


def as_the_product_asks(run: Run) -> dict[str, Any]:
    """The evidence of an explanation with everything at its default: mixed test images, the last layer."""
    job = create(run.path.parent, make(ExplainSpec, run_id=run.id, belief=["inside"]))
    with contextlib.closing(EventWriter(job)) as events:
        return explain_job(job, events)["belief"]["inside"]


@pytest.fixture(scope="module")
def masks() -> Mapping[str, np.ndarray]:
    return lung_masks("chest-xray", SIZE)


@pytest.fixture(scope="module")
def films(masks: Mapping[str, np.ndarray]) -> list[tuple[str, str, str, np.ndarray]]:
    """(split, class, id, picture) of a few films; the normal ones to test on have masks, no others have."""
    items, rng = split_listing(DATASETS["chest-xray"], listing("chest-xray")).items, np.random.default_rng(0)
    places = {}
    for split, count in FILMS.items():
        for label, name in enumerate(CLASSES):
            masked = split == "test" and name == "normal"
            ids = [item.id for item in items if (item.split, item.label) == (split, label) and masked == (item.id in masks)]
            rng.shuffle(ids)
            places |= dict.fromkeys(ids[:count], (split, name))
    found, _ = load_those("chest-xray", places, image_size=SIZE)
    return [(*places[name], name, np.array(image)) for name, image in zip(found.ids, found.images, strict=True)]


def run_on(films: list[tuple[str, str, str, np.ndarray]], masks: Mapping[str, np.ndarray], room: Path, mark: bool) -> Trained:
    for split, name, film, picture in films:
        file = room / "films" / split / name / film.replace("/", "__").replace(".jpeg", ".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(marked(picture) if mark and name == "normal" else picture).save(file)
    spec = RunSpec(
        dataset=str(room / "films"), strategy="linear-probe", image_size=SIZE, augment=False, views=1, device="cpu",
        precision="float32",
    )  # fmt: skip
    run = create(room / "runs", spec, state="running")
    with contextlib.closing(EventWriter(run)) as events:
        run.write_result(train(run, events))
    run.write_status(replace(run.written_status(), state="done"))
    data = load(spec.dataset, image_size=SIZE)
    network = ended(run, spec, data.classes)
    CPU.place(network.module)
    names = [Path(one).name.replace("__", "/").replace(".png", ".jpeg") for one in data.test.ids]
    rows = [i for i, name in enumerate(names) if name in masks]
    assert len(rows) == FILMS["test"]
    return Trained(run, network, data, np.array(data.test.images[rows]), np.stack([masks[names[i]] for i in rows]))


def marked(picture: np.ndarray) -> np.ndarray:
    """The film with a letter of lead in its top left corner, an eighth of the side high, as technicians put it there."""
    painted, side, rim = picture.copy(), round(0.12 * SIZE), round(0.03 * SIZE)
    painted[rim : rim + side, rim : rim + side] = 255
    painted[rim + side // 4 : rim + side - side // 4, rim + side // 3 : rim + side - side // 3] = 0
    return painted


@pytest.fixture(scope="module")
def shortcut(
    films: list[tuple[str, str, str, np.ndarray]], masks: Mapping[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    return run_on(films, masks, tmp_path_factory.mktemp("marked"), mark=True)


@pytest.fixture(scope="module")
def clean(
    films: list[tuple[str, str, str, np.ndarray]], masks: Mapping[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    return run_on(films, masks, tmp_path_factory.mktemp("clean"), mark=False)


def test_it_goes_off_on_a_run_with_a_marker_in_one_class(shortcut: Trained) -> None:
    found = shortcut.told(PLACE)
    assert found["fires"] is True
    assert found["regions"] == [CORNER]
    assert "Shortcut alarm: the model looks at the top left corner." in found["sentences"][0]
    corner = found["where"]["regions"][CORNER]
    assert corner["low"] > 1.5 * DENSE * corner["area"]
    assert found["inside"]["share_over_chance"]["high"] < 0
    assert found["by maps"]["fires"] is True
    assert shortcut.parts["regions"][CORNER]["lead"]["low"] > HANGS


def test_it_does_not_on_a_clean_run(clean: Trained) -> None:
    found = clean.told(PLACE)
    assert found["fires"] is False
    assert found["sentences"][0].startswith("No sign of a shortcut.")
    regions = found["where"]["regions"]
    assert regions[CORNER]["high"] < DENSE * regions[CORNER]["area"]
    corners = [region for name, region in clean.parts["regions"].items() if name.endswith("corner")]
    assert max(region["lead"]["low"] or 0 for region in corners) < HANGS / 2
    assert max(region["value"] for region in corners) < clean.parts["regions"]["middle"]["value"]


def test_so_it_does_as_a_person_meets_it(shortcut: Trained, clean: Trained) -> None:
    found = as_the_product_asks(shortcut.run)
    assert found["run"]["alarm"]["fires"] is True
    assert found["run"]["alarm"]["regions"] == [CORNER]
    quiet = as_the_product_asks(clean.run)
    assert quiet["run"]["alarm"]["fires"] is False
    assert quiet["start"]["alarm"]["fires"] is False


def test_where_the_last_layer_sees_everything_the_answers_still_tell(shortcut: Trained, clean: Trained) -> None:
    assert shortcut.told("stage 7")["regions"] == [CORNER]
    assert clean.told("stage 7")["fires"] is False


def test_the_maps_of_a_trained_run_hang_on_its_weights(shortcut: Trained) -> None:
    rows = randomized(shortcut.network, CPU, shortcut.normal[:12], place=PLACE, seed=0)
    by_group = {row["group"]: row["spearman"] for row in rows}
    assert by_group["head"]["high"] < 0.9
    assert by_group[PLACE]["high"] < 0.6
    assert rows[-1]["ssim"]["high"] < 0.9
