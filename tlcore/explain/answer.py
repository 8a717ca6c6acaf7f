"""A network as a plain function of pictures: what it answers, in batches, halved where memory runs out."""

from __future__ import annotations

import numpy as np
import torch

from tlcore.explain.faithful import Answer
from tlcore.models.network import Network
from tlcore.source_probes.look import read
from tlcore.training.machine import Machine


def answers_of(network: Network, machine: Machine) -> Answer:
    """The probabilities of the network's own head. It stays in the mode that it was in; raises `OutOfMemory`."""

    def answer(images: np.ndarray) -> np.ndarray:
        logits = [batch for _, batch in read(network, machine, images, network.head)]
        return torch.softmax(torch.cat(logits).double(), 1).numpy()

    return answer
