"""What a plan costs on this machine: measured by a short job of its own, and looked up when it was measured before."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from pathlib import Path

from tlcore.compare.pace import measure_spec
from tlcore.engine import LocalEngine
from tlcore.errors import RunNotFound, ThawError
from tlcore.runs import Run, all_runs
from tlcore.spec import AnySpec

__all__ = ["begin", "find", "measure_spec"]


def find(runs_dir: Path, spec: AnySpec) -> Run | None:
    """The newest run of this spec, if there is any."""
    wanted = spec.digest()
    return next((run for run in all_runs(runs_dir) if f"-{spec.kind}-" in run.id and _digest(run.path) == wanted), None)


@lru_cache(maxsize=4096)
def _digest(path: Path) -> str:
    try:
        return Run(path).spec().digest()
    except (ThawError, FileNotFoundError):  # of another version of Thaw, or deleted just now
        return ""


def begin(engine: LocalEngine, spec: AnySpec, before: str | None) -> Run:
    """Measure `spec`; what this session asked for before and nobody needs any more gives way."""
    if before is not None:
        with contextlib.suppress(RunNotFound):  # deleted meanwhile, which is as well
            engine.cancel(before)
    return engine.submit(spec)
