"""The Layers page: chosen with its cost, asked, watched, read, taken to the Train form; and what ended otherwise."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.form import DEFAULTS
from pages.parts.layers_advice import run_of
from pages.parts.layers_choice import from_link, sizes_of, spec_of, to_link
from pages.parts.layers_table import as_csv
from tests.figures.layers_made import RUN, result
from tests.pages.driving import opened, press, said
from tlcore.files import write_json
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import EventWriter, Run, Status, all_runs, create
from tlcore.spec import LayersSpec, RunSpec

PAGE = "layers.py"
ASKED = LayersSpec(run=RunSpec(dataset="chest-xray"))


def _made(
    runs: Path, state: str = "done", *, spec: LayersSpec = ASKED, error: dict[str, str] | None = None, **changes: Any
) -> Run:
    run = create(runs, spec)
    if state == "done":
        write_json(run.path / "result.json", result(**changes))
    run.write_status(Status(state, run.status().queued_at, started_at=1.0, ended_at=10.0, error=error))
    return run


def _asked(runs: Path) -> list[LayersSpec]:
    return [spec for run in all_runs(runs) if isinstance(spec := run.spec(), LayersSpec)]


def _links(app: AppTest) -> dict[str, str]:
    """The label of each page link, with the query that it has."""
    return {link.proto.label.replace("\\", ""): link.proto.query_string for link in app.get("page_link")}


def _at(app: AppTest, name: str) -> str | None:
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def test_the_defaults_work_and_the_page_says_what_comes_of_them(runs: Path) -> None:
    app = opened(PAGE)
    words = said(app)
    assert "Which layers transfer?" in words
    assert "Up to 1,000 images pass once through 2 networks**, and 200 photographs beside them." in words
    assert "How long that takes is not known yet" in words
    assert "For teaching and research, not for clinical decisions." in words
    assert "None yet." in words
    press(app, "Ask the layers")
    assert _asked(runs) == [ASKED]
    (run,) = all_runs(runs)
    assert _at(app, "run") == run.id
    assert "Waiting for its turn" in str(app.get("progress")[0].proto)


def test_what_is_chosen_is_asked_and_stands_in_the_link(runs: Path) -> None:
    app = opened(
        PAGE,
        backbone="resnet18",
        dataset="digits",
        images="400",
        random="false",
        photographs="false",
        blocks="true",
        layouts="pca,tsne",
    )
    assert "Up to 400 images pass once through 1 network**." in said(app)
    assert app.selectbox(key="layers-backbone").value == "resnet18"
    app.number_input(key="layers-seed").set_value(3).run()
    assert (_at(app, "seed"), _at(app, "images"), _at(app, "random")) == ("3", "400", "false")
    press(app, "Ask the layers")
    (spec,) = _asked(runs)
    assert spec.run == RunSpec(dataset="digits", backbone="resnet18", seed=3, image_size=spec.run.image_size)
    assert (spec.images, spec.sources, spec.blocks, spec.embed) == (400, ("pretrained",), True, ("pca", "tsne"))
    assert spec.photographs == 0


def test_finished_runs_of_the_backbone_can_be_laid_beside(runs: Path, fabricated: Any) -> None:
    done = fabricated(done=True)
    fabricated(done=True, backbone="resnet18")
    app = opened(PAGE, beside=done.run.id)
    beside = app.multiselect(key="layers-beside-tf_efficientnet_lite0")
    assert len(beside.options) == 1
    assert beside.value == [done.run.id]
    press(app, "Ask the layers")
    assert _asked(runs) == [ASKED.model_copy(update={"runs": (done.run.id,)})]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"images": "-5"}, "The link asks for images '-5'"),
        ({"image_size": "129"}, "The link asks for image_size '129'"),
        ({"beside": "../../etc"}, "The link asks for beside '../../etc'"),
        ({"beside": RUN}, "is no finished run of this backbone, and is left out."),
        ({"layouts": "mds"}, "The link asks for layouts 'mds'"),
        ({"photographs": "some"}, "The link asks for photographs 'some'"),
        ({"random": "perhaps"}, "The link asks for random 'perhaps'"),
        ({"backbone": "vit_huge"}, "This page knows the catalogued backbones alone."),
        ({"dataset": "/etc"}, "The default is used."),
        ({"from": "20250101T000000-x-0000"}, "There is no run 20250101T000000-x-0000 here."),
    ],
)
def test_a_link_that_makes_no_sense_is_a_sentence_and_the_form_is_there(runs: Path, query: dict[str, str], words: str) -> None:
    app = opened(PAGE, **query)
    assert words in said(app)
    assert [button for button in app.button if button.label == "Ask the layers"]


def test_links_come_back_as_they_went() -> None:
    fields, problems = from_link({"backbone": "resnet18", "images": "400", "beside": RUN, "image_size": "224", "seed": "2"})
    assert problems == []
    assert from_link(to_link(fields)) == (fields, [])
    assert spec_of(fields).run.image_size == 224
    assert to_link(from_link({})[0]) == {}


def test_every_backbone_has_a_size_to_choose(runs: Path) -> None:
    for card in BACKBONES.values():
        for size in sizes_of(card):
            assert size >= card.min_image_size
            assert size % card.image_size_multiple == 0


def test_the_cost_is_judged_by_an_earlier_time(runs: Path) -> None:
    _made(runs, seconds=60.0)  # 1,000 images through 2 networks
    app = opened(PAGE)
    assert "About 1 min, judged by an earlier time" in said(app)
    assert "Done: see it" in _links(app)  # the same was asked: nothing need be computed again
    # a fifth of the images: 3 s of passes become 0.6 s, and the other 57 s stay, or become 11.4 s
    assert "Between 12 s and 58 s, judged by an earlier time" in said(opened(PAGE, images="200"))


def test_it_is_read_from_the_recommendation_down(runs: Path) -> None:
    run = _made(runs)
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert "Perhaps unfreeze from stage 2 up: stage 1 reads best, though the lead over stage 2 may be noise" in words
    assert "The probe reads best off stage 1." in words
    assert "Pretrained: best at stage 1, AUROC 0.950" in words
    assert "Fitted on 500 training images" in words
    assert "For teaching and research, not for clinical decisions." in words
    assert "Left out 9 exact duplicates." in words
    assert "LogME goes with the probe's" in words
    assert "The weights came without a classifier of their own." in words  # NCE, which is null
    assert "for the images' passes through 3 networks." in words
    assert _at(app, "view") == "scores"
    alone = said(opened(PAGE, run=_made(runs, passes={"pretrained": 1.0}).id))
    assert "for the images' passes through 1 network." in alone


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (
            "cka",
            "Pretrained and Run 0abc: most alike at stem, 0.990 (0.970 to 1.000), least at stage 2, 0.600 (0.580 to 0.620).",
        ),
        ("moved", "stage 2 the most, 3.00 %"),
        ("sees", "This run kept no pictures of what its layers see."),
        ("apart", "This run laid no images out."),
        ("shift", "More than chance at 2 of 3 places, first at stage 1."),
        ("transferability", "A small network is trained here on half of the classes (A)"),
    ],
)
def test_each_closer_look_has_a_link(runs: Path, view: str, words: str) -> None:
    app = opened(PAGE, run=_made(runs).id, view=view)
    assert words in said(app)
    assert _at(app, "view") == view


def test_without_intervals_the_page_says_why_and_the_way_to_them(runs: Path) -> None:
    groups = result()["groups"]
    for entry in groups:
        for found in entry["probe"].values():
            found["auroc"] |= {"low": None, "high": None, "method": None, "reason": "too few test images"}
    words = said(opened(PAGE, run=_made(runs, spec=ASKED.model_copy(update={"images": 120}), groups=groups).id))
    assert "no intervals: too few test images. To have them, ask again with changes, and with more images" in words
    assert "95 % intervals over" not in words


def test_another_metric_and_another_quantity_are_read_anew(runs: Path) -> None:
    app = opened(PAGE, run=_made(runs).id, view="moved")
    (metric,) = [group for group in app.button_group if group.label == "Judged by"]
    app = metric.set_value("accuracy").run()
    assert "Always naming the largest class gets 60.0 %." in said(app)
    (quantity,) = [group for group in app.button_group if group.label == "Quantity"]
    app = quantity.set_value("batchnorm_drift").run()
    assert "There is no BatchNorm in stem, stage 1 and stage 2." in said(app)
    assert "That run is not here any more" in said(app) or "There is no run" in said(app)


def test_without_a_run_beside_the_finished_ones_that_could_be_are_offered(runs: Path, fabricated: Any) -> None:
    run = _made(runs, moved={})
    app = opened(PAGE, run=run.id, view="moved")
    assert "No finished run was laid beside" in said(app)
    assert "train one, and lay it beside" in said(app)
    assert _links(app)["Train one"] == "dataset=chest-xray&backbone=tf_efficientnet_lite0"
    done = fabricated(done=True)
    fabricated(done=True, backbone="resnet18")
    fabricated(done=True, dataset="digits")
    offered = {label: query for label, query in _links(opened(PAGE, run=run.id, view="moved")).items() if "beside=" in query}
    assert list(offered.values()) == [f"beside={done.run.id}"]
    assert next(iter(offered)).startswith(f"Run {done.run.id[-4:]}: ")


def test_a_shift_that_was_not_measured_is_the_reason_in_its_place(runs: Path) -> None:
    groups = [entry | {"shift": None, "why": {"shift": "No photographs were asked for."}} for entry in result()["groups"]]
    assert "No photographs were asked for." in said(opened(PAGE, run=_made(runs, groups=groups).id, view="shift"))


def test_the_shift_opens_on_the_measure_that_the_evidence_names(runs: Path) -> None:
    app = opened(PAGE, run=_made(runs).id, view="shift")
    (measure,) = [group for group in app.button_group if group.label == "Measured as"]
    assert measure.value == "shift"
    assert "maximum mean discrepancy" in said(app)


def test_the_level_is_taken_to_the_train_form(runs: Path) -> None:
    app = opened(PAGE, run=_made(runs, spec=ASKED.model_copy(update={"images": 500})).id)
    names = [group.name for group in BACKBONES["tf_efficientnet_lite0"].groups]
    wanted = run_of(ASKED, names[3])
    assert wanted.strategy.scope.group == names[3]
    assert wanted.dataset == "chest-xray"
    assert run_of(ASKED, "head").strategy.name == "linear-probe"
    app.selectbox(key=f"layers-level-{_at(app, 'run')}").select("head").run()
    press(app, "Use this level")
    assert app.title[0].value == "Train"
    assert app.session_state["train-strategy"] == "linear-probe"
    assert "train" not in [run.spec().kind for run in all_runs(runs)]  # nothing started by itself


def test_the_level_can_be_started_at_once(runs: Path) -> None:
    app = opened(PAGE, run=_made(runs).id)
    app.selectbox(key=f"layers-level-{_at(app, 'run')}").select("head").run()
    press(app, "Start it now")
    (spec,) = [spec for run in all_runs(runs) if isinstance(spec := run.spec(), RunSpec)]
    assert spec == run_of(ASKED, "head")
    assert spec.epochs == DEFAULTS["epochs"]


def test_without_a_recommendation_it_says_why(runs: Path) -> None:
    words = said(opened(PAGE, run=_made(runs, recommendation=None).id))
    assert "No level can be recommended" in words


def test_one_under_way_shows_how_far_it_is_and_can_be_cancelled(runs: Path) -> None:
    run = create(runs, ASKED)
    with closing(EventWriter(run)) as events:
        events.write("progress", what="Looking at the images, random weights", done=320, total=1000, unit="images")
    app = opened(PAGE, run=run.id)
    assert "320 of 1,000 images" in str(app.get("progress")[0].proto).replace("\\", "")
    press(app, "Cancel")
    assert run.cancel_requested() or run.status().state == "cancelled"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("failed", "There are too few images."),
        ("cancelled", "It was cancelled before the layers had answered."),
        ("running", "It was lost before the layers had answered."),  # nobody holds its lock
    ],
)
def test_what_ended_otherwise_says_so_and_can_be_asked_again(runs: Path, state: str, words: str) -> None:
    error = {"type": "DataError", "message": "There are too few images.", "next_step": "Take more."}
    run = _made(runs, state, error=error if state == "failed" else None)
    app = opened(PAGE, run=run.id)
    assert words in said(app)
    press(app, "Ask again")
    assert len(_asked(runs)) == 2
    assert _at(app, "run") != run.id


def test_earlier_ones_are_listed_with_what_they_found(runs: Path) -> None:
    run = _made(runs, spec=ASKED.model_copy(update={"images": 600}))
    other = _made(runs, "cancelled", spec=ASKED.model_copy(update={"images": 700}))
    app = opened(PAGE)
    words = said(app)
    assert "Perhaps unfreeze from stage 2 up" in words
    assert "Cancelled" in words
    assert {label: query for label, query in _links(app).items() if "px" in label} == {
        f"{images} images at {ASKED.run.image_size} px, Chest X-rays: pneumonia or not": query
        for images, query in ((600, f"run={run.id}"), (700, f"run={other.id}"))
    }
    assert "EfficientNet-Lite0; " in words


def test_ask_again_with_changes_brings_its_choices(runs: Path) -> None:
    run = _made(runs, spec=LayersSpec(run=RunSpec(dataset="digits", backbone="resnet18", seed=4), images=300))
    app = opened(PAGE, **{"from": run.id})
    assert app.selectbox(key="layers-backbone").value == "resnet18"
    assert app.number_input(key="layers-images").value == 300
    assert (_at(app, "from"), _at(app, "seed")) == (None, "4")


def test_fewer_images_than_usual_are_asked_again_as_they_were(runs: Path) -> None:
    app = opened(PAGE, **{"from": _made(runs, spec=ASKED.model_copy(update={"images": 60})).id})
    assert app.number_input(key="layers-images").value == 60
    assert _at(app, "images") == "60"


def test_asking_a_backbone_again_that_is_not_catalogued_is_a_sentence(runs: Path) -> None:
    spec = ASKED.model_copy(update={"run": ASKED.run.model_copy(update={"backbone": "vgg11"}), "runs": ()})
    words = said(opened(PAGE, **{"from": _made(runs, spec=spec).id}))
    assert "knows the catalogued backbones alone, and that analysis asked vgg11" in words
    assert "python -m tlcore layers --backbone vgg11" in words


@pytest.mark.parametrize("query", ["../../etc/passwd", "20250101T000000-x-0000"])
def test_a_wrong_run_is_a_sentence(runs: Path, query: str) -> None:
    app = opened(PAGE, run=query)
    assert app.error
    assert "Ask the layers" in _links(app)


def test_a_run_of_another_kind_is_refused(runs: Path, fabricated: Any) -> None:
    assert "That run did not ask the layers." in said(opened(PAGE, run=fabricated(done=True).run.id))


def test_the_experiment_stands_by_itself_too(runs: Path) -> None:
    app = opened(PAGE, view="transferability")
    assert "A small network is trained here on half of the classes (A)" in said(app)


def test_a_table_keeps_every_number() -> None:
    rows = list(
        csv.DictReader(io.StringIO(as_csv([{"layer": "stem, the first", "value": None}, {"layer": "b", "value": 0.1}])))
    )
    assert rows == [{"layer": "stem, the first", "value": ""}, {"layer": "b", "value": "0.1"}]
