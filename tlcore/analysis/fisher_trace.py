"""The Fisher information of each layer group: how much the network's answers hang on its weights.

    trace of a group = sum over its weights w_i of F_i,    F_i = mean over images x of E over y ~ p(y | x) of (d ln p / d w_i)²

F_i is that of EWC (Kirkpatrick et al. 2017), by `tlcore/training/pull/fisher.py`: a gradient for each image, with a label drawn
from the network's own answers. In nats² per unit of weight², so that it depends on the scale of the weights and grows
with their number: it compares a group before and after, and groups of one network with that in mind.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from tlcore.analysis.held import device_of, held
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.training.pull.fisher import FisherEvents, Pictures, fisher

WHAT = "Measuring what the answers hang on"


def fisher_trace(network: Network, images: np.ndarray, *, seed: int, progress: Progress = silent) -> dict[str, float]:
    """The trace of each group, bottom to top, the head last, over `images` uint8 (N, S, S, 3).

    In float32, in eval mode, one image at a time: it takes about as long as N steps of training with one image. A function
    of the images and of `seed`, which draws the labels.
    """
    named = [(group.name, parameter) for group in network.groups for _, parameter in network.parameters(group.name)]
    pictures = Pictures(images, network.preprocessing, device_of(network))
    with held(network):
        parameters = [parameter for _, parameter in named if parameter.requires_grad]
        information = _followed(fisher(network.module, parameters, pictures, None, seed), progress)
        of_parameter = dict(zip(map(id, parameters), information, strict=True))
    traces = dict.fromkeys((group.name for group in network.groups), 0.0)
    for group, parameter in named:
        if id(parameter) in of_parameter:
            traces[group] += of_parameter[id(parameter)].double().sum().item()
    return traces


def _followed(events: FisherEvents, progress: Progress) -> Sequence[Tensor]:
    """What `events` comes to in the end, its progress told on the way."""
    while True:
        try:
            event = next(events)
        except StopIteration as ended:
            return ended.value
        progress(WHAT, event["done"], event["total"], event["unit"])
