"""What the README shows is true of the code: its records can be made, its commands are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tlcore.cli.main import build_parser
from tlcore.data.card import DatasetCard
from tlcore.groups import Group
from tlcore.models.cards import BackboneCard
from tlcore.models.catalogue import _card, from_hub
from tlcore.strategies import STRATEGIES, Preset, Strategy, compile_plan
from tlcore.strategies.scope import Window

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


def record(name: str) -> object:
    (code,) = [block for block in BLOCKS if block.startswith(name)]
    known = {"_card": _card, "from_hub": from_hub, "DatasetCard": DatasetCard, "Preset": Preset}
    return eval(f"({code.strip().rstrip(',')})", known | {"Strategy": Strategy, "Window": Window})  # our own README


def test_the_backbone_that_it_adds_is_a_record() -> None:
    card = record("_card(")
    assert isinstance(card, BackboneCard)
    assert card.weights[0].hub_id == "timm/efficientnet_b1.ft_in1k"


def test_the_dataset_that_it_adds_is_a_record() -> None:
    card = record("DatasetCard(")
    assert isinstance(card, DatasetCard)
    assert card.medical


def test_the_strategy_that_it_adds_is_new_and_compiles() -> None:
    added = record("Preset(")
    assert isinstance(added, Preset)
    assert added.strategy.name not in STRATEGIES
    groups = (Group("stem", "bottom", 1), Group("stage", "middle", 1), Group("last", "top", 1), Group("head", "head", 1))
    (phase,) = compile_plan(added.strategy, groups, epochs=1, lr=1.0).phases
    assert [name for name in phase.rates if phase.trains(name)] == ["stem", "head"]


@pytest.mark.parametrize("strategy", sorted(set(re.findall(r"--strategy ([a-z-]+)", README))))
def test_the_strategies_that_it_names_exist(strategy: str) -> None:
    assert strategy in STRATEGIES


def test_its_commands_are_understood() -> None:
    commands = re.findall(r"^python -m tlcore (list .*?|train .*?json)\s*(?:#.*)?$", README.replace("\\\n", " "), re.M)
    assert len(commands) >= 2
    for command in commands:
        assert build_parser().parse_args(shlex.split(command)).command == command.split()[0]
