"""The guide on the Start page: the situation read or said, the list and its buttons, its links."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pages.parts.dataset_choice import Choice
from pages.parts.guide_choice import NONE
from tests.pages.guide_page import FRAME, advised, control, ended, page, said, subject
from tlcore.data.catalogue import DATASETS
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import all_runs
from tlcore.spec import CheckSpec


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ({"dataset": "chest-xray"}, "top-two-groups"),  # 2,144 images
        ({"dataset": "chest-xray", "images_per_class": "10"}, "gradual"),  # 20 images, far
        ({"dataset": "cifar10", "images_per_class": "10"}, "linear-probe"),  # 100 images, near
        ({"dataset": "cifar10"}, "lora"),  # 45,000 images, and little to compute with
    ],
)
def test_what_is_read_and_known_gives_the_list(runs, monkeypatch, query: dict[str, str], first: str):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    app = page(**query)
    assert advised(app)[0] == first
    assert DATASETS[query["dataset"]].title in [box.format_func(box.value) for box in app.selectbox if box.label == "Dataset"]


def test_the_person_overrules_each_fact(runs, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    app = page(dataset="digits", images_per_class="10")
    assert advised(app)[0] == "gradual"
    control(app, "Shift from everyday photographs").set_value("low").run()
    assert advised(app)[0] == "linear-probe"
    assert "You say low; as it stands it would be high." in said(app)
    control(app, "Data").set_value("large").run()
    control(app, "Compute").set_value("high").run()
    assert advised(app)[:2] == ["full", "lp-ft"]
    text = said(app)
    assert "Many images and a machine for them: everything may move." in text
    assert "The playbook's rule." in text
    assert "large data (100 labelled images), low shift (0.33), high compute" in text


def test_without_labels_it_names_what_is_missing(runs):
    app = page(dataset="digits")
    next(box for box in app.selectbox if box.label == "Labels of each class").set_value(NONE).run()
    assert advised(app) == []
    assert "Self-supervised pretraining on your own pictures would come first; Thaw does not have it yet." in said(app)


def test_medical_data_carry_their_sentence(runs):
    sentence = "For teaching and research, not for clinical decisions."
    assert said(page(dataset="chest-xray")).count(sentence) == said(page(dataset="digits")).count(sentence) + 1


def test_a_start_submits_what_is_advised_and_shows_it(runs):
    app = page(dataset="digits", images_per_class="20")
    app.button(key="guide-start-gradual").click().run()
    assert not app.exception
    (run,) = all_runs(runs)
    spec = run.spec()
    assert spec == subject(labels=20).run("gradual")
    assert (spec.dataset, spec.images_per_class, spec.strategy.name) == ("digits", 20, "gradual")
    assert spec.epochs == 8  # one for each group of this backbone, and one for the head
    assert app.query_params["run"] in (run.id, [run.id])


def test_what_has_run_is_shown_and_not_offered_again(runs, fabricated):
    spec = subject(labels=20).run("gradual")
    made = fabricated(**{name: getattr(spec, name) for name in type(spec).model_fields if name != "kind"})
    assert "gradual" not in advised(page(dataset="digits", images_per_class="20"))
    made.state("failed")
    assert "gradual" in advised(page(dataset="digits", images_per_class="20"))


@pytest.mark.parametrize("strategy", ["linear-probe", "gradual", "top-two-groups", "lora", "adapters", "full", "lp-ft"])
def test_the_form_opens_with_the_same_run(strategy: str):
    from pages.parts.form import from_link, spec_of

    about = subject(labels=50)
    fields, problems = from_link(about.form_link(about.run(strategy)))
    assert problems == []
    assert spec_of(fields, about.backbone.groups_with_head(10)) == about.run(strategy)


@pytest.mark.parametrize("name", BACKBONES)
def test_its_runs_have_a_size_that_the_backbone_takes(name: str):
    card, size = BACKBONES[name], subject(backbone=name).image_size
    assert size >= card.min_image_size
    assert size % card.image_size_multiple == 0


def test_own_data_that_were_looked_at_can_be_chosen(runs, tmp_path, monkeypatch):
    folder = tmp_path / "pictures"
    for name in ("a_b", "c"):
        (folder / name).mkdir(parents=True)
    monkeypatch.setenv("THAW_DATA_ROOTS", str(tmp_path))
    unseen = page(dataset=f"own/{tmp_path.name}/pictures")
    assert "Nobody has counted these data yet" in said(unseen)
    counts = {split: {"a_b": 30, "c": 20} for split in ("train", "val", "test")}
    ended(runs, CheckSpec(dataset=str(folder)), {"classes": ["a_b", "c"], "counts": counts})
    app = page()
    box = next(box for box in app.selectbox if box.label == "Dataset")
    box.set_value(Choice(str(folder))).run()
    text = said(app)
    assert "50 labelled training images." in text
    assert "Not known. Say yourself, or measure it" in text
    assert str(folder) not in json.dumps(dict(app.query_params))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"dataset": "nonsense"}, "There is no dataset named"),
        ({"dataset": "/etc"}, "may be used from the browser"),
        ({"dataset": "natural-photos"}, "no labels"),
        ({"backbone": "nonsense"}, "catalogued backbones alone"),
        ({"images_per_class": "many"}, "whole number from 1"),
    ],
)
def test_a_wrong_link_is_a_sentence_and_the_default_stands(runs, query: dict[str, str], words: str):
    app = page(**query)
    assert words in said(app)
    assert next(box for box in app.selectbox if box.label == "Dataset").value == Choice("chest-xray")


def test_the_choice_is_in_the_link_and_outlives_another_page(runs):
    app = page()
    next(box for box in app.selectbox if box.label == "Dataset").set_value(Choice("digits")).run()
    assert app.query_params["dataset"] in ("digits", ["digits"])
    app.switch_page("runs.py").run()
    app.query_params.clear()
    app.switch_page("start.py").run()
    assert next(box for box in app.selectbox if box.label == "Dataset").value == Choice("digits")


def test_it_brings_neither_torch_nor_what_is_slow_to_import():
    script = "import sys, pages.parts.guide; print(sorted({'torch', 'timm', 'sklearn', 'scipy.stats'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=FRAME.parents[1], check=True)
    assert done.stdout.strip() == "[]"
