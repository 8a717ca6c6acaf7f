import json
import re
import time
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.plan import beside_training
from tests.pages.driving import opened, said
from tests.pages.fabricate import HOSTILE, Fabricated, finished
from tlcore.engine import LocalEngine
from tlcore.files import Lock
from tlcore.runs import Run, Status, all_runs, create
from tlcore.spec import CheckSpec, MeasureSpec, RunSpec

page = partial(opened, "train.py")


def selected(app: AppTest, label: str) -> object:
    return next(box.value for box in app.selectbox if box.label == label)


def trainings(runs: Path) -> list[Run]:
    return [run for run in all_runs(runs) if isinstance(run.spec(), RunSpec)]


def test_choosing_shows_provenance_and_the_plan_and_measures_it(runs):
    app = page()
    text = said(app)
    assert "Trained on ImageNet-1k" in text
    assert "For teaching and research, not for clinical decisions." in text
    assert "The head and stage 7 train; 6 groups stay frozen." in text
    assert [metric.value for metric in app.metric] == ["1.02 M", "measuring…", "3.37 M", "measuring…"]
    (measured,) = list(all_runs(runs))
    spec = measured.spec()
    assert isinstance(spec, MeasureSpec)
    assert (spec.train_images, spec.val_images, spec.test_images, spec.classes) == (2144, 375, 638, 2)

    result = {"plan": {}, "device": "cpu", "precision": "float32", "seconds": 75.0, "memory_bytes": 345e6}
    measured.write_result(result)
    measured.write_status(Status("done", time.time()))
    app = app.run()
    assert [metric.value for metric in app.metric] == ["1.02 M", "1 min 15 s", "3.37 M", "345 MB"]
    assert len(list(all_runs(runs))) == 1


def test_a_measurement_beside_a_training_run_says_so(runs, fabricated):
    app = page()
    (measured,) = list(all_runs(runs))
    now = time.time()
    result = {"plan": {}, "device": "cpu", "precision": "float32", "seconds": 75.0, "memory_bytes": 345e6}
    measured.write_result(result)
    measured.write_status(Status("done", now, started_at=now, ended_at=now + 2))
    assert "Measured while another run trained" not in said(app.run())
    training = fabricated(dataset="digits").run
    training.write_status(Status("done", now, started_at=now - 9, ended_at=now + 1))
    app = app.run()
    assert "Measured while another run trained" in said(app)
    next(button for button in app.button if button.label == "Measure again").click()
    app.run()
    assert sum(isinstance(run.spec(), MeasureSpec) for run in all_runs(runs)) == 2
    training.write_status(Status("done", now, started_at=now - 9, ended_at=now - 1))
    assert not beside_training(measured.status(), [training.status()])


def test_a_changed_choice_is_in_the_link_and_in_the_plan(runs):
    app = page()
    next(box for box in app.selectbox if box.label == "Strategy").select("linear-probe")
    app.run()
    assert app.query_params == {"strategy": "linear-probe"}
    assert "Only the head trains" in said(app)
    states = {run.status().state for run in all_runs(runs)}
    assert states == {"cancelled", "queued"}  # the measurement that nobody needs any more gave way


def test_a_link_fills_in_the_form(runs):
    app = page(backbone="resnet18", dataset="digits", strategy="custom", unfreeze="stage 2", epochs="3", lr="0.0005")
    assert (selected(app, "Backbone"), selected(app, "Dataset"), selected(app, "Unfreeze from")) == (
        "resnet18",
        "digits",
        "stage 2",
    )
    assert {n.label: n.value for n in app.number_input}["Epochs"] == 3
    assert "stage 2, stage 3 and stage 4 train; 2 groups stay frozen" in said(app)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"epochs": "lots"}, "The link asks for epochs 'lots'"),
        ({"strategy": "magic"}, "The link asks for strategy 'magic'"),
        ({"dataset": "/etc"}, "is not in a folder that may be used from the browser"),
        ({"backbone": "vit_small_patch14_reg4_dinov2"}, "multiple of 14, not 128"),
        ({"strategy": "lp-ft", "epochs": "1"}, "takes at least 2 epochs, but 1 was asked for"),
        ({"run": "../../etc/passwd"}, "That is not a run's id."),
        ({"run": "20260101T000000-x-0000"}, "There is no run 20260101T000000-x-0000 here."),
        ({"from": "20260101T000000-x-0000"}, "There is no run 20260101T000000-x-0000 here."),
    ],
)
def test_a_link_that_cannot_be_followed_says_so(runs, query, sentence):
    assert sentence in said(page(**query))


def test_a_wrong_value_disables_start(runs):
    app = page(backbone="vit_small_patch14_reg4_dinov2")
    (start,) = [button for button in app.button if button.label == "Start"]
    assert start.disabled


