"""A network as a file that plain timm loads: all tensors under timm's names, and what else is to be known in its header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from safetensors.torch import save

from tlcore.errors import SpecError
from tlcore.models.adapters import merged
from tlcore.models.ancestry import leaves_weights
from tlcore.models.construct import arguments
from tlcore.models.describe import describe
from tlcore.models.network import Network
from tlcore.spec import RunSpec


@dataclass(frozen=True)
class PlainFile:
    """The file, and what is told of it."""

    content: bytes
    sha256: str
    load: str  # the lines that load it with timm alone


def refuse_other(run_id: str, spec: RunSpec, what: str) -> None:
    """Raise `SpecError` where the network of a run is no plain timm model. `what` is asked for: 'Save a point of'."""
    if not leaves_weights(spec.strategy):
        raise SpecError(
            f"Run {run_id} trained bottleneck adapters, which no plain backbone has.",
            next_step=f"{what} a run that moved the weights themselves, or one with LoRA.",
        )
    if spec.head != "linear":
        raise SpecError(
            f"The head of run {run_id} is of the kind {spec.head}, and a plain timm model has a linear one.",
            next_step=f"{what} a run with a linear head.",
        )


def plain_file(
    network: Network, *, backbone: str, image_size: int, classes: Sequence[str], file: str, told: Mapping[str, str]
) -> PlainFile:
    """All tensors of `network`, LoRA's changes added to the weights, as safetensors.

    The header holds the backbone, what timm is told to build it, the classes in the order of the logits, the preprocessing, the
    image size and `told`. `file` is what the lines that load it call it. The head must be linear (`refuse_other`).
    """
    options = arguments(describe(backbone), image_size)
    header = {
        "format": "pt",
        "backbone": backbone,
        "arguments": json.dumps(options),
        "classes": json.dumps(list(classes)),
        "preprocessing": json.dumps(asdict(network.preprocessing)),
        "image_size": str(image_size),
        **told,
    }
    content = save(merged(network), header)
    return PlainFile(content, hashlib.sha256(content).hexdigest(), in_python(backbone, len(classes), options, file))


def in_python(backbone: str, classes: int, options: Mapping[str, Any], file: str) -> str:
    """The three lines that load the file with timm alone, ready to answer."""
    more = "".join(f", {name}={value!r}" for name, value in options.items())
    return (
        "import safetensors.torch, timm\n"
        f"model = timm.create_model({backbone!r}, num_classes={classes}{more}).eval()\n"
        f"model.load_state_dict(safetensors.torch.load_file({file!r}))"
    )
