"""The Explain page: a run is chosen and asked, and its maps are looked at one image at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.pages.driving import opened, press, said
from tests.pages.explaining import PAGE, button, explained, jobs, links
from tlcore.runs import Run
from tlcore.spec import ExplainSpec

BANNER = "For teaching and research, not for clinical decisions."


def test_without_runs_it_says_what_to_do(runs: Path) -> None:
    app = opened(PAGE)
    assert "No run has finished here yet." in said(app)
    assert "Train a network" in links(app)


def test_a_run_is_chosen_and_asked(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    app = opened(PAGE)
    assert "no maps yet" in said(app)
    press(app, "Look")
    assert app.query_params["run"] in (run.id, [run.id])
    words = said(app)
    assert BANNER in words
    assert "Shows where channels that raise the class respond" in words  # the method, before it is asked
    assert "At most 24 images in 2 networks. How long that takes is not known here yet" in words
    assert "This run kept its best epoch alone." in words
    assert "Where it looks" not in words
    app.selectbox(key=f"explain-method-{run.id}").set_value("occlusion").run()
    layer = app.selectbox(key=f"explain-layer-{run.id}")
    assert layer.disabled
    app.selectbox(key=f"explain-method-{run.id}").set_value("gradcam").run()
    app.selectbox(key=f"explain-layer-{run.id}").set_value("all").run()
    app.selectbox(key=f"explain-target-{run.id}").set_value("pneumonia").run()
    app.selectbox(key=f"explain-against-2-{run.id}").set_value("normal").run()
    assert "at 7 layer groups" in said(app)
    press(app, "Explain")
    wanted = ExplainSpec(run_id=run.id, layer="all", target="pneumonia", against="normal")
    assert jobs(runs) == [wanted]
    assert "Waiting for its turn" in str(app.get("progress")[0].proto)
    assert "explain-cancel" in [one.key for one in app.button]


def test_other_runs_of_the_same_classes_can_stand_beside(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    probe = fabricated(done=True, strategy="linear-probe").run
    app = opened(PAGE, run=run.id)
    beside = app.multiselect(key=f"explain-beside-{run.id}")
    beside.set_value([probe.id]).run()
    press(app, "Explain")
    assert jobs(runs) == [ExplainSpec(run_id=run.id, beside=(probe.id,))]


def test_methods_that_the_backbone_cannot_have_say_why(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="linear-probe", backbone="vit_tiny_patch16_224").run
    app = opened(PAGE, run=run.id)
    method = app.selectbox(key=f"explain-method-{run.id}")
    assert "Attention rollout" in method.options
    assert "Guided Grad-CAM" not in method.options
    assert "made for networks whose activations are ReLU" in method.help
    method.set_value("attention-rollout").run()
    assert app.selectbox(key=f"explain-target-{run.id}").disabled


def test_maps_side_by_side_with_what_each_network_answers(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    probe = fabricated(done=True, strategy="linear-probe").run
    job = explained(runs, run, asked={"beside": (probe.id,)}, beside=(probe.id,))
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert BANNER in words
    assert "**1** of 4 images" in words
    assert "The truth: **pneumonia**" in words  # the first of the first gallery
    assert "Evidence for pneumonia." in words
    assert "**As it started**" in words
    assert f"**Linear probe, run {probe.id[-4:]}**" in words
    assert "check:] pneumonia, 80.0 %" in words
    assert "close:] normal, 60.0 %" in words
    html = "\n".join(one.value for one in app.get("html"))
    assert "no evidence" in html  # the legend
    assert "Each map is on a scale of its own" not in words
    # The second image has 1, 2 and 3; nine in ten peaks of all images (1 to 3, 2 to 6, 3 to 9) stay below 7.2.
    assert "Strongest place: 2" in words
    assert "above the scale" not in words
    app.toggle(key=f"explain-own-scale-{job.id}").set_value(True).run()
    words = said(app)
    assert "Do not compare colours between these maps." in words
    assert "Strongest place: 3" in words  # the largest of the third network's map of the second image
    assert {"Demo mode", "How it trained", "All runs"} <= links(app).keys()


def test_one_steps_through_the_images_and_a_map_without_evidence_says_so(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run)
    app = opened(PAGE, run=run.id)
    assert button(app, f"explain-place-{job.id}-previous").disabled
    assert "Nothing in this map speaks for the class." not in said(app)
    app = button(app, f"explain-place-{job.id}-next").click().run()
    words = said(app)
    assert "**2** of 4 images" in words
    assert words.count("visibility_off: **Nothing in this map speaks for the class.**") == 2  # film 0, in both networks
    assert app.query_params["image"] in ("film-0.png", ["film-0.png"])
    linked = opened(PAGE, run=job.id, image="film-3.png")
    words = said(linked)
    assert "**4** of 4 images" in words
    assert "One explanation: Grad-CAM, last layer, 4 images, 2 networks" in words
    assert "All explanations of the run" in links(linked)


def test_layers_and_epochs_are_there_without_another_job(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run, asked={"layer": "all", "epochs": True}, layers=("stage 6", "stage 7"), epochs=(1, 2))
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert "**After epoch 1**" in words
    assert "Through the layers" in words
    assert "stage 6: 2 × 2 places" in words
    app.select_slider(key=f"explain-epoch-{job.id}").set_value(2).run()
    assert "**After epoch 2**" in said(app)
    shown = app.selectbox(key=f"explain-layer-shown-{job.id}")
    assert shown.options == ["stage 7", "stage 6"]
    shown.set_value("stage 6").run()
    assert len(jobs(runs)) == 1


def test_a_region_is_asked_against_its_area(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run)
    app = opened(PAGE, run=run.id)
    app.toggle(key=f"explain-region-{job.id}").set_value(True).run()
    words = said(app)
    assert "The region is 25.0 % of the picture" in words
    # All evidence is in the top left quarter, a quarter of which is inside.
    assert "This run: 25.0 % of the positive evidence lies in the region, 1 times its share of the picture." in words
    app.slider(key=f"explain-region-x-{job.id}").set_value((0, 50)).run()
    app.slider(key=f"explain-region-y-{job.id}").set_value((0, 50)).run()
    assert "As it started: 100.0 % of the positive evidence lies in the region, 4 times" in said(app)


def test_a_network_that_could_not_be_had_says_why_and_the_others_stand(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    found = {"why": {"start": "The weights are gone."}, "notices": ["The dataset is no longer <b>the one</b>."]}
    explained(runs, run, **found)
    words = said(opened(PAGE, run=run.id))
    assert "As it started cannot be shown: The weights are gone." in words
    assert "**As it started**" not in words
    assert "The dataset is no longer <b>the one</b>." in words  # as it was written, and not as HTML


def test_what_other_versions_made_and_what_is_lost_says_so(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = explained(runs, run, made_with={"maths": 1, "torch": "1.0", "timm": "0.1"})
    app = opened(PAGE, run=run.id)
    assert "by another version of the maths" in said(app)
    (job.path / "maps.npz").unlink()
    assert "The maps of this explanation are not here any more." in said(opened(PAGE, run=run.id))


def test_a_job_that_failed_says_why_and_another_can_be_asked(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    error = {"type": "SpecError", "message": "No such *layer*.", "next_step": "Choose another."}
    explained(runs, run, "failed", error=error)
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert "No such *layer*." in words
    assert "Choose another." in words
    assert "Explain" in [one.label for one in app.button]


def test_one_that_was_cancelled_says_so_beside_the_maps_that_are_there(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    explained(runs, run)
    explained(runs, run, "cancelled")
    words = said(opened(PAGE, run=run.id))
    assert "The last explanation was cancelled before it had answered." in words
    assert "**1** of 4 images" in words


def test_a_link_to_what_is_no_run_leads_back(runs: Path) -> None:
    app = opened(PAGE, run="20990101T000000-nothing-here-0000")
    assert "There is no run" in said(app)
    assert "Choose a run" in links(app)


def test_photographs_have_no_banner(runs: Path, fabricated: Any) -> None:
    run: Run = fabricated(done=True, strategy="full", dataset="digits").run
    assert BANNER not in said(opened(PAGE, run=run.id))
