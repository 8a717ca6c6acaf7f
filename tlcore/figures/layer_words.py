"""What each number of the layers' job is, in a plain sentence, and what must be said beside it."""

from __future__ import annotations

SCORES: dict[str, tuple[str, str]] = {  # name in a result -> (what people call it, what it is)
    "probe": (
        "Linear probe",
        "How well one linear layer names the classes from what this group gives out. It is trained and tested, not estimated.",
    ),
    "logme": (
        "LogME",
        "How likely the labels are under the best linear model of these features, without training or testing one. It knows "
        "how well they fit the images that it has seen, not how new ones fare.",
    ),
    "hscore": (
        "H-score",
        "How much of the features' variation lies between the classes, not within them, with their covariance "
        "regularised. With nearly as many features as images it is high even for shuffled labels, which favours wide layers.",
    ),
    "leep": (
        "LEEP",
        "How well the old classifier's probabilities, as they are, tell the new classes apart. It is one number for the whole "
        "network: it sees the last layer alone.",
    ),
    "nce": (
        "NCE",
        "How well the one old class that the old classifier names for an image tells its new class. It is one number for the "
        "whole network, and forgets how sure the old classifier was.",
    ),
    "cka": (
        "CKA",
        "Whether two layers find the same images alike: 1 where they do up to rotation and scale, about 0 where they are "
        "unrelated. It says that a layer computes something else now, not whether that is better.",
    ),
}

MOVES: dict[str, tuple[str, str]] = {
    "weight_drift": (
        "Weight drift",
        "How far the weights are from where they started, as a share of their size. A long way need not change what they do.",
    ),
    "activation_drift": (
        "Activation drift",
        "How far what a group gives out has moved for the same images, as a share of its size. A layer moves with those below "
        "it, even where its own weights keep still.",
    ),
    "batchnorm_drift": (
        "BatchNorm drift",
        "How far the running mean and spread of a channel have moved, in its standard deviations at the start. It moves "
        "wherever BatchNorm is trained, whatever the rate.",
    ),
    "gradient": (
        "Relative gradient",
        "How hard the labels pull at a group: the size of its gradient as a share of its weights'. Of a head that has just "
        "been drawn, it says what a random head asks for.",
    ),
    "fisher": (
        "Fisher information",
        "How much the network's answers hang on a group's weights. It grows with their number and depends on their scale, so "
        "it is for comparing a group before and after.",
    ),
}

SCORES_CAVEAT = (
    "LogME, H-score, LEEP and NCE are guesses made without training. They can rank layers or networks, and their absolute "
    "value means nothing. On medical images none of seven such scores was reliable (Chaves et al. 2023): trust the measured "
    "probe where they disagree."
)
