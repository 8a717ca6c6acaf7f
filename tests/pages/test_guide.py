"""The guide on the Start page: the situation read, measured or said; the list and its buttons; the probe's word; the record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.dataset_choice import Choice
from pages.parts.dial import dial_spec
from pages.parts.guide_choice import ALL, NONE, Subject
from tlcore.advice.kept import FILE, kept
from tlcore.advice.regret import summary
from tlcore.data.catalogue import DATASETS
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import Status, all_runs, create
from tlcore.spec import AnySpec, CheckSpec, RunSpec, ShiftSpec
from tlcore.strategies import preset

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"


def page(**query: str) -> AppTest:
    app = AppTest.from_file(str(FRAME), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    assert not app.exception
    told = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(str(element.value) for element in told).replace("\\", "")


def advised(app: AppTest) -> list[str]:
    return [b.key.removeprefix("guide-start-") for b in app.button if b.key and b.key.startswith("guide-start-")]


def control(app: AppTest, label: str) -> Any:
    return next(group for group in app.button_group if group.label == label)


def subject(dataset: str = "digits", backbone: str = "tf_efficientnet_lite0", labels: int = ALL) -> Subject:
    return Subject(Choice(dataset), DATASETS[dataset], BACKBONES[backbone], labels)


def ended(runs: Path, spec: AnySpec, result: dict | None = None, state: str = "done", **fields: Any) -> str:
    run = create(runs, spec)
    if result is not None:
        run.write_result(result)
    run.write_status(Status(state, queued_at=1.0, started_at=1.0, ended_at=2.0, **fields))
    return run.id


def measured(runs: Path, about: Subject, shift: float, **fields: Any) -> None:
    found = {"shift": shift, "low": shift - 0.01, "high": shift + 0.01, "floor": 0.002, "notices": []}
    ended(runs, about.shift(), found | {"images": {"source": 400, "target": 400}} | fields)


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


def test_the_shift_is_measured_by_a_button(runs):
    app = page(dataset="digits")
    assert "0.33 as measured before, with EfficientNet-Lite0 at 128 px. Not measured here yet." in said(app)
    app.button(key="guide-measure").click().run()
    (run,) = all_runs(runs)
    assert run.spec() == subject().shift() == ShiftSpec(run=RunSpec(dataset="digits"))
    assert [button.key for button in app.button if button.key in ("guide-measure", "guide-cancel")] == ["guide-cancel"]
    app.button(key="guide-cancel").click().run()
    assert run.status().state == "cancelled"
    assert "The last measurement was cancelled." in said(page(dataset="digits"))


def test_a_measured_shift_counts_whatever_the_landmark_says(runs):
    measured(runs, subject(), 0.05, notices=["Something to know."])
    app = page(dataset="digits", images_per_class="10")
    assert advised(app)[0] == "linear-probe"
    text = said(app)
    assert "0.05 (0.04 to 0.06), where 0 is no distance at all. About as far as CIFAR-10" in text
    assert "Measured here on 400 training images and 400 photographs." in text
    assert "Something to know." in text


def test_a_failed_measurement_says_why_and_the_person_chooses(runs):
    error = {"message": "Natural photographs cannot be fetched.", "next_step": "Connect once.", "type": "AssetError"}
    ended(runs, subject("solar-cells").shift(), state="failed", error=error)
    text = said(page(dataset="solar-cells"))
    assert "Natural photographs cannot be fetched." in text
    assert "Say yourself how far your images are" in text


def test_a_backbone_that_learnt_from_something_else_is_not_measured(runs):
    app = page(dataset="digits", backbone="vit_small_patch14_reg4_dinov2")
    assert "what its weights learnt from last is not everyday photographs" in said(app)
    assert not [button for button in app.button if button.key == "guide-measure"]
    assert advised(app) == []
    assert "The advice stands here once all three are known or said." in said(app)
    control(app, "Shift from everyday photographs").set_value("high").run()
    assert advised(app)


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


# --- the probe


def probe(fabricated: Any, accuracy: float, named: str = "linear-probe", **changes: Any) -> None:
    """A finished run of the guide's on all digits, with this accuracy on 400 validation images."""
    spec = subject().run(named)
    fields = {name: getattr(spec, name) for name in type(spec).model_fields if name != "kind"}
    made = fabricated(done=True, **fields | changes)
    result = made.run.result()
    val = {"n": 400, "accuracy": accuracy, "balanced_accuracy": accuracy}
    made.run.write_result(result | {"val": val, "majority_baseline": 0.1})


