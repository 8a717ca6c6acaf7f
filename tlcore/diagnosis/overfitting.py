"""Over-fitting: the training loss falls, the validation loss does not."""

from __future__ import annotations

from tlcore.diagnosis.evidence import Evidence, kept_words
from tlcore.diagnosis.finding import CannotTell, Finding, Remedy, first_that_changes
from tlcore.diagnosis.noise import at_most, loss_wobble
from tlcore.diagnosis.remedies import fewer_groups
from tlcore.figures.fold import Event
from tlcore.figures.words import count, interval, percent, times
from tlcore.training.intervals import wilson

RISE = 0.10  # the least share by which the validation loss must have risen, however many images it is measured on
SINCE = 2  # epochs in a row that must say so: a single one may be a spike
FALL = 0.05  # of a loss, as a share of it: less is neither learning nor recovering
STALLED = 3  # epochs without a better validation loss
HALVED = 0.5  # while the training loss has fallen to this share: it learns much, and nothing of it holds for new images


def over_fitting(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where new images are named worse than those trained on, beyond chance, and the gap is growing.

    A rise of the validation loss above chance is a warning; a standstill while the training loss halves is worth knowing.
    """
    if not seen.val_images:
        return CannotTell("there are no validation images")
    epochs = seen.validated
    if len(epochs) <= SINCE:
        return CannotTell(f"that takes {SINCE + 1} epochs")
    best = seen.best
    last, after = epochs[-1], [event for event in epochs if event["epoch"] > best["epoch"]]
    lowest, trained, training = best["val"]["loss"], best["train"]["loss"], last["train"]["loss"]
    apart = last["train"]["accuracy"] > at_most(last["val"]["accuracy"], seen.val_images)
    if len(after) < SINCE or not apart or training > trained * (1 - FALL):
        return None
    limit = lowest * (1 + max(RISE, loss_wobble(seen.val_images)))
    falls_again = last["val"]["loss"] < after[-2]["val"]["loss"] * (1 - FALL)
    if all(event["val"]["loss"] > limit for event in after[-SINCE:]) and not falls_again:
        rises = f"rises from {lowest:.3f} to {last['val']['loss']:.3f}"
        remedy = first_that_changes(
            seen.spec,
            Remedy("Turn augmentation on", {"augment": True}),
            None if seen.pretrained else Remedy("Begin with the pretrained weights", {"strategy": "last-group"}),
            fewer_groups(seen),
            Remedy("Raise the weight decay to 0.1", {"weight_decay": 0.1}) if seen.spec.weight_decay < 0.1 else None,
        )
        means = "It memorises its training images: what it still learns does not hold for new ones."
        return Finding("warning", _seen(seen, best, last, rises), f"{means} {kept_words(seen, best)}", remedy)
    visible = min(HALVED, 1 - loss_wobble(seen.val_images))  # had the validation loss fallen as far, one would see it
    if len(after) >= STALLED and training < trained * visible:
        stands = f"gets no lower than {lowest:.3f} in {times(len(after), 'epoch')}"
        remedy = first_that_changes(seen.spec, None if seen.spec.patience else Remedy("Stop when it stalls", {"patience": 2}))
        means = "What it still learns is about its training images alone. No harm is done, but no good either."
        return Finding("info", _seen(seen, best, last, stands), f"{means} {kept_words(seen, best)}", remedy)
    return None


def _seen(seen: Evidence, best: Event, last: Event, what: str) -> str:
    low, high = wilson(last["val"]["accuracy"], seen.val_images)
    accuracy = interval({"value": last["val"]["accuracy"], "low": low, "high": high})
    return (
        f"After epoch {best['epoch'] + 1} the validation loss {what}, while the training loss falls from "
        f"{best['train']['loss']:.3f} to {last['train']['loss']:.3f}. In epoch {last['epoch'] + 1} it names "
        f"{percent(last['train']['accuracy'])} of its training images rightly, and {accuracy} of the {count(seen.val_images)} "
        "validation images."
    )
