"""Rates that are out of range: so small that nothing moves, or so high that the loss explodes."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median

from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, Remedy, Severity, first_that_changes
from tlcore.diagnosis.noise import loss_wobble
from tlcore.diagnosis.remedies import SLOWER, slower
from tlcore.diagnosis.unfreezing import WORSE_THAN_CHANCE, exploded
from tlcore.figures.fold import Event
from tlcore.figures.words import count, percent, rate
from tlcore.groups import HEAD
from tlcore.spec import RunSpec

STILL = 0.01  # the head's drift: weights that moved by a hundredth of their length answer as they did
FLAT = 0.02  # the change of a loss over the epochs, as a share of itself
UNLEARNT = 0.9  # of the loss of guessing: a head that knows something already may well stand still
RECENT = 5  # reported steps whose median must be nonsense: a single batch may be


def steps_taken(seen: Evidence) -> bool:
    """A head that is solved takes no steps, so no rate can be wrong."""
    return not all(seen.solved)


def dead_rate(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where an epoch or more has gone by and the head stands where it began, having learnt nothing."""
    taken = [event for event in seen.epochs if not seen.solved[event["phase"]]]
    if not taken:
        return CannotTell("no epoch has ended")
    first, last = taken[0], taken[-1]
    moved, training = last["drift"][HEAD], last["train"]["loss"]
    if any(seen.solved) or moved > STILL or training < UNLEARNT * seen.chance_loss or not _flat(seen, first, last):
        return None
    peak = max(value for phase in seen.plan.phases for value in phase.rates.values() if value is not None)
    higher = max(RunSpec.model_fields["lr"].default, seen.spec.lr * SLOWER)
    before = f", after {first['train']['loss']:.3f} in the first epoch" if last is not first else ""
    what = (
        f"After {last['step']} steps the head has moved by {percent(moved, 2)} of the length of its weights, at a peak rate of "
        f"{rate(peak)}. The training loss is {training:.3f}{before}; guessing gives {seen.chance_loss:.3f}."
    )
    means = "The rate is far too small: in this many steps nothing can be learnt."
    return Finding(
        "problem", what, means, first_that_changes(seen.spec, Remedy(f"Raise the rate to {rate(higher)}", {"lr": higher}))
    )


def _flat(seen: Evidence, first: Event, last: Event) -> bool:
    """The validation loss is the steadier witness: nothing is drawn at random in it, while each epoch's crops differ."""
    split = "val" if first["val"].get("loss") is not None else "train"
    limit = FLAT if split == "val" else max(FLAT, loss_wobble(seen.train_images))
    return abs(last[split]["loss"] - first[split]["loss"]) <= limit * first[split]["loss"]


def exploding_rate(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where the run diverged, a loss is no number, or it is far above that of guessing and above where it began."""
    told = _diverged(seen) or _epochs_of_nonsense(seen) or _steps_of_nonsense(seen)
    if told is None:
        return None if seen.losses else CannotTell("no step has been taken")
    what, severity = told
    means = "The rate is too high: each step overshoots, and the next one has more to repair."
    return Finding(severity, what, means, first_that_changes(seen.spec, slower(seen.spec)))


def _diverged(seen: Evidence) -> tuple[str, Severity] | None:
    stopped = seen.error is not None and seen.error.get("type") == "Diverged"
    if not stopped and not any(math.isnan(loss) for loss in seen.losses):
        return None
    numbers = [loss for loss in seen.losses if math.isfinite(loss)]
    what = seen.error["message"] if stopped else "The training loss of a step is no longer a number."
    if numbers:
        what += f" The training loss began at {_loss(numbers[0])} and was {_loss(numbers[-1])} when last reported; "
        what += f"guessing gives {seen.chance_loss:.3f}."
    return f"{what} The peak rate was {rate(seen.spec.lr)}.", "problem"


def _nonsense(seen: Evidence) -> float:
    """The loss from which on nothing is learnt any more: twice that of guessing, and twice where a fresh head began, which is
    known from a single batch only."""
    began = seen.losses[0] * (1 + loss_wobble(seen.spec.batch_size)) if seen.losses else 0.0
    return WORSE_THAN_CHANCE * max(seen.chance_loss, began)


def _epochs_of_nonsense(seen: Evidence) -> tuple[str, Severity] | None:
    """What begins at an unfreezing is that detector's to tell."""
    limit = _nonsense(seen)
    worst, from_unfreezing = None, False
    for before, after in pairwise([None, *seen.epochs]):
        validation = after["val"].get("loss")
        if after["train"]["loss"] <= limit or (validation is not None and validation <= seen.chance_loss):
            from_unfreezing = False
            continue
        from_unfreezing |= before is not None and exploded(seen, before, after)
        if not from_unfreezing and (worst is None or after["train"]["loss"] > worst["train"]["loss"]):
            worst = after
    if worst is None:
        return None
    last = seen.epochs[-1]
    what = (
        f"In epoch {worst['epoch'] + 1} the training loss is {_loss(worst['train']['loss'])}; {_began(seen)}"
        f"guessing gives {seen.chance_loss:.3f}. The peak rate is {rate(seen.spec.lr)}."
    )
    if last["train"]["loss"] < seen.chance_loss:
        return f"{what} It comes down to {last['train']['loss']:.3f} by epoch {last['epoch'] + 1}.", "warning"
    return what, "problem"


def _steps_of_nonsense(seen: Evidence) -> tuple[str, Severity] | None:
    """Within the first epoch, before there is any other sign."""
    if len(seen.losses) <= RECENT or seen.epochs:
        return None
    began, now = seen.losses[0], median(seen.losses[-RECENT:])
    if now <= _nonsense(seen):
        return None
    what = f"The training loss began at {_loss(began)} and is now about {_loss(now)}; guessing gives {seen.chance_loss:.3f}."
    return f"{what} The peak rate is {rate(seen.spec.lr)}.", "problem"


def _began(seen: Evidence) -> str:
    return f"it began at {_loss(seen.losses[0])}, and " if seen.losses else ""


def _loss(value: float) -> str:
    if value < 100:
        return f"{value:.3f}"
    return count(value) if value < 1e6 else f"{value:.1e}"
