"""Unstable BatchNorm: its mean and variance come from a handful of images.

Wu & He 2018 ("Group normalization", figure 1): the error of a ResNet-50 on ImageNet with trained BatchNorm is 23.6 % with 32
images a batch, 24.8 % with 8, 27.3 % with 4 and 34.7 % with 2.
"""

from __future__ import annotations

from itertools import pairwise

from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, Remedy, first_that_changes
from tlcore.diagnosis.noise import at_least, at_most
from tlcore.diagnosis.remedies import frozen_batchnorm, larger_batch
from tlcore.figures.fold import Event
from tlcore.figures.words import count, percent, times

SMALL = 16  # images a batch: from here up the error above no longer depends on their number
TINY = 4  # from here down it is worth a word even where the curves show no harm
GAP = 0.05  # beyond both intervals: augmentation and dropout, too, make training images look a little harder
SWINGS = 2  # a single fall may have another cause
FIRST = 2  # epochs left out of the comparison of the modes: a fresh head learns within them, and the training average lags


def trains_batchnorm(seen: Evidence) -> bool:
    """Whether any BatchNorm follows the new images."""
    norms = {group.name for group in seen.plan.groups if group.batchnorms}
    return any(mode == "train" and name in norms for phase in seen.plan.phases for name, mode in phase.batchnorm.items())


def unstable_batchnorm(seen: Evidence) -> Finding | CannotTell | None:
    """Fires on small batches alone, where training (statistics of the batch) and validation (running ones) disagree beyond
    chance, or the validation accuracy swings beyond chance while the training loss falls."""
    batch = seen.spec.batch_size
    if batch >= SMALL:
        return None
    if not seen.validated:
        return CannotTell("no epoch has validation images" if not seen.val_images else "no epoch has ended")
    epochs = [event for event in seen.validated if "train" in seen.plan.phases[event["phase"]].batchnorm.values()]
    what = _modes_apart(seen, epochs) or _swings(seen, epochs)
    if what:
        means = (
            f"BatchNorm takes its mean and variance from {times(batch, 'image')} at a time. Training sees them jump at each "
            "step, validation uses their running average: the two no longer speak of the same network."
        )
        return Finding("warning", what, means, _remedy(seen))
    if batch <= TINY:
        what = f"BatchNorm is trained on {times(batch, 'image')} a batch. What that costs, this run alone cannot show."
        means = (
            "So few images give a poor estimate of a mean and a variance: a ResNet-50 on ImageNet loses 4 points of accuracy "
            "to batches of 4 and 11 to batches of 2 (Wu & He 2018)."
        )
        return Finding("warning", what, means, _remedy(seen))
    return None


def _remedy(seen: Evidence) -> Remedy | None:
    larger = larger_batch(seen.spec)
    frozen = frozen_batchnorm(seen.spec) if seen.pretrained else None  # random weights have no statistics to keep
    return first_that_changes(seen.spec, frozen, larger)


def _modes_apart(seen: Evidence, epochs: list[Event]) -> str | None:
    if len(epochs) <= FIRST:
        return None
    last = epochs[-1]
    training, validation = last["train"]["accuracy"], last["val"]["accuracy"]
    worse = at_most(training, seen.train_images) + GAP < at_least(validation, seen.val_images)
    broken = (
        at_most(validation, seen.val_images) + GAP < at_least(training, seen.train_images)
        and min(event["val"]["loss"] for event in epochs) > seen.chance_loss > last["train"]["loss"]
    )
    if not (worse or broken):
        return None
    told = f"In epoch {last['epoch'] + 1}, with batches of {seen.spec.batch_size}, {percent(training)} of the training images"
    told += f" are named rightly and {percent(validation)} of the {count(seen.val_images)} validation images"
    return (
        f"{told}: new images look easier than known ones."
        if worse
        else f"{told}, whose loss has been above that of guessing all along."
    )


def _swings(seen: Evidence, epochs: list[Event]) -> str | None:
    falls = [
        (before, after)
        for before, after in pairwise(epochs)
        if after["val"]["accuracy"] < at_least(before["val"]["accuracy"], seen.val_images)
        and after["train"]["loss"] < before["train"]["loss"]
    ]
    if len(falls) < SWINGS:
        return None
    before, after = max(falls, key=lambda pair: pair[0]["val"]["accuracy"] - pair[1]["val"]["accuracy"])
    return (
        f"With batches of {seen.spec.batch_size} the validation accuracy falls {len(falls)} times beyond chance while the "
        f"training loss falls too, most in epoch {after['epoch'] + 1}: from {percent(before['val']['accuracy'])} to "
        f"{percent(after['val']['accuracy'])} of {count(seen.val_images)} images."
    )
