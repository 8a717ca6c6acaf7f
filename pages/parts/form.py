"""The choices of the Train page as plain fields, which a link can carry and a spec is made of. No Streamlit in here.

A link says only what differs from the defaults: `/train?backbone=resnet18&strategy=lora&scope.rank=16&epochs=3`. What a
strategy is made of: `strategy_fields.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pages.parts.own_names import from_link as own_from_link
from pages.parts.own_names import to_link as own_to_link
from pages.parts.probe_fields import AUTO, probes_of, text_of
from pages.parts.probe_fields import read as read_probes
from pages.parts.strategy_fields import (
    AS_PRESET,
    CUSTOM,
    Fields,
    carried_over,
    fields_of_strategy,
    is_setting,
    settings_from_link,
    settings_to_link,
    strategy_of,
)
from tlcore.errors import DataError, SpecError
from tlcore.groups import Group
from tlcore.settings import uploads_dir
from tlcore.spec import RunSpec, make
from tlcore.strategies import STRATEGIES, defaults_of
from tlcore.strategies.head import HEADS
from tlcore.strategies.pull import PULLS
from tlcore.strategies.start import FromRun

DEFAULTS: Fields = {
    "backbone": "tf_efficientnet_lite0",
    "dataset": "chest-xray",
    "strategy": "last-group",
    "unfreeze": "",  # custom: the lowest group that trains
    "start": AS_PRESET,  # or pretrained, random, the id of a run
    "start_head": "auto",  # after a run: auto, fresh, kept
    "pull": AS_PRESET,
    "settings": {},  # of the strategy's choices, what was changed: {"scope.rank": 16}
    "head": "linear",
    "epochs": 5,
    "image_size": 128,
    "images_per_class": None,
    "lr": 1e-3,
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "batch_size": 32,
    "augment": True,
    "views": 4,
    "cut": "auto",
    "head_solver": "auto",
    "class_weights": False,
    "patience": None,
    "precision": "auto",
    "seed": 0,
    "source_probes": AUTO,  # or none, or names with commas
    "keep_epochs": False,
    "labels": None,
    "weights": None,  # the name of a file in the upload folder, never a path
}


_NONE = "none"  # in a link: no limit, where the strategy is meant with one


def usual(strategy: str) -> Fields:
    """The defaults with this strategy: those that its preset is meant with, and the form's own for the rest."""
    return DEFAULTS | {name: value for name, value in defaults_of(strategy).items() if name in DEFAULTS}


def changed_strategy(fields: Mapping[str, Any], before: str, after: str) -> Fields:
    """What the fields become when the strategy changes: what stands at its default goes to the new default, and what a person
    set stays."""
    old, new = usual(before), usual(after)
    changed = {name: new[name] if fields[name] == old[name] else fields[name] for name in DEFAULTS} | {"strategy": after}
    return changed | {"settings": carried_over(dict(fields) | {"strategy": before}, changed)}


def _whole(text: str) -> int:
    return int(text)


def _number(text: str) -> float:
    return float(text)


def _yes_or_no(text: str) -> bool:
    return {"1": True, "true": True, "0": False, "false": False}[text.lower()]


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return read


def _start(text: str) -> str:
    if text not in ("pretrained", "random"):
        FromRun(run_id=text)
    return text


def _weights_name(text: str) -> str:
    if not re.fullmatch(r"weights-[0-9a-f]{16}\.safetensors", text):
        raise SpecError("That is not the name of an uploaded weights file.", next_step="Upload it under More settings.")
    return text


