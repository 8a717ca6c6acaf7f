"""Cards of timm models outside the catalogue, kept as JSON in the cache once somebody has looked at them. No torch."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tlcore.files import write_json
from tlcore.groups import Group
from tlcore.models.cards import BackboneCard, Preprocessing, WeightSource
from tlcore.settings import cache_dir

VERSION = 3  # of the file's form and of the rules that find the groups
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,99}(\.[a-z0-9][a-z0-9_]{0,59})?")


def is_name(name: str) -> bool:
    """Whether `name` has the form of a timm model's name, so that it may become a file's name."""
    return _NAME.fullmatch(name) is not None


def card_file(name: str) -> Path:
    if not is_name(name):
        raise ValueError(f"{name!r} is not the name of a timm model")
    return cache_dir() / "backbones" / f"{name}.json"


def write_card(card: BackboneCard) -> None:
    write_json(card_file(card.name), {"version": VERSION, "card": card.as_dict()})


def read_card(name: str) -> BackboneCard | None:
    """The card that was kept for `name`; None without one, or where it is of an older form."""
    if not is_name(name):
        return None
    try:
        stored = json.loads(card_file(name).read_bytes())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if stored.get("version") != VERSION:
        return None
    card = stored["card"]
    return BackboneCard(
        **card
        | {
            "groups": tuple(Group(**group) for group in card["groups"]),
            "preprocessing": _preprocessing(card["preprocessing"]),
            "weights": tuple(
                WeightSource(**source | {"preprocessing": _preprocessing(source["preprocessing"])})
                for source in card["weights"]
            ),
        }
    )


def _preprocessing(stored: dict) -> Preprocessing:
    return Preprocessing(tuple(stored["mean"]), tuple(stored["std"]), stored["interpolation"], stored["crop"])
