"""What moved in each layer group between two networks of one architecture: the network as it started and as it ended.

    weight_drift      ||w - w0|| / ||w0|| over a group's weights, as a run's own `drift` events have it
    activation_drift  ||a - a0|| / ||a0|| over the images' features of the group's top
    batchnorm_drift   how far the running statistics of its BatchNorm layers moved, in standard deviations of a channel
    gradient          ||g|| / ||w|| of the labels' loss, the mean over batches: Auto-RGN's measure (Lee et al. 2023)
    fisher            the trace of the Fisher information (`fisher_trace.py`)

The first three compare the two networks; the last two belong to each of them. All are 0 or above, and 0 where nothing moved,
or nothing pulls. A quantity that a group does not have is None, with a sentence that says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.analysis.drawn import middle
from tlcore.analysis.fisher_trace import fisher_trace
from tlcore.analysis.held import device_of, held
from tlcore.analysis.undefined import Undefined, table
from tlcore.data.load import Split
from tlcore.data.transforms import normalise
from tlcore.errors import SpecError
from tlcore.groups import HEAD
from tlcore.models.freezing import drift
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.training.measured_rates import Gradient, relative_norms

PAIRED = ("weight_drift", "activation_drift", "batchnorm_drift")  # of both networks together
OWN = ("gradient", "fisher")  # of each: with _before and _after
INTERVAL = "activation_drift_interval"
QUANTITIES = (*PAIRED, *(f"{name}_{when}" for name in OWN for when in ("before", "after")))
NOT_FINITE = "It is not a finite number: the network has diverged."
OTHER_HEAD = "The run's own head knows other classes or is not a linear one, so it cannot be asked about these images."

Features = Mapping[str, np.ndarray]  # by the name of the group or site: (N, D)


def moved(
    before: Network,
    after: Network,
    split: Split,
    *,
    features: tuple[Features, Features] | None = None,
    gradient_images: int = 256,
    fisher_images: int = 64,
    drawn: np.ndarray | None = None,
    own_heads: tuple[bool, bool] = (True, True),
    seed: int,
    progress: Progress = silent,
) -> dict[str, dict[str, object]]:
    """{group: {each of QUANTITIES: float or None, INTERVAL: [low, high] or None, why: {quantity: sentence}}}, bottom to top,
    the head last. The interval is over the images of `features`, from `drawn` (`drawn.draws`).

    `features` are those of the same images in the two networks, as `features.features` gives them. The gradient is taken on
    `gradient_images` of `split`, which costs about four forward passes of them in each network, the Fisher information on
    `fisher_images`, one at a time; both are drawn by `seed`. `own_heads`: whether each network has the head that these two are
    asked of; they are None where not. Raises `SpecError` for networks that are not of one architecture below their heads.
    """
    names = [group.name for group in before.groups]
    found: dict[str, Mapping[str, float | None]] = {
        "weight_drift": weight_drift(before, after),
        "activation_drift": activation_drift(*features) if features else {},
        "batchnorm_drift": batchnorm_drift(before, after),
    }
    sure = activation_drift_intervals(*features, drawn) if features and drawn is not None else {}
    for_gradient, for_fisher = (_drawn(split, most, seed) for most in (gradient_images, fisher_images))
    for when, network, own in (("before", before, own_heads[0]), ("after", after, own_heads[1])):
        if not own:
            found |= {f"{name}_{when}": {} for name in OWN}
            continue
        fits = network.classes > for_gradient.labels.max(initial=-1)
        found[f"gradient_{when}"] = relative_gradient(network, for_gradient, seed=seed, progress=progress) if fits else {}
        found[f"fisher_{when}"] = fisher_trace(network, for_fisher.images, seed=seed, progress=progress)
    heads = dict(zip(("before", "after"), own_heads, strict=True))
    rows: dict[str, dict[str, object]] = {}
    for name in names:
        values = {what: found[what].get(name) for what in QUANTITIES}
        row = {what: value if value is None or math.isfinite(value) else None for what, value in values.items()}
        why = {what: _why(what, name, values[what], heads) for what in QUANTITIES if row[what] is None}
        rows[name] = row | {INTERVAL: sure.get(name), "why": why}
    return rows


def weight_drift(before: Network, after: Network) -> dict[str, float | None]:
    """||w - w0|| / ||w0|| of each group, by `models.freezing.drift`; None for heads of different sizes.

    Raises `SpecError` for networks that are not of one architecture below their heads.
    """
    unlike = _unlike_heads(before, after)
    initial = {name: tensor.detach() for name, tensor in before.module.named_parameters() if name not in unlike}
    return {group: None if group == HEAD and unlike else value for group, value in drift(after, initial).items()}


def activation_drift(before: Features, after: Features) -> dict[str, float | None]:
    """||a - a0|| / ||a0|| over all images, for each name that both have; None where a0 is 0 throughout.

    The root of a ratio of sums of squares in float64; features are not centred, so that a shift of all images counts.
    Raises `Undefined` for features of different shapes, or that are not finite.
    """
    drifts: dict[str, float | None] = {}
    for name in [name for name in before if name in after]:
        old, new = table(before[name]), table(after[name])
        if old.shape != new.shape:
            raise Undefined(f"The features of {name} are {old.shape} before and {new.shape} after: not of the same images.")
        size = np.linalg.norm(old)
        drifts[name] = float(np.linalg.norm(new - old) / size) if size else None
    return drifts


def activation_drift_intervals(before: Features, after: Features, drawn: np.ndarray) -> dict[str, list[float] | None]:
    """The 95 % interval of each `activation_drift`, by drawing the images anew: `drawn` (R, N), how often each is drawn."""
    found: dict[str, list[float] | None] = {}
    for name in [name for name in before if name in after]:
        old, new = table(before[name]), table(after[name])
        changes, sizes = (drawn @ np.square(one).sum(1) for one in (new - old, old))
        ends = middle(np.sqrt(np.divide(changes, sizes, out=np.full(len(drawn), np.nan), where=sizes > 0)))
        found[name] = None if ends is None else list(ends)
    return found


def batchnorm_drift(before: Network, after: Network) -> dict[str, float | None]:
    """How far the running mean and standard deviation of a channel moved, in its standard deviations before.

    The root of the mean over a group's channels of ((m - m0)² + (s - s0)²) / s0², with s = sqrt(variance + eps) as the layer
    itself divides. In a channel it is the Wasserstein distance of the two normal distributions. None for a group without
    running statistics. Raises `SpecError` as `weight_drift` does.
    """
    _unlike_heads(before, after)
    later = dict(after.module.named_modules())
    squares: dict[str, list[torch.Tensor]] = {group.name: [] for group in before.groups}
    for name, layer in before.module.named_modules():
        group = before.partition.modules[name]
        if not isinstance(layer, _BatchNorm) or layer.running_mean is None or group is None:
            continue
        (mean0, spread0), (mean, spread) = _statistics(layer), _statistics(later[name])
        squares[group].append(((mean - mean0) ** 2 + (spread - spread0) ** 2) / spread0**2)
    return {group: torch.cat(parts).mean().sqrt().item() if parts else None for group, parts in squares.items()}


def relative_gradient(
    network: Network, split: Split, *, batch_size: int = 32, seed: int, progress: Progress = silent
) -> dict[str, float | None]:
    """||g|| / ||w|| of each group, the mean over batches of `split`; None where its weights are all 0.

    g is the gradient of a batch's mean cross-entropy, in float32 and eval mode; the images are dealt to batches by `seed`. Of
    a head that has just been drawn it says what a random head asks for. The head must know the split's classes.
    Raises `Undefined` for a split without images.
    """
    groups: Gradient = {group.name: [tensor for _, tensor in network.parameters(group.name)] for group in network.groups}
    with held(network):
        groups = {name: [tensor for tensor in tensors if tensor.requires_grad] for name, tensors in groups.items()}
        norms = relative_norms(groups, _gradients(network, split, groups, batch_size, seed, progress))
    return {name: norm if math.isfinite(norm) else None for name, norm in norms.items()}


def _gradients(
    network: Network, split: Split, groups: Gradient, batch_size: int, seed: int, progress: Progress
) -> Iterator[Gradient]:
    parameters = [parameter for members in groups.values() for parameter in members]
    look, device, images = network.preprocessing, device_of(network), len(split.images)
    if not images:
        raise Undefined("There are no images to take a gradient on.")
    order = np.random.default_rng(seed).permutation(images)
    for first in range(0, images, batch_size):
        rows = np.sort(order[first : first + batch_size])
        pictures = normalise(torch.from_numpy(np.array(split.images[rows])).to(device), look.mean, look.std)
        logits = network.module(pictures.contiguous(memory_format=torch.channels_last)).float()
        loss = functional.cross_entropy(logits, torch.from_numpy(split.labels[rows]).to(device))
        tensors = iter(torch.autograd.grad(loss, parameters, materialize_grads=True))
        yield {name: [next(tensors) for _ in members] for name, members in groups.items()}
        progress("Measuring the gradients", min(first + batch_size, images), images, "images")


def _drawn(split: Split, most: int, seed: int) -> Split:
    """At most `most` images of `split`, drawn by `seed`, in its order."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(split.images))[:most])
    return Split(np.array(split.images[rows]), split.labels[rows], tuple(split.ids[row] for row in rows))


