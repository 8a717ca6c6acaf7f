"""A rate too high for the first steps: they overshoot, and the epochs that are left repair what they broke.

Measured on 103 runs with four backbones, 88 of them with a probe of the same data beside them. In 11 of these some step of the
first epoch had 3.2 times the loss of the start, or of guessing, and more: two were as good as the probe in the end, 9 lost 6 to
43 points. Of the others that were as good as the probe none went above 1.7 times. `tests/diagnosis/recorded.json` keeps half.
"""

from __future__ import annotations

from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, first_that_changes
from tlcore.diagnosis.noise import loss_wobble
from tlcore.diagnosis.remedies import slower, slower_body
from tlcore.figures.words import rate
from tlcore.groups import HEAD

STEP = 2.0  # of a single step, as a multiple of the loss of guessing and of where the run began; and the wobble of a batch
EPOCH = 1.25  # the same of an epoch's mean: a rate that suits brings the loss down from the first step on
BACK = 0.4  # of the loss of guessing: a training loss below it says that the run got over it
LEVEL = 0.9  # of the validation images: so does a share above it, where few steps leave even right answers unsure


def moves_at_once(seen: Evidence) -> bool:
    """Whether more than the head moves from the first step on: what is unfrozen later has a detector of its own."""
    return any(seen.plan.phases[0].trains(group.name) for group in seen.plan.groups if group.name != HEAD)


def overshoot(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where in the first epoch a step's training loss, or the mean, is far above that of guessing and of the first step.

    A warning where the run has not got over it, worth knowing where it has.
    """
    if not seen.opening:
        return CannotTell("no step has been taken")
    what = jump(seen)
    if what is None:
        return None
    last = seen.epochs[-1] if seen.epochs else None
    if last is not None:
        what += f" In epoch {last['epoch'] + 1} it is {last['train']['loss']:.3f}."
    remedy = first_that_changes(seen.spec, slower_body(seen.spec), slower(seen.spec))
    if _got_over_it(seen):
        means = "The rate is at its upper end. The run got over it; a lower rate would not have lost these steps."
        return Finding("info", what, means, remedy)
    shape = "what the backbone had learnt" if seen.pretrained else "the network"
    means = f"The rate is too high: the first steps throw {shape} out of shape, and the steps that are left repair it."
    return Finding("warning", what, means, remedy)


def _got_over_it(seen: Evidence) -> bool:
    if not seen.epochs:
        return False
    if seen.epochs[-1]["train"]["loss"] < BACK * seen.chance_loss:
        return True
    if seen.best is None:
        return False
    reached = seen.best["val"]["accuracy"]
    return reached >= LEVEL or (seen.probe is not None and reached >= seen.probe["val"]["accuracy"])


def jump(seen: Evidence) -> str | None:
    """What was seen, or None. A loss that is no number is the exploding rate's to tell."""
    began, highest = seen.opening[0], max(seen.opening)
    usual, wobble = max(began, seen.chance_loss), loss_wobble(seen.spec.batch_size)
    mean = seen.epochs[0]["train"]["loss"] if seen.epochs else 0.0
    if highest > STEP * (1 + wobble) * usual:
        what = f"Within the first epoch the training loss jumps from {began:.3f} to {highest:.3f}"
    elif mean > max(EPOCH, 1 + wobble) * usual:
        what = f"The training loss began at {began:.3f}, and its mean over epoch 1 is {mean:.3f}"
    else:
        return None
    return f"{what}; guessing gives {seen.chance_loss:.3f}. The peak rate is {rate(seen.spec.lr)}."