# How each field is read from a link, and what is allowed there in words. What is not here is any text.
_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "dataset": (own_from_link, "a catalogued name, or data of your own"),
    "labels": (own_from_link, "a table of labels"),
    "strategy": (_one_of(*STRATEGIES, CUSTOM), f"one of {', '.join(STRATEGIES)} or {CUSTOM}"),
    "start": (_start, "pretrained, random or the id of a run"),
    "start_head": (_one_of("auto", "fresh", "kept"), "auto, fresh or kept"),
    "pull": (_one_of(*PULLS), f"one of {', '.join(PULLS)}"),
    "head": (_one_of(*HEADS), f"one of {', '.join(HEADS)}"),
    "epochs": (_whole, "a whole number from 1 to 1000"),
    "image_size": (_whole, "a whole number from 16 to 1024"),
    "images_per_class": (_whole, "a whole number from 1"),
    "lr": (_number, "a number above 0, at most 10"),
    "optimizer": (_one_of("adamw", "sgd"), "adamw or sgd"),
    "weight_decay": (_number, "a number from 0 to 1"),
    "batch_size": (_whole, "a whole number from 1 to 4096"),
    "augment": (_yes_or_no, "true or false"),
    "views": (_whole, "a whole number from 0 to 64"),
    "cut": (_one_of("auto", "off"), "auto or off"),
    "head_solver": (_one_of("auto", "minibatch"), "auto or minibatch"),
    "class_weights": (_yes_or_no, "true or false"),
    "patience": (_whole, "a whole number from 1"),
    "precision": (_one_of("auto", "float32", "bfloat16", "float16"), "auto, float32, bfloat16 or float16"),
    "seed": (_whole, "a whole number from 0"),
    "source_probes": (read_probes, "auto, none, or of imagenet-cifar10, natural-photos and earlier-tasks with commas"),
    "keep_epochs": (_yes_or_no, "true or false"),
    "weights": (_weights_name, "the name of an uploaded file"),
}


def allowed(name: str) -> str:
    """What a field may be, as a phrase: "a whole number from 1 to 1000"."""
    return _READERS[name][1]


def from_link(query: Mapping[str, str]) -> tuple[Fields, list[str]]:
    """The fields that a link asks for, defaults for the rest, and a sentence for each value that can't be used."""
    fields, problems = usual(query.get("strategy", DEFAULTS["strategy"])), []
    for name in DEFAULTS:
        if name not in query or name == "settings":
            continue
        if query[name] == _NONE and DEFAULTS[name] is None:
            fields[name] = None
            continue
        read, allowed = _READERS.get(name, (str, "text"))
        try:
            value = read(query[name])
            if name in RunSpec.model_fields and name not in ("strategy", "dataset", "source_probes"):
                make(RunSpec, **{"dataset": "x", name: value})  # within its range
            fields[name] = value
        except DataError as error:
            problems.append(f"{error} The default is used.")
        except (ValueError, KeyError, SpecError):
            problems.append(f"The link asks for {name} {query[name][:60]!r}; it must be {allowed}. The default is used.")
    fields["settings"], wrong = settings_from_link(query, fields)
    return fields, problems + wrong


def to_link(fields: Mapping[str, Any]) -> dict[str, str]:
    """What a link must say for these fields: those that differ from the defaults."""
    said = {
        name: _said(name, fields[name])
        for name, default in usual(fields.get("strategy", DEFAULTS["strategy"])).items()
        if name != "settings" and fields.get(name, default) != default and fields[name] != ""
    }
    return said | settings_to_link(fields.get("settings", {}))


def in_link(name: str) -> bool:
    """Whether a word of the page's address is the form's."""
    return (name in DEFAULTS and name != "settings") or is_setting(name)


def _said(name: str, value: object) -> str:
    if value is None:
        return _NONE
    if name in ("dataset", "labels"):
        return own_to_link(str(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def spec_of(fields: Mapping[str, Any], groups: Sequence[Group] = ()) -> RunSpec:
    """The spec of these fields. Raises `SpecError` with a sentence for each value that is wrong."""
    given = {name: fields[name] for name in DEFAULTS if name in RunSpec.model_fields and name != "strategy"}
    if fields["weights"]:
        given["weights"] = str(uploads_dir() / _weights_name(fields["weights"]))
    strategy = strategy_of(fields, groups)
    given["source_probes"] = probes_of(fields["source_probes"], strategy, fields["head"])
    return make(RunSpec, **given, strategy=strategy)


def fields_of(spec: RunSpec, groups: Sequence[Group] = ()) -> Fields:
    """The fields that make this spec again. Raises `SpecError` for a strategy that the form has no controls for."""
    fields = {name: getattr(spec, name) for name in DEFAULTS if name in RunSpec.model_fields}
    return fields | {"weights": weights_of(spec), "source_probes": text_of(spec)} | fields_of_strategy(spec.strategy, groups)


def weights_of(spec: RunSpec) -> str | None:
    """The name of its file in the upload folder; None with the catalogue's weights. Raises `SpecError` for any other file."""
    if spec.weights is None:
        return None
    if Path(spec.weights).parent != uploads_dir():
        raise SpecError("This run's weights are a file of its own.", next_step="Upload it under More settings.")
    return Path(spec.weights).name
