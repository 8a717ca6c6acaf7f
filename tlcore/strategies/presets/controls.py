"""Presets that every claim is held against."""

from __future__ import annotations

from tlcore.strategies.presets.record import Preset
from tlcore.strategies.rates import Uniform
from tlcore.strategies.scope import All, HeadOnly
from tlcore.strategies.start import Random
from tlcore.strategies.strategy import Strategy

PRESETS = (
    Preset(
        title="From scratch",
        sentence="Random weights, and everything trains at one rate with BatchNorm trained.",
        updates="everything, from random weights",
        expect="The control: what the pretrained weights are worth is the distance to this.",
        when="To know whether pretraining helps here at all, or with very many labels.",
        analogy="Learning to see and learning the trade at the same time.",
        forgetting="none",
        labels="many",
        compute="high",
        source="He et al. 2019, Rethinking ImageNet pre-training",
        strategy=Strategy(
            name="from-scratch",
            scope=All(batchnorm="trained"),
            rates=Uniform(body_lr_mult=1.0, schedule="one-cycle"),
            start=Random(),
        ),
    ),
    Preset(
        title="Random features",
        sentence="Random weights stay frozen and only the head trains.",
        updates="the head alone, on random weights",
        expect="The other control: what a probe gets from the architecture alone. On easy tasks it is surprisingly much.",
        when="To see how much of a probe's result is owed to the pretrained weights.",
        analogy="Judging through frosted glass: what can still be told apart was easy.",
        forgetting="none",
        labels="few",
        compute="low",
        source="Jarrett et al. 2009, What is the best multi-stage architecture?; Saxe et al. 2011, On random weights",
        strategy=Strategy(name="random-features", scope=HeadOnly(), start=Random()),
    ),
)
