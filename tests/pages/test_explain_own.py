"""A person's own picture on the Explain page: brought, answered, warned about, asked otherwise, and forgotten."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.data.made_dicom import write as write_dicom
from tests.pages.driving import opened, press, said
from tests.pages.explaining import PAGE, jobs
from tests.pages.own_made import answered, film
from tlcore.data.arriving import arrive, kept
from tlcore.errors import DataError
from tlcore.runs import EventWriter, Run, all_runs, create, delete, restore
from tlcore.spec import ExplainSpec

BANNER = "For teaching and research, not for clinical decisions."


@pytest.fixture
def run(fabricated: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("pages.parts.explain_own_arrive.PATIENCE", 0.0)  # nobody works here
    return fabricated(done=True, strategy="full").run


def bring(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader[0].set_value((name, content, "application/octet-stream"))
    return app.run()


def _word(app: AppTest, name: str) -> str | None:
    found = app.query_params.get(name)
    return found[0] if isinstance(found, list) else found


def test_a_picture_that_arrives_is_asked_about_at_once(runs: Path, run: Run) -> None:
    app = opened(PAGE, run=run.id, view="own")
    assert BANNER in said(app)
    app = bring(app, "Mustermann, Erika.png", film())
    (spec,) = jobs(runs)
    assert spec == ExplainSpec(run_id=run.id, picture=arrive(film()).sha256, start=False)
    (job,) = [one for one in all_runs(runs) if isinstance(one.spec(), ExplainSpec)]
    assert (_word(app, "run"), _word(app, "picture")) == (run.id, job.id)
    assert "Waiting for its turn" in str(app.get("progress")[0].proto)
    assert "Mustermann" not in said(app)
    assert not [file for file in job.path.rglob("*") if file.is_file() and b"Mustermann" in file.read_bytes()]


def test_a_dicom_file_is_known_by_what_it_holds_and_its_notices_outlast_a_refresh(runs: Path, run: Run, tmp_path: Path) -> None:
    file = write_dicom(tmp_path / "film.txt", np.arange(3600).reshape(60, 60), PhotometricInterpretation="MONOCHROME1")
    bring(opened(PAGE, run=run.id, view="own"), "film.txt", file.read_bytes())
    (job,) = [one for one in all_runs(runs) if isinstance(one.spec(), ExplainSpec)]
    notices = json.loads((job.path / "arrived.json").read_bytes())
    assert any("MONOCHROME1" in notice for notice in notices)
    assert b"Erika" not in (job.path / "arrived.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("film.png", b"<svg onload=alert(1)>", "is not a picture in a format that is read here"),
        ("film.dcm", b"no DICOM at all", "named like DICOM, and begins like none"),
        ("film.png", b"", "is empty"),
    ],
)
def test_a_hostile_file_is_one_sentence_and_nothing_is_lost(
    runs: Path, run: Run, name: str, content: bytes, words: str
) -> None:
    before = answered(runs, run)
    app = opened(PAGE, run=run.id, view="own", picture=before.id)
    app = bring(app, name, content)
    (error,) = app.error
    assert words in str(error.value).replace("\\", "")
    assert "Traceback" not in str(error.value)
    assert _word(app, "picture") == before.id  # what was there still is
    assert "It answers" in [one.label for one in app.metric]
    assert len(jobs(runs)) == 1


def test_it_is_read_from_the_alarm_down(runs: Path, run: Run) -> None:
    job = answered(runs, run)
    app = opened(PAGE, run=run.id, view="own", picture=job.id)
    words = said(app)
    # logits divided by 2: 0.9 becomes 3 / 4
    assert [(one.label, one.value) for one in app.metric[:3]] == [
        ("It answers", "pneumonia"),
        ("Calibrated probability", "75.0 %"),
        ("As the network says", "90.0 %"),
    ]
    assert "It is not unlike the images that the network was trained on" in words
    assert "Evidence for pneumonia." in words
    assert "5 nearest training images are pneumonia, as it answers." in words
    assert "Dividing the logits by 2.00 takes back confidence" in words
    assert "Expected calibration error on 40 test images: 0.170 before" in words
    assert words.count(BANNER) == 1
    downloads = [button.proto.label for button in app.get("download_button")]
    assert {"Map as PNG", "The numbers of the maps", "The answer as JSON"} <= set(downloads)


def test_the_link_of_the_job_alone_leads_there(runs: Path, run: Run) -> None:
    job = answered(runs, run)
    assert "It answers" in [one.label for one in opened(PAGE, run=job.id).metric]


def test_a_picture_unlike_all_others_is_called_so_large_and_in_words(runs: Path, run: Run) -> None:
    job = answered(runs, run, unlike=True)
    app = opened(PAGE, run=run.id, view="own", picture=job.id)
    (error,) = app.error
    assert str(error.value).startswith("### Unlike anything it was trained on")
    assert "so its answer means nothing" in str(error.value)


def test_the_set_follows_the_chosen_confidence_without_a_job(runs: Path, run: Run) -> None:
    job = answered(runs, run)
    app = opened(PAGE, run=run.id, view="own", picture=job.id)
    slider = app.select_slider(key="explain-own-confidence")
    assert slider.value == 0.9
    assert "This one has every class" in said(app)  # one validation answer in five is wrong: nine in ten needs both
    app = slider.set_value(0.7).run()
    assert "This one is pneumonia alone" in said(app)
    assert "Whether the promise holds was measured at 80 %, 90 %, 95 %." in said(app)
    assert len(jobs(runs)) == 1


def test_without_calibration_it_says_why(runs: Path, run: Run) -> None:
    job = answered(runs, run)
    result = job.result() or {}
    unknown = dict.fromkeys(("calibrated", "probabilities", "prediction_set", "out_of_distribution", "measured"))
    result["picture"] |= unknown | {"nearest": []}
    result["why"] = {"calibrated": "The dataset is no longer the one that it was trained on."}
    job.write_result(result)
    words = said(opened(PAGE, run=run.id, view="own", picture=job.id))
    assert "How often it is right when it says so is not known. The dataset is no longer the one" in words
    assert "Evidence for pneumonia." in words


def test_it_can_be_asked_otherwise(runs: Path, run: Run) -> None:
    job = answered(runs, run)
    app = opened(PAGE, run=run.id, view="own", picture=job.id)
    assert [one.label for one in app.expander if one.label.startswith("A closer look")]
    assert len(app.get("plotly_chart")) >= 2  # the probabilities, and the map's own places
    app.selectbox(key="explain-own-layer").select("stage 6")
    app.selectbox(key="explain-own-target").select("normal")
    app = press(app.run(), "Ask")
    asked = next(spec for spec in jobs(runs) if spec.target == "normal")
    assert (asked.picture, asked.layer, asked.start) == (job.spec().picture, "stage 6", False)
    assert _word(app, "picture") != job.id


def test_forgetting_removes_the_picture_and_every_copy(runs: Path, run: Run) -> None:
    job, other = answered(runs, run), answered(runs, run, method="occlusion")
    delete(runs, other.id)  # one is in the trash, from where it must not come back
    digest = job.spec().picture
    assert kept(digest).is_file()
    app = press(opened(PAGE, run=run.id, view="own", picture=job.id), "Forget this picture")
    assert "The picture is forgotten, and 2 answers about it with it." in said(app)
    assert not job.path.exists()
    with pytest.raises(DataError):
        kept(digest)
    with pytest.raises(Exception, match="not in the trash"):
        restore(runs, other.id)
    assert [one.id for one in all_runs(runs)] == [run.id]


def test_what_waits_can_be_cancelled_and_what_failed_says_so(runs: Path, run: Run) -> None:
    waiting = create(runs, ExplainSpec(run_id=run.id, picture="0" * 64, start=False))
    with closing(EventWriter(waiting)) as events:
        events.write("progress", what="Getting the run ready for new pictures", done=64, total=1133, unit="images")
    app = opened(PAGE, run=run.id, view="own", picture=waiting.id)
    assert "64 of 1,133 images" in str(app.get("progress")[0].proto).replace("\\", "")
    press(app, "Cancel")
    assert waiting.cancel_requested() or waiting.status().state == "cancelled"
    error = {"type": "DataError", "message": "That picture is not here any more.", "next_step": "Upload it again."}
    failed = answered(runs, run, state="failed", error=error, method="occlusion")
    app = opened(PAGE, run=run.id, view="own", picture=failed.id)
    assert "That picture is not here any more." in said(app)
    assert "Forget this picture" in [one.label for one in app.button]


def test_a_link_to_another_runs_picture_shows_nothing_of_it(runs: Path, run: Run, fabricated: Any) -> None:
    job = answered(runs, run)
    second = fabricated(done=True, strategy="linear-probe").run
    app = opened(PAGE, run=second.id, view="own", picture=job.id)
    assert "It answers" not in [one.label for one in app.metric]
    assert not app.exception
