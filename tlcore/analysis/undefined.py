"""What has no value, and what every score asks of the features and labels that it is given."""

from __future__ import annotations

import numpy as np

from tlcore.errors import ThawError

EVEN = float(np.finfo(np.float32).eps)  # a spread below this share of a feature's size is the rounding of float32


class Undefined(ThawError, ValueError):
    """A quantity that these features or labels do not have; its message says why, in a sentence for people."""


def table(features: np.ndarray, what: str = "features") -> np.ndarray:
    """`features` (N, D) as float64. Raises `Undefined` for another shape, for no images, and for what is not finite."""
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise Undefined(f"The {what} must have a row for each image and a column for each number, not {values.shape}.")
    if not np.isfinite(values).all():
        raise Undefined(
            f"Some {what} are not finite numbers: the network that made them has diverged.",
            next_step="Look at that run's loss and try a lower rate.",
        )
    return values


def memberships(labels: np.ndarray, images: int) -> np.ndarray:
    """Whether each image is of each class that occurs: float64 (N, C) of 0 and 1, from int (N,) labels.

    Raises `Undefined` for another number of labels than `images`, and for fewer than two classes.
    """
    labels = np.asarray(labels)
    if labels.shape != (images,):
        raise Undefined(f"There must be one label for each of the {images} images, not labels of shape {labels.shape}.")
    classes = np.unique(labels)
    if len(classes) < 2:
        raise Undefined(
            "All images are of one class, so nothing tells classes apart.", next_step="Take images of two classes or more."
        )
    return (labels[:, None] == classes).astype(np.float64)
