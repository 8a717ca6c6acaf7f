"""Explain a network's answers to a batch of images: one map for each, by any of the methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tlcore.analysis.held import held
from tlcore.analysis.maps import pictures
from tlcore.errors import Diverged, SpecError, UnknownName
from tlcore.explain.gradcam import gradcam
from tlcore.explain.guided import guided_gradcam
from tlcore.explain.methods import Method, method_named
from tlcore.explain.needs import why_not
from tlcore.explain.pixels import integrated_gradients, occlusion
from tlcore.explain.places import Place, places
from tlcore.explain.plusplus import gradcam_plus_plus
from tlcore.explain.rollout import attention_rollout, attentions
from tlcore.explain.score import Asked, Explained
from tlcore.models.memory import by_batches
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.training.machine import Machine

BATCH = 32  # images, or variants of images, that the network is given at a time

_WAYS: Mapping[str, Callable[[Asked], Explained]] = {
    "gradcam": gradcam,
    "gradcam++": gradcam_plus_plus,
    "integrated-gradients": integrated_gradients,
    "guided-gradcam": guided_gradcam,
    "occlusion": occlusion,
    "attention-rollout": attention_rollout,
}


@dataclass(frozen=True)
class Maps:
    """What was found for N images."""

    values: np.ndarray  # float32 (N, h, w): the method's own numbers, never scaled image by image
    logits: np.ndarray  # float32 (N, classes)
    targets: np.ndarray  # int64 (N,): the class that is explained
    against: np.ndarray | None  # int64 (N,): the class that it is held against
    method: str
    place: Place | None  # where the maps were read; None where the method looks at no layer group

    @property
    def silent(self) -> np.ndarray:
        """bool (N,): whether a map has no positive value, and so nothing that speaks for the class."""
        return ~(self.values > 0).any((1, 2))


def explain(
    network: Network,
    machine: Machine,
    images: np.ndarray,
    *,
    method: str = "gradcam",
    place: str | Place | None = None,
    targets: np.ndarray | None = None,
    against: np.ndarray | None = None,
    progress: Progress = silent,
) -> Maps:
    """A map for each of `images`, uint8 (N, S, S, 3): why the network answers `targets`, int64 (N,), or else what it predicts.

    `against` names for each image a class that the target is held against: "why pneumonia and not normal". `place` is a group,
    or what `places` gave for it; by default the last group that shows places. The network is in eval mode and float32;
    frozen or not, every mode, flag and gradient is afterwards what it was, and no hook is left, whatever happens.

    Raises `UnknownName` for a method, `SpecError` for images, classes or a place that cannot be explained, `Diverged` where
    answers or maps are no numbers, and `OutOfMemory`.
    """
    way = method_named(method)
    _check_images(images)
    wanted = _classes(targets, len(images), network.classes, "target")
    other = _classes(against, len(images), network.classes, "class to hold it against")
    if other is not None and not way.by_class:
        raise SpecError(
            f"{way.title} is the same for every class, so it cannot hold one against another.",
            next_step="Leave `against` out, or choose Grad-CAM.",
        )
    reason = why_not(way, network)
    if reason:
        raise SpecError(reason, next_step="Choose Grad-CAM, which works on every backbone.")
    if wanted is not None:
        _check_differ(wanted, other)
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast(machine.device.type, enabled=False),
        held(network, gradients=False),
    ):
        where = _place(network, machine, way, place, images.shape[1]) if way.by_group else None

        def ask(part: slice, at_once: int) -> Explained:
            batch = pictures(network, machine, torch.from_numpy(np.array(images[part])))
            return _WAYS[method](Asked(network, batch, _on(machine, wanted, part), _on(machine, other, part), where, at_once))

        values, logits = _in_batches(ask, len(images), machine, f"Explaining by {way.title}", progress)
    found = logits.argmax(1) if wanted is None else wanted
    _check_differ(found, other)
    return Maps(values, logits, found, other, method, where)


def _in_batches(
    ask: Callable[[slice, int], Explained], images: int, machine: Machine, what: str, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """The maps and the logits of all images; a batch that does not fit into memory goes through by halves."""
    maps: list[np.ndarray] = []
    logits: list[np.ndarray] = []
    for part, found in by_batches(images, BATCH, machine, ask):
        maps.append(found[0].float().cpu().numpy())
        logits.append(found[1].cpu().numpy())
        if not (np.isfinite(maps[-1]).all() and np.isfinite(logits[-1]).all()):
            raise Diverged(
                "The network's answer or its map is not a number, so there is nothing to explain.",
                next_step="Explain a run whose training did not diverge.",
            )
        progress(what, part.stop, images, "images")
    return np.concatenate(maps), np.concatenate(logits)


def _on(machine: Machine, classes: np.ndarray | None, part: slice) -> Tensor | None:
    return None if classes is None else torch.from_numpy(classes[part]).to(machine.device)


def layers_asked(method: str, layer: str, network: Network, machine: Machine, *, image_size: int) -> list[str | None]:
    """The groups that `layer` means (a group's name, last or all), from the image to the head.

    None stands for the last one that `method` can look at, or for the whole network where it looks at no group.
    """
    way = method_named(method)
    if not way.by_group or layer == "last":
        return [None]
    return list(_places(network, machine, way, image_size)) or [None] if layer == "all" else [layer]


def _places(network: Network, machine: Machine, method: Method, image_size: int) -> dict[str, Place]:
    """The places that the method can look at, from the image to the head."""
    found = places(network, machine, image_size=image_size)
    return {name: place for name, place in found.items() if method.needs != "tokens" or attentions(network, name)}


def _place(network: Network, machine: Machine, method: Method, asked: str | Place | None, image_size: int) -> Place:
    """The place asked for, or the last one that the method can look at."""
    if isinstance(asked, Place):
        return asked
    found = _places(network, machine, method, image_size)
    if not found:
        raise SpecError(
            f"At {image_size} pixels no layer group of this network tells places apart.", next_step="Raise the image size."
        )
    if asked is None:
        return found[list(found)[-1]]
    if asked in found:
        return found[asked]
    names = [group.name for group in network.groups]
    if asked not in names:
        raise UnknownName("layer group", asked, found)
    why = "has no attention" if method.needs == "tokens" else "tells no places apart"
    raise SpecError(
        f"At {image_size} pixels the layer group {asked!r} {why}, so {method.title} has no map of it.",
        next_step=f"Choose one of: {', '.join(found)}.",
    )


def _check_images(images: np.ndarray) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3:
        raise SpecError(
            f"Images to explain are square and RGB in 8 bits, (N, S, S, 3) of uint8, not {images.shape} of {images.dtype}.",
            next_step="Prepare them as the run's own images are.",
        )
    if not len(images):
        raise SpecError("There are no images to explain.", next_step="Choose at least one.")


def _classes(asked: np.ndarray | None, images: int, classes: int, what: str) -> np.ndarray | None:
    """One class for each image, checked."""
    if asked is None:
        return None
    given = np.asarray(asked)
    if given.shape != (images,) or not np.issubdtype(given.dtype, np.integer):
        raise SpecError(
            f"Each of the {images} images has one {what}, a whole number; given was {given.shape} of {given.dtype}.",
            next_step="Give the class of every image, counted from 0.",
        )
    wrong = given[(given < 0) | (given >= classes)]
    if len(wrong):
        raise SpecError(
            f"{wrong[0]} as the {what} is no class of this network, which knows {classes}.",
            next_step=f"Choose from 0 to {classes - 1}.",
        )
    return given.astype(np.int64)


def _check_differ(targets: np.ndarray, against: np.ndarray | None) -> None:
    same = np.flatnonzero(targets == against) if against is not None else ()
    if len(same):
        raise SpecError(
            f"Image {same[0] + 1} of {len(targets)} would be explained as class {targets[same[0]]} against the same class.",
            next_step="Name targets that differ from the class that they are held against.",
        )
