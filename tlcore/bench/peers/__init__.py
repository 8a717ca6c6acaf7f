"""The trainers that people use, behind one small protocol. Those that are not installed are left out by name."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from tlcore.bench.classifier import Classifier


class Fit(Protocol):
    """Train `classifier` on `train` for `epochs`, and measure its accuracy on `val` after each: the task of every peer.

    Both datasets give (uint8 (S, S, 3), label). The peer's own loop and its own data loader, in this process; no logging,
    no checkpoints, no bars. Returns the accuracy on `val` after the last epoch.
    """

    def __call__(
        self, classifier: Classifier, train: Dataset, val: Dataset, *, epochs: int, batch_size: int, seed: int
    ) -> float: ...


@dataclass(frozen=True)
class Peer:
    """One trainer: its name, the packages that it needs, and the module that holds its `fit`."""

    name: str
    packages: tuple[str, ...]
    module: str

    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in self.packages if importlib.util.find_spec(name) is None)

    def version(self) -> str:
        return importlib.metadata.version(self.packages[0])

    def load(self) -> Fit:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a framework warns of while it is imported is about itself
            return importlib.import_module(self.module).fit


PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("plain PyTorch", ("torch",), "tlcore.bench.peers.plain"),
        Peer("fastai", ("fastai",), "tlcore.bench.peers.with_fastai"),
        Peer("Lightning", ("lightning",), "tlcore.bench.peers.with_lightning"),
        Peer("Hugging Face Trainer", ("transformers", "accelerate"), "tlcore.bench.peers.with_transformers"),
    )
}
PLAIN = "plain PyTorch"


def installed() -> tuple[dict[str, Peer], list[str]]:
    """The peers that can be measured here, and a line about each that cannot."""
    absent = {name: peer.missing() for name, peer in PEERS.items()}
    lines = [f"{name}: not installed: {', '.join(missing)}" for name, missing in absent.items() if missing]
    return {name: peer for name, peer in PEERS.items() if not absent[name]}, lines
