"""Calibrated probabilities: one number by which all logits are divided (Guo et al. 2017, "On calibration of modern networks").

    p = softmax(z / T)          T is where the mean loss of the validation images is lowest

T never changes an answer, only how sure it sounds: above 1 it takes confidence back, below 1 it adds some. The loss is convex
in 1 / T, so it has one lowest point, found by Brent's method. Departure from the paper: a T is used only where it has shown,
on validation images that were held out from its fit, that it lowers the loss by more than noise; else T stays 1. So a small
validation split cannot make probabilities worse than they are. Where every validation answer is right the lowest loss is at
T = 0, certainty without end: T stays 1 there too. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from tlcore.analysis.drawn import draws, middle
from tlcore.training.intervals import mean_interval
from tlcore.training.metrics import bins_by_confidence, bins_of, calibration_error, loss

LEAST, MOST = 0.05, 20.0  # of T
FEWEST: Final = 30  # validation images (of as many patients): with fewer, T stays 1
FOLDS: Final = 5  # in which the fit is held out from its judgement


@dataclass(frozen=True)
class Temperature:
    """What logits are divided by, and what speaks for it."""

    value: float  # T; 1 leaves the probabilities as they are
    fitted: float | None  # where the loss of all validation images is lowest; None where that was not asked
    loss_before: float | None  # of the validation images, in nats, at T = 1 ...
    loss_after: float | None  # ... and at `fitted`
    gain: Mapping[str, Any] | None  # METRIC: by how much a T fitted without an image lowers its loss, on average
    why: str  # a sentence: why this T

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float64, of logits (..., C)."""
        return softmax(logits, self.value)

    def as_data(self) -> dict[str, Any]:
        """For JSON; `Temperature(**data)` is the same again."""
        return asdict(self)


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """softmax(z / T) in float64, over the last axis: a float32 one rounds small probabilities to 0."""
    return np.exp(_logs(logits, temperature))


def fit_temperature(
    logits: np.ndarray, labels: np.ndarray, *, clusters: Sequence[str] | None = None, seed: int = 0
) -> Temperature:
    """The temperature of a network that answers `logits` (N, C) on validation images with these `labels` (N,).

    `clusters` says whose each image is: the images of one patient are held out together, and the interval of the gain is over
    patients. `seed` deals the images to folds.
    """
    units = np.arange(len(labels)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    count = int(units.max(initial=-1)) + 1
    whose = "validation images" if clusters is None else "patients in the validation split"
    if count < FEWEST:
        return _left(f"With {count} {whose} a temperature would be noise ({FEWEST} are asked for): it stays 1.")
    if bool((logits.argmax(1) == labels).all()):
        return _left("Every validation answer is right, which tells how sure to be from below alone: the temperature stays 1.")
    fitted = lowest(logits, labels)
    before, after = float(losses(logits, labels, 1.0).mean()), float(losses(logits, labels, fitted).mean())
    fold = np.random.default_rng(np.random.SeedSequence([seed, 17])).permutation(count)[units] % FOLDS
    held_out = np.empty(len(labels))
    for k in range(FOLDS):
        out = fold == k
        found = lowest(logits[~out], labels[~out])
        held_out[out] = losses(logits[out], labels[out], 1.0) - losses(logits[out], labels[out], found)
    gain = mean_interval(held_out, seed=seed, clusters=clusters)
    if gain["method"] is None or gain["low"] <= 0:
        why = "On validation images held out from its fit a temperature lowers the loss by no more than noise: it stays 1."
        return Temperature(1.0, fitted, before, after, gain, why)
    way = "takes back confidence" if fitted > 1 else "adds confidence"
    return Temperature(fitted, fitted, before, after, gain, f"Dividing the logits by {fitted:.2f} {way} and lowers the loss.")


def lowest(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T between 0.05 and 20 at which the mean loss is lowest, to a ten-thousandth of itself."""
    from scipy.optimize import minimize_scalar  # slow to import, and an answer does without

    found = minimize_scalar(
        lambda log: losses(logits, labels, float(np.exp(log))).mean(),
        bounds=(np.log(LEAST), np.log(MOST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def losses(logits: np.ndarray, labels: np.ndarray, temperature: float) -> np.ndarray:
    """The cross-entropy of each image (N,), in nats, of softmax(z / T)."""
    return -_logs(logits, temperature)[np.arange(len(labels)), labels]


def before_and_after(
    temperature: Temperature,
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """What calibration does on the test split: {n, before, after, change}, the first two {ece, loss, bins}.

    `bins` are those of the reliability diagram, [{images, confidence, accuracy}]. `change` is ECE after minus before, as
    {value, low, high}: 95 % over draws of the images (`clusters`: of patients), null where these are too few.
    """
    found: dict[str, Any] = {"n": len(labels)}
    parts = []
    for name, probabilities in (("before", softmax(logits)), ("after", temperature.probabilities(logits))):
        ece = calibration_error(probabilities, labels)
        bins = [asdict(each) for each in bins_of(probabilities, labels)]
        found[name] = {"ece": ece, "loss": loss(probabilities, labels), "bins": bins}
        parts.append(probabilities)
    span = None
    times = draws(len(labels), seed=seed, clusters=clusters)
    if times is not None and temperature.value != 1:
        span = middle(_drawn_error(parts[1], labels, times) - _drawn_error(parts[0], labels, times))
    value = None if not len(labels) else found["after"]["ece"] - found["before"]["ece"]
    found["change"] = {"value": value, "low": span[0] if span else None, "high": span[1] if span else None}
    return found


def _drawn_error(probabilities: np.ndarray, labels: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The calibration error in each draw (R,), `times` (R, N) being how often each image counts in it."""
    confidence = probabilities.max(1)
    gaps = (probabilities.argmax(1) == labels) - confidence
    place = bins_by_confidence(confidence)
    within = np.eye(place.max(initial=0) + 1)[place] * gaps[:, None]
    return np.abs(times @ within).sum(1) / times.sum(1)


def _left(why: str) -> Temperature:
    return Temperature(1.0, None, None, None, None, why)


def _logs(logits: np.ndarray, temperature: float) -> np.ndarray:
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled = scaled - scaled.max(-1, keepdims=True)
    return scaled - np.log(np.exp(scaled).sum(-1, keepdims=True))