def test_the_probe_is_offered_first(runs):
    app = page(dataset="digits")
    assert "Probe before you commit" in said(app)
    app.button(key="guide-probe").click().run()
    (run,) = all_runs(runs)
    assert run.spec() == subject().run("linear-probe")
    assert run.spec().augment is False


def test_a_finished_probe_says_what_is_left_to_win(runs, fabricated):
    probe(fabricated, 0.85)
    app = page(dataset="digits")
    text = said(app)
    assert "The probe names 85.0 % (81.2 to 88.2) of 400 validation images rightly." in text
    assert "At most 15.0 points are left to win, and no deeper run on the same images has shown yet" in text
    assert not [button for button in app.button if button.key == "guide-probe"]


def test_a_deeper_run_on_the_same_images_decides(runs, fabricated):
    probe(fabricated, 0.80)
    probe(fabricated, 0.95, "full")
    assert "+15.0 points (+10.5 to +19.5) against the probe: the plateau calls for unfreezing more." in said(
        page(dataset="digits")
    )


def test_runs_on_other_images_or_from_random_weights_count_for_nothing(runs, fabricated):
    probe(fabricated, 0.80)
    probe(fabricated, 0.95, "full", image_size=64)
    probe(fabricated, 0.95, "full", images_per_class=10)
    probe(fabricated, 0.95, "full", strategy=preset("from-scratch"))
    assert "no deeper run on the same images has shown yet" in said(page(dataset="digits"))


def test_a_dial_on_the_same_data_has_its_say(runs, fabricated):
    probe(fabricated, 0.85)
    levels = [
        {
            "group": group,
            "level": "top",
            "accuracy": {"value": value, "low": value - 0.03, "high": value + 0.03},
            "auroc": 0.9,
            "loss": 0.4,
            "trainable_params": params,
            "seconds": 2.0,
        }
        for group, value, params in (("head", 0.7, 10), ("stage 7", 0.9, 100))
    ]
    answer = {"levels": levels, "classes": list("0123456789"), "images": {"train": 160, "val": 179}, "epochs": 3}
    ended(runs, dial_spec(subject().run("full")), answer | {"majority_baseline": 0.1, "notices": [], "seconds": 4.0})
    text = said(page(dataset="digits"))
    assert "The dial, on 160 training images:" in text
    assert "stage 7" in text


# --- the record


def test_the_record_of_this_machine_wins_over_the_shipped_one(runs):
    rule = {"right": 7, "best": 1, "of": 9, "mean_regret": 0.008, "worst_regret": 0.021, "mean_auroc_regret": None}
    answer = {
        "made": "2026-11-21",
        "command": "python -m tlcore advice-regret --datasets digits",
        "machine": {"processor": "Another CPU", "threads": 99, "gpu": None},
        "backbone": "tf_efficientnet_lite0",
        "image_size": 64,
        "epochs": 8,
        "seeds": 1,
        "situations": [{"dataset": "digits", "situation": {"size": "small", "shift": "high", "compute": "low"}}],
        "summary": {"advice": rule},
    }
    runs.mkdir(parents=True, exist_ok=True)
    (runs / FILE).write_text(json.dumps(answer))
    app = page()
    assert "in 7 of 9 situations" in said(app)
    assert "on another machine (Another CPU)" in said(app)
    assert [code.value for code in app.code] == [answer["command"]]


def test_the_shipped_record_is_whole():
    found = kept(Path("nowhere"))
    assert found is not None
    situations, rules = found.answer["situations"], found.answer["summary"]
    assert rules["advice"]["of"] == len(situations)
    lost = [one["regret"]["advice"]["accuracy"]["value"] for one in situations]
    assert rules["advice"]["mean_regret"] == pytest.approx(sum(lost) / len(lost))
    assert rules == summary(situations)
