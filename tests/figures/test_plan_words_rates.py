"""What the plan's sentence says of patience and of measured rates, and what a preset is meant with."""

from __future__ import annotations

import pytest

from tlcore.figures.plan_words import meant_with, plan_sentence
from tlcore.models.catalogue import backbone_card
from tlcore.strategies import STRATEGIES, compile_plan, defaults_of, preset

GROUPS = backbone_card("resnet18").groups_with_head(2)


def _sentence(name: str) -> str:
    return plan_sentence(compile_plan(preset(name), GROUPS, epochs=12, lr=1e-3))


def test_patience_is_told_with_the_phases_that_have_it() -> None:
    assert "12 epochs in 6 phases at most: each phase ends after 2 epochs without a lower" in _sentence("gradual-stalled")
    assert "12 epochs in 2 phases at most: the head's own phase ends after 3 epochs" in _sentence("lp-ft")
    assert "12 epochs in 6 phases." in _sentence("gradual")


def test_measured_rates_are_told_as_the_most() -> None:
    assert "The rates shown are the most" in _sentence("auto-rgn")
    assert "Which groups move is measured" in _sentence("auto-snr")
    assert "measur" not in _sentence("full")


def test_what_a_recipe_is_meant_with_in_words() -> None:
    assert meant_with(defaults_of("recipe-b")) == (
        "Meant with a head's rate of 1e-4, up to 20 epochs, augmentation and weight decay 0.05."
    )
    assert meant_with({"batch_size": 8}) == "Meant with batch size 8."


@pytest.mark.parametrize("name", [name for name, known in STRATEGIES.items() if known.defaults])
def test_no_field_is_told_by_its_name_in_code(name: str) -> None:
    assert "_" not in meant_with(defaults_of(name))
