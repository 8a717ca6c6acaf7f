"""LogME: how likely the labels are under the best linear model with a Gaussian prior (You et al. 2021, "LogME: practical
assessment of pre-trained models for transfer learning").

For each class, y is 1 on its images and 0 on the others, w ~ Normal(0, I / alpha) and y ~ Normal(Fw, I / beta). The score is
the mean over classes of the largest over alpha and beta of

    1/N ln p(y | F) = 1/N [N/2 ln beta + D/2 ln alpha - N/2 ln 2 pi - beta/2 ||Fm - y||² - alpha/2 m'm - 1/2 ln |A|]

with A = alpha I + beta F'F and m = beta A^-1 F'y: the density of y under Normal(0, FF'/alpha + I/beta). With t = alpha / beta,
s_i the eigenvalues of F'F and x_i the part of y along each of their directions, the best beta for a given t is N / q(t), and

    q(t) = y'(I + FF'/t)^-1 y = sum x_i² t / (s_i + t) + the part of ||y||² that no direction reaches
    1/N ln p(y | F) = -1/2 [ln(2 pi q(t) / N) + 1 + 1/N sum ln(1 + s_i / t)]

Of the D eigenvalues those that are 0 add ln 1 to that sum: all are counted, whether N < D or N > D. (The authors' later code
has D in D/2 ln alpha and leaves the zeros out of ln |A|, which is another number wherever the rank is below D.)

Departures. The paper sets alpha and beta in turn until they stop, which may be at the lower of two maxima; here t is searched
along the whole line, its end t = infinity (features that say nothing) included. Only classes that occur are counted.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar

from tlcore.analysis.spectrum import Spectrum, smallest, spectrum
from tlcore.analysis.undefined import memberships, table

STEPS = 256  # places at which the evidence is looked at before the best is refined: three or four for a factor of e
FURTHEST = 1e10  # largest t, as a multiple of the largest eigenvalue; beyond it lies the limit


def logme(features: np.ndarray, labels: np.ndarray) -> float:
    """LogME of `features` (N, D) for int `labels` (N,), in nats for each image; more is better, and the scale means nothing.

    Features are taken as they are, neither centred nor scaled, as in the paper. Where they give the labels exactly with
    images to spare, the evidence has no bound: t then ends at the rounding of float64, and the score is large and finite.
    Raises `Undefined` where there is nothing to tell apart, or features are not finite.
    """
    features = table(features)
    images = len(features)
    found = spectrum(features, memberships(labels, images))
    best = _evidence(found, images, math.inf)
    if found.sizes.any():
        ends = math.log(smallest(found.sizes, features.shape)), math.log(found.sizes.max() * FURTHEST)
        best = np.maximum(best, _largest(found, images, np.linspace(*ends, STEPS)))
    return float(best.mean())


def _evidence(found: Spectrum, images: int, log_t: float) -> np.ndarray:
    """1/N ln p(y | F) at the best beta, for each class: (C,)."""
    shrunk = 1 / (1 + found.sizes / math.exp(log_t)) if log_t < math.inf else np.ones_like(found.sizes)
    q = found.left + shrunk @ found.along
    return -0.5 * (np.log(2 * math.pi * q / images) + 1 - np.log(shrunk).sum() / images)


def _largest(found: Spectrum, images: int, grid: np.ndarray) -> np.ndarray:
    """The largest evidence along the line of ln t, for each class: the best of `grid`, refined between its neighbours."""
    values = np.stack([_evidence(found, images, log_t) for log_t in grid])
    best = values.max(0)
    for c, place in enumerate(values.argmax(0)):
        one = Spectrum(found.sizes, found.along[:, [c]], found.left[[c]])
        refined = minimize_scalar(
            lambda log_t, one=one: -_evidence(one, images, log_t)[0],
            bounds=(grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]),
            method="bounded",
            options={"xatol": 1e-7},
        )
        best[c] = max(best[c], -refined.fun)
    return best
