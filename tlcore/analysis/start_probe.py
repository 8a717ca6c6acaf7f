"""The probe of a start: what one linear layer makes of a network whose weights nobody has moved yet, on a task's images."""

from __future__ import annotations

from typing import Final

import numpy as np

from tlcore.analysis.probe import Probe, probe
from tlcore.analysis.undefined import Undefined
from tlcore.data.load import Dataset, Split
from tlcore.errors import DataError
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.source_probes.look import read
from tlcore.training.machine import Machine

PROBED_ON: Final = {"train": 1000, "val": 300}  # images at most that a probe is fitted to, and its penalty chosen on


def some(split: Split, most: int) -> Split:
    """At most `most` of a split's images, spread evenly over it: the same ones whenever it is the same split."""
    return split.part(np.linspace(0, len(split) - 1, min(len(split), most)).round().astype(int))


def probe_start(network: Network, data: Dataset, machine: Machine, *, progress: Progress = silent, what: str) -> Probe:
    """Fit a linear probe to what the head sees of training images, and answer all test images with it.

    `what` names the pass in the reports of `progress`. Raises `DataError` where the features are not finite, and `OutOfMemory`.
    """
    parts = {name: some(getattr(data, name), most) for name, most in PROBED_ON.items()} | {"test": data.test}
    total, done, rows = sum(map(len, parts.values())), 0, {}
    for name, part in parts.items():
        batches = []
        for features, _ in read(network, machine, part.images, network.head):
            batches.append(features.numpy())
            done += len(features)
            progress(what, done, total, "images")
        rows[name] = np.concatenate(batches)
    try:
        return probe(
            rows["train"], parts["train"].labels, rows["val"], parts["val"].labels, rows["test"], classes=len(data.classes)
        )
    except Undefined as undefined:
        raise DataError(f"The weights at the start could not be probed. {undefined.message}") from undefined
