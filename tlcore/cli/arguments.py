"""Options of the command line, made from the fields of a spec, and back: what was given becomes a validated spec.

A new field of `RunSpec` is an option by itself; its description is the help. Values are checked by the spec alone, so
that the command line and the pages refuse the same things in the same words.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tlcore.data.catalogue import DATASETS
from tlcore.errors import SpecError
from tlcore.models.cards import SOURCES
from tlcore.spec import CheckSpec, RunSpec, Spec
from tlcore.strategies import STRATEGIES, Strategy, defaults_of, preset
from tlcore.strategies.axis import in_words
from tlcore.strategies.pull import PULLS
from tlcore.strategies.schedule import Schedule
from tlcore.strategies.scope import BatchNormMode
from tlcore.strategies.settings import with_settings

_NAMED = ("backbone", "dataset", "strategy", "layer", "target", "against")  # of fields that take a name
_PATHS = ("dataset", "labels", "weights")
_NAMES = {"dataset": tuple(DATASETS), "weights": SOURCES}  # words that win over a file of that name
_OVERRIDES = ("batchnorm", "schedule", "body_lr_mult", "start", "start_head", "pull", "pull_strength")


def add_spec_options(
    parser: argparse.ArgumentParser, kind: type[Spec], leave_out: Collection[str] = (), *, title: str = "the run"
) -> None:
    """An option for each field of `kind`, except those to leave out and those the parser takes in another way."""
    taken = {*leave_out, *(action.dest for action in parser._actions)}
    group = parser.add_argument_group(title)
    for name, field in kind.model_fields.items():
        if name != "kind" and name not in taken:
            _add_option(group, name, field)
    if kind is RunSpec and "strategy" not in leave_out:
        _add_strategy_options(parser)
        parser.add_argument(
            "--spec",
            type=Path,
            metavar="FILE.json",
            default=argparse.SUPPRESS,
            help="take the spec from a file, such as a run's spec.json; other options change it",
        )


def _add_option(group: Any, name: str, field: FieldInfo) -> None:
    words = field.description or name.replace("_", " ").capitalize() + "."
    if name == "strategy":
        words = f"One of: {', '.join(STRATEGIES)} (default: linear-probe)"
    elif field.default is not PydanticUndefined and field.default not in (None, ()):
        usual = ", ".join(field.default) if isinstance(field.default, tuple) else field.default
        words += f" (default: {usual})"
    options: dict[str, Any] = {"default": argparse.SUPPRESS, "help": words.replace("%", "%%")}
    if field.annotation is bool:
        options["action"] = argparse.BooleanOptionalAction
    elif get_origin(field.annotation) is Literal:
        options["metavar"] = "|".join(get_args(field.annotation))
    elif get_origin(field.annotation) is tuple:
        options |= {"metavar": "NAME,NAME", "type": _several}
        options["help"] += f" Of: {', '.join(get_args(get_args(field.annotation)[0]))}"
    else:
        options["metavar"] = "NAME" if name in _NAMED else "FILE" if name in _PATHS else "N"
    group.add_argument(f"--{name.replace('_', '-')}", **options)


def _several(text: str) -> tuple[str, ...]:
    """The names in `a,b`; none in an empty text."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _add_strategy_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("changes to the strategy (it is then called custom)")
    for flag, values, words in (
        ("--batchnorm", "|".join(get_args(BatchNormMode)), "BatchNorm of the groups that train"),
        ("--schedule", "|".join(get_args(Schedule)), "how the rate changes within a phase"),
        ("--body-lr-mult", "MULT", "the backbone's rate as a multiple of the head's"),
        ("--start", "pretrained|random|run:RUN_ID", "the weights that training begins with; a finished run's too"),
        ("--start-head", "auto|fresh|kept", "the head after run:RUN_ID; auto keeps it where the classes are the same"),
        ("--pull", "|".join(PULLS), "what shapes the loss besides the labels"),
        ("--pull-strength", "N", "how much that counts; without it what suits the kind"),
    ):
        group.add_argument(flag, metavar=values, default=argparse.SUPPRESS, help=words)
    group.add_argument(
        "--set",
        action="append",
        metavar="AXIS.SETTING=VALUE",
        default=argparse.SUPPRESS,
        help="any setting of its choices, such as scope.rank=8 or phases.patience=3; may be given several times",
    )


