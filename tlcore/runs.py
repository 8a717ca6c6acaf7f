"""What happened: a run is a folder, and the folder is the database. No torch.

    spec.json      what was asked, written first        state.json    where it stands, replaced in one step
    events.jsonl   what was reported, append only       result.json   the final numbers
    *.npz          arrays behind figures                weights.safetensors   the tensors that changed
    epochs/        the tensors at the end of each epoch (001.safetensors, ...), where the spec asks for them
    checkpoint/    where a lost run resumes; removed at the end    log.txt  run.lock  cancel

A run's state on disk is what was last written; `Run.status()` is what is true: a run that says "running" and whose lock
nobody holds is "lost".
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tlcore.errors import RunNotFound, SpecError, ThawError
from tlcore.files import holder, write_atomically, write_json
from tlcore.spec import AnySpec, CheckSpec, RunSpec, TransferabilitySpec, parse
from tlcore.strategies.start import RUN_ID

StateName = Literal["queued", "running", "done", "failed", "cancelled", "lost"]
FINISHED: tuple[StateName, ...] = ("done", "failed", "cancelled")
Event = dict[str, Any]

_TRASH = ".trash"


@dataclass(frozen=True)
class Status:
    """Where a run stands. Times are seconds since 1970."""

    state: StateName
    queued_at: float
    started_at: float | None = None
    ended_at: float | None = None
    error: Mapping[str, str] | None = None  # ThawError.as_dict()
    resume: bool = False  # queued again after it was lost: go on from the checkpoint
    own_process: bool = False  # runs in a child of the worker, which may be killed; a notebook's process may not


class Run:
    """One run's folder. Reading never changes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Run({self.id!r})"

    @property
    def id(self) -> str:
        return self.path.name

    # --- what was asked, and where it stands

    def spec(self) -> AnySpec:
        return parse((self.path / "spec.json").read_bytes())

    def subject(self) -> RunSpec | CheckSpec | TransferabilitySpec | None:
        """The spec that names the data, and where there is one the backbone: of a question about a run that is done, that
        run's; None where that run is not here any more."""
        spec = self.spec()
        if spec.subject is not None:
            return spec.subject
        try:
            return open_run(self.path.parent, spec.run_id).spec().subject
        except (RunNotFound, SpecError, FileNotFoundError):  # deleted, or written by another version
            return None

    def status(self) -> Status:
        """The truth about the run: what the folder says, corrected by who holds its lock."""
        written = self.written_status()
        if written.state == "running" and holder(self.path / "run.lock") is None:
            again = self.written_status()  # it may have ended between the two looks
            return Status(**(again.__dict__ | {"state": "lost"})) if again.state == "running" else again
        return written

    def written_status(self) -> Status:
        """What the folder says. It is the truth only for whoever holds the lock, or where the state is not "running"."""
        return Status(**json.loads((self.path / "state.json").read_bytes()))

    def write_status(self, status: Status) -> None:
        if status.state == "lost":
            raise ValueError("lost is what a reader concludes, never what is written")
        write_json(self.path / "state.json", status.__dict__)

    def drop_checkpoint(self) -> None:
        """Remove what a lost run would resume from: for one that has ended, once its state says so on disk."""
        shutil.rmtree(self.path / "checkpoint", ignore_errors=True)

    # --- cancel: a file that anyone may put there, as often as they like

    def request_cancel(self) -> None:
        (self.path / "cancel").touch()

    def cancel_requested(self) -> bool:
        return (self.path / "cancel").exists()

    # --- events

    def events(self, since: int = 0) -> tuple[list[Event], int]:
        """The events written after byte `since`, and the byte to ask from next time. A torn last line is left out."""
        try:
            with open(self.path / "events.jsonl", "rb") as file:
                file.seek(max(0, since))
                content = file.read()
        except FileNotFoundError:
            return [], 0
        whole = content[: content.rfind(b"\n") + 1]
        events = []
        for line in whole.splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # the stump of a write that was killed
                events.append(json.loads(line))
        return events, max(0, since) + len(whole)

    # --- results

    def result(self) -> dict[str, Any] | None:
        """The final numbers, or None while there are none."""
        try:
            return json.loads((self.path / "result.json").read_bytes())
        except FileNotFoundError:
            return None

    def write_result(self, result: Mapping[str, Any]) -> None:
        write_json(self.path / "result.json", result)

    def epoch_file(self, epoch: int) -> Path:
        """Where the weights at the end of that epoch (from 1) are, if they were kept."""
        return self.path / "epochs" / f"{epoch:03d}.safetensors"

    def kept_epochs(self) -> tuple[int, ...]:
        """The epochs (from 1) whose weights were kept, in order."""
        return tuple(sorted(int(file.stem) for file in self.path.glob("epochs/*.safetensors") if file.stem.isdecimal()))

    def log_tail(self, lines: int = 30) -> str:
        try:
            return "\n".join((self.path / "log.txt").read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def export(self) -> bytes:
        """The folder as a ZIP, without locks and checkpoints."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(self.path.rglob("*")):
                inside = file.relative_to(self.path)
                if file.is_file() and inside.parts[0] not in ("run.lock", "cancel", "checkpoint"):
                    archive.write(file, Path(self.id) / inside)
        return buffer.getvalue()


class EventWriter:
    """Appends events to a run's folder: flushed at each event, synced when asked, so a kill loses nothing reported."""

    def __init__(self, run: Run) -> None:
        self._file = open(run.path / "events.jsonl", "a+b")  # noqa: SIM115 - closed by close()
        if self._file.seek(0, os.SEEK_END) > 0:
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":  # the stump of a write that was killed gets a line of its own
                self._file.write(b"\n")

    def write(self, kind: str, **fields: Any) -> Event:
        """Append one event: its `type`, its time `t` (seconds since 1970) and `fields`. A NaN is written as null."""
        event = {"type": kind, "t": round(time.time(), 3), **fields}
        try:
            line = json.dumps(event, separators=(",", ":"), allow_nan=False)
        except ValueError:
            line = json.dumps(_without_nan(event), separators=(",", ":"))
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        return event

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value


# --- the folder of runs


def create(runs_dir: Path, spec: AnySpec, *, state: Literal["queued", "running"] = "queued") -> Run:
    """Make the folder of a new run: queued for the worker, or running for a caller that takes its lock at once."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    while True:
        path = runs_dir / f"{stamp}-{spec.slug()}-{secrets.token_hex(2)}"
        hidden = runs_dir / f".new-{path.name}"
        if not path.exists() and not hidden.exists():
            break
    # Made under a hidden name and renamed when complete: no reader meets a run without its spec and state.
    hidden.mkdir(parents=True)
    write_atomically(hidden / "spec.json", spec.model_dump_json(indent=1) + "\n")
    Run(hidden).write_status(Status(state, queued_at=time.time()))
    hidden.rename(path)
    return Run(path)


def open_run(runs_dir: Path, run_id: str) -> Run:
    """The run called `run_id`, which may come from a URL. Raises `RunNotFound`; never leaves `runs_dir`."""
    if not RUN_ID.fullmatch(run_id):
        raise RunNotFound("That is not a run's id.", next_step="Open the run from the list on the Runs page.")
    path = runs_dir / run_id
    if not (path / "spec.json").is_file():
        raise RunNotFound(f"There is no run {run_id} here.", next_step="It may have been deleted; look at the Runs page.")
    return Run(path)


def finished_training(runs_dir: Path, run_id: str) -> tuple[Run, RunSpec, dict[str, Any]]:
    """A training run that is done, what it was asked and what it found. Raises `RunNotFound`, and `SpecError` for another."""
    run = open_run(runs_dir, run_id)
    spec, state = run.spec(), run.status().state
    if not isinstance(spec, RunSpec):
        raise SpecError(f"Run {run_id} trains nothing: it is of kind {spec.kind!r}.", next_step="Name a training run.")
    result = run.result()
    if state != "done" or result is None:
        wait = "Wait until it is done, or name" if state in ("queued", "running", "lost") else "Name"
        raise SpecError(f"Run {run_id} is {state}: only a run that is done can be asked.", next_step=f"{wait} another run.")
    return run, spec, result


def all_runs(runs_dir: Path) -> Iterator[Run]:
    """Every run, the newest first."""
    if not runs_dir.is_dir():
        return
    for path in sorted(runs_dir.iterdir(), reverse=True):
        if RUN_ID.fullmatch(path.name) and (path / "state.json").is_file():
            yield Run(path)


def delete(runs_dir: Path, run_id: str) -> None:
    """Move a finished run to the trash, from where `restore` brings it back."""
    run = open_run(runs_dir, run_id)
    if run.status().state in ("queued", "running"):
        raise ThawError(f"Run {run_id} is still {run.status().state}.", next_step="Cancel it first, then delete it.")
    trash = runs_dir / _TRASH
    trash.mkdir(exist_ok=True)
    run.path.rename(trash / run_id)


def restore(runs_dir: Path, run_id: str) -> Run:
    """Undo `delete`."""
    if not RUN_ID.fullmatch(run_id) or not (runs_dir / _TRASH / run_id).is_dir():
        raise RunNotFound(f"Run {run_id} is not in the trash.", next_step="Only a deleted run can be restored.")
    (runs_dir / _TRASH / run_id).rename(runs_dir / run_id)
    return Run(runs_dir / run_id)


def trashed(runs_dir: Path) -> Iterator[Run]:
    """Every run in the trash, the newest first."""
    return all_runs(runs_dir / _TRASH)


def empty_trash(runs_dir: Path, *, older_than_seconds: float = 7 * 86400.0) -> None:
    """Remove for good what was deleted longer ago than that."""
    for path in (runs_dir / _TRASH).glob("*"):
        if time.time() - path.stat().st_ctime > older_than_seconds:
            shutil.rmtree(path, ignore_errors=True)
