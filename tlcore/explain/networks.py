"""The networks that are laid side by side, built one at a time; that of a start with a linear probe as its head."""

from __future__ import annotations

import numpy as np
import torch

from tlcore.analysis.start_probe import probe_start
from tlcore.data.load import Dataset
from tlcore.explain.looks import Look
from tlcore.models.ended import ended, started
from tlcore.models.network import Network
from tlcore.models.partition import classifier_of
from tlcore.spec import RunSpec
from tlcore.strategies.start import FromRun
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter


def network_of(look: Look, data: Dataset, machine: Machine, report: Reporter) -> tuple[Network, np.ndarray | None]:
    """The network on the machine; of the start also the probabilities (N, C) that its probe gives for the test images.

    The head of the start is a linear probe on its frozen features: it tells the task as well as one layer can.
    """
    report.check()
    if not look.is_start:
        network = ended(look.run, look.spec, look.classes, epoch=look.epoch, progress=report.progress)
        machine.place(network.module)
        return network, None
    network = started(look.run, _bare(look.spec), look.classes, progress=report.progress)
    machine.place(network.module)
    probed = probe_start(network, data, machine, progress=report.progress, what="Fitting a probe to the start")
    head = classifier_of(network.module)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(probed.weight).reshape(head.weight.shape))
        head.bias.copy_(torch.from_numpy(probed.bias))
    return network, probed.probabilities


def _bare(spec: RunSpec) -> RunSpec:
    """The spec with a fresh linear head, which the probe then fills."""
    start = spec.strategy.start
    if isinstance(start, FromRun):
        start = start.model_copy(update={"head": "fresh"})
    return spec.model_copy(update={"head": "linear", "strategy": spec.strategy.model_copy(update={"start": start})})
