"""Collapse: one class is named for every image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, first_that_changes
from tlcore.diagnosis.noise import at_most
from tlcore.diagnosis.remedies import larger_batch, slower, weighed_classes
from tlcore.figures.fold import Event
from tlcore.figures.words import count, decimal, percent

NEVER = 0.05  # share of the other classes' images that are found: one in twenty may be luck
FOUND = 0.5  # which must be, beyond chance, under a half: 4 missed of 4 say so, 3 of 3 do not
IN_A_ROW = 2  # epochs: in the first one a fresh head often names one class only
TOLD_APART = 0.8  # AUROC: where a chance of four in five to rank two images rightly is not used, the fault is the threshold
UNEVEN = 1.5  # the largest class, as a multiple of an even share: above it, weighing the classes is what helps


def collapse(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where one class is named for (almost) every image, on the test split where it has been looked at, else on the
    validation split in the last two epochs."""
    if (result := seen.result) is not None and sum(map(sum, result["confusion"])):
        named = _in_confusion(result["confusion"], result["classes"])
        return None if named is None else _finding(seen, *named, "test", result["majority_baseline"])
    if not seen.val_images:
        return CannotTell("there are no validation images")
    if len(seen.validated) < IN_A_ROW:
        return CannotTell(f"that takes {IN_A_ROW} epochs")
    named = [_in_recalls(event, seen.val_images) for event in seen.validated[-IN_A_ROW:]]
    return None if None in named else _finding(seen, *named[-1], "validation", seen.majority)


def _in_confusion(rows: list[list[int]], classes: list[str]) -> tuple[str, int, int, int] | None:
    """The class named, its images, the others, and how many of those are found."""
    answers = [sum(column) for column in zip(*rows, strict=True)]
    place = answers.index(max(answers))
    images = sum(rows[place])
    others = sum(answers) - images
    found = sum(row[i] for i, row in enumerate(rows) if i != place)
    return (classes[place], images, others, found) if _nothing_else(rows[place][place], images, others, found) else None


def _in_recalls(event: Event, images: int) -> tuple[str, int, int, int] | None:
    """The same from each class's recall. Where all other recalls are about 0, what is right is of the class named."""
    recalls: Mapping[str, Any] = {name: value for name, value in event["val"]["recall"].items() if value is not None}
    if not recalls:
        return None
    name = max(recalls, key=lambda known: recalls[known])
    if any(value > NEVER for known, value in recalls.items() if known != name):
        return None
    right = round(event["val"]["accuracy"] * images)
    own = round(right / recalls[name]) if recalls[name] else 0
    return (name, own, images - own, 0) if _nothing_else(right, own, images - own, 0) else None


def _nothing_else(right: int, own: int, others: int, found: int) -> bool:
    if own == 0 or others == 0 or right < (1 - NEVER) * own:
        return False
    return found <= NEVER * others and at_most(found / others, others) < FOUND


def _finding(seen: Evidence, name: str, own: int, others: int, found: int, split: str, majority: float | None) -> Finding:
    what = (
        f"It names {name!r} for almost every {split} image: {count(own)} are of that class, and of the {count(others)} others "
        f"it finds {count(found) if found else 'none'}."
    )
    share = own / (own + others)
    uneven = majority is not None and majority * seen.classes > UNEVEN and share >= majority - 1e-9
    if not uneven:
        means = (
            "The answer no longer depends on the image: the rate is too high, or the features say nothing about the classes."
        )
        return Finding("problem", what, means, first_that_changes(seen.spec, slower(seen.spec)))
    means = f"Always naming the largest class is right in {percent(share)} of the images, so the loss has little to gain."
    auroc = seen.validated[-1]["val"].get("auroc") if seen.validated else None
    if auroc is not None and auroc > TOLD_APART:
        means += f" It can tell them apart (AUROC {decimal(auroc)} on the validation split), but rare images count too little."
    if seen.spec.class_weights:
        means += " The classes are weighed already, but within each batch: in one without rare images the weights cancel out."
    remedy = first_that_changes(seen.spec, weighed_classes(), larger_batch(seen.spec), slower(seen.spec))
    return Finding("problem", what, means, remedy)
