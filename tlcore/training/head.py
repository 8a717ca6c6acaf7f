"""A head alone on kept features is a convex problem, and is solved as one: full-batch L-BFGS.

The loss is that of the mini-batches, the (weighted) mean cross-entropy, plus weight_decay / 2 times the squared norm of the
weight matrix. AdamW's decay is decoupled from the loss (Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization"),
so the two agree in their answers and not in every weight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from tlcore.groups import HEAD
from tlcore.training.route import CutRoute

ITERATIONS = 20  # of a round, which is an epoch: the validation images are looked at after each
MOST_LOOKS = ITERATIONS * 5 // 4  # at all features, after which torch ends a round within a line search
MEMORY = 10  # pairs of steps and gradient changes that the curvature is told from
MOST_VALUES = 10**8  # of all features together; above it they go through in batches


class Round(NamedTuple):
    """What a round of L-BFGS came to."""

    loss: float  # mean cross-entropy, unweighted
    accuracy: float
    converged: bool  # it ended before its iterations did: the gradient, or the step, is next to nothing
    looks: int  # at all features


def solve_round(route: CutRoute, labels: np.ndarray, weights: torch.Tensor | None, weight_decay: float) -> Round:
    """Up to 20 iterations of L-BFGS with a strong-Wolfe line search on every view of every training picture.

    Returns the loss and the accuracy of the weights that it ends with. It starts from the head as it is and remembers nothing
    else, so rounds can be resumed between any two.
    """
    features, pictures = route.all_features()
    truth = torch.from_numpy(labels[pictures]).to(features.device)
    shares = torch.ones(len(truth), device=features.device) if weights is None else weights[truth]
    shares = shares.double() / shares.double().sum()  # in float32 the loss stops changing well before its minimum
    parameters = [parameter for _, parameter in route.network.parameters(HEAD)]
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    solver = torch.optim.LBFGS(
        parameters,
        max_iter=ITERATIONS,
        max_eval=MOST_LOOKS,
        history_size=MEMORY,
        line_search_fn="strong_wolfe",
        tolerance_change=1e-9,
    )
    looks = 0

    def closure() -> torch.Tensor:
        nonlocal looks
        looks += 1
        solver.zero_grad()
        losses = functional.cross_entropy(route.suffix(features).double(), truth, reduction="none")
        loss = (losses * shares).sum() + weight_decay / 2 * sum(matrix.double().square().sum() for matrix in matrices)
        loss.backward()
        return loss

    solver.step(closure)
    converged = solver.state[parameters[0]].get("n_iter", 0) < ITERATIONS and looks < MOST_LOOKS
    for parameter in parameters:
        parameter.grad = None
    with torch.no_grad():
        logits = route.suffix(features)
        loss = functional.cross_entropy(logits, truth).item()
        accuracy = (logits.argmax(1) == truth).double().mean().item()
    return Round(loss, accuracy, converged, looks + 1)
