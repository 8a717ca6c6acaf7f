"""Presets that unfreeze in several phases."""

from __future__ import annotations

from tlcore.strategies.phases import Gradual, HeadThenBody
from tlcore.strategies.presets.record import Preset
from tlcore.strategies.rates import Discriminative, Uniform
from tlcore.strategies.scope import All, Top
from tlcore.strategies.strategy import Strategy

PRESETS = (
    Preset(
        title="Two-stage",
        sentence="First the head alone, then the last group as well, at a thirtieth of the rate.",
        updates="the head, then the last group too",
        expect="The usual recipe of tutorials: the head settles before anything below it may move.",
        when="As a default with a few hundred labels.",
        analogy="A new manager first learns the team's names, and only then moves the desks.",
        forgetting="low",
        labels="some",
        compute="low",
        source="Practice; see Davila et al. 2024, Comparison of fine-tuning strategies",
        strategy=Strategy(
            name="two-stage", scope=Top(count=1), phases=HeadThenBody(lr_mult=0.03), rates=Uniform(body_lr_mult=1.0)
        ),
    ),
    Preset(
        title="LP-FT",
        sentence="First the head alone until it has converged, then everything at a thirtieth of the rate.",
        updates="the head, then everything",
        expect="Better than full fine-tuning away from the training data, and often on it.",
        when="When you would fine-tune in full: a head that is already good pulls the features less out of shape.",
        analogy="Tune the radio to the station before you rebuild the antenna.",
        forgetting="medium",
        labels="some",
        compute="high",
        source="Kumar et al. 2022, Fine-tuning can distort pretrained features",
        strategy=Strategy(
            name="lp-ft",
            scope=All(),
            phases=HeadThenBody(head_until="converged", lr_mult=0.03),
            rates=Uniform(body_lr_mult=1.0),
        ),
    ),
    Preset(
        title="Gradual unfreezing",
        sentence="The head first, then one group more in each phase, from the top down, lower groups slower.",
        updates="one group more in each phase, from the top down",
        expect="Lets the network adapt in order; wants at least one epoch per group.",
        when="With few labels and images far from the old task.",
        analogy="Thawing a pond from the surface: what lies deeper stays as it was until its turn comes.",
        forgetting="medium",
        labels="some",
        compute="high",
        source="Howard & Ruder 2018, ULMFiT",
        strategy=Strategy(name="gradual", scope=All(), phases=Gradual(), rates=Discriminative(schedule="one-cycle")),
        defaults={"epochs": 10},  # one for each group of most backbones: with fewer, neighbours are unfrozen together
    ),
    Preset(
        title="Gradual, when it stalls",
        sentence="One group more, from the top down, each time that validation has stopped improving for two epochs.",
        updates="one group more whenever validation stalls, from the top down",
        expect="Stays with each group as long as that pays, and goes on when it does not. How far it gets in its epochs shows "
        "how deep the new task reaches.",
        when="When you can give it many epochs, and do not know how many each group needs.",
        analogy="A climber takes the next hold only when this one bears nothing more.",
        forgetting="medium",
        labels="some",
        compute="high",
        source="Howard & Ruder 2018, ULMFiT; the rule to go on: early stopping, Prechelt 1998",
        strategy=Strategy(
            name="gradual-stalled",
            scope=All(),
            phases=Gradual(until="stalled", patience=2),
            rates=Discriminative(schedule="constant"),
        ),
        defaults={"epochs": 40},
    ),
)
