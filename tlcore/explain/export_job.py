"""The export job: the network that a run ended with, as a file in the job's folder, with what a person needs to use it."""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np

from tlcore.errors import Cancelled, SpecError, ThawError
from tlcore.explain.export import Exported, export_onnx, export_safetensors
from tlcore.files import write_atomically
from tlcore.models.ended import ended
from tlcore.runs import EventWriter, Run, finished_training
from tlcore.spec import ExportSpec, RunSpec
from tlcore.training.job import load_data
from tlcore.training.machine import choose, repeatable
from tlcore.training.report import Reporter

CHECKED_ON: Final = 16  # test images that the ONNX file and the original both answer


def export(run: Run, events: EventWriter) -> dict[str, Any]:
    """Write the file to the run's folder and return what tlcore/README.md says of `export`.

    Raises `RunNotFound` and `SpecError` where a run cannot be asked or plain timm has no such network, what building the
    network raises, `ThawError` where torch cannot write it as ONNX or the file answers otherwise, and `Cancelled`.
    """
    began = time.monotonic()
    spec = run.spec()
    if not isinstance(spec, ExportSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} exports nothing.")
    report = Reporter(run, events)
    about, asked, found = finished_training(report.runs_dir, spec.run_id)
    classes = tuple(found["classes"])
    notices: list[str] = []
    with repeatable(choose("cpu", "float32")):
        report.progress("Building the network", 0, 1, "network")
        network = ended(about, asked, classes, progress=report.progress)
        if spec.format == "safetensors":
            saved = export_safetensors(network, asked, classes, run_id=about.id)
        else:
            images = _test_images(asked, report, notices)
            report.progress("Writing and checking the ONNX file", 0, 1, "file")
            saved = export_onnx(network, asked, classes, run_id=about.id, images=images)
            saved.told["checked"]["on"] = "noise" if images is None else "test images"
    report.check()
    write_atomically(run.path / saved.file, saved.content)
    for notice in notices:
        report.notice(notice)
    return _result(about, spec, saved) | {"notices": notices, "seconds": time.monotonic() - began}


def _test_images(asked: RunSpec, report: Reporter, notices: list[str]) -> np.ndarray | None:
    """Some of the run's test images; None where its dataset cannot be had, which a notice says."""
    try:
        return np.asarray(load_data(asked, report).test.images[:CHECKED_ON])
    except Cancelled:
        raise
    except ThawError as error:
        notices.append(f"The check is on pictures of noise, for the test images cannot be had. {error.message}")
        return None


def _result(about: Run, spec: ExportSpec, saved: Exported) -> dict[str, Any]:
    return {"run": about.id, "format": spec.format} | saved.told
