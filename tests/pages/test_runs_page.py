"""The Runs page: the list, its filters, what can be done with a run, and the empty state."""

from __future__ import annotations

import io
import zipfile
from functools import partial

import numpy as np
from streamlit.testing.v1 import AppTest

from pages.parts.cache import table as cache_table
from pages.parts.run_actions import export
from pages.parts.run_table import table
from pages.parts.summary import summaries
from tests.pages.driving import opened, press, said
from tlcore.runs import create
from tlcore.spec import CheckSpec, RunSpec
from tlcore.training.activations import Entry, kept

page = partial(opened, "runs.py")


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_an_empty_list_says_what_to_do_next(runs):
    app = page()
    assert "Nothing has run here yet." in said(app)
    assert "Nothing runs and nothing waits." in said(app)
    assert not app.dataframe


def test_the_list_shows_each_run_with_its_interval_and_curve(fabricated):
    run = fabricated(done=True).run
    (row,) = table(summaries()).to_dict("records")
    assert row["Run"] == run.id
    assert row["State"] == f"Done {run.id[-4:]}"
    assert row["Backbone"] == "EfficientNet-Lite0"
    assert row["Settings"] == "2 epochs, 128 px, all images, seed 0"
    assert row["Strategy"] == "Linear probe"
    assert row["Dataset"] == "Chest X-rays: pneumonia or not"
    assert row["Accuracy"] == "94.8 % (92.9 to 96.4)"
    assert len(row["By epoch"]) == 2
    assert list(page().dataframe[0].value["Run"]) == [run.id]


def test_only_training_runs_are_listed_but_all_that_waits_is_in_the_queue(runs):
    create(runs, CheckSpec(dataset="digits"))
    app = page()
    assert "Nothing has run here yet." in said(app)
    assert "Look at Handwritten digits" in said(app)
    assert "place 1" in said(app)


def test_the_text_filter_is_in_the_link(fabricated):
    probe, full = fabricated(done=True).run, fabricated(done=True, strategy="full", dataset="digits").run
    assert list(page(find="digits full").dataframe[0].value["Run"]) == [full.id]
    assert list(page(find="CHEST").dataframe[0].value["Run"]) == [probe.id]
    assert "No run passes these filters." in said(page(find="nothing like it"))


def test_delete_can_be_undone(fabricated):
    run = fabricated(done=True).run
    app = press(page(run=run.id), "Delete")
    assert not run.path.exists()
    assert "1 run deleted." in said(app)
    app = press(app, "Undo")
    assert run.path.exists()
    assert "1 run deleted." not in said(app)


def test_a_waiting_run_is_cancelled_and_not_deleted(runs):
    run = create(runs, RunSpec(dataset="digits"))
    app = page(run=run.id)
    assert next(button for button in app.button if button.label == "Delete").disabled
    press(app, "Cancel")
    assert run.status().state == "cancelled"


def test_a_lost_run_is_resumed(fabricated):
    made = fabricated(dataset="digits")
    made.state("running")
    app = page(run=made.run.id)
    assert "Resume" in labels(app)
    assert "Its process ended before the run did." in said(app)
    press(app, "Resume")
    assert made.run.status().state == "queued"
    assert made.run.status().resume


def test_a_failed_run_says_why(fabricated):
    made = fabricated(dataset="digits")
    made.state("failed", error={"type": "Diverged", "message": "The loss is *no* number.", "next_step": "Lower the rate."})
    assert "The loss is *no* number. Lower the rate." in said(page(run=made.run.id))


def test_repeat_with_changes_goes_to_train(fabricated):
    run = fabricated(done=True, strategy="full", epochs=2).run
    app = press(page(run=run.id), "Repeat with changes")
    assert not app.exception
    assert next(box.value for box in app.selectbox if box.label == "Strategy") == "full"


def test_export_holds_the_folders_of_all_that_were_chosen(fabricated):
    first, second = fabricated(done=True).run, fabricated(done=True, strategy="full").run
    names = zipfile.ZipFile(io.BytesIO(export(summaries()))).namelist()
    for run in (first, second):
        assert f"{run.id}/spec.json" in names
        assert f"{run.id}/result.json" in names
    assert not [name for name in names if name.endswith("run.lock")]


def test_a_run_of_another_version_disturbs_nobody(runs, fabricated):
    run = fabricated(done=True).run
    broken = create(runs, RunSpec(dataset="digits"))
    (broken.path / "spec.json").write_text('{"kind": "unheard-of"}')
    assert [summary.id for summary in summaries()] == [run.id]
    assert list(page().dataframe[0].value["Run"]) == [run.id]


def test_a_summary_follows_its_run(fabricated):
    made = fabricated(dataset="digits")
    assert summaries()[0].state == "queued"
    made.begin()
    made.train(epochs=1)
    assert len(summaries()[0].curve) == 1
    made.train(epochs=2)
    made.finish()
    assert summaries()[0].state == "done"
    assert summaries()[0].accuracy == {"value": 0.948, "low": 0.929, "high": 0.964}


def test_an_empty_cache_says_what_would_be_there(runs):
    app = page()
    assert "Nothing is kept yet." in said(app)
    assert "up to 10 GB" in said(app)
    assert "Clear the cache" not in labels(app)


def test_the_cache_shows_its_hits_and_is_cleared_after_a_word_about_the_cost(runs):
    recipe = {"backbone": "resnet18", "cut": "head", "view": "as it is", "precision": "float32", "image_size": 128}
    entry = Entry(recipe, "random")
    with entry.adding([bytes([n]) * 16 for n in range(4)], (512,), np.float32) as rows:
        rows[:] = 1
    entry.count(12, 4)
    app = page()
    shown = {metric.label: metric.value for metric in app.metric}
    assert (shown["Found again"], shown["Computed"]) == ("75 %", "4")
    (row,) = cache_table(kept()).to_dict("records")
    assert row["Weights"] == "random"
    assert (row["Backbone"], row["Cut below"], row["Images"], row["Hits"]) == ("ResNet-18", "head", 4, 12)
    assert "its numbers stay the same" in said(app)
    app = press(app, "Remove all of it")
    assert "Nothing is kept yet." in said(app)
    assert "Removed" in app.success[0].value
    assert not entry.folder.exists()
