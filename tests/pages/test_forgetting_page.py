"""The Forgetting page: chosen, measured, read from what was gained and lost down to what brings it back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.figures.forgetting_made import GROUPS, agreement, labelled, put_back, result
from tests.pages.driving import opened, press, said
from tlcore.compare.folder import all_comparisons
from tlcore.files import write_json
from tlcore.models.catalogue import backbone_card
from tlcore.runs import EventWriter, Run, Status, all_runs, create
from tlcore.spec import BlendSpec, ForgettingSpec, RunSpec
from tlcore.strategies.start import FromRun

PAGE = "forgetting.py"


def _asked_about(runs: Path, run: Run, state: str = "done", *, error: dict[str, str] | None = None, **changes: Any) -> Run:
    job = create(runs, ForgettingSpec(run_id=run.id))
    if state == "done":
        found = result(run=run.id, **changes)
        write_json(job.path / "result.json", found)
        for one in found["sources"].values():
            for lost in one["lost_images"]:
                (job.path / lost["file"]).parent.mkdir(exist_ok=True)
                Image.new("RGB", (32, 32), (90, 90, 90)).save(job.path / lost["file"])
    job.write_status(Status(state, job.status().queued_at, started_at=1.0, ended_at=10.0, error=error))
    return job


def _carries(run: Run, **sources: Any) -> None:
    """The run measured these itself while it trained."""
    found = run.result() or {}
    first = next(iter(sources.values()))
    write_json(run.path / "result.json", found | {"source": sources, "forgetting": first["lost"]})


def _links(app: AppTest) -> dict[str, str]:
    return {link.proto.label.replace("\\", ""): link.proto.query_string for link in app.get("page_link")}


def _jobs(runs: Path, kind: type) -> list[Any]:
    return [spec for run in all_runs(runs) if isinstance(spec := run.spec(), kind)]


def test_without_runs_it_says_what_to_do(runs: Path) -> None:
    app = opened(PAGE)
    assert "No run has finished here yet." in said(app)
    assert "Train a network" in _links(app)


def test_a_run_is_chosen_and_opens_by_its_link(fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    app = opened(PAGE)
    words = said(app)
    assert "None of them was measured yet." in words
    assert f"run={run.id}" in _links(app).values()
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
    assert _jobs(runs, ForgettingSpec) == [ForgettingSpec(run_id=run.id, sources=("imagenet-cifar10", "natural-photos"))]
    assert "Waiting for its turn" in str(app.get("progress")[0].proto)


def test_it_is_read_from_the_two_numbers_down(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    _asked_about(runs, run)
    app = opened(PAGE, run=run.id, source="imagenet-cifar10")
    words = said(app)
    assert [(one.label, one.value) for one in app.metric[:2]] == [
        ("Gained on the target", "+32.8 points"),
        ("Lost of the source", "20.0 points"),
    ]
    assert "60.0 % before, 40.0 % (36.0 to 44.0) after, of the same 500 images: 20.0 points lost, more than noise." in words
    assert "less than its old head lost" in words
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
    _asked_about(runs, run)
    app = opened(PAGE, run=run.id, source="natural-photos")
    assert "Points of agreement for the source, of accuracy for the target" in said(app)
    assert app.metric[1].value == "30.0 points"
    assert "it still answers as the network that it started from" in said(app)
    (choice,) = [group for group in app.button_group if group.label == "Old knowledge"]
    app = choice.set_value("imagenet-cifar10").run()
    assert app.metric[1].value == "20.0 points"
    assert app.query_params["source"] in ("imagenet-cifar10", ["imagenet-cifar10"])


def test_the_slider_needs_no_job_and_its_point_can_be_saved(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    _asked_about(runs, run)
    app = opened(PAGE, run=run.id, source="imagenet-cifar10")
    (slider,) = app.select_slider
    assert slider.value == 0.5  # the best point for the usual floor
    app.number_input(key=f"forgetting-floor-imagenet-cifar10-{run.id}").set_value(45.0).run()
    assert "before, 60.0 %) is a = 0.75" in said(app)
    press(app, "Best point")
    assert app.select_slider[0].value == 0.75
    app.number_input(key=f"forgetting-floor-imagenet-cifar10-{run.id}").set_value(90.0).run()
    assert "No point on this path keeps 90.0 %" in said(app)
    press(app, "Save a = 0.75 as a model")
    assert _jobs(runs, BlendSpec) == [BlendSpec(run_id=run.id, a=0.75, batchnorm="interpolated")]


def test_where_batchnorm_kept_still_there_is_no_choice_of_statistics(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    still = labelled(why={"batchnorm": "BatchNorm kept still in this run: its running means are those that it started with."})
    _asked_about(runs, run, sources={"imagenet-cifar10": still})
    app = opened(PAGE, run=run.id)
    assert "BatchNorm statistics" not in [group.label for group in app.button_group]
    assert "that path is not offered" in said(app)
    press(app, "Save a = 0.50 as a model")
    assert _jobs(runs, BlendSpec) == [BlendSpec(run_id=run.id, a=0.5, batchnorm="interpolated")]


def test_a_linear_probe_of_the_same_data_stands_beside_the_gain_and_the_best_point(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    _asked_about(runs, run, sources={"imagenet-cifar10": labelled()})
    fabricated(done=True, strategy="linear-probe")
    app = opened(PAGE, run=run.id)
    assert "A linear probe of the same data loses nothing of the source" in said(app)
    assert [one.label for one in app.metric[:3]] == ["Gained on the target", "By moving the backbone", "Lost of the source"]
    assert "That linear probe" in _links(app)


def test_a_saved_point_gives_its_file_and_the_lines_that_load_it(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    _asked_about(runs, run)
    job = create(runs, BlendSpec(run_id=run.id, a=0.5))
    (job.path / "blend.safetensors").write_bytes(b"x" * 10)
    saved = {"run": run.id, "a": 0.5, "batchnorm": "interpolated", "file": "blend.safetensors", "bytes": 10, "sha256": "0" * 64}
    write_json(job.path / "result.json", saved | {"load": "import timm"})
    job.write_status(Status("done", 0.0, started_at=1.0, ended_at=2.0))
    app = opened(PAGE, run=run.id, source="imagenet-cifar10")
    assert "import timm" in [code.value for code in app.code]
    assert "Download the model" in [button.proto.label for button in app.get("download_button")]


def test_a_run_that_carried_probes_has_its_curve_and_needs_no_job(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    _carries(run, **{"imagenet-cifar10": labelled(by_epoch=[0.5, 0.4])})
    words = said(opened(PAGE, run=run.id))
    assert "the first epoch alone took 10.0 points." in words
    assert "Measure the run above: each layer group then gets its old weights back" in words
    assert "lost 20.0 points: ImageNet, on CIFAR-10" in said(opened(PAGE))


def test_both_sources_are_shown_and_the_page_opens_on_the_one_that_lost_most(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    _carries(run, **{"imagenet-cifar10": labelled(), "natural-photos": agreement()})
    overview = opened(PAGE)
    assert "lost 30.0 points: Natural photographs  \nlost 20.0 points: ImageNet, on CIFAR-10" in said(overview)
    for app in (overview, opened(PAGE, run=run.id)):
        (choice,) = [group for group in app.button_group if group.label == "Old knowledge"]
        assert choice.value == "natural-photos"
    assert app.metric[1].value == "30.0 points"


def test_runs_on_the_same_data_stand_side_by_side(runs: Path, fabricated: Any) -> None:
    full = fabricated(done=True, strategy="full").run
    held = fabricated(done=True, strategy="l2-sp").run
    other = fabricated(done=True, strategy="full", dataset="digits").run
    _carries(full, **{"imagenet-cifar10": labelled()})
    gone = {"value": 0.02, "low": -0.01, "high": 0.05, "method": "bootstrap"}
    _carries(held, **{"imagenet-cifar10": labelled(lost=gone)})
    _carries(other, **{"imagenet-cifar10": labelled()})
    words = said(opened(PAGE, run=full.id))
    assert "2 runs on the same data" in words
    assert "Against Full fine-tuning, more than noise: L2-SP keeps 18.0 points more" in words
    everything = said(opened(PAGE))
    assert "The trade-off of all runs" in everything


def test_a_sweep_is_laid_out_and_nothing_starts(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    _carries(run, **{"imagenet-cifar10": labelled()})
    app = opened(PAGE, run=run.id)
    app.selectbox(key="forgetting-sweep").select("ewc").run()
    assert "4 runs: 3 points that the picture has not yet." in said(app)
    press(app, "Lay it out on the Compare page")
    (comparison,) = all_comparisons(runs)
    spec = comparison.read().spec
    assert spec.names[0] == spec.baseline == "full"
    assert [one.pull.strength for one in spec.strategies[1:]] == [30, 300, 3000]
    assert spec.run.source_probes == ("imagenet-cifar10",)
    assert app.title[0].value == "Compare"
    assert len(list(all_runs(runs))) == 1


def test_a_sweep_fills_the_compare_form(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    _carries(run, **{"imagenet-cifar10": labelled()})
    app = opened(PAGE, run=run.id)
    words = parse_qs(_links(app)["Change it first, on the Compare form"])
    assert words["dataset"] == ["chest-xray"]
    app = opened("compare.py", **{name: value[0] for name, value in words.items()})
    chosen = next(box for box in app.multiselect if box.label == "Strategies").value
    assert chosen == ["full", "l2-sp:pull.strength=0.3", "l2-sp:pull.strength=3", "l2-sp:pull.strength=30"]
    assert app.selectbox(key="compare-probes").value == "imagenet-cifar10"
    assert "4 strategies" in said(app)


def test_every_sweep_makes_a_comparison(runs: Path) -> None:
    from pages.parts.forgetting_sweeps import compare_spec, offered, title_of

    spec = RunSpec(dataset="chest-xray", strategy="full")
    for name in offered(spec):
        wanted = compare_spec(spec, name, "natural-photos", 3)
        assert len(wanted.strategies) >= 4, name
        assert len(wanted.seeds) == 3
        assert title_of(name)
    assert len(compare_spec(spec, "level", "natural-photos", 1).strategies) == len(backbone_card(spec.backbone).groups) + 1


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
    _asked_about(runs, run, state, error=error if state == "failed" else None)
    app = opened(PAGE, run=run.id)
    assert words in said(app)
    press(app, "Measure")
    assert len(_jobs(runs, ForgettingSpec)) == 2


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
    _asked_about(runs, run, sources={"imagenet-cifar10": bare}, target=target, points=[], why={"path": why})
    words = said(opened(PAGE, run=run.id))
    assert words.count(why) >= 4
    assert "20.0 points lost, more than noise." in words


def test_a_chain_is_started_in_order(runs: Path, fabricated: Any) -> None:
    fabricated(done=True)
    app = opened(PAGE)
    assert "A chain of tasks" in said(app)
    press(app, "Start the chain")
    specs = [spec for run in all_runs(runs) if isinstance(spec := run.spec(), RunSpec) and spec.epochs == 3]
    assert sorted(spec.dataset for spec in specs) == ["chest-xray", "digits", "traffic-lights"]
    assert sum(isinstance(spec.strategy.start, FromRun) for spec in specs) == 2


def test_a_smaller_job_does_not_hide_a_fuller_one_and_a_link_to_it_shows_it(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    relearn = {"steps": [0, 10], "curves": {"pretrained": [0.1, 0.6], "run": [0.1, 0.5], "random": [0.1, 0.2]}}
    _asked_about(runs, run, relearn=relearn | {"images": 500, "chance": 0.1})
    small = labelled(images=40, lost={"value": 0.1, "low": 0.0, "high": 0.2, "method": "bootstrap"})
    job = _asked_about(runs, run, sources={"imagenet-cifar10": small})
    app = opened(PAGE, run=run.id, source="imagenet-cifar10")
    assert "20.0 points" in app.metric[1].value
    assert "120 of 500 images" in said(app)
    assert "No steps of relearning" not in said(app)
    assert f"run={job.id}" in _links(app).values()
    assert [group for group in app.button_group if group.label == "Old knowledge"]  # the other source is still there
    alone = opened(PAGE, run=job.id)
    assert "What one analysis found" in said(alone)
    assert "10.0 points" in alone.metric[1].value
    assert "No steps of relearning" in said(alone)


def test_a_link_to_the_job_leads_to_its_run(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    job = _asked_about(runs, run)
    assert "Lost of the source" in [one.label for one in opened(PAGE, run=job.id).metric]


@pytest.mark.parametrize("query", ["../../etc/passwd", "20250101T000000-x-0000"])
def test_a_wrong_run_is_a_sentence(runs: Path, query: str) -> None:
    app = opened(PAGE, run=query)
    assert app.error
    assert "Choose a run" in _links(app)


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
