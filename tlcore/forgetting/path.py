"""The straight way from a run's start to its end: w(a) = (1 - a) w0 + a w, the run's head throughout (WiSE-FT, Wortsman 2022).

BatchNorm's running means and variances are tensors too, and a mixture of them is that of no network: in between, the features
have other means than both ends say. So there are two ways with them. `interpolated` mixes them as the weights; `recomputed`
measures them anew at each point, on training images of the target, as the network there sees them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlcore.data.transforms import normalise
from tlcore.forgetting.ends import Body
from tlcore.groups import HEAD
from tlcore.models.backward import in_place
from tlcore.models.memory import free, is_out_of_memory, nothing_fits
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.training.machine import Machine

RECOMPUTED_ON = 256  # training images that BatchNorm's statistics are measured on
BATCH = 64
FEWEST = 2  # images of a batch that is normalised by itself


def points(count: int) -> list[float]:
    """`count` values of a from 0 to 1, both exactly."""
    return [place / (count - 1) for place in range(count)]


def mixed(start: Body, end: Body, a: float) -> dict[str, Tensor]:
    """(1 - a) of `start` and a of `end`, tensor by tensor: at 0 and at 1 the ends themselves, to the last bit.

    What is equal at both ends stays as it is everywhere, and what counts (integers) is that of the end.
    """
    if a in (0.0, 1.0):
        return dict(end if a else start)
    return {
        name: tensor
        if not tensor.is_floating_point() or torch.equal(tensor, start[name])
        else torch.lerp(start[name], tensor, a)
        for name, tensor in end.items()
    }


def batchnorms(network: Network) -> dict[str, _BatchNorm]:
    """The BatchNorm layers of the backbone that keep running statistics, by name, from bottom to top."""
    placed = network.partition.modules
    return {
        name: module
        for name, module in network.module.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None and placed.get(name) != HEAD
    }


def recompute_batchnorm(network: Network, machine: Machine, images: np.ndarray, progress: Progress = silent) -> None:
    """Set the running mean and variance of every BatchNorm of the backbone to those of all that it sees of `images`.

    `images` is uint8 (N, S, S, 3), of which 2 or more are needed. They pass in batches of about 64, each normalised by its own
    statistics as in training; the mean and the unbiased variance of a layer are exact over all of them together (Wu & Johnson
    2021, "Rethinking 'Batch' in BatchNorm", section 3). Nothing else of the network runs in train mode, and no mode is changed
    afterwards. Where a batch does not fit into memory all begins again with half as many. Raises `OutOfMemory` where not even
    two images fit.
    """
    size = BATCH
    while (seen := _measured(network, machine, images, size, progress)) is None:
        if size <= FEWEST:
            raise nothing_fits()
        size = max(FEWEST, size // 2)
        free(machine)
    with torch.no_grad():
        for name, layer in batchnorms(network).items():
            if seen[name].count:
                layer.running_mean.copy_(seen[name].mean)
                layer.running_var.copy_(seen[name].squares / (seen[name].count - 1))


def _measured(
    network: Network, machine: Machine, images: np.ndarray, size: int, progress: Progress
) -> dict[str, _Moments] | None:
    """What each BatchNorm layer sees of the images, in batches of about `size`; None where one does not fit into memory."""
    seen: dict[str, _Moments] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(_normalising_by_batch(network))
        stack.enter_context(torch.no_grad())
        stack.enter_context(in_place(network.module))
        for name, layer in batchnorms(network).items():
            moments = seen[name] = _Moments()
            hook = layer.register_forward_pre_hook(lambda _layer, inputs, moments=moments: moments.add(inputs[0]))
            stack.callback(hook.remove)
        look, done = network.preprocessing, 0
        count = max(1, min(-(-len(images) // size), len(images) // FEWEST))
        for part in np.array_split(np.arange(len(images)), count):
            try:
                inputs = torch.from_numpy(np.array(images[part])).to(machine.device)
                network.module(normalise(inputs, look.mean, look.std).contiguous(memory_format=torch.channels_last))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                return None
            done += len(part)
            progress("Measuring BatchNorm's statistics", done, len(images), "images")
    return seen


class _Moments:
    """Mean and summed squared distance from it, of each channel, over batches (Chan, Golub & LeVeque 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor
        self.squares: Tensor

    def add(self, values: Tensor) -> None:
        """Take a batch in: (B, C) or (B, C, ...)."""
        rest = [axis for axis in range(values.ndim) if axis != 1]
        count = values.numel() // values.shape[1]
        variance, mean = (part.double() for part in torch.var_mean(values.float(), dim=rest, correction=0))
        squares = variance * count
        if not self.count:
            self.count, self.mean, self.squares = count, mean, squares
            return
        whole = self.count + count
        apart = mean - self.mean
        self.squares = self.squares + squares + apart.square() * self.count * count / whole
        self.mean = self.mean + apart * count / whole
        self.count = whole


@contextlib.contextmanager
def _normalising_by_batch(network: Network) -> Iterator[None]:
    """Within it the backbone's BatchNorm layers use each batch's own statistics; all else is in eval mode."""
    modes: Mapping[nn.Module, bool] = {part: part.training for part in network.module.modules()}
    counters = {layer: layer.num_batches_tracked for layer in batchnorms(network).values()}
    network.module.eval()
    for layer in counters:
        layer.training = True
        layer.num_batches_tracked = None
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
        for layer, counter in counters.items():
            layer.num_batches_tracked = counter
