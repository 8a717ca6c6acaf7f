"""The Forgetting page: chosen, measured, read from what was gained and lost down to what brings it back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.figures.forgetting_made import GROUPS, labelled, put_back, result
from tests.pages.driving import opened, press, said
from tests.pages.forgetting_page import PAGE, asked_about, carries, jobs, links_of
from tlcore.runs import EventWriter, create
from tlcore.spec import ForgettingSpec


def test_without_runs_it_says_what_to_do(runs: Path) -> None:
    app = opened(PAGE)
    assert "No run has finished here yet." in said(app)
    assert "Train a network" in links_of(app)


def test_a_run_is_chosen_and_opens_by_its_link(fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    app = opened(PAGE)
    words = said(app)
    assert "None of them was measured yet." in words
    assert f"run={run.id}" in links_of(app).values()
    press(app, "Look")
    assert app.query_params["run"] in (run.id, [run.id])
    assert "Nobody has asked yet what it still knows" in said(app)


def test_what_is_not_measured_yet_says_so_and_can_be_measured(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    app = opened(PAGE, run=run.id)
    words = said(app)
    assert "so it is 32.8 points better." in words
    assert "through about 18 networks" in words  # 11 points and 7 groups; the statistics kept still
    assert "How long that takes is not known here yet." in words
    assert "For teaching and research, not for clinical decisions." in words
    press(app, "Measure")
    assert jobs(runs, ForgettingSpec) == [ForgettingSpec(run_id=run.id, sources=("imagenet-cifar10", "natural-photos"))]
    assert "Waiting for its turn" in str(app.get("progress")[0].proto)


def test_it_is_read_from_the_two_numbers_down(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    asked_about(runs, run)
    app = opened(PAGE, run=run.id, source="imagenet-cifar10")
    words = said(app)
    assert [(one.label, one.value) for one in app.metric[:2]] == [
        ("Gained on the target", "+32.8 points"),
        ("Lost of the source", "20.0 points"),
    ]
    assert "60.0 % before, 40.0 % (36.0 to 44.0) after, of the same 500 images: 20.0 points lost, more than noise." in words
    assert "less than its old head lost" in words
    assert "By each image's ten nearest neighbours (k-NN on the features)" in words
    assert "0.80 nats from those of the start (KL divergence" in words
    assert "is all there is so far: another strategy beside it" in words
    assert "the best point that keeps 55.0 % of it (5.0 points under what it knew before, 60.0 %) is a = 0.50" in words
    assert "A linear probe of the same data" not in words
    assert "The old weights of stage 2 bring the most back: 12.0 points" in words
    assert "120 of 500 images were right before and are wrong now; 20 were wrong and are right." in words
    assert "Truth: **cat**  \nNow: **dog**, 90\u00a0%" in words
    assert "cat lost the most: 40 points" in words
    assert "No steps of relearning were asked for." in words


def test_another_source_is_read_anew_and_stands_in_the_link(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    asked_about(runs, run)
    app = opened(PAGE, run=run.id, source="natural-photos")
    assert "Points of agreement for the source, of accuracy for the target" in said(app)
    assert app.metric[1].value == "30.0 points"
    assert "it still answers as the network that it started from" in said(app)
    (choice,) = [group for group in app.button_group if group.label == "Old knowledge"]
    app = choice.set_value("imagenet-cifar10").run()
    assert app.metric[1].value == "20.0 points"
    assert app.query_params["source"] in ("imagenet-cifar10", ["imagenet-cifar10"])


def test_a_run_that_carried_probes_has_its_curve_and_needs_no_job(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    carries(run, **{"imagenet-cifar10": labelled(by_epoch=[0.5, 0.4])})
    words = said(opened(PAGE, run=run.id))
    assert "the first epoch alone took 10.0 points." in words
    assert "Measure the run above: each layer group then gets its old weights back" in words
    assert "lost 20.0 points: ImageNet, on CIFAR-10" in said(opened(PAGE))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("failed", "The images could not be had."),
        ("cancelled", "The last measurement was cancelled before it had answered."),
        ("running", "The last measurement was lost before it had answered."),  # nobody holds its lock
    ],
)
def test_what_ended_otherwise_says_so_and_can_be_measured_again(runs: Path, fabricated: Any, state: str, words: str) -> None:
    run = fabricated(done=True, strategy="full").run
    error = {"type": "DataError", "message": "The images could not be had.", "next_step": "Look at the network."}
    asked_about(runs, run, state, error=error if state == "failed" else None)
    app = opened(PAGE, run=run.id)
    assert words in said(app)
    press(app, "Measure")
    assert len(jobs(runs, ForgettingSpec)) == 2


def test_one_under_way_shows_how_far_it_is_and_can_be_cancelled(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = create(runs, ForgettingSpec(run_id=run.id))
    with closing(EventWriter(job)) as events:
        events.write("progress", what="Along the way", done=320, total=1000, unit="images")
    app = opened(PAGE, run=run.id)
    assert "320 of 1,000 images" in str(app.get("progress")[0].proto).replace("\\", "")
    press(app, "Cancel")
    assert job.cancel_requested() or job.status().state == "cancelled"


def test_what_cannot_be_had_says_why_and_the_rest_stands(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    why = "The weights at both ends are needed, and cannot be had."
    bare = labelled(restore={}, path={}, classes=[], lost_images=[], changed=None, knn=None)
    bare["why"] = dict.fromkeys(("restore", "path", "lost_images", "classes"), why)
    target = result()["target"] | {"path": {}}
    asked_about(runs, run, sources={"imagenet-cifar10": bare}, target=target, points=[], why={"path": why})
    words = said(opened(PAGE, run=run.id))
    assert words.count(why) >= 4
    assert "20.0 points lost, more than noise." in words


def test_a_smaller_job_does_not_hide_a_fuller_one_and_a_link_to_it_shows_it(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    relearn = {"steps": [0, 10], "curves": {"pretrained": [0.1, 0.6], "run": [0.1, 0.5], "random": [0.1, 0.2]}}
    asked_about(runs, run, relearn=relearn | {"images": 500, "chance": 0.1})
    small = labelled(images=40, lost={"value": 0.1, "low": 0.0, "high": 0.2, "method": "bootstrap"})
    job = asked_about(runs, run, sources={"imagenet-cifar10": small})
    app = opened(PAGE, run=run.id, source="imagenet-cifar10")
    assert "20.0 points" in app.metric[1].value
    assert "120 of 500 images" in said(app)
    assert "No steps of relearning" not in said(app)
    assert f"run={job.id}" in links_of(app).values()
    assert [group for group in app.button_group if group.label == "Old knowledge"]  # the other source is still there
    alone = opened(PAGE, run=job.id)
    assert "What one analysis found" in said(alone)
    assert "10.0 points" in alone.metric[1].value
    assert "No steps of relearning" in said(alone)


def test_a_link_to_the_job_leads_to_its_run(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = asked_about(runs, run)
    assert "Lost of the source" in [one.label for one in opened(PAGE, run=job.id).metric]


@pytest.mark.parametrize("query", ["../../etc/passwd", "20250101T000000-x-0000"])
def test_a_wrong_run_is_a_sentence(runs: Path, query: str) -> None:
    app = opened(PAGE, run=query)
    assert app.error
    assert "Choose a run" in links_of(app)


@pytest.mark.parametrize(
    ("strategy", "words", "can_be_measured"),
    [
        ("linear-probe", "Only the head moves: what the backbone knew stays as it was, to the last bit.", True),
        ("from-scratch", "It starts from random weights, which know nothing that could be forgotten.", False),
    ],
)
def test_where_nothing_can_be_lost_it_says_so(
    runs: Path, fabricated: Any, strategy: str, words: str, can_be_measured: bool
) -> None:
    app = opened(PAGE, run=fabricated(done=True, strategy=strategy).run.id)
    assert words in said(app)
    assert any(button.label == "Measure" for button in app.button) is can_be_measured


def test_a_run_that_is_not_done_is_refused(runs: Path, fabricated: Any) -> None:
    made = fabricated(strategy="full")
    assert "only a run that is done can be asked" in said(opened(PAGE, run=made.run.id))


def test_the_made_groups_are_no_groups_of_the_backbone_and_are_drawn_all_the_same() -> None:
    assert set(GROUPS) <= set(labelled()["restore"])
    assert put_back(0.1, None)["paid"] is None
