"""The model to take along: a short job for each format, then its file with the lines that load it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.driving import said
from tlcore.files import write_json
from tlcore.runs import Run, Status, all_runs, create
from tlcore.spec import ExportSpec


@pytest.fixture
def run(fabricated: Any) -> Run:
    return fabricated(done=True, strategy="full").run


def part(run: Run) -> AppTest:
    """The part by itself."""

    def page(run_id: str) -> None:
        from pages.parts.explain_export import export
        from tlcore.runs import open_run
        from tlcore.settings import runs_dir

        export(open_run(runs_dir(), run_id))

    return AppTest.from_function(page, args=(run.id,), default_timeout=60).run()


def _written(runs: Path, run: Run, form: str, state: str = "done", **more: Any) -> Run:
    job = create(runs, ExportSpec(run_id=run.id, format=form))
    if state == "done":
        name = f"model.{form}"
        (job.path / name).write_bytes(b"x" * 10)
        told = {"run": run.id, "format": form, "file": name, "bytes": 10, "sha256": "0" * 64, "image_size": 96}
        told |= {"classes": ["normal", "*pneumonia*"], "scale": "Pixels from 0 to 1.", "load": "import timm", "notices": []}
        write_json(job.path / "result.json", told | more)
    error = {"type": "SpecError", "message": "Its head is not linear.", "next_step": "Take another run."}
    job.write_status(Status(state, 0.0, started_at=1.0, ended_at=2.0, error=error if state == "failed" else None))
    return job


def test_each_format_has_its_button_and_its_job(runs: Path, run: Run) -> None:
    app = part(run)
    next(one for one in app.button if one.label == "Write it as ONNX").click()
    app.run()
    specs = [one.spec() for one in all_runs(runs) if isinstance(one.spec(), ExportSpec)]
    assert specs == [ExportSpec(run_id=run.id, format="onnx")]
    assert "Waiting for its turn" in str(app.get("progress")[0].proto)
    assert "Write it as safetensors" in [one.label for one in app.button]


def test_the_file_comes_with_its_lines_and_the_check(runs: Path, run: Run) -> None:
    checked = {"images": 16, "largest_difference": 3.1e-6, "spread": 2.0, "same_answers": 16, "on": "test images"}
    _written(runs, run, "onnx", checked=checked, load="import onnxruntime")
    _written(runs, run, "safetensors")
    app = part(run)
    words = said(app)
    assert [one.value for one in app.code] == ["import timm", "import onnxruntime"]
    assert "Checked on 16 test images: its logits are at most 3e-06 from the original's, which spread by 2." in words
    assert "16 answers are the same." in words
    assert "in this order: normal, *pneumonia*." in words
    labels = [one.proto.label for one in app.get("download_button")]
    assert labels == ["Download model.safetensors (1 kB)", "Download model.onnx (1 kB)"]


def test_a_refusal_says_why_and_may_be_tried_again(runs: Path, run: Run) -> None:
    _written(runs, run, "safetensors", "failed")
    app = part(run)
    assert "Its head is not linear." in said(app)
    assert "Write it as safetensors" in [one.label for one in app.button]


def test_a_file_that_went_away_is_told(runs: Path, run: Run) -> None:
    job = _written(runs, run, "safetensors")
    (job.path / "model.safetensors").unlink()
    assert "its file is not here any more" in said(part(run))
