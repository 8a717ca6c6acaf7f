"""The question that maps answer, as controls: by which method, at which layer, for which class and against which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts.text import plain
from tlcore.explain.methods import METHODS
from tlcore.explain.offered import offered, unsuited
from tlcore.models.catalogue import BACKBONES
from tlcore.spec import ExplainSpec

_LAYERS = {"last": "the last one", "all": "all, one map each"}


@dataclass(frozen=True)
class Controls:
    """`key` names each by its word; until somebody chooses they stand at what was `asked`, or at what a spec does."""

    key: Callable[[str], str]
    asked: ExplainSpec | None = None

    def _first(self, names: Sequence[str | None], field: str) -> int:
        value = getattr(self.asked, field) if self.asked is not None else ExplainSpec.model_fields[field].default
        return names.index(value) if value in names else 0

    def method(self, backbone: str) -> str:
        """By which method, with what it shows."""
        names = list(offered(backbone))
        method = st.selectbox(
            "Method",
            names,
            index=self._first(names, "method"),
            format_func=lambda name: METHODS[name].title,
            key=self.key("method"),
            help=" ".join(filter(None, (unsuited(one, backbone) for one in METHODS.values()))) or None,
        )
        st.caption(plain(f"{METHODS[method].sentence} ({METHODS[method].source})"))
        return method

    def layer(self, backbone: str, method: str) -> str:
        """At which layer group; "last" where the method is of the whole network."""
        card = BACKBONES.get(backbone)
        groups = [group.name for group in reversed(card.groups)] if card else []
        names, by_group = [*_LAYERS, *groups[1:]], METHODS[method].by_group
        layer = st.selectbox(
            "Layer",
            names,
            index=self._first(names, "layer"),
            format_func=lambda name: _LAYERS.get(name, name),
            disabled=not by_group,
            key=self.key("layer"),
            help="Late layers know the classes and see coarsely; early ones see finely and know edges."
            if by_group
            else f"{METHODS[method].title} is of the whole network.",
        )
        return layer if by_group else "last"

    def classes(self, classes: Sequence[str], method: str) -> tuple[str | None, str | None]:
        """(target, against): None for what is answered, and for no class in particular."""
        by_class = METHODS[method].by_class
        why = None if by_class else f"{METHODS[method].title} is the same for every class."
        left, right = st.columns(2)
        names = [None, *classes]
        target = left.selectbox(
            "Class to explain",
            names,
            index=self._first(names, "target"),
            format_func=lambda name: "what is answered" if name is None else name,
            disabled=not by_class,
            key=self.key("target"),
            help=why or "All networks explain the same class of an image.",
        )
        rest = [None, *(name for name in classes if name != target)]
        against = right.selectbox(
            "Rather than",
            rest,
            index=self._first(rest, "against"),
            format_func=lambda name: "anything else" if name is None else name,
            disabled=not by_class,
            key=self.key(f"against-{names.index(target)}"),
            help=why or "What speaks for the one class rather than the other: the map of their difference.",
        )
        return (target, against) if by_class else (None, None)
