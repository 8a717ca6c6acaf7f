"""The blend job: a point between a run's start and its end as a model, in a file that plain timm loads."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict
from typing import Any

from safetensors.torch import save

from tlcore.errors import SpecError
from tlcore.files import write_atomically
from tlcore.forgetting.ends import load_ends
from tlcore.forgetting.path import batchnorms, mixed, recompute_batchnorm
from tlcore.forgetting.seen import load_target
from tlcore.models.ancestry import leaves_weights
from tlcore.models.construct import arguments
from tlcore.models.describe import describe
from tlcore.models.freezing import state_of
from tlcore.runs import EventWriter, Run, finished_training
from tlcore.spec import BlendSpec, RunSpec
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
    _refuse(about, asked)
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
    options = arguments(describe(asked.backbone), asked.image_size)
    content = save(
        state_of(network),
        {
            "format": "pt",
            "a": repr(spec.a),
            "batchnorm": spec.batchnorm,
            "run": about.id,
            "backbone": asked.backbone,
            "arguments": json.dumps(options),
            "classes": json.dumps(ends.classes),
            "preprocessing": json.dumps(asdict(network.preprocessing)),
            "image_size": str(asked.image_size),
            "start": str(network.provenance["text"]),
        },
    )
    write_atomically(run.path / FILE, content)
    return {
        "run": about.id,
        "a": spec.a,
        "batchnorm": spec.batchnorm,
        "backbone": asked.backbone,
        "classes": list(ends.classes),
        "image_size": asked.image_size,
        "preprocessing": asdict(network.preprocessing),
        "file": FILE,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "load": _in_python(asked.backbone, len(ends.classes), options),
        "seconds": time.monotonic() - began,
    }


def _refuse(about: Run, asked: RunSpec) -> None:
    if not leaves_weights(asked.strategy):
        raise SpecError(
            f"Run {about.id} trained bottleneck adapters, which no plain backbone has.",
            next_step="Save a point of a run that moved the weights themselves, or one with LoRA.",
        )
    if asked.head != "linear":
        raise SpecError(
            f"The head of run {about.id} is of the kind {asked.head}, and a plain timm model has a linear one.",
            next_step="Save a point of a run with a linear head.",
        )


def _in_python(backbone: str, classes: int, options: dict[str, object]) -> str:
    """The lines that load the file with timm alone."""
    more = "".join(f", {name}={value!r}" for name, value in options.items())
    return (
        "import timm\n"
        "from safetensors.torch import load_file\n\n"
        f"model = timm.create_model({backbone!r}, num_classes={classes}{more})\n"
        f"model.load_state_dict(load_file({FILE!r}))"
    )