def run_spec(given: argparse.Namespace) -> RunSpec:
    """The spec that the options ask for. Raises `SpecError`."""
    options = vars(given)
    fields = _from_file(options["spec"]) if "spec" in options else {}
    fields |= {name: options[name] for name in RunSpec.model_fields if name in options}
    if "dataset" not in fields:
        raise SpecError("No dataset was named.", next_step=f"Add --dataset with a path or one of: {', '.join(DATASETS)}.")
    named = fields.get("strategy", "linear-probe")
    meant_with = defaults_of(named) if isinstance(named, str) else {}
    fields = meant_with | fields | {"strategy": _strategy(named, options)}
    return RunSpec(**fields | absolute_paths(fields))


def check_spec(given: argparse.Namespace) -> CheckSpec:
    fields = {name: value for name, value in vars(given).items() if name in CheckSpec.model_fields}
    return CheckSpec(**fields | absolute_paths(fields))


def absolute_paths(fields: dict[str, Any]) -> dict[str, str]:
    """Those fields that name a file or folder, with its path made absolute: a run may be resumed from anywhere."""
    return {
        name: os.path.abspath(path)
        for name in _PATHS
        if isinstance(fields.get(name), str) and fields[name] not in _NAMES.get(name, ())
        if os.path.exists(path := os.path.expanduser(fields[name]))
    }


def _strategy(base: object, options: dict[str, Any]) -> object:
    """The strategy with the changes asked for, as data that the spec still has to check."""
    changes = {name: options[name] for name in _OVERRIDES if name in options}
    strategy = preset(base).model_dump() if isinstance(base, str) else base
    if not isinstance(strategy, dict):
        return strategy
    if changes:
        strategy = _overridden(strategy, changes)
    return _set(strategy, options["set"]) if "set" in options else strategy


def _set(strategy: dict[str, Any], given: Sequence[str]) -> dict[str, Any]:
    """The strategy with the settings that were given as `axis.setting=value`; of one given twice the last counts."""
    changes = {}
    for text in given:
        path, equals, value = text.partition("=")
        if not equals:
            raise SpecError(
                f"--set takes a setting and its value, not {text!r}.", next_step="Write it as --set scope.rank=8, for example."
            )
        changes[path.strip()] = value.strip()
    try:
        known = Strategy(**strategy)
    except ValidationError as error:
        raise in_words(error, "strategy", Strategy) from None
    changed = with_settings(known, changes)
    return strategy if changed == known else changed.model_dump() | {"name": "custom"}


def _overridden(strategy: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    rates = strategy.setdefault("rates", {"kind": "uniform"})
    if "body_lr_mult" in changes and rates["kind"] != "uniform":
        raise SpecError(
            f"--body-lr-mult sets one rate for the whole backbone, but this strategy's rates are {rates['kind']}.",
            next_step="Leave it out, or choose a strategy with uniform rates, such as full.",
        )
    rates |= {name: changes[name] for name in ("schedule", "body_lr_mult") if name in changes}
    if "batchnorm" in changes:
        strategy.setdefault("scope", {"kind": "head"})["batchnorm"] = changes["batchnorm"]
    if "start" in changes:
        kind, colon, run_id = changes["start"].partition(":")
        strategy["start"] = {"kind": kind} | ({"run_id": run_id} if colon or kind == "run" else {})
    if "start_head" in changes:
        if strategy.get("start", {}).get("kind") != "run":
            raise SpecError(
                "--start-head says what becomes of another run's head, but this run starts from none.",
                next_step="Add --start run:RUN_ID, or leave it out.",
            )
        strategy["start"] |= {"head": changes["start_head"]}
    if "pull" in changes or "pull_strength" in changes:
        strategy["pull"] = _pull(strategy.get("pull", {"kind": "none"}), changes)
    return strategy | {"name": "custom"}


def _pull(pull: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The pull with another kind, another strength, or both; a new kind has its own settings."""
    if changes.get("pull", pull["kind"]) != pull["kind"]:
        pull = {"kind": changes["pull"]}
    if "pull_strength" not in changes:
        return pull
    if pull["kind"] == "none":
        raise SpecError(
            "--pull-strength says how much a pull counts, but there is none.",
            next_step=f"Add --pull with one of: {', '.join(kind for kind in PULLS if kind != 'none')}.",
        )
    return pull | {"strength": changes["pull_strength"]}


def _from_file(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not JSON"
        raise SpecError(f"The spec {str(path)!r} cannot be read: {why}.", next_step="Give a run's spec.json.") from error
    if not isinstance(fields, dict) or fields.get("kind", "train") != "train":
        raise SpecError(f"{str(path)!r} is not the spec of a training run.", next_step='Its kind must be "train".')
    return fields
