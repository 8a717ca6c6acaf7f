"""A backbone that is in no catalogue, by its timm name; what is wrong with the name is said where it was typed."""

from __future__ import annotations

import re

import streamlit as st

from pages.parts.choices import key
from pages.parts.session import say
from pages.parts.summary import summaries
from tlcore.errors import ThawError, UnknownName
from tlcore.models.catalogue import backbone_card

_FIELD = "train-timm-name"
_TIMM_NAME = re.compile(r"[a-z0-9_]{1,60}(\.[a-z0-9_]{1,60})?")


def other_backbone() -> None:
    """Draw the field."""
    typed = st.text_input(
        "Another backbone, by its timm name",
        key=_FIELD,
        placeholder="for example resnet34",
        on_change=_take,
        help="Its pretrained weights must be reachable at the model hub, or uploaded below.",
    ).strip()
    if typed and not _TIMM_NAME.fullmatch(typed):
        say("A timm name has lower-case letters, digits and underscores only.", "For example: resnet34.")
    elif wrong := refusal(st.session_state[key("backbone")]):
        say(*wrong)


def refusal(backbone: str) -> tuple[str, str] | None:
    """Why no network of that name can be used, and what to do, as the measurement that first built it found; else None.

    No page knows timm's names itself: that takes torch.
    """
    try:
        backbone_card(backbone)
    except ThawError:
        tried = [measured for measured in summaries("measure") if measured.spec.run.backbone == backbone]
        error = (tried[0].status.error or {}) if tried else {}
        if error.get("type") == UnknownName.__name__ and repr(backbone) in error["message"]:
            return error["message"], error["next_step"]
    return None


def _take() -> None:
    typed = st.session_state[_FIELD].strip()
    if typed and _TIMM_NAME.fullmatch(typed):
        st.session_state[key("backbone")] = typed
