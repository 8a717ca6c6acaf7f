"""Pretrained weights: where they are looked for, and what is said when none can be had. Never silently random ones.

Weights are turned into timm's names once, and kept beside a note of what they are, as safetensors below the cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from tlcore.assets import fetch
from tlcore.errors import AssetError, UnknownName, WeightsUnavailable
from tlcore.files import write_atomically, write_json
from tlcore.models import hub
from tlcore.models.cards import SOURCES, BackboneCard, Preprocessing, WeightSource
from tlcore.models.catalogue import BACKBONES
from tlcore.models.construct import skeleton
from tlcore.models.convert import convert
from tlcore.models.keras_resnet50 import adapt
from tlcore.models.own_weights import read_own
from tlcore.models.packages import PACKAGES
from tlcore.models.partition import head_tensors
from tlcore.progress import Progress, silent
from tlcore.settings import cache_dir

VERSION = 1  # of the conversions: kept weights of an older one are converted anew


@dataclass(frozen=True)
class Weights:
    """The tensors of one source in timm's names, at the architecture's own image size, and what they are."""

    tensors: Mapping[str, Tensor]
    classes: int | None  # of the classifier that came along
    preprocessing: Preprocessing
    provenance: dict[str, str | None]  # source, text, sha256, licence
    as_keras: bool = False  # they belong to a network that `keras_resnet50.adapt` has seen


def find_weights(card: BackboneCard, wanted: str | None = None, *, progress: Progress = silent) -> Weights:
    """The weights of `card` from its first source that can be had.

    `wanted` names one of its sources ("package", "hub") or a person's own safetensors file, and nothing else is tried.
    Raises `WeightsUnavailable` with what was tried and why each failed; `SpecError` for a file that does not fit.
    """
    sources = {source.name: source for source in card.weights}
    if wanted is not None and wanted not in sources:
        if wanted in SOURCES:
            raise UnknownName(f"source of weights for {card.title}", wanted, sources)
        return _own(card, Path(wanted).expanduser())
    failures, advice = [], ""
    for source in [sources[wanted]] if wanted else card.weights:
        try:
            return _from_source(card, source, progress)
        except AssetError as error:
            failures.append(f"{source.where}: {error.message.rstrip('.')}.")
            advice = advice or error.next_step
    tried = f" Tried {' '.join(failures)}" if failures else " No place is known that has any."
    packaged = ", ".join(name for name, other in BACKBONES.items() if any(source.asset for source in other.weights))
    others = f"a backbone whose weights come as a package ({packaged}), your own safetensors file, or random weights."
    raise WeightsUnavailable(
        f"The pretrained weights of {card.title} could not be had.{tried}",
        next_step=f"{advice} Or choose {others}" if advice else f"Choose {others}",
    )


def load(module: nn.Module, weights: Weights, *, classifier: bool) -> None:
    """Put `weights` into `module`; its classifier only where `classifier` says so, else it stays as it was drawn."""
    if weights.as_keras:
        adapt(module)
    own = module.state_dict()
    kept = [] if classifier else head_tensors(module)
    body = {name: _cropped(name, weights.tensors[name], own[name].shape) for name in own if name not in kept}
    module.load_state_dict(body | {name: own[name] for name in kept})


def _cropped(name: str, tensor: Tensor, shape: torch.Size) -> Tensor:
    """The middle of a window's position table, for a smaller window: each pair of pixels keeps its learned bias."""
    if tensor.shape == shape or not name.endswith("relative_position_bias_table"):
        return tensor
    large, small = (round(size[0] ** 0.5) for size in (tensor.shape, shape))
    low = (large - small) // 2
    square = tensor.reshape(large, large, -1)[low : low + small, low : low + small]
    return square.reshape(shape)


# --- one source


def _from_source(card: BackboneCard, source: WeightSource, progress: Progress) -> Weights:
    kept = _kept(card, source)
    if kept is None:
        tensors, sha256 = _package(card, source, progress) if source.asset else _hub(card, source, progress)
        tensors = _checked(card, source, tensors)
        _keep(card, source, tensors, sha256)
        kept = tensors, sha256
    tensors, sha256 = kept
    provenance = {"source": source.where, "text": source.text, "sha256": sha256, "licence": source.licence}
    return Weights(tensors, source.classes, source.preprocessing, provenance, as_keras=source.layout == "keras")


def _package(card: BackboneCard, source: WeightSource, progress: Progress) -> tuple[dict[str, Tensor], str]:
    asset = PACKAGES[source.asset]
    folder = fetch(asset, progress=progress)
    progress(f"Reading {asset.title}", 0, 0, "")
    first = asset.files[0]
    tensors = convert(source.layout, folder, folder / first.path_of(first.member), _shapes(card, source.classes))
    return tensors, str(first.digest or asset.sources[0].digest)


def _hub(card: BackboneCard, source: WeightSource, progress: Progress) -> tuple[dict[str, Tensor], str]:
    file = hub.download(source, progress)
    return hub.read(card, source, file), _digest(file)


def _checked(card: BackboneCard, source: WeightSource, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Exactly the architecture's tensors, in its order, each in its shape and finite."""
    shapes = _shapes(card, source.classes)
    if set(tensors) != set(shapes) or any(tensors[name].shape != shape for name, shape in shapes.items()):
        wrong = set(tensors) ^ set(shapes) or {name for name, shape in shapes.items() if tensors[name].shape != shape}
        raise AssetError(f"the file does not hold the weights of {card.name} ({sorted(wrong)[0]} does not fit)")
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise AssetError("the file holds numbers that are not finite")
    return {name: tensors[name].contiguous() for name in shapes}


def _shapes(card: BackboneCard, classes: int | None) -> dict[str, torch.Size]:
    module = skeleton(card, classes=classes or 0)
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


# --- converted once, kept


def _file(card: BackboneCard, source: WeightSource) -> Path:
    pins = hashlib.sha256(repr((VERSION, source.where, source.sha256)).encode()).hexdigest()[:12]
    return cache_dir() / "weights" / f"{card.name}-{source.name}-{pins}.safetensors"


def _kept(card: BackboneCard, source: WeightSource) -> tuple[dict[str, Tensor], str] | None:
    """What an earlier call kept, as it was; None where there is nothing, or where it has changed on the disk."""
    file = _file(card, source)
    try:
        note = json.loads(file.with_suffix(".json").read_bytes())
        return (load_file(file), note["source_sha256"]) if _digest(file) == note["sha256"] else None
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _keep(card: BackboneCard, source: WeightSource, tensors: dict[str, Tensor], source_sha256: str) -> None:
    file = _file(card, source)
    content = save(tensors)
    note = {"source": source.where, "source_sha256": source_sha256, "sha256": hashlib.sha256(content).hexdigest()}
    try:
        write_atomically(file, content)
        write_json(file.with_suffix(".json"), note)
    except OSError as error:
        raise AssetError(f"they could not be kept in {file.parent}: {error.strerror}") from error


def _digest(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


# --- a person's own file


def _own(card: BackboneCard, file: Path) -> Weights:
    module = skeleton(card, classes=2)
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    tensors, classes = read_own(file, card, shapes, head_tensors(module))
    text = f"Your own file {file.name}; what it was trained on is yours to know."
    provenance = {"source": str(file), "text": text, "sha256": _digest(file), "licence": None}
    # As timm's own weights want it: a package's may differ.
    preprocessing = card.weights[-1].preprocessing if card.weights else card.preprocessing
    return Weights(tensors, classes, preprocessing, provenance)
