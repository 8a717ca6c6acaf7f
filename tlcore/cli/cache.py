"""The command cache: what the frozen layers computed and is kept on this disk, and how to be rid of it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict

from tlcore.cli.report import table
from tlcore.errors import SpecError
from tlcore.figures.words import count, duration, memory, times
from tlcore.settings import activations_limit_bytes
from tlcore.training.activations import Kept, kept, shelf

ACTIONS = ("list", "clear")
_HEADER = ("backbone", "weights", "cut below", "view", "format", "px", "images", "size", "found", "computed", "last used")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list", help="list what is kept (default), or remove it")
    parser.add_argument("--yes", action="store_true", help="with clear: remove it without asking")


def cache(given: argparse.Namespace) -> None:
    if given.action == "clear":
        _clear(given)
    else:
        _list(given)


def _list(given: argparse.Namespace) -> None:
    entries = kept()
    if given.json:
        print(json.dumps(_as_data(entries)))
        return
    if entries:
        print(table([_row(entry) for entry in entries], _HEADER))
        print()
    print(_total(entries))


def _clear(given: argparse.Namespace) -> None:
    if not given.yes and not _agreed(given):
        print("Nothing was removed.", file=sys.stderr)
        return
    removed = shelf().clear()
    if given.json:
        print(json.dumps({"removed_bytes": removed, "folder": str(shelf().folder)}))
    else:
        print(f"Removed {memory(removed)} from {shelf().folder}. The next run computes what it needs again: the same numbers.")


def _agreed(given: argparse.Namespace) -> bool:
    """Whether a person at a terminal says yes. Raises `SpecError` where nobody can be asked."""
    if given.json or not sys.stdin.isatty():
        raise SpecError("Whether to remove what is kept cannot be asked here.", next_step="Add --yes to remove it.")
    print(f"{_total(kept())}\nRemove all of it? The next run computes what it needs again. [y/N] ", end="", file=sys.stderr)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _as_data(entries: list[Kept]) -> dict[str, object]:
    return {
        "folder": str(shelf().folder),
        "bytes": sum(entry.bytes for entry in entries),
        "limit_bytes": activations_limit_bytes(),
        "served": sum(entry.served for entry in entries),
        "computed": sum(entry.computed for entry in entries),
        "entries": [asdict(entry) for entry in entries],
    }


def _row(entry: Kept) -> list[str]:
    return [
        entry.backbone,
        entry.weights,
        entry.cut,
        entry.view,
        entry.precision,
        str(entry.image_size),
        count(entry.images),
        memory(entry.bytes),
        count(entry.served),
        count(entry.computed),
        f"{duration(max(0.0, time.time() - entry.last_used))} ago",
    ]


def _total(entries: list[Kept]) -> str:
    where, limit = shelf().folder, memory(activations_limit_bytes())
    if not entries:
        return f"Nothing is kept in {where} (limit {limit}). A run with frozen layers keeps there what they compute."
    size = memory(sum(entry.bytes for entry in entries))
    found, computed = sum(entry.served for entry in entries), sum(entry.computed for entry in entries)
    return (
        f"{times(len(entries), 'entry', 'entries')}, {size} of at most {limit}, in {where}. Runs found {count(found)} rows "
        f"here and computed {count(computed)}. The least recently used goes first; THAW_ACTIVATIONS_GB sets the limit."
    )
