"""What the chosen strategy is made of: a control for each setting of its choices, drawn from the settings' own records."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import streamlit as st

from pages.parts.choices import chosen, key
from pages.parts.form import AS_PRESET, CUSTOM
from pages.parts.strategy_fields import base_of, strategy_of
from pages.parts.text import plain
from tlcore.errors import SpecError
from tlcore.groups import HEAD, LEVELS, Group
from tlcore.strategies import STRATEGIES, Strategy
from tlcore.strategies.pull import PULLS
from tlcore.strategies.settings import NONE, Setting, Value, idle, setting_named, settings_of, value_of

_QUESTIONS = {
    "scope": "What moves",
    "phases": "In which order",
    "rates": "How fast",
    "pull": "What shapes the loss besides the labels",
}
_PULLS = {
    "none": "nothing",
    "l2-sp": "the old weights (L2-SP)",
    "l1-sp": "the old weights, few may leave (L1-SP)",
    "ewc": "weights that mattered before (EWC)",
    "distillation": "the old answers on the new images (LwF)",
    "replay": "the old answers on old images (replay)",
}
_ALL = "all groups"  # where the lowest one is none
_OWN_CONTROL = "scope.group"  # of a custom strategy: Unfreeze from, above


def strategy_settings(groups: tuple[Group, ...]) -> None:
    """The folded controls, and below them, in sight, what differs from the preset and the button that takes it back."""
    base = base_of(chosen(), groups)
    try:
        now = strategy_of(chosen(), groups)
    except SpecError:  # a number at the very edge of its range: it is said beside the plan, and its control stands here
        now = base
    with st.expander("Strategy settings", icon=":material/instant_mix:"):
        for axis, question in _QUESTIONS.items():
            settings = [one for one in settings_of(base) if one.axis == axis and one.path != _OWN_CONTROL]
            controls: list[Callable[[], None]] = [partial(_control, one, base, now, groups) for one in settings]
            if axis == "pull":
                controls.insert(0, partial(_pull, _own_pull(st.session_state[key("strategy")])))
            if controls:
                st.markdown(f"**{question}**")
            for first in range(0, len(controls), 2):  # row by row, so that a narrow screen keeps their order
                for column, draw in zip(st.columns(2), controls[first : first + 2], strict=False):
                    with column:
                        draw()
    _changes(base)


def _control(setting: Setting, base: Strategy, now: Strategy, groups: tuple[Group, ...]) -> None:
    own, path = value_of(base, setting.path), setting.path
    value = chosen()["settings"].get(path, own)
    why_not = idle(now, path)
    st.session_state[_key(path)] = NONE if value is None else value  # None would be an empty box
    options = {"key": _key(path), "on_change": _take, "args": (path, own), "disabled": bool(why_not)}
    help_ = f"{setting.allowed[0].upper()}{setting.allowed[1:]}. {_whose(own)}"
    match setting.kind:
        case "whole":
            low, high = (limit if limit is None else int(limit) for limit in (setting.low, _most(setting, groups, value)))
            st.number_input(setting.label, low, high, step=1, help=help_, **options)
        case "number":
            low, high = (limit if limit is None else float(limit) for limit in (setting.low, setting.high))
            st.number_input(setting.label, low, high, step=_step(value or own), format="%.6g", help=help_, **options)
        case "choice":
            st.selectbox(setting.label, setting.choices, help=help_, **options)
        case "group":
            names = [*LEVELS[:-1], *(group.name for group in groups if group.name != HEAD)]
            known = ([NONE] if setting.optional else []) + names
            every = known + ([] if value in (None, *known) else [value])
            st.selectbox(setting.label, every, format_func=lambda name: _ALL if name == NONE else name, help=help_, **options)
    changed = f" **Changed**: {plain(_whose(own))}" if value != own else ""
    st.caption(f":material/block: {plain(why_not)}" if why_not else f"{plain(setting.help)}{changed}")


def _key(path: str) -> str:
    return key(f"set-{path}")


def _take(path: str, own: Value) -> None:
    """Note what the control of a setting says now; nothing, where it says what the preset does."""
    said = st.session_state[_key(path)]
    value = None if said == NONE else said
    others = {name: kept for name, kept in st.session_state[key("settings")].items() if name != path}
    st.session_state[key("settings")] = others | ({} if value == own else {path: value})


def _whose(value: Value) -> str:
    preset = st.session_state[key("strategy")] != CUSTOM
    return f"{'The preset says' if preset else 'Usual is'} {_in_words(value)}."


def _in_words(value: Value) -> str:
    return _ALL if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _most(setting: Setting, groups: tuple[Group, ...], value: int) -> float | None:
    """The highest value: of a number of groups what the backbone has. A link may say more, which is refused beside the plan."""
    return max(len(groups) - 1, value) if setting.path == "scope.count" and groups else setting.high


def _step(value: float) -> float:
    """What a click adds: half of the power of ten that is in the value, 0.05 to a 0."""
    return 10.0 ** math.floor(math.log10(value)) / 2 if value > 0 else 0.05


def _own_pull(strategy: str) -> str:
    """The kind of pull that a preset has by itself."""
    return STRATEGIES[strategy].strategy.pull.kind if strategy in STRATEGIES else "none"


def _pull(own: str) -> None:
    asked = st.selectbox(
        "The loss pulls towards",
        [AS_PRESET, *PULLS],
        key=key("pull"),
        format_func=lambda kind: _PULLS.get(kind, kind),
        on_change=_another_pull,
    )
    said = f"The strategy says: {plain(_PULLS[own])}. " if asked == AS_PRESET else ""
    st.caption(f"{said}A pull keeps the network near what it was or said, so that less is forgotten.")


def _another_pull() -> None:
    """The settings of one pull mean nothing to another."""
    settings = st.session_state[key("settings")]
    st.session_state[key("settings")] = {path: value for path, value in settings.items() if not path.startswith("pull.")}


def _changes(base: Strategy) -> None:
    settings, pull, name = (st.session_state[key(field)] for field in ("settings", "pull", "strategy"))
    told = [_told(setting_named(base, path), value, value_of(base, path)) for path, value in settings.items()]
    if pull != AS_PRESET:
        told.insert(0, f"pull {_PULLS[pull]}")
    if not told:
        return
    title = STRATEGIES[name].title if name in STRATEGIES else "what is usual"
    words, undo = st.columns([3, 2], vertical_alignment="center")
    words.caption(f":material/edit: Changed from {plain(title)}: {plain('; '.join(told))}.")
    undo.button("Back to the preset", icon=":material/undo:", on_click=_reset, width="stretch", key="train-settings-reset")


def _told(setting: Setting, value: Value, own: Value) -> str:
    return f"{setting.title} {_in_words(value)} ({_in_words(own)})"


def _reset() -> None:
    st.session_state[key("settings")] = {}
    st.session_state[key("pull")] = AS_PRESET
