"""A head-only plateau: the frozen features do not hold what the new task asks for (domain shift)."""

from __future__ import annotations

from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, first_that_changes
from tlcore.diagnosis.noise import at_most
from tlcore.diagnosis.remedies import kept_head
from tlcore.figures.words import count, percent

LEVEL = 0.90  # of its own training images: a head that leaves more than one in ten unexplained lacks features, not time
SETTLED = 0.05  # the share by which the training loss still falls over the second half of the epochs
FEWEST = 4  # epochs of a head that is trained in steps before a standstill means anything


def head_alone(seen: Evidence) -> bool:
    """Of features learnt from photographs: random ones fall short for another reason."""
    return seen.spec.strategy.start.kind == "pretrained" and not seen.moving


def head_plateau(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where a head on frozen pretrained features has settled and still misses, beyond chance, a tenth of the very
    images it trains on, and no fewer of the new ones: more labels or epochs would not help it, other features may."""
    if not seen.epochs:
        return CannotTell("no epoch has ended")
    last = seen.epochs[-1]
    if not (level := settled(seen)):
        return CannotTell(f"it takes {FEWEST} epochs to see a head level off") if level is None else None
    training, validation = last["train"]["accuracy"], last["val"].get("accuracy")
    if at_most(training, seen.train_images) >= LEVEL:
        return None
    if validation is not None and validation >= LEVEL:
        return None
    new = f", and {percent(validation)} of the {count(seen.val_images)} validation images" if validation is not None else ""
    what = (
        f"The head has settled at a training loss of {last['train']['loss']:.3f}. It names {percent(training)} of the "
        f"{count(seen.train_images)} images that it trains on rightly{new}."
    )
    means = (
        "A head cannot tell apart what the frozen features do not show: these pictures, at this size, are not like the "
        "photographs that the backbone was trained on. Unfreezing from the top lets the features follow; the dial on the form "
        "asks how far."
    )
    return Finding("warning", what, means, first_that_changes(seen.spec, kept_head(seen.spec)))


def settled(seen: Evidence) -> bool | None:
    """Whether the training loss has stopped falling; None where it is too early to say. A solved head has by definition."""
    if seen.solved[seen.epochs[-1]["phase"]]:
        return True
    if len(seen.epochs) < FEWEST:
        return None
    middle, last = seen.epochs[(len(seen.epochs) - 1) // 2], seen.epochs[-1]
    return last["train"]["loss"] > middle["train"]["loss"] * (1 - SETTLED)
