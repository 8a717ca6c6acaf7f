"""The domain shift on the guide: measured by a button, known from a landmark, failed, or said by the person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pages.parts.guide_choice import Subject
from tests.pages.guide_page import advised, control, ended, page, said, subject
from tlcore.runs import all_runs
from tlcore.spec import RunSpec, ShiftSpec


def measured(runs: Path, about: Subject, shift: float, **fields: Any) -> None:
    found = {"shift": shift, "low": shift - 0.01, "high": shift + 0.01, "floor": 0.002, "notices": []}
    ended(runs, about.shift(), found | {"images": {"source": 400, "target": 400}} | fields)


def test_the_shift_is_measured_by_a_button(runs):
    app = page(dataset="digits")
    assert "0.33 as measured before, with EfficientNet-Lite0 at 128 px. Not measured here yet." in said(app)
    app.button(key="guide-measure").click().run()
    (run,) = all_runs(runs)
    assert run.spec() == subject().shift() == ShiftSpec(run=RunSpec(dataset="digits"))
    assert [button.key for button in app.button if button.key in ("guide-measure", "guide-cancel")] == ["guide-cancel"]
    app.button(key="guide-cancel").click().run()
    assert run.status().state == "cancelled"
    assert "The last measurement was cancelled." in said(page(dataset="digits"))


def test_a_measured_shift_counts_whatever_the_landmark_says(runs):
    measured(runs, subject(), 0.05, notices=["Something to know."])
    app = page(dataset="digits", images_per_class="10")
    assert advised(app)[0] == "linear-probe"
    text = said(app)
    assert "0.05 (0.04 to 0.06), where 0 is no distance at all. About as far as CIFAR-10" in text
    assert "Measured here on 400 training images and 400 photographs." in text
    assert "Something to know." in text


def test_a_failed_measurement_says_why_and_the_person_chooses(runs):
    error = {"message": "Natural photographs cannot be fetched.", "next_step": "Connect once.", "type": "AssetError"}
    ended(runs, subject("solar-cells").shift(), state="failed", error=error)
    text = said(page(dataset="solar-cells"))
    assert "Natural photographs cannot be fetched." in text
    assert "Say yourself how far your images are" in text


def test_a_backbone_that_learnt_from_something_else_is_not_measured(runs):
    app = page(dataset="digits", backbone="vit_small_patch14_reg4_dinov2")
    assert "what its weights learnt from last is not everyday photographs" in said(app)
    assert not [button for button in app.button if button.key == "guide-measure"]
    assert advised(app) == []
    assert "The advice stands here once all three are known or said." in said(app)
    control(app, "Shift from everyday photographs").set_value("high").run()
    assert advised(app)