def _unlike_heads(before: Network, after: Network) -> set[str]:
    """The names of the heads' parameters that differ in shape. Raises `SpecError` where any other does."""
    old, new = ({name: tensor.shape for name, tensor in one.module.named_parameters()} for one in (before, after))
    unlike = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    group_of = {**before.partition.tensors, **after.partition.tensors}
    below = sorted(name for name in unlike if group_of[name] != HEAD)
    if below:
        raise SpecError(
            f"The two networks are not of one architecture: {below[0]} is {_words(old.get(below[0]))} in the one and "
            f"{_words(new.get(below[0]))} in the other.",
            next_step="Compare networks of the same backbone, with the same adapters or none.",
        )
    return unlike


def _words(shape: torch.Size | None) -> str:
    return "absent" if shape is None else " x ".join(map(str, shape))


def _statistics(layer: _BatchNorm) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean and standard deviation of each channel, float64, on the CPU."""
    return layer.running_mean.double().cpu(), (layer.running_var.double() + layer.eps).sqrt().cpu()


def _why(what: str, group: str, value: float | None, own_heads: Mapping[str, bool]) -> str:
    """Why a group does not have a quantity."""
    if value is not None:
        return NOT_FINITE
    if not own_heads.get(what.rpartition("_")[2], True):
        return OTHER_HEAD
    match what:
        case "weight_drift":
            return "The two heads know different numbers of classes, so their weights cannot be compared."
        case "activation_drift":
            return f"There are no features of {group} to compare, or they are all 0 or not finite."
        case "batchnorm_drift":
            return f"There is no BatchNorm in {group}."
        case _:
            return f"The head does not know the classes of these images, or the weights of {group} are all 0."
