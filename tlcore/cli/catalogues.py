"""The commands `list` and `fetch`: what there is to choose from, and having it here before it is needed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from tlcore import settings
from tlcore.cli.report import table
from tlcore.cli.runs import runs_dir_of, summary
from tlcore.compare.folder import Comparison, all_comparisons
from tlcore.data.catalogue import DATASETS
from tlcore.data.sources import listing
from tlcore.engine.bars import ProgressBars
from tlcore.errors import SpecError, UnknownName
from tlcore.figures.words import duration, percent, short_count
from tlcore.models.catalogue import BACKBONES
from tlcore.models.find import find_backbone
from tlcore.runs import Run, all_runs
from tlcore.strategies import STRATEGIES

LISTS = ("backbones", "datasets", "strategies", "runs", "comparisons")


def list_catalogue(given: argparse.Namespace) -> None:
    records, columns = _records(given)
    if given.json:
        print(json.dumps(records))
    elif records:
        header = [_TITLES.get(column, column) for column in columns]
        print(table([[_cell(column, record[column]) for column in columns] for record in records], header))
    else:
        print(f"There are no {given.what} here yet.")


def _records(given: argparse.Namespace) -> tuple[list[dict[str, Any]], Sequence[str]]:
    if given.what == "backbones":
        cards = BACKBONES.values()
        return [plain(card) | {"params": card.params} for card in cards], ("name", "title", "params", "sentence")
    if given.what == "datasets":
        return [plain(card) for card in DATASETS.values()], ("name", "title", "size")
    if given.what == "strategies":
        return [{"name": name} | plain(preset) for name, preset in STRATEGIES.items()], ("name", "title", "sentence")
    if given.what == "comparisons":
        found = all_comparisons(runs_dir_of(given))
        return [_compared(one) for one in found], ("comparison", "datasets", "backbones", "strategies", "runs", "asked_for")
    runs = all_runs(runs_dir_of(given))
    columns = ("run_id", "kind", "state", "backbone", "dataset", "strategy", "test_accuracy", "seconds")
    return [_told(run) for run in runs], columns


def _told(run: Run) -> dict[str, Any]:
    """A run's record with what a list is looked through for: how well it went, and how long it took."""
    record, result = summary(run), run.result() or {}
    ended, started = record["ended_at"], record["started_at"]
    accuracy = result.get("test", {}).get("accuracy", {}).get("value")
    return record | {"test_accuracy": accuracy, "seconds": ended - started if ended and started else None}


def _compared(comparison: Comparison) -> dict[str, Any]:
    """A comparison's record: what it holds against each other, and how many of its runs were asked for."""
    try:
        contents = comparison.read()
    except SpecError:  # written by another version
        unknown = ("datasets", "backbones", "strategies", "runs", "asked_for", "made")
        return {"comparison": comparison.id} | dict.fromkeys(unknown)
    spec, entries = contents.spec, contents.entries
    return {
        "comparison": comparison.id,
        "datasets": list(spec.datasets),
        "backbones": list(spec.backbones),
        "strategies": list(spec.names),
        "runs": len(entries),
        "asked_for": sum(entry.run_id is not None for entry in entries),
        "made": contents.made,
    }


def _cell(column: str, value: Any) -> str:
    """A value with its unit; a dash where the column does not apply."""
    if value is None:
        return "-"
    if isinstance(value, list):
        more = f" and {len(value) - _SHOWN} more" if len(value) > _SHOWN else ""
        return ", ".join(value[:_SHOWN]) + more
    return _IN_WORDS[column](value) if column in _IN_WORDS else str(value)


_SHOWN = 4  # names in a cell
_TITLES = {"params": "parameters", "seconds": "took"}
_IN_WORDS: Mapping[str, Callable[[Any], str]] = {"params": short_count, "test_accuracy": percent, "seconds": duration}


def plain(value: Any) -> Any:
    """Records of the catalogues as plain data for JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def fetch_names(given: argparse.Namespace) -> None:
    """Fetch each name in turn. All names are looked up first, so that a wrong one costs no download."""
    cards = {name: None if name in DATASETS else _backbone(name) for name in given.names}
    for name, card in cards.items():
        bars = ProgressBars()
        try:
            if card is None:
                listing(name, progress=bars.progress)
            else:
                from tlcore.models.weights import find_weights  # only here: it imports torch

                find_weights(card, progress=bars.progress)
        finally:
            bars.close()
        if not given.json:
            print(f"{name} is in {settings.cache_dir()}.")
    if given.json:
        print(json.dumps({"fetched": list(cards), "cache_dir": str(settings.cache_dir())}))


def _backbone(name: str) -> Any:
    try:
        return find_backbone(name)
    except UnknownName:
        raise UnknownName("backbone or dataset", name, [*BACKBONES, *DATASETS]) from None
