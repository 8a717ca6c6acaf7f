"""The galleries, the tests of the maps and what can be taken along, on the Explain page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pages.parts.explain_test_spec import spec_to_test
from tests.figures.explain_made import curves, randomization, stability, within
from tests.pages.driving import opened, press, said
from tests.pages.explaining import PAGE, button, explained, jobs, links
from tlcore.spec import ExplainSpec

ALL = ("deletion", "randomization", "stability", "inside")


def test_galleries_are_filtered_and_counted_and_a_press_puts_an_image_in_view(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run)
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert "Surely right (2 of 2)" in words
    assert "Truth: **normal**  \nAnswer: **pneumonia**, 70\u00a0%" in words
    assert "Before: normal" in words
    app = button(app, f"explain-look-wrong-2-{job.id}").click().run()
    assert app.query_params["image"] in ("film-2.png", ["film-2.png"])
    assert "**3** of 4 images" in said(app)
    app.multiselect(key=f"explain-filter-class-{job.id}").set_value(["pneumonia"]).run()
    words = said(app)
    assert "2 of 4 images. The maps are" in words
    assert "Surely wrong (0 of 1)" in words
    assert "None of this gallery is among what the filters leave." in words
    app.multiselect(key=f"explain-filter-sex-{job.id}").set_value(["M"]).run()
    assert "1 of 4 images. The maps are" in said(app)


def test_an_empty_gallery_says_what_that_means(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    explained(runs, run, galleries={"right": [0, 1, 3], "wrong": [], "unsure": [2], "changed": []})
    words = said(opened(PAGE, run=run.id))
    assert "No image was named wrongly." in words
    assert "training the backbone changed no answer here." in words
    alone = fabricated(done=True, strategy="full", seed=1).run
    explained(runs, alone, start=False, galleries={"right": [0, 1], "wrong": [2], "unsure": [3]})
    assert "so nobody can tell which answers changed" in said(opened(PAGE, run=alone.id))


def test_each_test_of_the_maps_is_asked_by_a_press(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    probe = fabricated(done=True, strategy="linear-probe").run
    explained(runs, run, asked={"beside": (probe.id,), "layer": "all"}, beside=(probe.id,), layers=("stage 6", "stage 7"))
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert "Does the answer hang on what the map points at?" in words
    assert "Measured on 48 images. About" in words  # judged by the explanation that is there
    app = button(app, f"explain-ask-deletion-{run.id}").click().run()
    app = button(app, f"explain-ask-inside-{run.id}").click().run()
    asked = [spec for spec in jobs(runs) if spec.belief]
    assert ExplainSpec(run_id=run.id, start=False, each=1, belief=("deletion",)) in asked
    assert ExplainSpec(run_id=run.id, beside=(probe.id,), each=1, belief=("inside",)) in asked
    assert len(asked) == 2
    assert len(app.get("progress")) == 2
    assert "Where it looks" in said(app)  # the maps stay in view meanwhile


def test_what_was_found_is_shown_whichever_job_found_it(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    explained(runs, run)
    explained(
        runs,
        run,
        asked={"each": 1, "belief": ALL, "start": False},
        start=False,
        belief={
            "deletion": curves(),
            "randomization": randomization(),
            "stability": stability(),
            "inside": {"run": within(fires=True)},
        },
    )
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert "As it started" in words  # the maps are still those of the first job
    assert "the answer hangs on them" in words
    assert "they depend on what was learned" in words
    assert "the maps then agree by 0.70 (rank correlation)" in words
    assert "Counted on 105 images (normal films alone: no other has a mask). Spread evenly 30 % would be inside" in words
    assert "It looks at the lungs first in 71.0 % (69.0 to 73.0) of 105 images" in words
    assert "the top left corner changes 30.0 % (28.0 to 32.0) of 40 answers" in words
    (alarm,) = [one.value for one in app.error]
    assert "Shortcut alarm: the model looks at the top left corner" in alarm.replace("\\", "")
    assert "Test it" not in [one.label for one in app.button]


def test_evidence_about_other_maps_is_not_taken_for_that_of_these(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    explained(runs, run, asked={"method": "occlusion"}, method="occlusion", layers=(None,))
    belief = {"stability": stability()}
    explained(runs, run, asked={"each": 1, "belief": ("stability",), "start": False}, start=False, belief=belief)
    words = said(opened(PAGE, run=run.id))
    assert "the maps then agree" not in words


def test_without_masks_that_is_said_and_the_rest_is_still_shown(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full", dataset="digits").run
    explained(
        runs,
        run,
        dataset="digits",
        asked={"belief": ("inside",)},
        belief={"inside": {"run": within(masked=False)}},
        why={"inside": "Nobody drew where the evidence should be on these images."},
    )
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert "Nobody drew where the evidence should be on these images." in words
    assert "No sign of a shortcut." in words
    assert "Counted on" not in words


def test_a_test_that_could_not_be_had_or_failed_says_why(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    explained(runs, run, asked={"belief": ("randomization",)}, why={"randomization": "Too few pictures."})
    error = {"type": "DataError", "message": "The images are gone.", "next_step": "Put them back."}
    explained(runs, run, "failed", asked={"each": 1, "belief": ("stability",), "start": False}, error=error)
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert "Too few pictures." in words
    assert "The images are gone." in words
    assert f"explain-ask-stability-{run.id}" in [one.key for one in app.button]
    assert f"explain-ask-randomization-{run.id}" not in [one.key for one in app.button]


def test_a_test_is_of_the_classes_that_the_maps_are_of(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    belief = {"stability": stability()}
    explained(runs, run, asked={"each": 1, "belief": ("stability",), "start": False}, start=False, belief=belief)
    shown = explained(runs, run, asked={"against": "normal"})
    assert "the maps then agree" not in said(opened(PAGE, run=run.id))
    asked = spec_to_test(shown.spec(), "stability")
    assert (asked.against, asked.belief, asked.start) == ("normal", ("stability",), False)
    explained(runs, run, asked={"each": 1, "belief": ("stability",), "start": False, "against": "normal"}, belief=belief)
    assert "the maps then agree" in said(opened(PAGE, run=run.id))


def test_all_of_it_can_be_taken_along(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run, asked={"target": "pneumonia"})
    app = opened(PAGE, run=run.id)
    labels = [one.proto.label for one in app.get("download_button")]
    assert {"This view as PNG", "All maps as numbers", "The answers as CSV"} <= set(labels)
    assert links(app)["Link to this explanation"] == f"run={job.id}"
    assert f"python -m tlcore explain --run {run.id} --target=pneumonia --belief='' --json" in [code.value for code in app.code]
    press(app, "Next")
    assert "**2** of 4 images" in said(app)
