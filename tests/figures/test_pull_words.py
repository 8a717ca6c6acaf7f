"""Pulls in words."""

from __future__ import annotations

import pytest

from tlcore.figures.pull_words import pull_sentence
from tlcore.figures.words import strategy_title
from tlcore.strategies import Strategy, preset
from tlcore.strategies.pull import EWC, L2SP, PULLS, NoPull
from tlcore.strategies.scope import All


@pytest.mark.parametrize("kind", PULLS)
def test_every_pull_has_a_sentence_of_its_own(kind: str) -> None:
    sentence = pull_sentence(PULLS[kind]())
    assert (sentence == "") == (kind == "none")
    assert len({pull_sentence(choice()) for choice in PULLS.values()}) == len(PULLS)


def test_its_numbers_are_told() -> None:
    assert "1,500 old images (lambda 30)" in pull_sentence(EWC(images=1500, strength=30))
    assert pull_sentence(L2SP(strength=0, head_strength=0)) == ""


@pytest.mark.parametrize(
    ("strategy", "title"),
    [
        (preset("ewc"), "EWC"),
        (Strategy(scope=All(), pull=L2SP(strength=7)), "L2-SP, strength 7"),
        (Strategy(scope=All(), pull=NoPull()), "Full fine-tuning"),
        (preset("lp-ft").model_copy(update={"name": "custom", "pull": EWC(strength=30)}), "LP-FT, ewc at 30"),
        (preset("l2-sp").model_copy(update={"pull": L2SP(head_strength=0.5)}), "L2-SP, another pull"),
    ],
)
def test_a_custom_strategy_is_called_after_its_pull(strategy: Strategy, title: str) -> None:
    assert strategy_title(strategy) == title
