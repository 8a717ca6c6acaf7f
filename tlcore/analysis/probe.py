"""A linear probe: how well a task can be read off features by one linear layer, everything else being held.

A ridge regression on one-hot labels, whose answers for all penalties come from one eigendecomposition,

    W = argmin 1/N ||Z W - Y||² + penalty ||W||²        Z, Y centred, Z scaled to a mean squared length of 1

followed by a calibration, because a regression on 0 and 1 orders the classes and gives no probabilities: logits are s f + b,
f = Z W, with one s and one b for each class fitted by maximum likelihood to the leave-one-out f of the training images, which
a ridge has in closed form. The penalty is the one with the lowest cross-entropy on the validation images.
(Departure from the usual probe, a multinomial logistic regression: that has to be fitted once for each penalty, and takes a
hundred times as long.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlcore.analysis.undefined import table
from tlcore.training.metrics import loss

PENALTIES = np.logspace(-7, 1, 17)
_RANK = 1e-10  # eigenvalues below this share of the largest are rounding
_HOLD = 1e-4  # a weak pull of s and b to 0: without it a task solved without a fault would have them grow for ever
_NEWTON = 30


@dataclass(frozen=True)
class Probe:
    """What a probe answers on the test images, and how it was chosen."""

    probabilities: np.ndarray  # float64 (N_test, C)
    penalty: float
    val_loss: float  # cross-entropy of the validation images, in nats
    weight: np.ndarray  # float64 (C, D): the layer itself, for features as they are; its logits are weight @ x + bias
    bias: np.ndarray  # float64 (C,)


def probe(
    train: np.ndarray,
    train_labels: np.ndarray,
    val: np.ndarray,
    val_labels: np.ndarray,
    test: np.ndarray,
    *,
    classes: int,
) -> Probe:
    """Fit on `train` (N, D), choose the penalty on `val`, answer on `test`. Labels are int below `classes`.

    A class that has no training image gets hardly any probability. Raises `Undefined` for features that are not finite.
    """
    train, val, test = table(train), table(val), table(test)
    targets = np.eye(classes)[train_labels]
    basis = _Basis(train)
    inside = basis.of(train)
    slopes = inside.T @ (targets - targets.mean(0))
    shrunk = basis.spread + len(train) * PENALTIES[:, None]  # (P, R)
    weights = slopes / shrunk[:, :, None]  # (P, R, C)
    leverage = 1 / len(train) + np.square(inside) @ (1 / shrunk).T  # (N, P): how much an image's own label decides its score
    left = np.maximum(1 - leverage.T, 1e-6)[:, :, None]
    scores = targets - (targets - targets.mean(0) - inside @ weights) / left  # (P, N, C), by models that never saw the image
    shares = (len(train) * targets.mean(0) - targets) / (len(train) - 1)  # of the others; b is for them
    sharpness, offsets = calibrate(scores - shares, train_labels)

    def answers(features: np.ndarray, place: int) -> np.ndarray:
        return softmax(sharpness[place] * (basis.of(features) @ weights[place]) + offsets[place])

    losses = np.array([loss(answers(val, place), val_labels) for place in range(len(PENALTIES))], dtype=float)
    best = len(losses) - 1 - int(np.argmin(losses[::-1]))  # of equals the strongest penalty
    weight = basis.back((sharpness[best] * weights[best]).T)
    return Probe(
        answers(test, best), float(PENALTIES[best]), float(losses[best]), weight, offsets[best][0] - weight @ basis.mean
    )


class _Basis:
    """Features along the principal directions of the training ones, centred and scaled; without those that have no spread."""

    def __init__(self, train: np.ndarray) -> None:
        self.mean = train.mean(0)
        centred = train - self.mean
        length = np.sqrt(np.square(centred).sum() / len(train))
        self._scale = 1 / length if length > 0 else 1.0
        centred *= self._scale
        wide = centred.shape[1] > len(centred)
        spread, turned = np.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
        seen = spread > max(_RANK * spread[-1], np.finfo(float).tiny)
        self.spread = spread[seen]  # (R,), of Z'Z
        turned = turned[:, seen]
        self._directions = centred.T @ turned / np.sqrt(self.spread) if wide else turned  # (D, R), orthonormal

    def of(self, features: np.ndarray) -> np.ndarray:
        """(N, R) of features (N, D)."""
        return (features - self.mean) * self._scale @ self._directions

    def back(self, along: np.ndarray) -> np.ndarray:
        """(C, D): what acts on centred features as `along` (C, R) does on those along the directions."""
        return self._scale * along @ self._directions.T


def calibrate(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of P sets of scores (P, N, C) the s (P, 1, 1) and b (P, 1, C) with which softmax(s f + b) fits `labels` best.

    Newton's method on the mean cross-entropy + 1e-4 / 2 (s² + |b|²), which is convex; a step that does not lower it is halved.
    """
    sets, _, classes = scores.shape
    truth = np.eye(classes)[labels]
    moved = np.zeros((sets, classes + 1))  # s, then b
    moved[:, 0] = 1.0
    value, gradient, curvature = _likelihood(moved, scores, truth)
    for _ in range(_NEWTON):
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        size = np.ones((sets, 1))
        for _ in range(20):
            there = _likelihood(moved - size * step, scores, truth, value_alone=True)[0]
            worse = there > value + 1e-12
            if not worse.any():
                break
            size[worse] /= 2
        else:
            size[worse] = 0
        moved = moved - size * step
        value, gradient, curvature = _likelihood(moved, scores, truth)
        if np.abs(gradient).max() < 1e-8:
            break
    return moved[:, :1, None], moved[:, None, 1:]


def _likelihood(
    moved: np.ndarray, scores: np.ndarray, truth: np.ndarray, *, value_alone: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `calibrate` lowers (P,), its gradient (P, 1 + C) and its second derivatives (P, 1 + C, 1 + C)."""
    logits = moved[:, :1, None] * scores + moved[:, None, 1:]
    logits = logits - logits.max(2, keepdims=True)
    powers = np.exp(logits)
    sums = powers.sum(2, keepdims=True)
    value = (np.log(sums[:, :, 0]) - (logits * truth).sum(2)).mean(1) + _HOLD / 2 * np.square(moved).sum(1)
    if value_alone:
        return value, value, value
    chances = powers / sums
    images = scores.shape[1]
    along = (chances * scores).sum(2, keepdims=True)  # (P, N, 1): the score that is expected
    gradient = np.concatenate([((along - (scores * truth).sum(2, keepdims=True)).mean(1)), (chances - truth).mean(1)], axis=1)
    mixed = (chances * (scores - along)).mean(1)  # (P, C)
    within = (chances * np.square(scores - along)).sum(2).mean(1)
    curvature = np.empty((len(scores), 1 + scores.shape[2], 1 + scores.shape[2]))
    curvature[:, 0, 0] = within
    curvature[:, 0, 1:] = curvature[:, 1:, 0] = mixed
    curvature[:, 1:, 1:] = -(np.swapaxes(chances, 1, 2) @ chances) / images
    curvature[:, 1:, 1:] += np.eye(scores.shape[2]) * chances.mean(1)[:, None, :]
    return value, gradient + _HOLD * moved, curvature + _HOLD * np.eye(1 + scores.shape[2])


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
