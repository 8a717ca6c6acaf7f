"""A head alone on kept features is a convex problem, and is solved as one: full-batch L-BFGS on whitened features.

The loss is that of the mini-batches, the (weighted) mean cross-entropy, plus weight_decay / 2 times the squared norm of the
weight matrix. AdamW's decay is decoupled from the loss (Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization"),
so the two agree in their answers and not in every weight.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tlcore.groups import HEAD
from tlcore.training.route import CutRoute

ITERATIONS = 60  # of a round, which is an epoch: enough for most heads to be solved in the first one
MOST_LOOKS = ITERATIONS * 5 // 4  # at all features, after which torch ends a round within a line search
MEMORY = 20  # pairs of steps and gradient changes that the curvature is told from
ROWS = 500  # at most, that the features' covariance is told from
CURVATURE = 0.01  # of the loss along a logit, about: p(1 - p) once most answers are sure
_OF_BIAS = CURVATURE**0.5  # so that the loss is as round along the bias
FLAT = 1e-4  # the largest gradient, in whitened coordinates, at which it ends: the loss is within about 2e-6 of its minimum
MOST_VALUES = 10**8  # of all features together; above it they go through in batches


class Round(NamedTuple):
    """What a round of L-BFGS came to."""

    loss: float  # mean cross-entropy, unweighted
    accuracy: float
    converged: bool  # it ended before its iterations did: the gradient, or the step, is next to nothing
    looks: int  # at all features


class HeadProblem:
    """The head on every view of every training picture, for as many rounds as are asked for.

    A round starts from the head as it is and remembers nothing else, so rounds can be resumed between any two.
    """

    def __init__(self, route: CutRoute, labels: np.ndarray, weights: Tensor | None, weight_decay: float) -> None:
        self._features, pictures = route.all_features()
        self._truth = torch.from_numpy(labels[pictures]).to(self._features.device)
        shares = torch.ones(len(self._truth), device=self._features.device) if weights is None else weights[self._truth]
        self._shares = shares.double() / shares.double().sum()  # in float32 the loss stops changing well before its minimum
        self._matrix, self._bias = (parameter for _, parameter in route.network.parameters(HEAD))
        self._suffix, self._weight_decay = route.suffix, weight_decay
        self._whitened = _Whitened(self._features, weight_decay)

    def round(self) -> Round:
        """Up to 60 iterations of L-BFGS with a strong-Wolfe line search; the loss and accuracy of where it ends."""
        moved = self._whitened.of(self._matrix, self._bias)
        solver = torch.optim.LBFGS(
            moved,
            max_iter=ITERATIONS,
            max_eval=MOST_LOOKS,
            history_size=MEMORY,
            line_search_fn="strong_wolfe",
            tolerance_grad=FLAT,
            tolerance_change=1e-9,
        )
        looks = 0

        def closure() -> Tensor:
            nonlocal looks
            looks += 1
            self._whitened.put(moved, self._matrix, self._bias)
            loss = self._objective()
            gradient = torch.autograd.grad(loss, (self._matrix, self._bias))
            for tensor, along in zip(moved, self._whitened.gradient(*gradient), strict=True):
                tensor.grad = along
            return loss.detach()

        solver.step(closure)
        converged = solver.state[moved[0]].get("n_iter", 0) < ITERATIONS and looks < MOST_LOOKS
        self._whitened.put(moved, self._matrix, self._bias)
        with torch.no_grad():
            logits = self._suffix(self._features)
            loss = functional.cross_entropy(logits, self._truth).item()
            accuracy = (logits.argmax(1) == self._truth).double().mean().item()
        return Round(loss, accuracy, converged, looks + 1)

    def _objective(self) -> Tensor:
        losses = functional.cross_entropy(self._suffix(self._features).double(), self._truth, reduction="none")
        return (losses * self._shares).sum() + self._weight_decay / 2 * self._matrix.double().square().sum()


class _Whitened:
    """The head in coordinates in which the features have hardly a scale or a correlation, and so the loss is nearly round.

    With P = CURVATURE cov(x) + weight_decay I, a matrix W (classes, features) is V = W P^(1/2), and the bias is the one at the
    mean picture, to the same scale. It is the same problem with the same minimum, which L-BFGS reaches in a fraction of the
    looks. The covariance is that of some rows, taken evenly: it only has to be about right.
    """

    def __init__(self, features: Tensor, weight_decay: float) -> None:
        some = features[:: math.ceil(len(features) / ROWS)]
        self._mean = some.mean(0)
        some = (some - self._mean) * (CURVATURE / len(some)) ** 0.5
        spread, turned = torch.linalg.eigh(some @ some.T)  # the same directions as the covariance's, and it is smaller
        seen = spread > 1e-6 * spread[-1]
        spread = spread[seen]
        self._directions = (turned[:, seen].T @ some) / spread.sqrt()[:, None]
        floor = max(weight_decay, 1e-3 * float(spread.mean()), 1e-6)  # without decay P might be singular
        self._floor = floor**0.5
        self._stretch = (spread / floor + 1).sqrt()

    def of(self, matrix: Tensor, bias: Tensor) -> list[Tensor]:
        """The head's tensors, in these coordinates."""
        with torch.no_grad():
            moved = self._floor * self._along(matrix, self._stretch)
            return [moved.requires_grad_(), (_OF_BIAS * (bias + matrix @ self._mean)).requires_grad_()]

    def put(self, moved: list[Tensor], matrix: Tensor, bias: Tensor) -> None:
        """Back into the head's own tensors."""
        with torch.no_grad():
            matrix.copy_(self._along(moved[0], 1 / self._stretch) / self._floor)
            bias.copy_(moved[1] / _OF_BIAS - matrix @ self._mean)

    def gradient(self, matrix: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """In these coordinates, from the gradients of the head's own tensors."""
        return self._along(matrix - torch.outer(bias, self._mean), 1 / self._stretch) / self._floor, bias / _OF_BIAS

    def _along(self, rows: Tensor, stretch: Tensor) -> Tensor:
        """Rows (..., features) stretched along the directions seen, and left as they are across them."""
        return rows + (rows @ self._directions.T * (stretch - 1)) @ self._directions
