"""The pull on the command line."""

from __future__ import annotations

import argparse

import pytest

from tlcore.cli.arguments import add_spec_options, run_spec
from tlcore.errors import SpecError
from tlcore.spec import RunSpec
from tlcore.strategies import preset
from tlcore.strategies.pull import EWC, L2SP, NoPull, Pull


def _pull_of(options: str) -> Pull:
    parser = argparse.ArgumentParser()
    add_spec_options(parser, RunSpec)
    return run_spec(parser.parse_args(["--dataset", "digits", *options.split()])).strategy.pull


def test_a_pull_by_its_kind_and_its_strength() -> None:
    assert _pull_of("--strategy full") == NoPull()
    assert _pull_of("--strategy full --pull l2-sp") == L2SP()
    assert _pull_of("--strategy full --pull l2-sp --pull-strength 7") == L2SP(strength=7)
    assert _pull_of("--strategy ewc --pull-strength 7") == preset("ewc").pull.model_copy(update={"strength": 7.0})
    assert _pull_of("--strategy l2-sp --pull ewc --pull-strength 7") == EWC(strength=7)
    assert _pull_of("--strategy ewc --pull none") == NoPull()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--strategy full --pull-strength 1", "there is none"),
        ("--strategy full --pull magnet", "magnet"),
        ("--strategy ewc --pull-strength -1", "greater than or equal to 0"),
    ],
)
def test_a_pull_that_makes_no_sense_is_refused(options: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as refusal:
        _pull_of(options)
    assert refusal.value.next_step
