"""Heads: what turns the backbone's features into logits. Four kinds, as data and with their number of weights. No torch.

The modules themselves are in `tlcore/models/heads.py`. A fifth kind is a record here, a count here and a module there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HeadKind = Literal["linear", "mlp", "cosine", "attention"]

HIDDEN = 256  # mlp: units of the hidden layer
DROPOUT = 0.25  # mlp: share of the hidden units that a step leaves out
FIRST_SCALE = 10.0  # cosine: what the similarities, within -1 and 1, are multiplied by before the first step
KEYS = 128  # attention: length of the keys and of the query


@dataclass(frozen=True)
class HeadCard:
    """A kind of head, for people."""

    title: str
    short: str  # in a list of settings
    sentence: str
    source: str


HEADS: dict[HeadKind, HeadCard] = {
    "linear": HeadCard(
        "Linear",
        "linear head",
        "One weight for each feature and class: what the features themselves tell. Alone on kept features it is solved, "
        "not trained.",
        "Logistic regression; Alain & Bengio 2016 call it a linear probe",
    ),
    "mlp": HeadCard(
        "MLP",
        "MLP head",
        f"One hidden layer of {HIDDEN} units: it can bend where a linear head cannot, and memorises few labels sooner.",
        f"One hidden layer with GELU (Hendrycks & Gimpel 2016) and dropout {DROPOUT:g} (Srivastava et al. 2014)",
    ),
    "cosine": HeadCard(
        "Cosine prototypes",
        "cosine head",
        "A prototype for each class; only the angle to it counts, not the length of the features. Made for few labels.",
        "Gidaris & Komodakis 2018; Chen et al. 2019, A closer look at few-shot classification",
    ),
    "attention": HeadCard(
        "Attention pooling",
        "attention head",
        "Learns where in the image to look before it averages. What is kept of each image is larger: all positions.",
        "Ilse, Tomczak & Welling 2018, Attention-based deep multiple instance learning",
    ),
}


def head_params(kind: HeadKind, inputs: int, classes: int) -> int:
    """How many weights a head of that kind has over `inputs` features for `classes` classes."""
    linear = (inputs + 1) * classes
    match kind:
        case "linear":
            return linear
        case "mlp":
            return (inputs + 1) * HIDDEN + (HIDDEN + 1) * classes
        case "cosine":
            return inputs * classes + 1
        case "attention":
            return inputs * KEYS + KEYS + linear
