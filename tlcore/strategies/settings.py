"""The settings of a strategy: the fields of its choices that a person may change, as records for a form or a command line.

They are made from the fields themselves: a new field of a choice, with its title, description, range and unit, is a setting
by itself. A setting is named by its axis and its field: `scope.rank`. The kind of a choice is none, and the start has
controls of its own. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from tlcore.errors import SpecError, UnknownName
from tlcore.strategies.axis import Choice, NamesGroup, Unit, in_words
from tlcore.strategies.strategy import Strategy

AXES = ("scope", "phases", "rates", "pull")
NONE = "none"  # how None is written where text is read: in a link, on the command line
Value = int | float | str | None


@dataclass(frozen=True)
class Setting:
    """A field that may be changed. Two are equal where they mean the same, whatever their values are."""

    path: str  # "scope.rank"
    title: str
    help: str
    kind: Literal["whole", "number", "choice", "group"]  # group: the name of a layer group or of a level
    unit: str = ""
    low: float | None = None  # that it may be, or where `above_low` must be above
    high: float | None = None  # likewise
    above_low: bool = False
    below_high: bool = False
    choices: tuple[str, ...] = ()
    optional: bool = False  # may be None

    @property
    def axis(self) -> str:
        return self.path.partition(".")[0]

    @property
    def label(self) -> str:
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def allowed(self) -> str:
        """What it may be, as a phrase: "from 1 to 256"."""
        if self.kind == "group":
            return "the name of a layer group, or bottom, middle or top" + (f", or {NONE}" if self.optional else "")
        if self.kind == "choice":
            return " or ".join((", ".join(self.choices[:-1]), self.choices[-1])) if len(self.choices) > 1 else self.choices[0]
        low = "" if self.low is None else f"above {self.low:g}" if self.above_low else f"from {self.low:g}"
        high = "" if self.high is None else f"below {self.high:g}" if self.below_high else f"to {self.high:g}"
        number = "a whole number" if self.kind == "whole" else "a number"
        return f"{number} {' '.join(part for part in (low, high) if part)}".strip()


def settings_of(strategy: Strategy) -> tuple[Setting, ...]:
    """All settings that the strategy's choices have, axis by axis; of each choice its own before those that all have."""
    return tuple(_setting(axis, name, field) for axis in AXES for name, field in _fields(getattr(strategy, axis)))


def setting_named(strategy: Strategy, path: str) -> Setting:
    """The setting with that path. Raises `UnknownName` with those that the strategy has."""
    known = {setting.path: setting for setting in settings_of(strategy)}
    if path not in known:
        raise UnknownName("setting of this strategy", path, known)
    return known[path]


def value_of(strategy: Strategy, path: str) -> Value:
    """What a setting is in a strategy that has it."""
    axis, _, name = path.partition(".")
    return getattr(getattr(strategy, axis), name)


def idle(strategy: Strategy, path: str) -> str:
    """Why a setting changes nothing as the others stand, as a sentence; empty where it does."""
    axis, _, name = path.partition(".")
    if axis == "rates" and name != "schedule" and strategy.scope.kind == "head":
        return "Only the head trains here, at the run's own rate."
    return getattr(strategy, axis).idle(name)


def with_settings(strategy: Strategy, changes: Mapping[str, Any]) -> Strategy:
    """The strategy with these settings, given by their paths, as values or as text. Its name stays.

    Raises `UnknownName` for a setting that it has not, `SpecError` for a value that is not allowed.
    """
    axes: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        setting = setting_named(strategy, path)
        axes.setdefault(setting.axis, {})[path.partition(".")[2]] = None if setting.optional and value == NONE else value
    made: dict[str, Choice] = {}
    for axis, fields in axes.items():
        choice: Choice = getattr(strategy, axis)
        try:
            made[axis] = type(choice)(**choice.model_dump() | fields)
        except ValidationError as error:
            refusal = in_words(error, axis)
            allowed = "; ".join(f"{axis}.{name} is {setting_named(strategy, f'{axis}.{name}').allowed}" for name in fields)
            raise SpecError(refusal.message, next_step=f"Here {allowed}.") from None
    return strategy.model_copy(update=made)


def changes_from(base: Strategy, strategy: Strategy) -> dict[str, Value] | None:
    """The settings that make `strategy` of `base`; None where their choices are of different kinds, or they start apart."""
    if base.start != strategy.start or any(getattr(base, axis).kind != getattr(strategy, axis).kind for axis in AXES):
        return None
    now = {setting.path: value_of(strategy, setting.path) for setting in settings_of(strategy)}
    return {path: value for path, value in now.items() if value != value_of(base, path)}


def still_meant(changes: Mapping[str, Value], before: Strategy, after: Strategy) -> dict[str, Value]:
    """Those of the changes to `before` that mean the same in `after`, and change it."""
    old = {setting.path: setting for setting in settings_of(before)}
    same = [setting.path for setting in settings_of(after) if old.get(setting.path) == setting]
    return {path: value for path, value in changes.items() if path in same and value != value_of(after, path)}


def _fields(choice: Choice) -> list[tuple[str, FieldInfo]]:
    fields = type(choice).model_fields
    names = [name for kind in type(choice).__mro__ for name in vars(kind).get("__annotations__", {}) if name in fields]
    return [(name, fields[name]) for name in dict.fromkeys(names) if name != "kind"]


def _setting(axis: str, name: str, field: FieldInfo) -> Setting:
    limits = {type(limit): limit for limit in field.metadata}
    at_least, above = limits.get(annotated_types.Ge), limits.get(annotated_types.Gt)
    at_most, below = limits.get(annotated_types.Le), limits.get(annotated_types.Lt)
    kind, choices, optional = _kind(field)
    return Setting(
        path=f"{axis}.{name}",
        title=field.title or name.replace("_", " ").capitalize(),
        help=field.description or "",
        kind=kind,
        unit=limits[Unit].name if Unit in limits else "",
        low=at_least.ge if at_least else above.gt if above else None,
        high=at_most.le if at_most else below.lt if below else None,
        above_low=above is not None,
        below_high=below is not None,
        choices=choices,
        optional=optional,
    )


def _kind(field: FieldInfo) -> tuple[Literal["whole", "number", "choice", "group"], tuple[str, ...], bool]:
    annotation = field.annotation
    optional = type(None) in get_args(annotation)
    if get_origin(annotation) is Literal:
        return "choice", get_args(annotation), optional
    if annotation is int:
        return "whole", (), optional
    if annotation is float:
        return "number", (), optional
    if any(isinstance(mark, NamesGroup) for mark in field.metadata):
        return "group", (), optional
    raise TypeError(f"a field of the type {annotation} has no control: give it one in `settings.py`")
