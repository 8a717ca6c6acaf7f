"""How deep it is forgotten: how fast the source is learned again from the run's weights, beside its start's and random ones.

What is only out of the old classifier's reach comes back sooner than in a network that never knew it ("savings"; Ebbinghaus
1885, for networks Hinton & Plaut 1987). A fresh head for CIFAR-10's ten classes, everything moves, the same few batches in
the same order for each start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tlcore.data.load import Split, load_sample
from tlcore.data.transforms import normalise
from tlcore.errors import OutOfMemory
from tlcore.forgetting.account import apart
from tlcore.forgetting.ends import Body, Ends
from tlcore.forgetting.path import RECOMPUTED_ON, batchnorms, recompute_batchnorm
from tlcore.models.describe import describe
from tlcore.models.freezing import state_of
from tlcore.models.memory import is_out_of_memory
from tlcore.models.network import Network, build
from tlcore.source_probes.look import Probe, read
from tlcore.training.intervals import share_interval
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter
from tlcore.training.result import clusters_of

WHAT = "Learning the source again"
DATASET = "cifar10"
BATCH = 32
RATE = 1e-3  # of AdamW, the same for all weights of all starts
MOST_IMAGES = 1280  # different ones; a longer relearning sees them again
_STREAM = 23  # keeps this stream of chance apart from others


def looked_at(steps: int) -> list[int]:
    """After how many steps accuracy is measured: none, a quarter, a half, and all of them (0, 10, 20, 40)."""
    return sorted({0, steps // 4, steps // 2, steps})


def batches(images: int, steps: int, seed: int) -> list[np.ndarray]:
    """Which of `images` images each step learns from: whole rounds through them, each in an order of its own."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, _STREAM]))
    size = min(BATCH, images)
    rounds = -(-steps * size // images)
    order = np.concatenate([rng.permutation(images) for _ in range(rounds)])
    return [order[step * size : (step + 1) * size] for step in range(steps)]


def relearn(ends: Ends, probe: Probe, machine: Machine, *, steps: int, report: Reporter) -> dict[str, Any]:
    """Accuracy on the probe's CIFAR-10 test images after `looked_at(steps)` steps on training images, from three starts.

    {steps, curves {pretrained, run, random: [shares]}, spans {the same: [[low, high]]}, ahead {random, pretrained: [METRIC]},
    images, chance, trained_on (different images), batch_size, rate}: `pretrained` is what the run started from, a span is
    Wilson's, and `ahead` is the run's share minus the other's, paired by image. All of it is over test images: one order of the
    batches and one fresh head, the same for the three. BatchNorm normalises by the batch in each step, and for a look its
    statistics are measured anew on training images: after a few steps a running mean would say more of the mean than of the
    weights. Raises as `load_sample` does, `OutOfMemory` where a step does not fit, and `Cancelled`.
    """
    spec = ends.spec
    train = load_sample(
        DATASET,
        images=min(MOST_IMAGES, steps * BATCH),
        image_size=spec.image_size,
        classes=probe.classes,
        interpolation=describe(spec.backbone).preprocessing.interpolation,
        progress=report.progress,
    )
    starts: Mapping[str, Body | None] = {"pretrained": ends.start, "run": ends.end, "random": None}
    right: dict[str, list[np.ndarray]] = {}
    for start, body in starts.items():
        network = build(spec.backbone, classes=len(probe.classes), start="random", seed=spec.seed, image_size=spec.image_size)
        if body is not None:
            network.module.load_state_dict({**state_of(network), **body})
        machine.place(network.module)
        again = _Again(network, machine, train, probe, report)
        right[start] = list(again.curve(steps, spec.seed, done=len(right) * steps, total=len(starts) * steps))
    return told(right, probe) | {
        "steps": looked_at(steps),
        "images": len(probe),
        "chance": probe.chance,
        "trained_on": len(train),
        "batch_size": min(BATCH, len(train)),
        "rate": RATE,
    }


def told(right: Mapping[str, Sequence[np.ndarray]], probe: Probe) -> dict[str, Any]:
    """{curves, spans, ahead} of which of the probe's images each start names rightly at each look: bool (N,)."""
    clusters = clusters_of(probe)
    shares = {start: [share_interval(look, seed=0, clusters=clusters) for look in looks] for start, looks in right.items()}
    return {
        "curves": {start: [share["value"] for share in own] for start, own in shares.items()},
        "spans": {start: [[share["low"], share["high"]] for share in own] for start, own in shares.items()},
        "ahead": {
            other: [apart(ours, theirs, clusters) for ours, theirs in zip(right["run"], right[other], strict=True)]
            for other in ("random", "pretrained")
        },
    }


@dataclass
class _Again:
    """A network that learns the source again."""

    network: Network
    machine: Machine
    train: Split
    probe: Probe
    report: Reporter

    def curve(self, steps: int, seed: int, *, done: int, total: int) -> Iterator[np.ndarray]:
        """Which test images are named rightly at each look, bool (N,). `done` of `total` steps were other networks'."""
        optimizer = torch.optim.AdamW(self.network.module.parameters(), lr=RATE, weight_decay=0.0)
        yield self._right()
        for step, rows in enumerate(batches(len(self.train), steps, seed), start=1):
            try:
                self._step(rows, optimizer)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                raise OutOfMemory(
                    f"A step of relearning, in which every weight learns from {len(rows)} images, does not fit into memory.",
                    next_step="Ask without relearning, or end other programs that use the memory.",
                ) from error
            self.report.progress(WHAT, done + step, total, "steps")
            if step in looked_at(steps):
                yield self._right()

    def _step(self, rows: np.ndarray, optimizer: torch.optim.Optimizer) -> None:
        look = self.network.preprocessing
        self.network.module.eval()  # no dropout: the starts differ in their weights alone
        for layer in batchnorms(self.network).values():
            layer.train()
        inputs = normalise(torch.from_numpy(self.train.images[rows]).to(self.machine.device), look.mean, look.std)
        logits = self.network.module(inputs.contiguous(memory_format=torch.channels_last))
        labels = torch.from_numpy(self.train.labels[rows]).to(self.machine.device)
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(logits, labels).backward()
        optimizer.step()

    def _right(self) -> np.ndarray:
        if batchnorms(self.network):
            recompute_batchnorm(self.network, self.machine, self.train.images[:RECOMPUTED_ON], lambda *_: self.report.check())
        answers = []
        for _, logits in read(self.network, self.machine, self.probe.images, self.network.head):
            self.report.check()
            answers.append(logits.argmax(1).numpy())
        return np.concatenate(answers) == self.probe.labels
