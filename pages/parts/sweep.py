"""One setting of one strategy at several values, for a comparison: how much of it is right?"""

from __future__ import annotations

import streamlit as st

from pages.parts.session import told
from tlcore.errors import SpecError
from tlcore.figures.words import strategy_title
from tlcore.strategies import STRATEGIES, preset
from tlcore.strategies.settings import AXES, Setting, settings_of, value_of
from tlcore.strategies.variant import sweep, variant


def swept(key: str) -> list[str]:
    """Draw the controls, folded away; the names, for `variant`, of what they add."""
    with st.expander("Sweep a setting", icon=":material/linear_scale:"):
        st.caption("The same strategy several times, with one of its settings at other values: a pull's strength, the rates.")
        name = st.selectbox(
            "Strategy to vary",
            [name for name in STRATEGIES if settings_of(preset(name))],
            index=None,
            format_func=lambda name: STRATEGIES[name].title,
            key=f"{key}-strategy",
            placeholder="none",
        )
        if name is None:
            return []
        known = {setting.path: setting for setting in sorted(settings_of(preset(name)), key=_late)}
        one, two = st.columns(2)
        path = one.selectbox("Setting", list(known), format_func=lambda path: known[path].label, key=f"{key}-setting-{name}")
        usual = value_of(preset(name), path)
        typed = two.text_input(
            "Values",
            key=f"{key}-values-{name}-{path}",
            placeholder="with commas",
            help=f"{known[path].help} It may be {known[path].allowed}; as the strategy stands it is {usual}.",
        )
        values = [value.strip() for value in typed.split(",") if value.strip()]
        if not values:
            st.caption(f"Values with commas: each is {known[path].allowed}. As the strategy stands it is {usual}.")
            return []
        with told():
            for value in values:
                _check(name, known[path], value)
            return [f"{name}:{path}={value}" for value in values]
        return []


def _late(setting: Setting) -> tuple[bool, int]:
    """What is swept most stands first: numbers, and of those the axes' last."""
    return setting.kind not in ("number", "whole"), -AXES.index(setting.axis)


def _check(name: str, setting: Setting, value: str) -> None:
    """Raise `SpecError`, in the words of the form, for a value that the setting cannot have."""
    try:
        sweep(name, setting.path, [value])
    except SpecError:
        raise SpecError(f"{setting.title} cannot be {value!r}.", next_step=f"It may be {setting.allowed}.") from None


def variant_title(text: str) -> str:
    """What people call a strategy that is written as for `variant`."""
    return strategy_title(variant(text))


def variants_in(names: list[str]) -> list[str]:
    """Those of a link's names that are variants, and good ones; of the others is told what is wrong."""
    good = []
    for name in names:
        if ":" in name:
            with told():
                variant(name)
                good.append(name)
    return good
