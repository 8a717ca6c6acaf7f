"""A person's own weights: a safetensors file in timm's names, strict up to the classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tlcore.errors import SpecError
from tlcore.models.cards import BackboneCard

PICKLED = (".pth", ".pt", ".bin", ".ckpt", ".pkl", ".pickle", ".tar")
_CONVERT = (
    'Convert it once, where you trust its origin: python -c "import torch; from safetensors.torch import save_file; '
    "save_file(torch.load('weights.pth', map_location='cpu', weights_only=True), 'weights.safetensors')\""
)
_SHOWN = 3  # tensors that do not fit, named in a message


def read_own(file: Path, card: BackboneCard, shapes: Mapping[str, torch.Size], head: Sequence[str]) -> tuple[dict, int | None]:
    """The tensors of `file`, and the number of classes of the classifier in it (None without one that fits).

    `shapes` are those of the architecture's own state; `head` names its classifier's tensors, whose shape is free.
    Counters of BatchNorm (`num_batches_tracked`), which no output depends on, may be absent. Raises `SpecError`.
    """
    stored = _open(file)
    body = {name: shape for name, shape in shapes.items() if name not in head}
    for name in body:
        if name.endswith("num_batches_tracked") and name not in stored:
            stored[name] = torch.tensor(0)
    missing = [f"{name} is missing" for name in body if name not in stored]
    misshaped = [
        f"{name} is {_size(stored[name].shape)} where {_size(shape)} is needed"
        for name, shape in body.items()
        if name in stored and stored[name].shape != shape
    ]
    foreign = [f"{name} is not part of it" for name in stored if name not in shapes]
    wrong = missing + misshaped + foreign
    if wrong:
        more = f", and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise SpecError(
            f"{file.name} does not hold the weights of {card.name}: {', '.join(wrong[:_SHOWN])}{more}.",
            next_step=f"Give the state dict of timm's {card.name}, complete and in timm's names, or choose its own backbone.",
        )
    weight, classes = stored.get(head[0]), None
    if weight is not None and weight.shape[1:] == shapes[head[0]][1:]:
        classes = weight.shape[0]
    return stored, classes


def _open(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise SpecError(f"There is no weights file {file}.", next_step="Give the path of a safetensors file.")
    if file.suffix.lower() in PICKLED:
        raise SpecError(
            f"{file.name} is a pickled file, which can run code when it is opened; only safetensors files are read.",
            next_step=_CONVERT,
        )
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise SpecError(f"{file.name} is not a safetensors file ({error}).", next_step=_CONVERT) from error


def _size(shape: torch.Size) -> str:
    return " x ".join(map(str, shape)) or "a single number"
