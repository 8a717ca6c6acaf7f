"""The Data page: what a dataset is, a look at it as a job, its report, and what is out of reach."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.parts.findings import _csv
from tests.pages.driving import opened, press
from tlcore.runs import EventWriter, Run, Status, all_runs, create
from tlcore.spec import CheckSpec

HOSTILE = "![a](http://evil.example/x.png) <b>b</b>"


page = partial(opened, "data.py")


def raw(app: AppTest) -> str:
    assert not app.exception
    shown = [*app.markdown, *app.caption, *app.error, *app.warning, *app.success, *app.subheader]
    return "\n".join(str(element.value) for element in shown)


def said(app: AppTest) -> str:
    return raw(app).replace("\\", "")


def checked(runs: Path, dataset: str = "digits", name: str = "one", **changes: object) -> Run:
    """A finished look at a dataset, in the shape of tlcore/data/check.py."""
    run = create(runs, CheckSpec(dataset=dataset))
    (run.path / "samples").mkdir()
    Image.new("RGB", (32, 32), (200, 40, 40)).save(run.path / "samples" / "0000.png")
    finding = {
        "kind": "tiny-classes",
        "severity": "warning",
        "title": f"1 class with fewer than 20 training pictures: {name}",
        "detail": "It is small.",
        "what_to_do": "Add pictures.",
        "count": 1,
        "files": [name],
        "pairs": [],
    }
    result = {
        "dataset": dataset,
        "title": dataset,
        "classes": [name, "two"],
        "counts": {"train": {name: 3, "two": 30}, "val": {name: 1, "two": 4}, "test": {name: 1, "two": 6}},
        "patients": {"train": 20, "val": 3, "test": 4},
        "samples": [{"file": "samples/0000.png", "class": name, "id": f"train/{name}/1.png", "split": "train"}],
        "findings": [finding],
        "notices": [],
        "image_sizes": {"width": [10, 20, 30], "height": [8, 8, 8], "formats": {"PNG": 45}, "modes": {"L": 45}},
        "licence": "",
        "attribution": "",
        "split_rule": "By patient.",
        "warnings": [],
        "digest": "0",
        "seconds": 1.0,
    }
    run.write_result(result | changes)
    run.write_status(Status("done", queued_at=1.0, started_at=2.0, ended_at=3.0))
    return run


def test_a_medical_dataset_says_what_it_may_not_be_used_for(runs):
    text = said(page(dataset="chest-xray"))
    assert "not a medical device" in text
    assert "Split by patient" in text
    assert "not a medical device" not in said(page(dataset="digits"))


def test_looking_submits_a_job_that_can_be_cancelled(runs):
    app = press(page(dataset="digits"), "Look at it")
    (run,) = all_runs(runs)
    assert run.spec() == CheckSpec(dataset="digits")
    assert not app.exception
    press(app, "Cancel")
    assert run.status().state == "cancelled"
    assert "The last look was cancelled." in said(page(dataset="digits"))


def test_a_second_browser_joins_the_job_instead_of_starting_another(runs):
    press(page(dataset="digits"), "Look at it")
    assert [button.label for button in page(dataset="digits").button if button.label != "Cancel"] == []
    assert len(list(all_runs(runs))) == 1


def test_an_earlier_report_is_shown_at_once(runs):
    checked(runs)
    text = said(page(dataset="digits"))
    assert "45 images in 2 classes, of 27 patients." in text
    assert "They are 10 to 30 px wide and 8 to 8 px high" in text
    assert "Found: 1 warning." in text
    assert "What to do: Add pictures." in text.replace("*", "")
    assert "two has 40 images, 8.0 times as many as one (5)" in text


def test_nothing_found_says_what_was_looked_for(runs):
    checked(runs, findings=[])
    assert "Nothing was found to worry about. Looked for: unreadable files" in said(page(dataset="digits"))


def test_a_failed_look_says_why(runs):
    run = create(runs, CheckSpec(dataset="digits"))
    error = {"type": "AssetError", "message": "There is no network.", "next_step": "Connect and try again."}
    EventWriter(run).close()
    run.write_status(Status("failed", queued_at=1.0, started_at=2.0, ended_at=3.0, error=error))
    text = said(page(dataset="digits"))
    assert "There is no network." in text
    assert "Connect and try again." in text


def test_hostile_names_are_escaped_wherever_markdown_is_read(runs):
    checked(runs, name=HOSTILE)
    text = raw(page(dataset="digits"))
    assert "evil" in text
    assert "![a](" not in text
    assert "<b>" not in text


@pytest.mark.parametrize("path", ["/etc", "/etc/passwd", "/nowhere/at/all", "/tmp/../etc"])
def test_a_path_out_of_reach_gets_the_same_sentence_whether_it_exists_or_not(runs, path):
    text = said(page(dataset=path))
    assert "is not in a folder that may be used from the browser." in text
    assert list(all_runs(runs)) == []


def test_an_unknown_name_is_a_sentence(runs):
    assert "There is no dataset named 'nonsense'." in said(page(dataset="nonsense"))


def test_a_result_that_points_out_of_its_folder_shows_nothing(runs):
    outside = [{"file": "../../secret.png", "class": "one", "id": "x", "split": "train"}]
    checked(runs, samples=outside)
    assert "Samples by class" not in said(page(dataset="digits"))


def test_a_spreadsheet_takes_no_name_for_a_formula():
    assert _csv([["=1+1", "a,b"]]) == '\'=1+1,"a,b"\r\n'