def test_start_queues_the_spec_and_shows_it_by_its_link(runs):
    app = page(dataset="digits", strategy="linear-probe", epochs="2")
    next(button for button in app.button if button.label == "Start").click()
    app.run()
    (run,) = trainings(runs)
    spec = run.spec()
    assert isinstance(spec, RunSpec)
    assert (spec.dataset, spec.strategy.name, spec.epochs, spec.backbone) == (
        "digits",
        "linear-probe",
        2,
        "tf_efficientnet_lite0",
    )
    assert app.query_params == {"run": run.id}
    assert app.title[0].value == "Linear probe"

    next(button for button in app.button if button.label == "Cancel").click()
    app.run()
    assert run.status().state == "cancelled"
    assert "The run was cancelled. It had not begun to train." in said(app)


def test_a_finished_run_reads_in_words(runs):
    spec = RunSpec(dataset="chest-xray", strategy="last-group", epochs=3, source_probes=("natural-photos",))
    run = finished(runs, spec)
    app = page(run=run.id)
    text = said(app)
    assert "It was not asked what it still knows" in text
    assert "94.8 % (92.9 to 96.4) of 638 test images rightly" in text
    assert "It errs most on 'normal'" in text
    assert "33 of 638 test images are wrong." in text
    assert "stage 7 moved the most" in text
    assert "For teaching and research, not for clinical decisions." in text
    assert len(app.get("plotly_chart")) == 4
    table = app.dataframe[0].value
    assert table["value"].iloc[0] == "94.8 %"
    next(button for button in app.button if button.label == "Train twice as long").click()
    app.run()
    assert app.query_params == {"epochs": "6"}
    assert {n.label: n.value for n in app.number_input}["Epochs"] == 6


def test_a_finished_run_says_what_the_cut_spared(runs):
    text = said(page(run=finished(runs, RunSpec(dataset="chest-xray", strategy="lp-ft", epochs=4)).id))
    assert "each of 1,280 training pictures in 4 views and each of 1,013 validation and test pictures once" in text
    assert "6,133 passes; the cache had 6,000, the other 133 took 2.0 s." in text
    assert "Phase 1: The whole backbone is frozen: computed once for 4 augmented views" in text
    assert "that moves the logits by less than 0.001 % of their spread" in text


def test_the_measured_plan_says_what_becomes_of_the_frozen_layers(runs):
    page()
    (measured,) = list(all_runs(runs))
    way = {"kind": "kept", "cut": "stage 7", "views": 4, "bytes": 85e6, "reason": "Computed once.", "solver": "steps"}
    prefix = {"precision": "bfloat16", "seconds": {"float32": 0.006, "bfloat16": 0.003}, "error": 0.012, "shapes": {}}
    result = {
        "plan": {},
        "device": "cpu",
        "precision": "float32",
        "seconds": 75.0,
        "seconds_again": 15.0,
        "memory_bytes": 345e6,
    }
    measured.write_result(result | {"cut": {"phases": [way], "prefix": prefix}})
    measured.write_status(Status("done", time.time()))
    text = said(page())
    assert "All below stage 7 is frozen: computed once for 4 augmented views of each picture and kept (85 MB)." in text
    assert "compute in bfloat16, the fastest of those timed here (bfloat16 3 ms, float32 6 ms a picture)" in text
    assert "moves the logits by 1.2 % of their spread" in text
    assert "Asked again, with the frozen layers kept: 15 s." in text


def test_views_that_do_not_apply_say_why(runs):
    app = page(augment="0")
    views = next(box for box in app.selectbox if box.label == "Augmented views")
    assert views.disabled
    assert views.help == "Augmentation is off: each image has one view."
    app = page(views="0")
    views = next(box for box in app.selectbox if box.label == "Augmented views")
    assert not views.disabled
    assert views.value == 0
    assert "fresh ones every epoch" in views.options


def test_names_from_people_stay_text(runs):
    run = finished(runs, RunSpec(dataset="traffic-lights", strategy="linear-probe", epochs=2), (HOSTILE, "b"))
    app = page(run=run.id)
    assert not app.exception
    raw = "\n".join(str(element.value) for element in [*app.markdown, *app.caption])
    assert HOSTILE in raw.replace("\\", "")
    assert re.search(r"(?<!\\)<img", raw) is None
    assert re.search(r"(?<!\\)\*\*bold", raw) is None
    drawn = "".join(json.dumps(json.loads(chart.proto.spec)) for chart in app.get("plotly_chart"))
    assert "<img" not in drawn


