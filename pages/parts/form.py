"""The choices of the Train page as plain fields, which a link can carry and a spec is made of. No Streamlit in here.

A link says only what differs from the defaults: `/train?backbone=resnet18&strategy=full&epochs=3`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pages.parts.own_names import from_link as own_from_link
from pages.parts.own_names import to_link as own_to_link
from tlcore.errors import DataError, SpecError
from tlcore.groups import Group
from tlcore.settings import uploads_dir
from tlcore.spec import RunSpec, make
from tlcore.strategies import STRATEGIES, Strategy, defaults_of, preset
from tlcore.strategies.head import HEADS
from tlcore.strategies.pull import PULLS, Pull
from tlcore.strategies.rates import Uniform
from tlcore.strategies.schedule import SCHEDULES
from tlcore.strategies.scope import FromGroup
from tlcore.strategies.start import FromRun, Pretrained, Random

CUSTOM = "custom"
AS_PRESET = "as the strategy says"
Fields = dict[str, Any]

DEFAULTS: Fields = {
    "backbone": "tf_efficientnet_lite0",
    "dataset": "chest-xray",
    "strategy": "last-group",
    "unfreeze": "",  # custom: the lowest group that trains
    "batchnorm": AS_PRESET,
    "schedule": AS_PRESET,
    "body_lr_mult": None,  # None: as the strategy says
    "start": AS_PRESET,  # or pretrained, random, the id of a run
    "start_head": "auto",  # after a run: auto, fresh, kept
    "pull": AS_PRESET,
    "pull_strength": None,  # None: what suits the kind
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
    return {name: new[name] if fields[name] == old[name] else fields[name] for name in DEFAULTS} | {"strategy": after}


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


def _strength(text: str) -> float:
    if not 0 <= (value := float(text)) < float("inf"):
        raise ValueError(text)
    return value


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
    "batchnorm": (_one_of("frozen", "trained"), "frozen or trained"),
    "schedule": (_one_of(*SCHEDULES), f"one of {', '.join(SCHEDULES)}"),
    "body_lr_mult": (_number, "a number above 0, at most 1"),
    "start": (_start, "pretrained, random or the id of a run"),
    "start_head": (_one_of("auto", "fresh", "kept"), "auto, fresh or kept"),
    "pull": (_one_of(*PULLS), f"one of {', '.join(PULLS)}"),
    "pull_strength": (_strength, "a number from 0"),
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
    "weights": (_weights_name, "the name of an uploaded file"),
}


def from_link(query: Mapping[str, str]) -> tuple[Fields, list[str]]:
    """The fields that a link asks for, defaults for the rest, and a sentence for each value that can't be used."""
    fields, problems = usual(query.get("strategy", DEFAULTS["strategy"])), []
    for name in DEFAULTS:
        if name not in query:
            continue
        if query[name] == _NONE and DEFAULTS[name] is None:
            fields[name] = None
            continue
        read, allowed = _READERS.get(name, (str, "text"))
        try:
            value = read(query[name])
            if name in RunSpec.model_fields and name not in ("strategy", "dataset"):
                make(RunSpec, **{"dataset": "x", name: value})  # within its range
            if name == "body_lr_mult":
                Uniform(body_lr_mult=value)
            fields[name] = value
        except DataError as error:
            problems.append(f"{error} The default is used.")
        except (ValueError, KeyError, SpecError):
            problems.append(f"The link asks for {name} {query[name][:60]!r}; it must be {allowed}. The default is used.")
    return fields, problems


def to_link(fields: Mapping[str, Any]) -> dict[str, str]:
    """What a link must say for these fields: those that differ from the defaults."""
    return {
        name: _said(name, fields[name])
        for name, default in usual(fields.get("strategy", DEFAULTS["strategy"])).items()
        if fields.get(name, default) != default and fields[name] != ""
    }


