"""The Start page: three runs that are one click, and the newest runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.first_runs import FIRST_RUNS
from pages.parts.living_stack import living_stack
from tlcore.data.catalogue import DATASETS
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import all_runs
from tlcore.spec import RunSpec

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"


def page() -> AppTest:
    return AppTest.from_file(str(FRAME), default_timeout=60).run()


def said(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(str(e.value) for e in [*app.markdown, *app.caption, *app.title]).replace("\\", "")


@pytest.mark.parametrize("first", FIRST_RUNS, ids=lambda first: first.key)
def test_a_first_run_is_one_click(runs, first):
    app = page()
    app.button(key=f"first-{first.key}").click().run()
    assert not app.exception
    (run,) = [run for run in all_runs(runs) if isinstance(run.spec(), RunSpec)]
    assert run.spec() == first.spec()
    assert app.query_params["run"] in (run.id, [run.id])


@pytest.mark.parametrize("first", FIRST_RUNS, ids=lambda first: first.key)
def test_a_first_run_names_what_the_catalogues_have(first):
    spec = first.spec()
    assert spec.dataset in DATASETS
    assert not DATASETS[spec.dataset].refusal
    assert BACKBONES[spec.backbone].min_image_size <= spec.image_size


def test_the_control_differs_from_the_first_run_in_its_strategy_alone():
    probe, control = FIRST_RUNS[0].spec(), FIRST_RUNS[1].spec()
    assert control.model_copy(update={"strategy": probe.strategy}) == probe
    assert control.strategy.start.kind == "random"


def test_nothing_has_run_yet(runs):
    assert "Nothing has run here yet." in said(page())


@pytest.mark.parametrize(
    ("kind", "there"), [("DataError", False), ("SpecError", False), ("Diverged", True), ("ThawError", True)]
)
def test_what_was_refused_is_no_recent_run_and_what_failed_is(fabricated, kind: str, there: bool):
    fabricated(done=True, strategy="last-group")
    error = {"type": kind, "message": "No.", "next_step": ""}
    failed = fabricated(strategy="full").run
    failed.write_status(replace(failed.status(), state="failed", started_at=1.0, ended_at=2.0, error=error))
    text = said(page())
    assert ("Failed" in text) is there
    assert "Nothing has run here yet." not in text


def test_a_run_of_this_machine_gives_its_own_time(fabricated):
    fabricated(done=True, **FIRST_RUNS[0].fields)
    text = said(page())
    assert "when it last ran here" in text
    assert "accuracy 94.8 % (92.9 to 96.4)" in text


def test_the_stack_stands_still_for_those_who_want_less_motion():
    picture = living_stack()
    assert "prefers-reduced-motion" in picture
    assert 'role="img"' in picture
    assert "aria-label" in picture
