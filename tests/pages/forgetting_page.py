"""A finished run on the Forgetting page: analysed, or measured while it trained, by results made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.figures.forgetting_made import result
from tlcore.files import write_json
from tlcore.runs import Run, Status, all_runs, create
from tlcore.spec import ForgettingSpec

PAGE = "forgetting.py"


def asked_about(runs: Path, run: Run, state: str = "done", *, error: dict[str, str] | None = None, **changes: Any) -> Run:
    job = create(runs, ForgettingSpec(run_id=run.id))
    if state == "done":
        found = result(run=run.id, **changes)
        write_json(job.path / "result.json", found)
        for one in found["sources"].values():
            for lost in one["lost_images"]:
                (job.path / lost["file"]).parent.mkdir(exist_ok=True)
                Image.new("RGB", (32, 32), (90, 90, 90)).save(job.path / lost["file"])
    job.write_status(Status(state, job.status().queued_at, started_at=1.0, ended_at=10.0, error=error))
    return job


def carries(run: Run, **sources: Any) -> None:
    """The run measured these itself while it trained."""
    found = run.result() or {}
    first = next(iter(sources.values()))
    write_json(run.path / "result.json", found | {"source": sources, "forgetting": first["lost"]})


def links_of(app: AppTest) -> dict[str, str]:
    return {link.proto.label.replace("\\", ""): link.proto.query_string for link in app.get("page_link")}


def jobs(runs: Path, kind: type) -> list[Any]:
    return [spec for run in all_runs(runs) if isinstance(spec := run.spec(), kind)]
