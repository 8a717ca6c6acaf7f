"""A run in this process, watched by whoever called it: a notebook, or the command line."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from tlcore import settings
from tlcore.engine.bars import ProgressBars
from tlcore.engine.execute import execute
from tlcore.engine.jobs import CATALOGUE, find_refusal
from tlcore.errors import ThawError
from tlcore.runs import Event, EventWriter, Run, create
from tlcore.spec import AnySpec


class _Watched(EventWriter):
    """Writes each event, then shows it."""

    def __init__(self, run: Run, bars: ProgressBars) -> None:
        super().__init__(run)
        self._bars = bars

    def write(self, kind: str, **fields: Any) -> Event:
        event = super().write(kind, **fields)
        self._bars.show(event)
        return event

    def close(self) -> None:
        self._bars.close()
        super().close()


def run(spec: AnySpec, *, runs_dir: Path | None = None, progress: bool = True, catalogue: str = CATALOGUE) -> dict[str, Any]:
    """Do the job of `spec` here and now, and return its result; `run_id` in it names the run's folder.

    A spec that cannot work is refused before there is a folder. The folder is the same as a queued run's, under `runs_dir`
    (the setting THAW_RUNS_DIR where None); `progress` shows bars on stderr or in the notebook. Raises what the job raises:
    `ThawError` for what a person can act on, `Cancelled` when somebody cancels it from elsewhere, `KeyboardInterrupt` on
    Ctrl-C (the run is then cancelled). It runs beside the queue, waits for nobody, and is never killed from outside.
    """
    folder = (runs_dir or settings.runs_dir()).resolve()
    find_refusal(catalogue)(spec, folder)
    made = create(folder, spec, state="running")
    writer = partial(_Watched, bars=ProgressBars()) if progress else EventWriter
    outcome = execute(made, own_process=False, catalogue=catalogue, writer=writer)
    if outcome is None:
        raise ThawError(f"Another process took over run {made.id}.", next_step="Watch it on the Runs page.")
    if outcome.result is None:
        raise outcome.error
    return {"run_id": made.id} | outcome.result
