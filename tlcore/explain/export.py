"""A finished run's network to take along: as safetensors that plain timm loads in three lines, and as ONNX, checked on the
spot.

ONNX is written by torch's own exporter (`torch.onnx.export` with dynamo) from the network as plain timm builds it from that
very safetensors, so both files are the same model; a network that plain timm has not (another head, bottleneck adapters) is
exported as it is. Then onnxruntime answers the same pictures as the original, in float32, and the largest difference of their
logits is told. A file that answers otherwise is not given out.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import timm
import torch
from safetensors.torch import load
from torch import nn

from tlcore.analysis.maps import evaluating
from tlcore.data.transforms import normalise
from tlcore.errors import ThawError
from tlcore.models.construct import arguments
from tlcore.models.describe import describe
from tlcore.models.network import Network
from tlcore.models.plain import plain_file, refuse_other
from tlcore.spec import RunSpec
from tlcore.strategies.packages import missing

SAFETENSORS: Final = "model.safetensors"
ONNX: Final = "model.onnx"
PACKAGES: Final = ("onnx", "onnxscript", "onnxruntime")
MOST_DIFFERENCE: Final = 1e-3  # of two logits, as a share of how far logits spread: beyond rounding, another model
_NOISE = 8  # pictures that are answered where none are given


@dataclass(frozen=True)
class Exported:
    """A file, and what is told of it."""

    file: str
    content: bytes
    told: dict[str, Any]


def export_safetensors(network: Network, spec: RunSpec, classes: Sequence[str], *, run_id: str) -> Exported:
    """The network that run `run_id` ended with (`models/ended.py`), LoRA's changes added to the weights.

    Told: {file, bytes, sha256, load (three lines of Python), classes, image_size, preprocessing, scale (what pixels from 0 to 1
    become, in words)}. Raises `SpecError` for a head or adapters that plain timm has not.
    """
    refuse_other(run_id, spec, "Export")
    told = {"run": run_id, "start": str(network.provenance["text"])}
    saved = plain_file(
        network, backbone=spec.backbone, image_size=spec.image_size, classes=classes, file=SAFETENSORS, told=told
    )
    return Exported(
        SAFETENSORS, saved.content, _told(network, spec, classes, saved.content, SAFETENSORS) | {"load": saved.load}
    )


def export_onnx(
    network: Network, spec: RunSpec, classes: Sequence[str], *, run_id: str, images: np.ndarray | None = None
) -> Exported:
    """The same as ONNX, in float32, for batches of any size: input `pixels` (N, 3, S, S), normalised, output `logits` (N, C).

    `images`, uint8 (N, S, S, 3), are what both answer; noise drawn from a fixed seed where none are given. Told, besides what
    `export_safetensors` tells: {opset, checked {images, largest_difference, spread (standard deviation of the original's
    logits), same_answers (how many)}, load}. Raises `ThawError` where a package is not installed, the exporter cannot write
    this network, or what it wrote answers otherwise.
    """
    lacking = missing(PACKAGES)
    if lacking:
        raise ThawError(
            f"An export to ONNX needs the packages {', '.join(PACKAGES)}; {', '.join(lacking)} cannot be found here.",
            next_step=f"Install it (pip install {' '.join(lacking)}) and start Thaw again, or take the safetensors.",
        )
    module = _to_export(network, spec, classes, run_id)
    if images is None:
        shape = (_NOISE, spec.image_size, spec.image_size, 3)
        images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    look = network.preprocessing
    pixels = normalise(torch.from_numpy(np.array(images)), look.mean, look.std).contiguous()
    content, opset = _written(module, pixels, _header(network, spec, classes, run_id))
    checked = _checked(content, network, pixels)
    told = _told(network, spec, classes, content, ONNX)
    return Exported(ONNX, content, told | {"opset": opset, "checked": checked, "load": _onnx_lines(network, images.shape[1])})


def _to_export(network: Network, spec: RunSpec, classes: Sequence[str], run_id: str) -> nn.Module:
    """A network on the CPU that nothing else uses: what plain timm makes of the safetensors, where it can."""
    try:
        saved = export_safetensors(network, spec, classes, run_id=run_id)
    except ThawError:  # a head or adapters of our own
        return copy.deepcopy(network.module).cpu().eval()
    options = arguments(describe(spec.backbone), spec.image_size)
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced
        module = timm.create_model(spec.backbone, num_classes=len(classes), **options)
    module.load_state_dict(load(saved.content))
    return module.eval()


def _written(module: nn.Module, pixels: torch.Tensor, header: dict[str, str]) -> tuple[bytes, int]:
    """The file for batches of pictures like `pixels`, and the version of its operators."""
    try:
        program = torch.onnx.export(
            module,
            (torch.zeros(2, *pixels.shape[1:]),),  # with one picture the exporter would take the batch for fixed
            dynamo=True,
            input_names=["pixels"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
    except Exception as error:  # of the exporter: what it cannot write it says in errors of many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ThawError(f"torch cannot write this network as ONNX: {reason}.", next_step="Take the safetensors.") from error
    assert program is not None
    model = program.model_proto
    for name, value in header.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = name, value
    content = model.SerializeToString()
    return content, next(one.version for one in model.opset_import if not one.domain)


def _checked(content: bytes, network: Network, pixels: torch.Tensor) -> dict[str, Any]:
    """How far the file's answers are from the original's. Raises `ThawError` where they are others."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    theirs = session.run(["logits"], {"pixels": pixels.numpy()})[0]
    device = next(network.module.parameters()).device
    with evaluating(network.module), torch.autocast(device.type, enabled=False):
        own = network.module(pixels.to(device)).float().cpu().numpy()
    largest, spread = float(np.abs(theirs - own).max()), float(own.std())
    same = int((theirs.argmax(1) == own.argmax(1)).sum())
    if not largest <= MOST_DIFFERENCE * max(spread, 1.0):
        raise ThawError(
            f"The ONNX file answers otherwise than the network: its logits are up to {largest:.2g} away.",
            next_step="Take the safetensors.",
        )
    return {"images": len(pixels), "largest_difference": largest, "spread": spread, "same_answers": same}


def _told(network: Network, spec: RunSpec, classes: Sequence[str], content: bytes, file: str) -> dict[str, Any]:
    look = network.preprocessing
    return {
        "file": file,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "backbone": spec.backbone,
        "classes": list(classes),
        "image_size": spec.image_size,
        "preprocessing": asdict(look),
        "scale": f"Pixels from 0 to 1, minus {_numbers(look.mean)}, divided by {_numbers(look.std)}, by colour.",
    }


def _header(network: Network, spec: RunSpec, classes: Sequence[str], run_id: str) -> dict[str, str]:
    return {
        "run": run_id,
        "backbone": spec.backbone,
        "classes": json.dumps(list(classes)),
        "preprocessing": json.dumps(asdict(network.preprocessing)),
        "image_size": str(spec.image_size),
    }


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _onnx_lines(network: Network, side: int) -> str:
    look = network.preprocessing
    mean, std = ([round(float(value), 6) for value in values] for values in (look.mean, look.std))
    return (
        "import onnxruntime\n"
        f"model = onnxruntime.InferenceSession({ONNX!r})\n"
        f"pixels = ((rgb / 255 - {mean}) / {std}).transpose(0, 3, 1, 2)  # rgb: uint8 (N, {side}, {side}, 3), a NumPy array\n"
        'logits = model.run(["logits"], {"pixels": pixels.astype("float32")})[0]'
    )