def _said(name: str, value: object) -> str:
    if value is None:
        return _NONE
    if name in ("dataset", "labels"):
        return own_to_link(str(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def strategy_of(fields: Mapping[str, Any], groups: Sequence[Group] = ()) -> Strategy:
    """The strategy chosen: a preset as it is, or with one of its axes changed (then its name is custom)."""
    if fields["strategy"] == CUSTOM:
        names = [group.name for group in groups[:-1]]
        strategy = Strategy(name=CUSTOM, scope=FromGroup(group=fields["unfreeze"] or (names[-1] if names else "top")))
    else:
        strategy = preset(fields["strategy"])
    changed = strategy
    if fields["batchnorm"] != AS_PRESET:
        changed = changed.model_copy(update={"scope": changed.scope.model_copy(update={"batchnorm": fields["batchnorm"]})})
    if fields["schedule"] != AS_PRESET:
        changed = changed.model_copy(update={"rates": changed.rates.model_copy(update={"schedule": fields["schedule"]})})
    if fields["body_lr_mult"] is not None and isinstance(changed.rates, Uniform):
        changed = changed.model_copy(
            update={"rates": changed.rates.model_copy(update={"body_lr_mult": fields["body_lr_mult"]})}
        )
    if fields["start"] != AS_PRESET:
        changed = changed.model_copy(update={"start": _start_of(fields)})
    changed = changed.model_copy(update={"pull": _pull_of(fields, changed.pull)})
    return strategy if changed == strategy else changed.model_copy(update={"name": CUSTOM})


def _pull_of(fields: Mapping[str, Any], pull: Pull) -> Pull:
    if fields["pull"] not in (AS_PRESET, pull.kind):
        pull = PULLS[fields["pull"]]()
    strength = fields["pull_strength"]
    return pull if strength is None or pull.kind == "none" else pull.model_copy(update={"strength": float(strength)})


def _fields_of_pull(pull: Pull, base: Pull) -> Fields:
    usual = base if base.kind == pull.kind else PULLS[pull.kind]()
    own = None if pull.kind == "none" or pull.strength == usual.strength else pull.strength
    return {"pull": AS_PRESET if base.kind == pull.kind else pull.kind, "pull_strength": own}


def _start_of(fields: Mapping[str, Any]) -> Pretrained | Random | FromRun:
    match fields["start"]:
        case "pretrained":
            return Pretrained()
        case "random":
            return Random()
        case run_id:
            return FromRun(run_id=run_id, head=fields["start_head"])


def _fields_of_start(start: Pretrained | Random | FromRun) -> Fields:
    return {"start": start.run_id, "start_head": start.head} if isinstance(start, FromRun) else {"start": start.kind}


def spec_of(fields: Mapping[str, Any], groups: Sequence[Group] = ()) -> RunSpec:
    """The spec of these fields. Raises `SpecError` with a sentence for each value that is wrong."""
    given = {name: fields[name] for name in DEFAULTS if name in RunSpec.model_fields and name != "strategy"}
    if fields["weights"]:
        given["weights"] = str(uploads_dir() / _weights_name(fields["weights"]))
    return make(RunSpec, **given, strategy=strategy_of(fields, groups))


def fields_of(spec: RunSpec, groups: Sequence[Group] = ()) -> Fields:
    """The fields that make this spec again. Raises `SpecError` for a strategy that the form has no controls for."""
    fields = {name: getattr(spec, name) for name in DEFAULTS if name in RunSpec.model_fields} | {
        name: DEFAULTS[name]
        for name in ("unfreeze", "batchnorm", "schedule", "body_lr_mult", "start", "start_head", "pull", "pull_strength")
    }
    if spec.weights is not None:
        if Path(spec.weights).parent != uploads_dir():
            raise SpecError("This run's weights are a file of its own.", next_step="Upload it under More settings.")
        fields["weights"] = Path(spec.weights).name
    strategy = spec.strategy
    names = [group.name for group in groups[:-1]]
    candidates = [(p.strategy.name, "") for p in STRATEGIES.values()] + [(CUSTOM, name) for name in names]
    candidates.sort(key=lambda candidate: candidate[0] != strategy.name)
    for name, unfreeze in candidates:
        fields |= {"strategy": name, "unfreeze": unfreeze, "batchnorm": AS_PRESET, "schedule": AS_PRESET, "body_lr_mult": None}
        fields |= {"start": AS_PRESET, "start_head": "auto", "pull": AS_PRESET, "pull_strength": None}
        base = strategy_of(fields, groups)
        if base.scope.batchnorm != strategy.scope.batchnorm:
            fields["batchnorm"] = strategy.scope.batchnorm
        if base.rates.schedule != strategy.rates.schedule:
            fields["schedule"] = strategy.rates.schedule
        if base.start != strategy.start:
            fields |= _fields_of_start(strategy.start)
        if isinstance(base.rates, Uniform) and isinstance(strategy.rates, Uniform):
            own = strategy.rates.body_lr_mult
            fields["body_lr_mult"] = None if own == base.rates.body_lr_mult else own
        fields |= _fields_of_pull(strategy.pull, base.pull)
        made = strategy_of(fields, groups)
        if made.model_copy(update={"name": strategy.name}) == strategy:
            return fields
    raise SpecError(
        "This run's strategy has no controls on this page.", next_step="Repeat it on the command line with its spec.json."
    )
