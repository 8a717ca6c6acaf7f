"""The head alone does better: what the groups learnt cost more than it brought."""

from __future__ import annotations

from tlcore.advice.plateau import difference
from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, first_that_changes
from tlcore.diagnosis.overshoot import jump, moves_at_once
from tlcore.diagnosis.remedies import fewer_groups, kept_head, slower, slower_body
from tlcore.figures.words import count, percent
from tlcore.training.intervals import wilson

LEARNT = (
    0.05  # of its training images, in which augmentation costs a little: that much below the probe, it lacks more than luck
)


def moves_features(seen: Evidence) -> bool:
    """Of features learnt from photographs: the head alone is the measure of what they were worth as they came."""
    return seen.spec.strategy.start.kind == "pretrained" and bool(seen.moving)


def head_alone_better(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where a finished run names fewer validation images rightly than a probe of the very same data, beyond chance.

    Newcombe's interval of the difference takes the images to be others, so it is rather too wide than too narrow.
    """
    if seen.best is None:
        return CannotTell("no epoch has validation images" if not seen.val_images else "no epoch has ended")
    if seen.result is None:
        return CannotTell("the run has no result")
    if seen.probe is None:
        return CannotTell("no probe of these images, the head alone on frozen features, has been run here")
    own, alone = (_share(val["accuracy"], seen.val_images) for val in (seen.best["val"], seen.probe["val"]))
    gain, low, high = (100 * part for part in difference(own, alone))
    if high >= 0:
        return None
    trained, by_probe = (epochs[-1]["train"]["accuracy"] for epochs in (seen.epochs, seen.probe["history"]))
    what = (
        f"Of the {count(seen.val_images)} validation images this run names {percent(own['value'])} rightly, and a probe, the "
        f"head alone on frozen features, {percent(alone['value'])}: {gain:+.1f} points ({low:+.1f} to {high:+.1f}). Of the "
        f"training images the run names {percent(trained)} at the end, the probe {percent(by_probe)}."
    )
    if trained >= by_probe - LEARNT:
        means = "What the groups learnt holds for the training images alone: there are too few to move so much."
        return Finding("warning", what, means, first_that_changes(seen.spec, fewer_groups(seen), kept_head(seen.spec)))
    if moves_at_once(seen) and seen.opening and jump(seen) is not None:
        means = "The rate is too high: the first steps broke what the head alone could use, and the run did not win it back."
        return Finding("warning", what, means, first_that_changes(seen.spec, slower_body(seen.spec), slower(seen.spec)))
    means = (
        "The run knows even its training images less well: the features moved on while the head was still learning, or the "
        "epochs were too few. A head that is good before anything moves has neither trouble."
    )
    return Finding("warning", what, means, first_that_changes(seen.spec, kept_head(seen.spec)))


def _share(value: float, images: int) -> dict[str, float]:
    low, high = wilson(value, images)
    return {"value": value, "low": low, "high": high}
