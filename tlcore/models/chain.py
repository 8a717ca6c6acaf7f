"""A start from another run: its changed tensors laid over the weights that it started from itself."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from tlcore.errors import RunNotFound, SpecError, WeightsUnavailable
from tlcore.models.adapters import insert, merged
from tlcore.models.ancestry import WEIGHTS, Ancestor, ancestry, check_start, keeps_head
from tlcore.models.construct import skeleton
from tlcore.models.describe import describe
from tlcore.models.head_swap import new_head
from tlcore.models.network import Network, build, swap_head
from tlcore.models.partition import classifier_name, classifier_of, partition
from tlcore.models.sites import with_counts
from tlcore.progress import Progress, silent
from tlcore.runs import Run
from tlcore.spec import RunSpec
from tlcore.strategies.start import FromRun


class Source(NamedTuple):
    """What a finished run knew: the task that a run which starts from it may forget."""

    spec: RunSpec  # its dataset, labels, image size, images per class and seed among the rest
    head: dict[str, Tensor]  # its own head's tensors, by their names in the head ("weight", "bias" of a linear one)
    classes: tuple[str, ...]


def source_of_run(run: Run) -> Source:
    """The dataset, head and classes of a finished training run. Raises as `ancestry` does."""
    nearest = ancestry(FromRun(run_id=run.id), run.path.parent)[-1]
    name = classifier_name(skeleton(describe(nearest.spec.backbone), classes=2))
    tensors, _ = _read(nearest)
    return Source(nearest.spec, _head_of(tensors, name), nearest.classes)


def build_from_run(spec: RunSpec, classes: Sequence[str], *, runs_dir: Path, progress: Progress = silent) -> Network:
    """The network of a `spec` that starts from a run, with a head for `classes`, in eval mode.

    Every run of the chain is laid over the one before it, without its head. The head is drawn from the spec's seed, or is that
    of the nearest run (`FromRun.head`). `provenance["sha256"]` is of all that the weights are made of; `source_head` is the
    nearest run's own head, where what it looks at is what the new one does. Raises `RunNotFound`, `SpecError`, and
    `WeightsUnavailable` where the weights that the first run started from can no longer be had as they were.
    """
    card = describe(spec.backbone)
    chain = check_start(spec, card, runs_dir, classes)
    first, nearest = chain[0], chain[-1]
    network = build(
        first.spec.backbone,
        classes=len(first.classes),  # random weights of a body may depend on how many classes were drawn with them
        start="random" if first.spec.strategy.start.kind == "random" else "pretrained",
        weights=first.spec.weights,
        seed=first.spec.seed,
        image_size=spec.image_size,
        progress=progress,
    )
    _check_same(network, first)
    module, name = network.module, classifier_name(network.module)
    digest = hashlib.sha256(str(network.provenance["sha256"] or f"random {first.spec.seed}").encode())
    tensors: dict[str, Tensor] = {}
    for ancestor in chain:
        tensors, sha256 = _read(ancestor)
        changed = {key: tensor for key, tensor in tensors.items() if not _of_head(key, name)}
        _lay(module, _merged(network, changed, ancestor) if _adapted(ancestor) else changed, ancestor)
        digest.update(sha256.encode())
    old_head = new_head(module, nearest.spec.head, len(nearest.classes))
    _lay(old_head, _head_of(tensors, name), nearest)
    swap_head(module, spec.head, len(classes), card=card, seed=spec.seed, image_size=spec.image_size)
    kept = keeps_head(spec, nearest, classes)
    if kept:
        classifier_of(module).load_state_dict(old_head.state_dict())
        digest.update(b"with its head")
    provenance = network.provenance | {
        "source": f"run {nearest.run.id}",
        "text": _in_words(chain, str(network.provenance["text"]), kept),
        "sha256": digest.hexdigest(),
    }
    sees_alike = (nearest.spec.head == "attention") == (spec.head == "attention")
    source_head = old_head.eval().requires_grad_(False) if sees_alike else None
    parts = with_counts(partition(module), card.groups)
    return Network(module.eval(), network.preprocessing, provenance, parts, source_head, kept_head=kept)


def _check_same(network: Network, first: Ancestor) -> None:
    """Raise `WeightsUnavailable` where what lies under the chain is no longer what its first run started from."""
    known = (first.run.result() or {}).get("weights", {}).get("sha256")
    if network.provenance["sha256"] != known:
        raise WeightsUnavailable(
            f"The weights that run {first.run.id} started from have changed since: {network.provenance['source']} "
            f"has the SHA-256 {network.provenance['sha256']}, and it was {known}.",
            next_step="Repeat that run with the weights as they are now, or choose another start.",
        )


def _read(ancestor: Ancestor) -> tuple[dict[str, Tensor], str]:
    """The tensors that a run kept, and the file's SHA-256."""
    try:
        content = (ancestor.run.path / WEIGHTS).read_bytes()
        return load(content), hashlib.sha256(content).hexdigest()
    except FileNotFoundError as error:
        raise RunNotFound(
            f"Run {ancestor.run.id}, which this run starts from, was deleted just now.",
            next_step="Bring it back on the Runs page, or choose another start.",
        ) from error
    except (SafetensorError, OSError) as error:
        raise WeightsUnavailable(
            f"The weights of run {ancestor.run.id} cannot be read ({error}).",
            next_step="Repeat that run, or choose another start.",
        ) from error


def _adapted(ancestor: Ancestor) -> bool:
    return ancestor.spec.strategy.scope.moves == "adapters"


def _merged(network: Network, tensors: Mapping[str, Tensor], ancestor: Ancestor) -> dict[str, Tensor]:
    """The tensors of the body that a run with LoRA ends with: what its adapters learned, added to the weights under them."""
    adapted, own = copy.deepcopy(network), ancestor.spec
    insert(adapted, own.strategy.scope, seed=own.seed, image_size=own.image_size)
    _lay(adapted.module, tensors, ancestor)
    head = classifier_name(network.module)
    return {key: tensor for key, tensor in merged(adapted).items() if not _of_head(key, head)}


def _of_head(key: str, name: str) -> bool:
    return key.startswith(f"{name}.")


def _head_of(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if _of_head(key, name)}


def _lay(into: nn.Module, tensors: Mapping[str, Tensor], ancestor: Ancestor) -> None:
    """Copy `tensors` over those of the same names. Raises `SpecError` where one has no place there."""
    own = into.state_dict()
    for key, tensor in tensors.items():
        if key not in own or own[key].shape != tensor.shape:
            raise SpecError(
                f"The weights of run {ancestor.run.id} do not fit: {key} has no place in {ancestor.spec.backbone} as it is "
                "built here.",
                next_step="Choose a run that trained the backbone itself, at this image size.",
            )
        own[key].copy_(tensor)


def _in_words(chain: Sequence[Ancestor], root: str, kept: bool) -> str:
    """The chain as a sentence, the nearest run first."""
    words = ", which started from ".join(ancestor.words for ancestor in reversed(chain))
    head = "with its head" if kept else "with a fresh head"
    return f"The weights of {words}, {head}. The first one started from: {root}"
