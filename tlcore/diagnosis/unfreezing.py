"""A drop right after unfreezing: the new groups move too fast, and what the head relied on is gone."""

from __future__ import annotations

from itertools import pairwise

from tlcore.diagnosis.evidence import Evidence, kept_words
from tlcore.diagnosis.finding import CannotTell, Finding, first_that_changes
from tlcore.diagnosis.noise import at_least
from tlcore.diagnosis.remedies import slower, slower_body
from tlcore.figures.fold import Event
from tlcore.figures.words import count, listing, percent, rate

WORSE_THAN_CHANCE = 2.0  # the training loss, as a multiple of that of guessing: the features are gone, whatever the noise


def unfreezes(seen: Evidence) -> bool:
    """Whether some phase trains a group that the one before it did not."""
    return any(_newly(seen, earlier, later) for earlier, later in pairwise(range(len(seen.plan.phases))))


def drop_after_unfreezing(seen: Evidence) -> Finding | CannotTell | None:
    """Fires where the accuracy of the epoch after falls below the 95 % interval of the epoch before, and the loss rises.

    Both look at the same images, so most of the chance in them is shared and the interval of one is a cautious measure. The
    first epoch after an unfreezing whose training loss is twice that of guessing counts too, on however few images.
    """
    borders = [(before, after) for before, after in pairwise(seen.epochs) if _newly(seen, before["phase"], after["phase"])]
    if not borders:
        return CannotTell("no epoch has ended after an unfreezing")
    drops = [(before, after) for before, after in borders if exploded(seen, before, after) or _dropped(seen, before, after)]
    if not drops:
        return None if seen.val_images else CannotTell("there are no validation images")
    before, after = max(drops, key=lambda pair: (_accuracy(pair[0]) or 0) - (_accuracy(pair[1]) or 0))
    groups = _newly(seen, before["phase"], after["phase"])
    rates = {group: seen.plan.phases[after["phase"]].rates[group] for group in groups}
    fastest = max(groups, key=lambda group: rates[group])
    names = listing(groups) if len(groups) <= 3 else f"{groups[0]} to {groups[-1]}"
    what = (
        f"Epoch {after['epoch'] + 1} is the first in which {names} {'trains' if len(groups) == 1 else 'train'}, at up to "
        f"{rate(rates[fastest])}. {_change(seen, before, after)}"
    )
    later = [event for event in seen.epochs if event["epoch"] > after["epoch"]]
    level = _accuracy(before)
    recovered = bool(later) and level is not None and (_accuracy(later[-1]) or 0) >= level
    if recovered:
        what += f" By epoch {later[-1]['epoch'] + 1} it is back, at {percent(_accuracy(later[-1]))}."
    means = (
        "Most often the rate is too high for pretrained weights: the first steps pull the features out of the shape that the "
        "head has learnt to read." + (" It learnt them anew; a lower rate may not lose them." if recovered else "")
    )
    saved = False
    if (best := seen.best) is not None and best["epoch"] < after["epoch"]:
        means += f" {kept_words(seen, best)}"
        saved = seen.over
    severity = "info" if recovered else "warning" if saved else "problem"
    return Finding(severity, what, means, first_that_changes(seen.spec, slower_body(seen.spec), slower(seen.spec)))


def exploded(seen: Evidence, before: Event, after: Event) -> bool:
    """Whether the training loss went from sense to nonsense as groups were unfrozen between two epochs."""
    limit = WORSE_THAN_CHANCE * seen.chance_loss
    return bool(_newly(seen, before["phase"], after["phase"])) and before["train"]["loss"] < limit < after["train"]["loss"]


def _dropped(seen: Evidence, before: Event, after: Event) -> bool:
    first, second = _accuracy(before), _accuracy(after)
    if first is None or second is None:
        return False
    return second < at_least(first, seen.val_images) and after["val"]["loss"] > before["val"]["loss"]


def _newly(seen: Evidence, earlier: int, later: int) -> list[str]:
    phases = seen.plan.phases
    names = [group.name for group in seen.plan.groups]
    return (
        [name for name in names if phases[later].trains(name) and not phases[earlier].trains(name)] if later > earlier else []
    )


def _accuracy(event: Event) -> float | None:
    return event["val"].get("accuracy")


def _change(seen: Evidence, before: Event, after: Event) -> str:
    training = f"the training loss goes from {before['train']['loss']:.3f} to {after['train']['loss']:.3f}"
    first, second = _accuracy(before), _accuracy(after)
    if first is None or second is None:
        return f"In it, {training}; guessing gives {seen.chance_loss:.3f}."
    images = f"{count(seen.val_images)} validation images"
    return f"In it, the accuracy on the {images} goes from {percent(first)} to {percent(second)} and {training}."
