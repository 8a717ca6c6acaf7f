"""A sweep on the Compare page: one setting of one strategy at several values."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.pages.driving import opened, press, said
from tlcore.runs import all_runs

STRENGTH = "pull.strength"


def fill(app: AppTest, label: str, value: object) -> AppTest:
    """Choose or type in the control that is called this."""
    next(box for box in [*app.selectbox, *app.text_input, *app.multiselect, *app.number_input] if box.label == label).set_value(
        value
    )
    return app.run()


def test_values_that_are_typed_become_strategies_of_the_comparison(runs: Path) -> None:
    app = opened("compare.py", dataset="digits", strategies="linear-probe")
    fill(app, "Seeds", 1)
    fill(app, "Images per class", ["7"])
    fill(app, "Strategy to vary", "l2-sp")
    assert next(box for box in app.selectbox if box.label == "Setting").value == STRENGTH
    fill(app, "Values", "0.001, 0.1")
    assert "3 runs: 3 strategies" in said(app)
    press(app, "Start")
    names = {run.spec().strategy.name: run.spec().strategy.pull for run in all_runs(runs)}
    assert names["l2-sp-strength-0-001"].strength == 0.001
    assert names["l2-sp-strength-0-1"].strength == 0.1


def test_a_value_that_is_not_allowed_is_refused_and_the_rest_stands(runs: Path) -> None:
    app = opened("compare.py", dataset="digits", strategies="linear-probe,full")
    fill(app, "Strategy to vary", "full")
    fill(app, "Setting", "rates.body_lr_mult")
    fill(app, "Values", "0.1, 7")
    text = said(app)
    assert "Body rate cannot be '7'" in text
    assert "above 0 to 1" in text
    assert "2 strategies" in text


def test_a_link_names_variants_and_says_what_is_wrong_with_one(runs: Path) -> None:
    app = opened("compare.py", dataset="digits", strategies="linear-probe,full:scope.batchnorm=trained,full:nothing=1")
    text = said(app)
    assert "2 strategies" in text
    assert "'nothing'" in text
    chosen = next(box for box in app.multiselect if box.label == "Strategies").value
    assert chosen == ["linear-probe", "full:scope.batchnorm=trained"]
