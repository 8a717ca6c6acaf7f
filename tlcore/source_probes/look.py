"""One look: what a network answers on a source's images by the old classifier, from the features that its head sees."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tlcore.data.transforms import normalise
from tlcore.models.backward import in_place
from tlcore.models.heads import AttentionHead
from tlcore.models.memory import by_batches
from tlcore.models.network import Network
from tlcore.source_probes.catalogue import Measure
from tlcore.source_probes.nearest import nearest_right

BATCH = 32  # the same wherever it fits, so that a look's numbers hang on nothing but weights and machine


class Machine(Protocol):
    """Where it is computed; `tlcore.training.machine.Machine` is one."""

    @property
    def device(self) -> torch.device: ...


@dataclass(frozen=True)
class Look:
    """What a network knows of a source: over N images, each with its answer, so that two looks can be paired."""

    measure: Measure
    value: float  # the share of answers that are right, or that agree with the pretrained network's
    correct: np.ndarray  # bool (N,)
    answers: np.ndarray  # int64 (N,): places in the probe's `classes`
    confidence: np.ndarray  # float64 (N,): the probability of each answer, among those that it may give
    kl: float | None  # mean KL(pretrained || now) of the old classifier's probabilities, in nats; of agreement alone
    knn: float | None  # leave-one-out accuracy of the 10 nearest by cosine; None without labels
    knn_correct: np.ndarray | None  # bool (N,)
    seconds: float

    def numbers(self) -> dict[str, float | None]:
        """The look in an event: {value, knn, kl}."""
        return {"value": self.value, "knn": self.knn, "kl": self.kl}


@dataclass(frozen=True)
class Probe:
    """The images of one source, and what reads old answers from the features of one."""

    name: str  # "imagenet-cifar10", "natural-photos", "task:RUN_ID"
    title: str
    measure: Measure
    chance: float | None
    images: np.ndarray = field(repr=False)  # uint8 (N, S, S, 3)
    labels: np.ndarray | None = field(repr=False)  # int64 (N,)
    ids: tuple[str, ...] = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)  # what an answer may be
    head: nn.Module = field(repr=False)  # what the network's head sees -> the old classes' logits
    sums: Tensor | None = field(default=None, repr=False)  # float64 (old classes, classes), where answers are sums of those
    reference: Tensor | None = field(
        default=None, repr=False
    )  # float64 (N, classes): the pretrained network's log-probabilities
    patients: tuple[str | None, ...] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def looking(self, network: Network, machine: Machine) -> Generator[int, None, Look]:
        """Look, and say after each batch how many images are done."""
        began = time.perf_counter()
        features, logs = yield from self._read(network, machine)
        answers = logs.argmax(1)
        knn = None
        if self.labels is not None:
            truth = torch.from_numpy(self.labels)
            knn = nearest_right(features, truth).numpy()
        else:
            assert self.reference is not None, "without labels there must be something to agree with"
            truth = self.reference.argmax(1)
        correct = (answers == truth).numpy()
        kl = None
        if self.reference is not None:
            kl = float(functional.kl_div(logs, self.reference, log_target=True, reduction="none").sum(1).mean())
        return Look(
            measure=self.measure,
            value=float(correct.mean()),
            correct=correct,
            answers=answers.numpy(),
            confidence=(logs.amax(1) - logs.logsumexp(1)).exp().numpy(),
            kl=kl,
            knn=None if knn is None else float(knn.mean()),
            knn_correct=knn,
            seconds=time.perf_counter() - began,
        )

    def _read(self, network: Network, machine: Machine) -> Generator[int, None, tuple[Tensor, Tensor]]:
        """Of every image what the head sees, float32 (N, D), and the log-probabilities of the answers, float64 (N, classes)."""
        features, logs, done = [], [], 0
        for seen, logits in read(network, machine, self.images, self.head):
            features.append(seen)
            shares = functional.log_softmax(logits.double(), dim=1)
            logs.append(shares if self.sums is None else (shares.exp() @ self.sums).log())
            done += len(seen)
            yield done
        return torch.cat(features), torch.cat(logs)


def log_probabilities(network: Network, machine: Machine, images: np.ndarray, head: nn.Module) -> Tensor:
    """What `head` makes of every image's features: float64 (N, old classes), on the CPU."""
    return torch.cat([functional.log_softmax(logits.double(), dim=1) for _, logits in read(network, machine, images, head)])


def read(network: Network, machine: Machine, images: np.ndarray, head: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """Batch by batch what the network's head sees, as one vector (B, D), and the logits (B, C) of `head` for it, on the CPU.

    In eval mode and float32, whatever the network trains in. It is left as it was, its modes and hooks too, whenever the
    reader stops. Of a map with positions, which an attention head sees, the vector is their mean. A batch that does not fit
    into memory goes through by halves, and so do those after it. Raises `OutOfMemory` where not even one image fits.
    """
    head = head.to(machine.device).eval()
    for _, answer in by_batches(len(images), BATCH, machine, lambda part, _: _answer(network, machine, images[part], head)):
        yield answer


def _answer(network: Network, machine: Machine, images: np.ndarray, head: nn.Module) -> tuple[Tensor, Tensor]:
    """One batch of `read`."""
    look, own = network.preprocessing, network.head
    given: list[Tensor] = []
    batch = torch.from_numpy(np.array(images)).to(machine.device)
    with (
        _as_it_is(network.module),
        _noting(own, given),
        torch.inference_mode(),
        torch.autocast(machine.device.type, enabled=False),
        in_place(network.module),
    ):
        network.module(normalise(batch, look.mean, look.std).contiguous(memory_format=torch.channels_last))
        seen = given.pop()
        logits = head(seen).flatten(1)
        features = own.positions(seen).mean(1) if isinstance(own, AttentionHead) else seen.flatten(1)
        return features.float().cpu(), logits.float().cpu()


@contextlib.contextmanager
def _as_it_is(module: nn.Module) -> Iterator[None]:
    """Within it everything is in eval mode; the modes come back afterwards, whatever happens."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextlib.contextmanager
def _noting(module: nn.Module, given: list[Tensor]) -> Iterator[None]:
    """Within it `given` gets what `module` is given."""

    def note(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        given.append(inputs[0])

    handle = module.register_forward_pre_hook(note)
    try:
        yield
    finally:
        handle.remove()
        given.clear()
