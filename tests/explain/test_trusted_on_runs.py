"""How far the answers about new pictures can be trusted, on a real run, as a person meets it: through the explain job.

A linear probe on EfficientNet-Lite0, chest X-rays of 96 px, 100 of each class to learn from.
"""

from __future__ import annotations

import io
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from tests.explain.small_run import finished
from tlcore.data.arriving import arrive
from tlcore.data.load import load_sample, load_unlabelled
from tlcore.explain.job import explain
from tlcore.explain.kept import Ready, read
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import ExplainSpec

pytestmark = [pytest.mark.slow, pytest.mark.network]
SIDE = 96


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    probe = {"backbone": "tf_efficientnet_lite0", "dataset": "chest-xray", "strategy": "linear-probe", "lr": 1e-3}
    return finished(tmp_path_factory.mktemp("trusted"), **probe, image_size=SIDE, images_per_class=100, cut="auto", epochs=3)


def told(run: Run, picture: np.ndarray) -> dict:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    job = create(run.path.parent, ExplainSpec(run_id=run.id, picture=arrive(file.getvalue()).sha256, start=False))
    with closing(EventWriter(job)) as events:
        return explain(job, events)["picture"]


@pytest.fixture(scope="module")
def known(run: Run) -> Ready:
    told(run, np.asarray(load_sample("chest-xray", images=4, image_size=SIDE, split="test").images[0]))
    found = read(run)
    assert found is not None
    return found


def test_calibration_makes_nothing_worse_and_the_promise_is_kept(known: Ready) -> None:
    before, after = (known.told["calibration"][name]["ece"] for name in ("before", "after"))
    assert after <= before
    assert known.told["intervals_over"] == "patients"
    for each in known.told["coverage"]:
        assert each["kept"], each
        if each["method"] == "lac":  # which keeps it to the letter where sets may be empty
            bare = each["exact"]["covered"]
            assert bare["low"] <= each["promise"] <= bare["high"], each


def test_what_is_no_film_is_unlike_and_films_mostly_are_not(run: Run, known: Ready) -> None:
    photos = np.asarray(load_unlabelled("natural-photos", image_size=SIDE).images[:3])
    digits = np.asarray(load_sample("digits", images=3, image_size=SIDE, split="test").images)
    for strange in (*photos, *digits):
        assert told(run, strange)["out_of_distribution"]["unlike"]
    films = np.asarray(load_sample("chest-xray", images=12, image_size=SIDE, split="test").images)
    assert sum(told(run, film)["out_of_distribution"]["unlike"] for film in films) <= 3
    rate = known.told["unlike"]["on_test"]
    assert rate["low"] <= known.told["unlike"]["false_alarms"] + 0.02


def test_the_scale_of_new_maps_is_known(known: Ready) -> None:
    scale = known.told["map_scale"]
    assert (scale["method"], scale["layer"]) == ("gradcam", "stage 7")
    assert scale["value"] > 0
