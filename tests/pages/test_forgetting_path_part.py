"""The way from the start to the run: the slider, its best point, and a point saved as a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.figures.forgetting_made import agreement, labelled
from tests.pages.driving import opened, press, said
from tests.pages.forgetting_page import PAGE, asked_about, jobs, links_of
from tlcore.files import write_json
from tlcore.runs import Status, create
from tlcore.spec import BlendSpec


def test_the_slider_needs_no_job_and_its_point_can_be_saved(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    asked_about(runs, run)
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
    assert jobs(runs, BlendSpec) == [BlendSpec(run_id=run.id, a=0.75, batchnorm="interpolated")]


def test_the_source_that_is_kept_can_be_chosen(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    way = {"interpolated": [1.0, 0.97, 0.8, 0.75, 0.70]}
    both = {"imagenet-cifar10": labelled(), "natural-photos": agreement(path=way)}
    asked_about(runs, run, sources=both)
    app = opened(PAGE, run=run.id, source="imagenet-cifar10")
    assert app.select_slider[0].value == 0.5
    (choice,) = [group for group in app.button_group if group.label == "Old knowledge to keep"]
    app = choice.set_value("natural-photos").run()
    assert "Natural photographs: the best point that keeps 95.0 % of it" in said(app)
    assert "is a = 0.25: source 97.0 %, target 80.0 %" in said(app)
    assert app.metric[1].value == "20.0 points", "the numbers above are still about the page's own"


def test_where_batchnorm_kept_still_there_is_no_choice_of_statistics(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    still = labelled(why={"batchnorm": "BatchNorm kept still in this run: its running means are those that it started with."})
    asked_about(runs, run, sources={"imagenet-cifar10": still})
    app = opened(PAGE, run=run.id)
    assert "BatchNorm statistics" not in [group.label for group in app.button_group]
    assert "that path is not offered" in said(app)
    press(app, "Save a = 0.50 as a model")
    assert jobs(runs, BlendSpec) == [BlendSpec(run_id=run.id, a=0.5, batchnorm="interpolated")]


def test_a_linear_probe_of_the_same_data_stands_beside_the_gain_and_the_best_point(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    asked_about(runs, run, sources={"imagenet-cifar10": labelled()})
    fabricated(done=True, strategy="linear-probe")
    app = opened(PAGE, run=run.id)
    assert "A linear probe of the same data loses nothing of the source" in said(app)
    assert [one.label for one in app.metric[:3]] == ["Gained on the target", "By moving the backbone", "Lost of the source"]
    assert "That linear probe" in links_of(app)


def test_a_saved_point_gives_its_file_and_the_lines_that_load_it(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    asked_about(runs, run)
    job = create(runs, BlendSpec(run_id=run.id, a=0.5))
    (job.path / "blend.safetensors").write_bytes(b"x" * 10)
    saved = {"run": run.id, "a": 0.5, "batchnorm": "interpolated", "file": "blend.safetensors", "bytes": 10, "sha256": "0" * 64}
    write_json(job.path / "result.json", saved | {"load": "import timm"})
    job.write_status(Status("done", 0.0, started_at=1.0, ended_at=2.0))
    app = opened(PAGE, run=run.id, source="imagenet-cifar10")
    assert "import timm" in [code.value for code in app.code]
    assert "Download the model" in [button.proto.label for button in app.get("download_button")]
