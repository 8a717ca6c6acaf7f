"""What the parts of the Explain page compute: the picture that is saved, the table of answers, regions, costs."""

from __future__ import annotations

import io
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pages.parts.explain_cost import estimate, work
from pages.parts.explain_drawn import sheet
from pages.parts.explain_known import explained as known
from pages.parts.explain_png import Panel, view_png
from pages.parts.explain_take import answer_rows, command
from tests.figures.explain_made import RUN, explanation
from tests.pages.explaining import explained
from tlcore.cli.main import build_parser
from tlcore.explain.methods import METHODS
from tlcore.explain.offered import offered, unsuited
from tlcore.explain.region import mask_of
from tlcore.spec import ExplainSpec


def test_the_view_is_saved_as_it_is_drawn_with_all_it_is_told_by(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    explained(runs, run)
    here = known(run.id)
    assert here.shown is not None
    drawn = sheet(here.shown)
    assert drawn is not None
    panels = []
    for key in ("start", "run"):
        one = drawn.map(key, "stage 7")
        assert one is not None
        scale = drawn.scale(one, 2, own=False)
        pixels = drawn.drawn(one, 2, scale=scale, strength=1.0)
        assert pixels is not None
        panels.append(Panel(one, pixels, scale))
    assert panels[0].scale == panels[1].scale  # side by side on one scale
    assert not np.array_equal(panels[0].drawn, panels[1].drawn)
    assert (panels[0].drawn[-8:, -8:] == 90).all()  # no evidence there: the picture shows through untouched
    saved = Image.open(io.BytesIO(view_png(drawn, panels, 2)))
    start, end = saved.text["Description"].splitlines()
    assert f"network start of run {run.id}" in start
    assert "test image film-2.png" in end
    assert drawn.scale(panels[1].one, 2, own=True) == 2.0  # the map's own largest


def test_the_table_of_answers_has_a_line_for_each_image_and_network() -> None:
    rows = answer_rows(explanation())
    assert len(rows) == 8
    first = rows[0]
    assert (first["image"], first["network"], first["predicted"], first["p normal"]) == ("film-0.png", "run", "normal", 0.9)
    assert first["no evidence"]
    assert not rows[2]["no evidence"]


def test_the_command_asks_the_same_and_quotes_what_people_wrote() -> None:
    assert command(ExplainSpec(run_id=RUN)) == f"python -m tlcore explain --run {RUN} --belief='' --json"
    asked = ExplainSpec(
        run_id=RUN,
        beside=(RUN.replace("full", "lp-ft"),),
        start=False,
        epochs=True,
        ids=("train/a b.png", "c, d.png", '"e".png'),
        layer="stage 7",
        target="a $(b)",
        against="'c'",
        belief=("stability",),
        belief_images=16,
        confidence=0.8,
        seed=3,
    )
    others = {"only": ("class=-1", "site=A, B"), "target": "-1", "belief": ("inside",), "region": (0.1, 0.45, 0.0, 1.0)}
    for spec in (asked, ExplainSpec(run_id=RUN), ExplainSpec(run_id=RUN, **others)):
        given = vars(build_parser().parse_args(shlex.split(command(spec))[3:]))
        read = {name: given[name] for name in ExplainSpec.model_fields if name in given}
        assert ExplainSpec(run_id=given["run"], **read) == spec


def test_a_region_is_as_large_as_it_says() -> None:
    mask = mask_of((0.29, 0.58, 0.0, 0.07))
    assert mask.sum() == 29 * 7
    assert mask[0, 28:30].tolist() == [False, True]
    assert mask[6:8, 29].tolist() == [True, False]


def test_the_cost_is_judged_by_the_last_explanation(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full")
    asked = ExplainSpec(run_id=run.run.id)
    assert estimate(asked, run.run, run.spec) is None
    explained(runs, run.run)
    assert estimate(asked, run.run, run.spec) == pytest.approx(12.0)
    more = ExplainSpec(run_id=run.run.id, layer="all")
    extra = work(more, run.run, run.spec) - work(asked, run.run, run.spec)
    assert extra == 24 * 2 * 6  # images, networks, six more layer groups
    lone = asked.model_copy(update={"start": False})
    # The start's map of each image, and the probe: of 1280 training images 1000, of 375 others 300, and all 638 of the test.
    assert work(asked, run.run, run.spec) - work(lone, run.run, run.spec) == 24 + (1000 + 300 + 638) // 2
    other = run.spec.model_copy(update={"image_size": 64})
    assert estimate(asked, run.run, other) is None


def test_methods_are_offered_by_what_the_network_is_made_of() -> None:
    assert offered("resnet18") == tuple(name for name in METHODS if name != "attention-rollout")
    assert "attention-rollout" in offered("vit_tiny_patch16_224")
    assert offered("some_other_network") == tuple(METHODS)  # nobody knows beforehand
    assert "EfficientNet-B0" in (unsuited(METHODS["guided-gradcam"], "efficientnet_b0") or "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("tf_efficientnet_lite0", "mobilenetv2_100", "resnet18", "densenet121", "vgg11_bn", "efficientnet_b0"),
        *("regnety_002", "mobilenetv3_small_100", "convnext_atto", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"),
    ],
)
def test_what_is_offered_is_what_works_on_the_network_itself(name: str) -> None:
    from tlcore.explain.needs import usable  # torch, which the pages do without
    from tlcore.models.network import build

    network = build(name, classes=2, start="random", weights=None, seed=0, image_size=224)
    assert set(offered(name)) == {method for method, why in usable(network).items() if why is None}
