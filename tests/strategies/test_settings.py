"""The settings of a strategy, made from the fields of its choices: every one has a control's worth of words, and can be set."""

from __future__ import annotations

import json
from typing import Annotated, Literal, get_args

import pytest
from pydantic import Field

from tlcore.errors import SpecError, UnknownName
from tlcore.strategies import STRATEGIES, Strategy, phases, preset, pull, rates, scope
from tlcore.strategies.axis import Choice, NamesGroup, Unit
from tlcore.strategies.phases import Gradual
from tlcore.strategies.pull import EWC, L2SP
from tlcore.strategies.scope import LoRA, Window
from tlcore.strategies.settings import (
    AXES,
    Setting,
    changes_from,
    idle,
    setting_named,
    settings_of,
    still_meant,
    value_of,
    with_settings,
)

CHOICES: dict[str, tuple[type[Choice], ...]] = {
    axis: get_args(get_args(union)[0])
    for axis, union in (("scope", scope.Scope), ("phases", phases.Phases), ("rates", rates.Rates), ("pull", pull.Pull))
}


def _strategy(axis: str, kind: type[Choice]) -> Strategy:
    given = {name: "top" for name, field in kind.model_fields.items() if field.is_required()}
    return Strategy(**{axis: kind(**given)})


EVERY = [pytest.param(axis, kind, id=kind.__name__) for axis in AXES for kind in CHOICES[axis]]


@pytest.mark.parametrize(("axis", "kind"), EVERY)
def test_every_field_of_every_choice_is_a_setting_in_words(axis: str, kind: type[Choice]) -> None:
    strategy = _strategy(axis, kind)
    found = {setting.path: setting for setting in settings_of(strategy) if setting.axis == axis}
    assert set(found) == {f"{axis}.{name}" for name in kind.model_fields if name != "kind"}
    for setting in found.values():
        assert setting.title
        assert setting.help.endswith(".")
        assert setting.allowed
        assert setting.title != setting.path.split(".")[1], "a title of its own"
        assert idle(strategy, setting.path) == "" or idle(strategy, setting.path).endswith(".")


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_setting_takes_what_it_has_as_text_and_refuses_what_it_may_not_be(name: str) -> None:
    strategy = preset(name)
    for setting in settings_of(strategy):
        text = {None: "none"}.get(value := value_of(strategy, setting.path), str(value))
        assert with_settings(strategy, {setting.path: text}) == strategy
        for wrong in _outside(setting):
            with pytest.raises(SpecError, match=setting.path) as refusal:
                with_settings(strategy, {setting.path: wrong})
            assert setting.allowed in refusal.value.next_step


def _outside(setting: Setting) -> list[object]:
    if setting.kind == "group":
        return [3.5]
    wrong: list[object] = ["many", "nan", "inf"]
    if setting.low is not None:
        wrong.append(setting.low if setting.above_low else setting.low - 1)
    if setting.high is not None:
        wrong.append(setting.high if setting.below_high else setting.high + 1)
    return wrong


def test_a_setting_is_read_from_its_field() -> None:
    class Made(Choice):
        kind: Literal["made"] = "made"
        hold: Annotated[int, Unit("steps")] = Field(4, gt=1, le=9, title="Hold", description="How long.")
        where: Annotated[str | None, NamesGroup()] = Field(None, title="Where", description="Which group.")

    strategy = Strategy().model_copy(update={"scope": Made()})
    hold, where = (one for one in settings_of(strategy) if one.axis == "scope")
    assert hold == Setting("scope.hold", "Hold", "How long.", "whole", "steps", low=1, high=9, above_low=True)
    assert hold.label == "Hold, steps"
    assert hold.allowed == "a whole number above 1 to 9"
    assert (where.kind, where.optional) == ("group", True)
    assert with_settings(strategy, {"scope.hold": "5", "scope.where": "none"}).scope == Made(hold=5)


def test_changes_are_read_back_and_only_between_the_same_kinds() -> None:
    changed = with_settings(preset("lora"), {"scope.rank": 16, "rates.schedule": "constant"})
    assert changed.scope == LoRA(rank=16)
    assert changes_from(preset("lora"), changed) == {"scope.rank": 16, "rates.schedule": "constant"}
    assert changes_from(preset("lora"), preset("lora")) == {}
    assert changes_from(preset("qlora"), changed) is None
    assert changes_from(preset("from-scratch"), preset("full")) is None  # another start


def test_a_setting_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'scope\.rank'") as refusal:
        with_settings(preset("lora"), {"scope.rnk": 3})
    assert set(refusal.value.allowed) == {setting.path for setting in settings_of(preset("lora"))}
    for path in ("rank", "start.run_id", "scope.kind", "name", ""):
        with pytest.raises(UnknownName):
            setting_named(preset("lora"), path)


def test_what_means_the_same_stays_when_the_strategy_changes() -> None:
    changes = {"scope.rank": 16, "scope.alpha": 4.0, "scope.batchnorm": "trained", "rates.schedule": "constant"}
    assert still_meant(changes, preset("lora"), preset("qlora")) == changes
    assert still_meant(changes, preset("lora"), preset("full")) == {
        "scope.batchnorm": "trained",
        "rates.schedule": "constant",
    }
    assert still_meant(changes, preset("lora"), preset("recipe-a")) == {"scope.batchnorm": "trained"}  # constant by itself
    held = {"pull.strength": 5.0}
    assert still_meant(held, Strategy(pull=L2SP()), Strategy(pull=EWC())) == {}


def test_what_changes_nothing_says_why() -> None:
    assert "BatchNorm" in idle(preset("linear-probe"), "scope.batchnorm")
    assert "Only the head" in idle(preset("linear-probe"), "rates.body_lr_mult")
    assert idle(preset("linear-probe"), "rates.schedule") == ""
    assert "waits for nothing" in idle(preset("gradual"), "phases.patience")
    assert idle(Strategy(phases=Gradual(until="stalled")), "phases.patience") == ""
    assert "waits for nothing" in idle(preset("recipe-b"), "phases.patience")
    assert idle(preset("lp-ft"), "phases.patience") == ""


def test_titles_and_units_change_nothing_of_what_is_written() -> None:
    written = {"kind": "window", "batchnorm": "frozen", "first": "middle", "last": "top"}
    assert json.loads(Window(first="middle", last="top").model_dump_json()) == written
