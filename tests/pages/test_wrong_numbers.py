"""What is typed wrongly on the Train page is said where it was typed, and nothing starts."""

from __future__ import annotations

import time
from functools import partial

import pytest

from tests.pages.driving import opened, said
from tlcore.runs import Status, all_runs
from tlcore.spec import MeasureSpec

page = partial(opened, "train.py")


def start(app):
    return next(button for button in app.button if button.label == "Start")


def at_the_field(app) -> list[str]:
    """The errors among More settings, without the signs that keep Markdown from reading what people wrote."""
    (more,) = [part for part in app.expander if part.label == "More settings"]
    return [str(one.value).replace("\\", "") for one in more.error]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("epochs", -7, "Epochs must be a whole number from 1 to 1000, not -7."),
        ("epochs", 1001, "Epochs must be a whole number from 1 to 1000, not 1001."),
        ("image_size", 8, "Image size, pixels must be a whole number from 16 to 1024, not 8."),
        ("images_per_class", 0, "Images per class must be a whole number from 1, not 0."),
        ("lr", 11.0, "Learning rate of the head must be a number above 0, at most 10, not 11."),
        ("weight_decay", -0.5, "Weight decay must be a number from 0 to 1, not -0.5."),
        ("batch_size", 0, "Batch size must be a whole number from 1 to 4096, not 0."),
    ],
)
def test_a_number_out_of_range_is_said_below_its_field_and_does_not_start(runs, field: str, value: float, words: str):
    app = page()
    assert not start(app).disabled
    usual = app.number_input(key=f"train-{field}").value
    app.number_input(key=f"train-{field}").set_value(value).run()
    assert words in said(app)
    assert start(app).disabled
    app.number_input(key=f"train-{field}").set_value(usual).run()
    assert words not in said(app)
    assert not start(app).disabled


def test_a_backbone_that_does_not_exist_is_said_at_the_field_where_it_was_typed(runs):
    app = page()
    app.text_input(key="train-timm-name").set_value("resnot34").run()
    measured = next(run for run in all_runs(runs) if run.spec().subject.backbone == "resnot34")
    assert isinstance(measured.spec(), MeasureSpec)
    assert not start(app).disabled  # nobody knows yet
    message = "There is no backbone named 'resnot34'. Did you mean 'resnet34'?"
    error = {"type": "UnknownName", "message": message, "next_step": "Choose one of: resnet50."}
    measured.write_status(Status("failed", time.time(), started_at=1.0, ended_at=2.0, error=error))
    app = app.run()
    assert start(app).disabled
    assert any(message in error for error in at_the_field(app))
    app.text_input(key="train-timm-name").set_value("Not A Name").run()
    assert any("lower-case letters" in error for error in at_the_field(app))


def test_a_dataset_that_compare_does_not_know_names_those_that_it_does(runs):
    text = said(opened("compare.py", dataset="nope"))
    assert "The link asks for the dataset 'nope', which is not offered here." in text
    assert "chest-xray" in text
    assert "data root" not in text
    text = said(opened("compare.py", dataset="digits,chest-xrays"))
    assert "'chest-xrays', which is not offered here. Did you mean 'chest-xray'?" in text
    text = said(opened("compare.py", dataset="digits", strategies="linear-probe,lorra", backbones="resnet5"))
    assert "The link asks for the strategy 'lorra', which is not offered here. Did you mean 'lora'?" in text
    assert "The link asks for the backbone 'resnet5', which is not offered here. Did you mean 'resnet50'?" in text
