"""What the Explain page asks of many images: a region that was drawn on one, and galleries from all that a filter leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.figures.explain_made import within
from tests.pages.driving import opened, press, said
from tests.pages.explaining import PAGE, button, explained, jobs
from tlcore.files import write_json
from tlcore.runs import Run

REGION = (0.0, 0.5, 0.0, 0.5)


def drawn(run: Run, job: Run, across: tuple[int, int] = (0, 50)) -> Any:
    app = opened(PAGE, run=run.id)
    app.toggle(key=f"explain-region-{job.id}").set_value(True).run()
    app.slider(key=f"explain-region-x-{job.id}").set_value(across).run()
    return app.slider(key=f"explain-region-y-{job.id}").set_value((0, 50)).run()


def test_a_region_is_measured_on_many_images(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run)
    app = drawn(run, job)
    assert "Measured on 48 images in 2 networks." in said(app)
    press(app, "Measure it on 48 images")
    asked = next(spec for spec in jobs(runs) if spec.region is not None)
    assert (asked.region, asked.belief, asked.each, asked.start) == (REGION, ("inside",), 1, True)


def test_what_was_found_in_it_stands_below_it_and_not_as_evidence_of_the_lungs(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run)
    found = within() | {"of": "the region"}
    fields = {"each": 1, "belief": ("inside",), "region": REGION}
    explained(runs, run, asked=fields, belief={"inside": {"run": found}}, why={"start": "Its probe cannot be had."})
    words = said(drawn(run, job))
    assert (
        "This run: 45.0 % (43.0 to 47.0) of the positive evidence is inside the region, on 105 images; spread evenly" in words
    )
    assert "Its probe cannot be had." in words
    assert "Counted on" not in words  # the test of the lungs was not asked for
    assert f"explain-ask-inside-{run.id}" in [one.key for one in opened(PAGE, run=run.id).button]


def test_a_region_without_width_is_a_sentence(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    app = drawn(run, explained(runs, run), across=(40, 40))
    assert not app.exception
    assert "The region is empty: draw its ends apart." in said(app)


def test_galleries_are_chosen_anew_from_all_that_the_filters_leave(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run)
    app = opened(PAGE, run=run.id)
    assert f"explain-only-{job.id}" not in [one.key for one in app.button]
    app.multiselect(key=f"explain-filter-class-{job.id}").set_value(["pneumonia"]).run()
    app.multiselect(key=f"explain-filter-sex-{job.id}").set_value(["F"]).run()
    button(app, f"explain-only-{job.id}").click().run()
    asked = next(spec for spec in jobs(runs) if spec.only)
    assert set(asked.only) == {"class=pneumonia", "sex=F"}
    assert asked.each == job.spec().each


def test_an_explanation_of_some_images_says_so(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    chosen = {"right": [1, 0], "wrong": [], "unsure": [3], "changed": [1]}
    explained(runs, run, asked={"only": ("sex=F",)}, galleries=chosen)
    words = said(opened(PAGE, run=run.id))
    assert "Chosen among images with sex=F alone." in words
    assert "No image of those that it was chosen among." in words
    assert "No image was named wrongly" not in words
    assert "Its images are chosen and their maps drawn once" in said(opened("demo.py", run=run.id))  # of all images


def test_one_that_another_version_told_is_left_out_and_that_is_said(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run)
    result = job.result() or {}
    write_json(job.path / "result.json", result | {"format": 1})
    words = said(opened(PAGE, run=run.id))
    assert "1 explanation of another version of Thaw left out" in words
