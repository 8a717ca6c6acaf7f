"""A network of a few hundred weights with BatchNorm and dropout, and a task of coloured squares that it can learn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from tlcore.data.load import Split
from tlcore.groups import Group, Level
from tlcore.models.cards import Preprocessing
from tlcore.models.kinds import bias_tensors, norm_tensors
from tlcore.models.network import Network
from tlcore.models.partition import Partition
from tlcore.models.sites import find_sites, with_sites
from tlcore.progress import silent
from tlcore.training.routing import Routing, decide
from tlcore.training.setup import Setup
from tlcore.training.state import State

SIDE = 16
CLASSES = ("dark", "bright")


class Tiny(nn.Module):
    """Four groups: stem, middle, top, head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.top = nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.3))
        self.head = nn.Linear(8, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.top(self.middle(self.stem(images))).mean((2, 3)))


def tiny_network(classes: int = 2, seed: int = 0) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = Tiny(classes).to(memory_format=torch.channels_last)
    levels: dict[str, Level] = {"stem": "bottom", "middle": "middle", "top": "top", "head": "head"}
    names = [name for name, _ in (*module.named_parameters(), *module.named_buffers())]
    tensors = {name: name.split(".")[0] for name in names}
    kinds = (set(names), norm_tensors(module), bias_tensors(module))

    def group(name: str, level: Level) -> Group:
        inside = {n: p.numel() for n, p in module.named_parameters() if tensors[n] == name}
        params, norms, biases = (sum(size for n, size in inside.items() if n in kind) for kind in kinds)
        return Group(name, level, params, int(name != "head"), norms, biases)

    modules = {name: name.split(".")[0] or None for name, _ in module.named_modules()}
    groups = [group(name, level) for name, level in levels.items()]
    groups = with_sites(groups, modules, find_sites(module, modules, SIDE))
    look = Preprocessing((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bicubic", 1.0)
    provenance = {"source": "random", "text": "Random.", "sha256": None, "licence": None}
    return Network(module, look, provenance, Partition(groups, tensors, modules))


def tiny_split(count: int, seed: int, noise: float = 60.0) -> Split:
    """Dark and bright pictures with much noise, by turns."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pictures = 110 + 30 * labels[:, None, None, None] + rng.normal(0, noise, (count, SIDE, SIDE, 3))
    return Split(pictures.clip(0, 255).astype(np.uint8), labels.astype(np.int64), tuple(f"{seed}-{i}" for i in range(count)))


@dataclass
class Training:
    """A state and a setup that belong together."""

    state: State
    setup: Setup


def routing_of(training: Training, **asked: object) -> Routing:
    """What is decided for a training of the tiny network; float32 and one view, unless asked otherwise."""
    state, setup = training.state, training.setup
    whole = Setup.route(replace(setup, routes=None), state)
    options = {"cut": "auto", "views": 1, "precision": "float32", "head_solver": "minibatch", "backbone": "tiny"}
    return decide(whole, setup.plan, **(options | asked))


def cut_in(training: Training, **asked: object) -> Training:
    """The training on its kept rows."""
    routing = routing_of(training, **asked)
    return Training(training.state, replace(training.setup, routes=routing.routes(silent), solved=routing.solved))
