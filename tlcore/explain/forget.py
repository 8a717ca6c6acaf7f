"""Forgetting a picture that a person brought: its pixels, and every explanation of it. No torch."""

from __future__ import annotations

import shutil
from itertools import chain
from pathlib import Path

from tlcore.data import arriving
from tlcore.errors import ThawError
from tlcore.runs import Run, all_runs, trashed
from tlcore.spec import ExplainSpec


def forget_picture(runs_dir: Path, digest: str) -> int:
    """Remove the picture and all explain jobs about it, of any run, for good: the trash keeps none. How many jobs there were.

    Raises `ThawError`, and removes nothing, while one of them waits or runs.
    """
    jobs = [run for run in chain(all_runs(runs_dir), trashed(runs_dir)) if _is_about(run, digest)]
    for job in jobs:
        if job.status().state in ("queued", "running"):
            raise ThawError(
                f"A job about this picture is {job.status().state}: {job.id}.",
                next_step="Cancel it on the Runs page, then forget the picture.",
            )
    arriving.forget(digest)
    for job in jobs:
        shutil.rmtree(job.path)
    return len(jobs)


def _is_about(run: Run, digest: str) -> bool:
    """Whether it explains this picture. A folder that cannot be read as a run is none of ours."""
    try:
        spec = run.spec()
    except (OSError, ThawError):
        return False
    return isinstance(spec, ExplainSpec) and spec.picture == digest
