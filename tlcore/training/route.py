"""How pictures become logits: through the whole network, or from what its frozen part made of them before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from tlcore.data.load import Split
from tlcore.data.transforms import augment, normalise
from tlcore.models.network import Network
from tlcore.training.activations import Rows
from tlcore.training.ahead import Ahead
from tlcore.training.frozen import Frozen, from_rows
from tlcore.training.machine import Machine


@dataclass
class Route:
    """The whole network, for every picture of every epoch. `splits` has train, val and, where it is asked for, test."""

    network: Network
    machine: Machine
    splits: Mapping[str, Split]
    seed: int
    augments: bool
    flips: bool
    ahead: Ahead = field(default_factory=Ahead, kw_only=True, repr=False, compare=False)

    def training_inputs(self, indices: np.ndarray, *, epoch: int, step: int) -> Tensor:
        """What `logits` takes for the training pictures at `indices` in this epoch and step; can be cut in parts."""
        gathered = self.ahead.take(self._called(indices, epoch), lambda: self._gather(indices, epoch))
        inputs = gathered.to(self.machine.device, non_blocking=True)
        anew = self.augments and inputs.dtype == torch.uint8  # kept rows are of views that were drawn before
        return augment(inputs, seed=self.seed, step=step, flips=self.flips) if anew else inputs

    def look_ahead(self, indices: np.ndarray, *, epoch: int) -> None:
        """Have the batch that comes next gathered meanwhile, where a GPU leaves the processor the time."""
        if self.machine.device.type == "cuda" and len(indices):
            self.ahead.begin(self._called(indices, epoch), lambda: self._gather(indices, epoch).pin_memory())

    def _called(self, indices: np.ndarray, epoch: int) -> tuple[object, ...]:
        return id(self), epoch, indices.tobytes()

    def _gather(self, indices: np.ndarray, epoch: int) -> Tensor:
        """The pictures at `indices`, on the CPU."""
        return torch.from_numpy(self.splits["train"].images[indices])

    def evaluation_inputs(self, split: str, first: int, last: int) -> Tensor:
        """What `logits` takes for the pictures `first` to `last` (excluded) of a split, never augmented."""
        return torch.from_numpy(np.array(self.splits[split].images[first:last])).to(self.machine.device)

    @property
    def module(self) -> nn.Module:
        """What is called for the logits: here the whole network."""
        return self.network.module

    def through(self, module: nn.Module) -> Route:
        """The same route with another module in the place of `module`."""
        return replace(self, network=replace(self.network, module=module))

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits (B, C) of a part of the inputs; gradients reach whatever may move."""
        return self.module(self.seen(inputs))

    def seen(self, inputs: Tensor) -> Tensor:
        """What `module` is called with for these inputs."""
        return self._pictures(inputs)

    def _pictures(self, inputs: Tensor) -> Tensor:
        look = self.network.preprocessing
        return normalise(inputs, look.mean, look.std).contiguous(memory_format=torch.channels_last)


@dataclass
class CutRoute(Route):
    """Prefix and suffix: the frozen part only looked through, and where its rows are kept, not even that.

    `rows` has for a split the rows of each view, of which an epoch takes one for each picture; a split that it has not goes
    through the prefix each time. With several views, picture i is seen in epoch e as view (e + i + seed) mod K.
    """

    group: str  # the lowest group that may move: the cut is below it
    frozen: Frozen
    suffix: nn.Module  # of the network, as `Cuts.suffix` makes it
    rows: Mapping[str, tuple[Rows, ...]]

    @property
    def module(self) -> nn.Module:
        return self.suffix

    def through(self, module: nn.Module) -> Route:
        return replace(self, suffix=module)

    def _gather(self, indices: np.ndarray, epoch: int) -> Tensor:
        """The rows of the views of this epoch, or the pictures where no rows are kept."""
        if "train" not in self.rows:
            return super()._gather(indices, epoch)
        views = self.rows["train"]
        if len(views) == 1:
            return from_rows(views[0].take(indices))
        which = (indices + epoch + self.seed) % len(views)
        parts = [views[view].take(indices[which == view]) for view in range(len(views))]
        order = np.argsort(np.argsort(which, kind="stable"), kind="stable")  # back from views to the batch's own order
        return from_rows(np.concatenate(parts)[order])

    def evaluation_inputs(self, split: str, first: int, last: int) -> Tensor:
        if split not in self.rows:
            return super().evaluation_inputs(split, first, last)
        return from_rows(self.rows[split][0].take(np.arange(first, last))).to(self.machine.device)

    def seen(self, inputs: Tensor) -> Tensor:
        activation = inputs
        if inputs.dtype == torch.uint8:  # pictures, not rows
            (seen,) = self.frozen.prefix((self.group,))(self._pictures(inputs))
            activation = seen.clone()  # what inference mode made cannot be kept for a backward pass
        return activation if self.machine.precision != "float32" else activation.float()

    def all_features(self) -> tuple[Tensor, np.ndarray]:
        """Every kept training row of every view, as one tensor, and the training picture that each is of."""
        views = self.rows["train"]
        everything = np.arange(len(views[0]))
        features = torch.cat([from_rows(view.take(everything)).to(self.machine.device) for view in views])
        return features.float(), np.tile(everything, len(views))
