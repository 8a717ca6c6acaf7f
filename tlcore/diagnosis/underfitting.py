"""Under-fitting: the run ends before it has learnt even its training images.

Measured on 291 runs with six backbones, each with a probe of the same data beside it. In 50 of those without a graver fault no
epoch had a training loss below 0.4 of that of guessing, and fewer than nine in ten images were named rightly: 48 lost 6 points
or more of validation accuracy to the probe, two were 4 and 5 points better than it.
`tests/diagnosis/recorded.json` keeps some.
"""

from __future__ import annotations

from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import CannotTell, Finding, first_that_changes
from tlcore.diagnosis.noise import at_most
from tlcore.diagnosis.plateau import SETTLED, settled
from tlcore.diagnosis.remedies import faster, longer
from tlcore.figures.words import count, percent, rate, times

HIGH = 0.4  # of the loss of guessing, which no epoch has got below
NOTHING = 0.9  # of the same: a head that stands there has not begun to read its random features
LEVEL = 0.9  # of the images: what is named as well as that is learnt, however unsure the answers still are


def under_fitting(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where a run is done, has a high training loss and misses, beyond chance, a tenth of the images it trains on.

    A warning, or worth knowing where it does as well as a probe even so.
    """
    if not seen.done or not seen.epochs:
        return CannotTell("the run has not come to its end")
    if seen.solved[seen.epochs[-1]["phase"]] or _learnt(seen):
        return None
    stands = settled(seen) is True
    if stands and not seen.moving and (seen.pretrained or _least(seen) < NOTHING):
        return None  # a head that has settled lacks features, not time: that is the plateau's to tell
    remedies = [longer(seen.spec), faster(seen.spec)]
    means = "It has not learnt even the images that it sees: it ended while it was still learning."
    if stands:
        remedies.reverse()
        means = (
            "It has not learnt even the images that it sees, and in the second half of the epochs its loss fell by less than "
            f"{percent(SETTLED, 0)}: at {rate(seen.spec.lr)} too little moves."
        )
    as_good = seen.probe is not None and _named(seen) >= seen.probe["val"]["accuracy"]
    return Finding("info" if as_good else "warning", _seen(seen), means, first_that_changes(seen.spec, *remedies))


def _learnt(seen: Evidence) -> bool:
    trained = max(event["train"]["accuracy"] for event in seen.epochs)
    return _least(seen) <= HIGH or at_most(trained, seen.train_images) >= LEVEL or _named(seen) >= LEVEL


def _least(seen: Evidence) -> float:
    """The lowest training loss of any epoch, as a share of that of guessing."""
    return min(event["train"]["loss"] for event in seen.epochs) / seen.chance_loss


def _named(seen: Evidence) -> float:
    """The share of the validation images that was named rightly at best; 0 where there are none."""
    return max((event["val"]["accuracy"] for event in seen.validated), default=0.0)


def _seen(seen: Evidence) -> str:
    last = seen.epochs[-1]
    new = (
        f", and {percent(last['val']['accuracy'])} of the {count(seen.val_images)} validation images" if seen.validated else ""
    )
    return (
        f"After {times(last['step'], 'step')} in {times(len(seen.epochs), 'epoch')} the training loss is "
        f"{last['train']['loss']:.3f}; guessing gives {seen.chance_loss:.3f}. The run names "
        f"{percent(last['train']['accuracy'])} of the {count(seen.train_images)} images that it trains on rightly{new}."
    )
