"""A comparison is a folder, `comparisons/ID/` among the runs, with one file: the spec, and for each of its cells the run's id.

Nothing of it lives in a process: whoever opens the folder, after a refresh or a restart, sees the same grid and can go on.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlcore.compare.expand import Expansion, LeftOut
from tlcore.compare.known import KnownRuns, is_of_today, made_with
from tlcore.compare.spec import Cell, CompareSpec, Setting
from tlcore.engine import LocalEngine
from tlcore.errors import RunNotFound, ThawError
from tlcore.files import Lock, write_json
from tlcore.made_with import made_how
from tlcore.runs import Run, open_run

FOLDER = "comparisons"
_ID = re.compile(r"^[0-9]{8}T[0-9]{6}-[a-z0-9-]{1,60}-[0-9a-f]{4}$")
_TRASH = ".trash"
_WRITE_EVERY = 20  # submitted runs between two writes; what a kill loses is found again by what the runs do


@dataclass(frozen=True)
class Entry:
    """A cell of the grid, and the run that fills it, if one was asked for."""

    cell: Cell
    run_id: str | None = None


@dataclass(frozen=True)
class Contents:
    """What a comparison's file says."""

    spec: CompareSpec
    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]
    made: float  # seconds since 1970


@dataclass(frozen=True)
class Begun:
    """What became of the cells that had no run: there already, on their way already, or queued now.

    `again` says of each queued one that had been done how it was made then (`made_how`).
    """

    reused: int = 0
    on_the_way: int = 0
    submitted: int = 0
    again: tuple[str, ...] = ()


