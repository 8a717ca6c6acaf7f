"""A route for answering alone, without a backward pass to come: sooner, and the same but for rounding."""

from __future__ import annotations

from typing import Final

import torch

from tlcore.models.folding import fold_batchnorms
from tlcore.training.route import Route

WORTH: Final = 48  # images from which on the copy costs less than it saves


def for_answers(route: Route, split: str) -> Route:
    """`route` through a copy of its module, as it now is, with each BatchNorm folded into the convolution before it.

    On a CPU in float32 alone; on a depthwise network the copy takes two thirds of the time. `route` itself where the split is
    too small for that, or where nothing can be folded without other answers (`fold_batchnorms`). The module is in eval mode.
    """
    images = len(route.splits[split].labels)
    if images < WORTH or route.machine.device.type != "cpu" or route.machine.precision != "float32":
        return route
    with torch.inference_mode():
        seen = route.seen(route.evaluation_inputs(split, 0, 3))
    folded = fold_batchnorms(route.module, seen)
    return route if folded is route.module else route.through(folded)
