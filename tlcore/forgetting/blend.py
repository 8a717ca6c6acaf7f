"""The blend job: a point between a run's start and its end as a model, in a file that plain timm loads."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from tlcore.errors import SpecError
from tlcore.files import write_atomically
from tlcore.forgetting.ends import load_ends
from tlcore.forgetting.path import batchnorms, mixed, recompute_batchnorm
from tlcore.forgetting.seen import load_target
from tlcore.models.plain import plain_file, refuse_other
from tlcore.runs import EventWriter, Run, finished_training
from tlcore.spec import BlendSpec
from tlcore.training.machine import choose, repeatable
from tlcore.training.report import Reporter

FILE = "blend.safetensors"


def blend(run: Run, events: EventWriter) -> dict[str, Any]:
    """Write the network at the spec's a to the run's folder; return what tlcore/README.md says of `blend`.

    All tensors are in the file, under timm's names. Raises `SpecError` for a head or adapters that plain timm has not, as
    `load_ends` does, and `Cancelled`.
    """
    began = time.monotonic()
    spec = run.spec()
    if not isinstance(spec, BlendSpec):
        raise SpecError(f"A spec of kind {spec.kind!r} saves no blend.")
    report = Reporter(run, events)
    about, asked, found = finished_training(report.runs_dir, spec.run_id)
    refuse_other(about.id, asked, "Save a point of")
    machine = choose(spec.device, "float32")
    with repeatable(machine):
        report.progress("Building the network", 0, 1, "network")
        ends = load_ends(about, asked, tuple(found["classes"]), progress=report.progress)
        network = ends.put(mixed(ends.start, ends.end, spec.a))
        if spec.batchnorm == "recomputed":
            if not batchnorms(network):
                raise SpecError("This backbone has no BatchNorm.", next_step="Choose interpolated.")
            images = load_target(asked, ends.classes, images=1, report=report).train.images
            machine.place(network.module)
            recompute_batchnorm(network, machine, images, report.progress)
    saved = plain_file(
        network,
        backbone=asked.backbone,
        image_size=asked.image_size,
        classes=ends.classes,
        file=FILE,
        told={
            "a": repr(spec.a),
            "batchnorm": spec.batchnorm,
            "run": about.id,
            "start": str(network.provenance["text"]),
        },
    )
    write_atomically(run.path / FILE, saved.content)
    return {
        "run": about.id,
        "a": spec.a,
        "batchnorm": spec.batchnorm,
        "backbone": asked.backbone,
        "classes": list(ends.classes),
        "image_size": asked.image_size,
        "preprocessing": asdict(network.preprocessing),
        "file": FILE,
        "bytes": len(saved.content),
        "sha256": saved.sha256,
        "load": saved.load,
        "seconds": time.monotonic() - began,
    }
