"""Explain jobs about a made-up run, as the job leaves them: the result, its maps, its images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.figures.explain_made import SIDE, explanation, maps
from tlcore.files import write_json
from tlcore.runs import Run, Status, all_runs, create
from tlcore.spec import ExplainSpec

PAGE = "explain.py"


def explained(
    runs: Path, run: Run, state: str = "done", *, asked: dict[str, Any] | None = None, error: Any = None, **made: Any
) -> Run:
    """A job about `run`: `asked` are fields of its spec, `made` what the result is made with."""
    job = create(runs, ExplainSpec(run_id=run.id, **(asked or {})))
    if state == "done":
        found = explanation(run=run.id, **made)
        write_json(job.path / "result.json", found)
        np.savez_compressed(job.path / found["file"], **maps([one["key"] for one in found["maps"]]))
        (job.path / "images").mkdir()
        for told in found["images"]:
            Image.new("RGB", (SIDE, SIDE), (90, 90, 90)).save(job.path / told["file"])
    job.write_status(Status(state, job.status().queued_at, started_at=1.0, ended_at=13.0, error=error))
    return job


def jobs(runs: Path) -> list[ExplainSpec]:
    """What was asked of the runs in the folder."""
    return [spec for run in all_runs(runs) if isinstance(spec := run.spec(), ExplainSpec)]


def links(app: AppTest) -> dict[str, str]:
    return {link.proto.label.replace("\\", ""): link.proto.query_string for link in app.get("page_link")}


def button(app: AppTest, key: str) -> Any:
    return next(one for one in app.button if one.key == key)
