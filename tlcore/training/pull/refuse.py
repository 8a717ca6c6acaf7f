"""A pull that cannot work, told from the spec and the catalogue alone. No torch here."""

from __future__ import annotations

from tlcore.errors import SpecError
from tlcore.groups import HEAD
from tlcore.models.cards import SOURCES, BackboneCard
from tlcore.spec import RunSpec
from tlcore.strategies import Plan
from tlcore.strategies.start import FromRun

WEIGHTS_ALONE = "Choose l2-sp or l1-sp, which need the old weights alone"


def refuse_pull(spec: RunSpec, card: BackboneCard, plan: Plan) -> None:
    """Raise `SpecError` where the spec's pull has nothing to pull towards, or nothing to pull at."""
    pull, start = spec.strategy.pull, spec.strategy.start.kind
    if not pull.active:
        return
    if start == "random":
        raise SpecError(
            f"The pull {pull.kind} keeps what a network knew before, but random weights know nothing.",
            next_step="Start from pretrained weights, or choose no pull.",
        )
    keeps_head = isinstance(spec.strategy.start, FromRun) and spec.strategy.start.head == "kept"
    body_moves = any(phase.trains(group.name) for phase in plan.phases for group in plan.groups if group.name != HEAD)
    if not body_moves and not (keeps_head and pull.holds_head(kept=True)):
        raise SpecError(
            f"The pull {pull.kind} holds what was pretrained, but only the new head trains here.",
            next_step="Choose a scope that unfreezes more than the head, or no pull.",
        )
    if "answers" in pull.needs:
        _refuse_without_answers(spec, card)
    if start == "pretrained" and pull.kind == "ewc" and pull.fisher == "empirical":
        raise SpecError(
            "The empirical Fisher information needs source images with labels, but the photographs at hand have none.",
            next_step="Choose sampled labels.",
        )


def _refuse_without_answers(spec: RunSpec, card: BackboneCard) -> None:
    if spec.head == "attention" and spec.strategy.start.kind == "pretrained":
        raise SpecError(
            f"The pull {spec.strategy.pull.kind} asks the old classifier, which looks at the pooled features that an attention "
            "head does without.",
            next_step=f"Choose another head. {WEIGHTS_ALONE}.",
        )
    sources = [source for source in card.weights if spec.weights in (None, source.name)]
    own_file = spec.weights is not None and spec.weights not in SOURCES
    if spec.strategy.start.kind == "pretrained" and not own_file and not any(source.classes for source in sources):
        raise SpecError(
            f"The pull {spec.strategy.pull.kind} keeps the old classifier's answers, but the weights of {card.title} come "
            "without a classifier.",
            next_step=f"{WEIGHTS_ALONE}, or another backbone.",
        )
