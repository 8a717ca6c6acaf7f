"""What the README shows is true of the code: its records can be made, its commands are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.strategies.test_plan import GROUPS
from tlcore.cli.compare import compare_spec
from tlcore.cli.main import build_parser, main
from tlcore.data.card import DatasetCard
from tlcore.engine import LocalEngine
from tlcore.models.cards import BackboneCard
from tlcore.models.catalogue import _card, from_hub
from tlcore.strategies import STRATEGIES, Preset, Strategy, compile_plan, preset
from tlcore.strategies.scope import Window

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
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


def test_the_strategy_that_it_adds_passes_its_test_and_appears_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path))
    monkeypatch.setattr(LocalEngine, "ensure_worker", lambda self: None)
    added = record("Preset(")
    assert isinstance(added, Preset)
    assert added.strategy.name not in STRATEGIES
    monkeypatch.setitem(STRATEGIES, added.strategy.name, added)
    (code,) = [block for block in BLOCKS if block.startswith("def test_")]
    there = {"compile_plan": compile_plan, "preset": preset, "GROUPS": GROUPS}
    exec(code, there)  # our own README
    (test,) = [value for name, value in there.items() if name.startswith("test_")]
    test()
    main(["list", "strategies"])
    assert re.search(r"^bottom-only +Bottom only ", capsys.readouterr().out, re.M)
    asked = build_parser().parse_args(["compare", "--dataset", "digits", "--strategies", "all"])
    assert "bottom-only" in compare_spec(asked).names
    for page, control in (("train.py", "selectbox"), ("compare.py", "multiselect")):
        app = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60).run()
        app.switch_page(page).run()
        assert any(added.title in one.options for one in app.get(control)), page


@pytest.mark.parametrize("strategy", sorted(set(re.findall(r"--strategy ([a-z-]+)", README))))
def test_the_strategies_that_it_names_exist(strategy: str) -> None:
    assert strategy in STRATEGIES


def test_its_commands_are_understood() -> None:
    commands = re.findall(r"^python -m tlcore (.*?)\s*(?:#.*)?$", README.replace("\\\n", " "), re.M)
    named = {build_parser().parse_args(shlex.split(command)).command for command in commands}
    assert named >= {"train", "list", "check", "diagnose", "compare", "find-rate", "shift", "advice-regret"}


def test_the_strategies_that_it_compares_exist() -> None:
    lists = re.findall(r"--strategies ([a-z0-9,-]+)", README)
    assert lists
    for names in lists:
        assert names == "all" or set(names.split(",")) <= set(STRATEGIES)