def test_repeat_with_changes_brings_the_choices_back(runs):
    run = finished(runs, RunSpec(dataset="digits", backbone="resnet18", strategy="full", epochs=4, seed=9))
    app = page(run=run.id)
    next(button for button in app.button if button.label == "Repeat with changes").click()
    app.run()
    assert (selected(app, "Backbone"), selected(app, "Dataset"), selected(app, "Strategy")) == ("resnet18", "digits", "full")
    expected = {"backbone": "resnet18", "dataset": "digits", "strategy": "full", "epochs": "4", "seed": "9"}
    assert app.query_params == expected | {"source_probes": "none"}  # that run asked nothing


def test_a_suggestion_that_is_all_defaults_is_taken_over_too(runs):
    asked = {"class_weights": True, "seed": 2**31 - 1, "source_probes": ("natural-photos",)}
    run = finished(runs, RunSpec(dataset="chest-xray", strategy="last-group", epochs=5, **asked))
    app = page(run=run.id)
    next(button for button in app.button if button.label == "Train twice as long").click()
    app.run()
    next(toggle for toggle in app.toggle if toggle.label == "Class weights").set_value(False)
    app.run()
    assert app.query_params == {"epochs": "10", "seed": str(2**31 - 1)}
    app.query_params.clear()
    app.query_params["run"] = run.id
    app.run()
    next(button for button in app.button if button.label == "New run").click()
    app.run()
    assert app.query_params == {"epochs": "10", "seed": str(2**31 - 1)}  # choices outlive a look at a run


def test_a_lost_run_can_be_resumed(runs):
    made = Fabricated(runs, RunSpec(dataset="digits", strategy="linear-probe", epochs=3))
    made.state("running")
    made.begin()
    made.train(epochs=1)
    made.events.close()
    app = page(run=made.run.id)
    assert "The process of this run is gone" in said(app)
    assert "It had finished 1 epoch of 3." in said(app)
    next(button for button in app.button if button.label == "Resume").click()
    app.run()
    assert made.run.status().state == "queued"


def test_a_running_run_is_live_and_a_cancel_is_admitted_once(runs):
    made = Fabricated(runs, RunSpec(dataset="digits", strategy="linear-probe", epochs=3))
    with Lock(made.run.path / "run.lock"):
        made.state("running")
        made.events.close()
        app = page(run=made.run.id)
        assert not app.exception
        next(button for button in app.button if button.label == "Cancel").click()
        app.run()
        assert made.run.cancel_requested()
        assert [button.label for button in app.button if button.disabled] == ["Cancelling…"]


def test_a_failed_run_says_why_and_folds_the_log_away(runs):
    made = Fabricated(runs, RunSpec(dataset="digits", strategy="linear-probe", epochs=3))
    made.state("running")
    made.begin()
    (made.run.path / "log.txt").write_text("line 1\nline 2 <script>\n")
    made.state(
        "failed", error={"type": "Diverged", "message": "The loss is no longer a number.", "next_step": "Lower the rate."}
    )
    made.events.close()
    app = page(run=made.run.id)
    assert "The loss is no longer a number." in said(app)
    assert "Lower the rate." in said(app)
    assert app.code[0].value == "line 1\nline 2 <script>"


def test_a_run_that_trains_nothing_is_not_shown_here(runs):
    run = LocalEngine(runs).submit(CheckSpec(dataset="digits"))
    assert "That run trains nothing" in said(page(run=run.id))


def test_a_table_of_labels_out_of_reach_is_refused_before_a_run(runs, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "scans"
    folder.mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("file,label\n")
    monkeypatch.setenv("THAW_DATA_ROOTS", str(tmp_path / "data"))
    app = page(dataset=str(folder), labels=str(tmp_path / "secret.csv"))
    assert app.error
    assert next(button for button in app.button if button.label == "Start").disabled
    assert not list(all_runs(runs))


def test_own_data_that_were_looked_at_have_their_classes_and_their_time(runs, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "pictures"
    folder.mkdir(parents=True)
    monkeypatch.setenv("THAW_DATA_ROOTS", str(tmp_path / "data"))
    assert "measured once the number of images is known" in said(page(dataset=str(folder)))
    look = create(runs, CheckSpec(dataset=str(folder)))
    counts = {"train": {"a": 8, "b": 7, "c": 5}, "val": {"a": 2, "b": 2, "c": 1}, "test": {"a": 2, "b": 2, "c": 1}}
    look.write_result({"classes": ["a", "b", "c"], "counts": counts})
    look.write_status(Status("done", look.status().queued_at))
    words = said(page(dataset=str(folder)))
    assert "30 images at the last look" in words
    assert "3 classes: a, b, c." in words
    spec = next(run.spec() for run in all_runs(runs) if isinstance(run.spec(), MeasureSpec))
    assert (spec.train_images, spec.val_images, spec.test_images, spec.classes) == (20, 5, 5, 3)
