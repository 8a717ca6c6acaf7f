"""Changes that several detectors recommend. None where a change makes no sense for the run."""

from __future__ import annotations

from tlcore.diagnosis.evidence import Evidence
from tlcore.diagnosis.finding import Remedy
from tlcore.figures.words import rate
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.rates import Uniform

SLOWER = 10.0  # "try a tenth": rates are searched by powers of ten, and a smaller change is hard to tell from noise
USUAL_BATCH = 32
FASTER = 3.0  # the way up is shorter than the way down: a rate that is too high breaks more than one that is too low
LONGER = 3  # times as many epochs: a loss falls by ever less, so half as many again would hardly show
LOWEST_RATE, LOWEST_MULT = 1e-6, 1e-4  # what the form of the Train page goes down to


def slower(spec: RunSpec) -> Remedy | None:
    lower = _rounded(spec.lr / SLOWER)
    if lower < LOWEST_RATE:
        return None
    return Remedy(f"Lower the rate to {rate(lower)}", {"lr": lower})


def faster(spec: RunSpec) -> Remedy:
    """To the usual rate at once where the run's is below it."""
    higher = max(RunSpec.model_fields["lr"].default, _rounded(spec.lr * FASTER))
    return Remedy(f"Raise the rate to {rate(higher)}", {"lr": higher})


def longer(spec: RunSpec) -> Remedy:
    """At least twice the usual number of epochs, and all of them."""
    epochs = max(2 * RunSpec.model_fields["epochs"].default, LONGER * spec.epochs)
    return Remedy(f"Train for {epochs} epochs", {"epochs": epochs, "patience": None})


def slower_body(spec: RunSpec) -> Remedy | None:
    """Only the backbone slower: the head's rate was not the fault. None where the strategy has no single rate for it."""
    rates = spec.strategy.rates
    if not isinstance(rates, Uniform):
        return None
    mult = _rounded(rates.body_lr_mult / SLOWER)
    if mult < LOWEST_MULT:
        return None
    changed = spec.strategy.model_copy(update={"rates": rates.model_copy(update={"body_lr_mult": mult})})
    return Remedy(f"Slow the backbone to {mult:g} of the head's rate", {"strategy": _custom(changed)})


def fewer_groups(seen: Evidence) -> Remedy | None:
    """The last group alone where more train, the head alone where that trains. None where only the head does."""
    if not seen.moving or not seen.pretrained:
        return None
    if len(seen.moving) > 1:
        return Remedy("Train the last group alone", {"strategy": "last-group"})
    return Remedy("Train the head alone", {"strategy": "linear-probe"})


def kept_head(spec: RunSpec) -> Remedy:
    """A head that is good before anything else moves, with two epochs or more for each half."""
    return Remedy("Keep the head, then unfreeze", {"strategy": "lp-ft", "epochs": max(4, spec.epochs)})


def frozen_batchnorm(spec: RunSpec) -> Remedy:
    scope = spec.strategy.scope.model_copy(update={"batchnorm": "frozen"})
    return Remedy("Freeze BatchNorm", {"strategy": _custom(spec.strategy.model_copy(update={"scope": scope}))})


def larger_batch(spec: RunSpec) -> Remedy | None:
    return Remedy(f"Batches of {USUAL_BATCH}", {"batch_size": USUAL_BATCH}) if spec.batch_size < USUAL_BATCH else None


def weighed_classes() -> Remedy:
    return Remedy("Weigh the classes", {"class_weights": True})


def _custom(strategy: Strategy) -> dict[str, object]:
    return strategy.model_copy(update={"name": "custom"}).model_dump(mode="json")


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")  # 1e-3 / 10 is 1e-4, not 0.00010000000000000001