class Comparison:
    """One comparison's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def runs_dir(self) -> Path:
        return self.path.parent.parent

    def read(self) -> Contents:
        """What the folder says. Raises `SpecError` where another version wrote it."""
        data = json.loads((self.path / "spec.json").read_bytes())
        return Contents(
            CompareSpec(**data["spec"]),
            tuple(Entry(_cell(one), one["run_id"]) for one in data["cells"]),
            tuple(LeftOut(**one | {"setting": Setting(**one["setting"])}) for one in data["left_out"]),
            data["made"],
        )

    def begin(self, engine: LocalEngine) -> Begun:
        """Give every cell that lacks one a run: one that does the same and is done or on its way, else a new one.

        Cells whose run failed, was cancelled, was deleted, or would give other numbers today get another; a lost run goes on
        from its checkpoint. May be asked as often as one likes.
        """
        with self._lock():
            contents = self.read()
            known = KnownRuns(self.runs_dir)
            entries, begun = list(contents.entries), Begun()
            for place, entry in enumerate(entries):
                if self._stands(entry):
                    if entry.run_id is not None and self._state(entry.run_id) == "lost":
                        engine.resume(entry.run_id)
                        begun = replace(begun, submitted=begun.submitted + 1)
                    continue
                spec = contents.spec.run_of(entry.cell)
                there = known.find(spec)
                if there is None:
                    old = known.outdated(spec)
                    again = begun.again if old is None else (*begun.again, made_how(made_with(old.run)))
                    entries[place] = replace(entry, run_id=engine.submit(spec).id)
                    begun = replace(begun, submitted=begun.submitted + 1, again=again)
                    if begun.submitted % _WRITE_EVERY == 0:
                        self._write(replace(contents, entries=tuple(entries)))
                else:
                    entries[place] = replace(entry, run_id=there.run.id)
                    done = there.state == "done"
                    begun = replace(begun, reused=begun.reused + done, on_the_way=begun.on_the_way + (not done))
            self._write(replace(contents, entries=tuple(entries)))
        return begun

    def adopt(self) -> int:
        """Fill cells with finished runs that do the same, and start nothing; returns how many were filled.

        Those that no run of today fills are filled with outdated ones, which the comparison then tells of.
        """
        with self._lock():
            contents, known = self.read(), KnownRuns(self.runs_dir)
            entries = [
                entry if self._stands(entry) else self._adopted(entry, contents.spec, known) for entry in contents.entries
            ]
            self._write(replace(contents, entries=tuple(entries)))
        return sum(new != old for new, old in zip(entries, contents.entries, strict=True))

    def assign(self, cell: Cell, run_id: str) -> None:
        """Say which run fills a cell."""
        with self._lock():
            contents = self.read()
            entries = tuple(replace(one, run_id=run_id) if one.cell == cell else one for one in contents.entries)
            self._write(replace(contents, entries=entries))

    def extend(self, spec: CompareSpec, expansion: Expansion) -> None:
        """Make it a larger comparison; cells that it has keep their runs."""
        with self._lock():
            contents = self.read()
            before = {(e.cell.setting, e.cell.strategy, e.cell.seed): e for e in contents.entries}
            entries = [before.get((cell.setting, cell.strategy, cell.seed), Entry(cell)) for cell in expansion.cells]
            self._write(Contents(spec, tuple(entries), expansion.left_out, contents.made))

    def cancel(self, engine: LocalEngine) -> int:
        """Stop all of its runs that wait or run; returns how many were asked to."""
        stopped = 0
        for entry in reversed(self.read().entries):  # from the end of the queue, so that nothing starts in between
            if entry.run_id is not None and self._state(entry.run_id) in ("queued", "running", "lost"):
                engine.cancel(entry.run_id)
                stopped += 1
        return stopped

    def _adopted(self, entry: Entry, spec: CompareSpec, known: KnownRuns) -> Entry:
        run = spec.run_of(entry.cell)
        there = known.find(run, done_only=True) or known.outdated(run)
        return entry if there is None else replace(entry, run_id=there.run.id)

    def _stands(self, entry: Entry) -> bool:
        """Whether a cell has a run that need not be made again."""
        if entry.run_id is None:
            return False
        state = self._state(entry.run_id)
        if state == "done":
            return is_of_today(Run(self.runs_dir / entry.run_id))
        return state in ("queued", "running", "lost")

    def _state(self, run_id: str) -> str | None:
        try:
            return open_run(self.runs_dir, run_id).status().state
        except (ThawError, OSError, ValueError):  # deleted
            return None

    def _lock(self) -> Lock:
        return Lock(self.path / "lock", timeout_seconds=60.0)

    def _write(self, contents: Contents) -> None:
        write_json(self.path / "spec.json", _as_data(contents))


def same(runs_dir: Path, spec: CompareSpec, expansion: Expansion) -> Comparison | None:
    """The newest comparison of exactly these runs, if there is one: asked again, it is looked at again."""
    for comparison in all_comparisons(runs_dir):
        try:
            contents = comparison.read()
        except (ThawError, OSError, ValueError, KeyError, TypeError):  # of another version, or deleted just now
            continue
        if contents.spec == spec and {entry.cell for entry in contents.entries} == set(expansion.cells):
            return comparison
    return None


def create(runs_dir: Path, spec: CompareSpec, expansion: Expansion) -> Comparison:
    """Make the folder of a comparison; nothing runs yet. Raises `ThawError` where nothing of it could run."""
    if not expansion.cells:
        why = expansion.left_out[0] if expansion.left_out else None
        raise ThawError(
            f"Nothing of this comparison can run. {why.reason if why else ''}".strip(),
            next_step=why.next_step if why else "Choose other strategies.",
        )
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    slug = re.sub(r"[^a-z0-9]+", "-", Path(spec.datasets[0]).name.lower()).strip("-")[:24].strip("-") or "x"
    comparison = Comparison(runs_dir / FOLDER / f"{stamp}-{slug}-{secrets.token_hex(2)}")
    comparison._write(Contents(spec, tuple(map(Entry, expansion.cells)), expansion.left_out, time.time()))
    return comparison


def open_comparison(runs_dir: Path, comparison_id: str) -> Comparison:
    """The comparison called `comparison_id`, which may come from a URL. Raises `RunNotFound`; never leaves the folder."""
    if not _ID.fullmatch(comparison_id):
        raise RunNotFound("That is not a comparison's id.", next_step="Open it from the list on the Compare page.")
    path = runs_dir / FOLDER / comparison_id
    if not (path / "spec.json").is_file():
        raise RunNotFound(f"There is no comparison {comparison_id} here.", next_step="Look at the list on the Compare page.")
    return Comparison(path)


def all_comparisons(runs_dir: Path) -> Iterator[Comparison]:
    """Every comparison, the newest first."""
    folder = runs_dir / FOLDER
    for path in sorted(folder.iterdir(), reverse=True) if folder.is_dir() else ():
        if _ID.fullmatch(path.name) and (path / "spec.json").is_file():
            yield Comparison(path)


def delete(comparison: Comparison) -> None:
    """Move a comparison to the trash, from where `restore` brings it back. Its runs stay: they may be others' too."""
    trash = comparison.path.parent / _TRASH
    trash.mkdir(exist_ok=True)
    comparison.path.rename(trash / comparison.id)


def restore(runs_dir: Path, comparison_id: str) -> Comparison:
    """Undo `delete`. Raises `RunNotFound`."""
    folder = runs_dir / FOLDER
    if not _ID.fullmatch(comparison_id) or not (folder / _TRASH / comparison_id).is_dir():
        raise RunNotFound("That comparison is not in the trash.", next_step="Only a deleted one can be restored.")
    (folder / _TRASH / comparison_id).rename(folder / comparison_id)
    return Comparison(folder / comparison_id)


def _as_data(contents: Contents) -> dict[str, Any]:
    return {
        "spec": contents.spec.model_dump(mode="json"),
        "cells": [
            entry.cell.setting._asdict()
            | {"strategy": entry.cell.strategy, "seed": entry.cell.seed, "epochs": entry.cell.epochs, "run_id": entry.run_id}
            for entry in contents.entries
        ],
        "left_out": [asdict(one) | {"setting": one.setting._asdict()} for one in contents.left_out],
        "made": contents.made,
    }


def _cell(data: dict[str, Any]) -> Cell:
    setting = Setting(data["dataset"], data["backbone"], data["images_per_class"])
    return Cell(setting, data["strategy"], data["seed"], data["epochs"])
