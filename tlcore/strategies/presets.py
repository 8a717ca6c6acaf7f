"""The strategies that the literature has names for, each with its source and what to expect of it.

A new preset is one record here; it then appears in the pages, on the command line and in the tests by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from tlcore.errors import UnknownName
from tlcore.strategies.phases import Gradual, HeadThenBody
from tlcore.strategies.rates import Discriminative, Uniform
from tlcore.strategies.scope import All, HeadOnly, Top, Window
from tlcore.strategies.start import Random
from tlcore.strategies.strategy import Strategy


@dataclass(frozen=True)
class Preset:
    """A named strategy, for people."""

    title: str
    sentence: str  # what it does, in one sentence
    expect: str  # what usually happens, and when to choose it
    source: str
    strategy: Strategy


def _records(*presets: Preset) -> dict[str, Preset]:
    return {preset.strategy.name: preset for preset in presets}


STRATEGIES: dict[str, Preset] = _records(
    Preset(
        "Linear probe",
        "Only the head trains; the backbone computes features.",
        "The safest and fastest. Nothing is forgotten, and on small data it is hard to beat.",
        "Alain & Bengio 2016; Kornblith et al. 2019",
        Strategy(name="linear-probe", scope=HeadOnly()),
    ),
    Preset(
        "Last group",
        "The head and the backbone's last group train.",
        "A little more room than a probe, at little risk: the last group is the most specific to the old task.",
        "Yosinski et al. 2014",
        Strategy(name="last-group", scope=Top(count=1)),
    ),
    Preset(
        "Top two groups",
        "The head and the backbone's last two groups train.",
        "For data that differ from the old task and are more than a few hundred images.",
        "Yosinski et al. 2014",
        Strategy(name="top-two-groups", scope=Top(count=2)),
    ),
    Preset(
        "Middle only",
        "The head and the middle groups train; the bottom and the top stay frozen.",
        "Asks whether the middle is what the new task needs. It depends on the kind of shift (Lee et al. 2023).",
        "Lee et al. 2023, Surgical fine-tuning",
        Strategy(name="middle-only", scope=Window(first="middle", last="middle")),
    ),
    Preset(
        "Full fine-tuning",
        "Everything trains, the backbone ten times slower than the head.",
        "The most room, the most forgetting. Keep the rate small and BatchNorm frozen.",
        "Girshick et al. 2014",
        Strategy(name="full", scope=All()),
    ),
    Preset(
        "Full, discriminative rates",
        "Everything trains, each group 2.6 times slower than the one above it.",
        "Keeps the general layers at the bottom close to what they were.",
        "Howard & Ruder 2018, ULMFiT",
        Strategy(name="discriminative", scope=All(), rates=Discriminative()),
    ),
    Preset(
        "Two-stage",
        "First the head alone, then the last group as well, at a tenth of the rate.",
        "The usual recipe of tutorials: the head settles before anything below it may move.",
        "Practice; see Davila et al. 2024",
        Strategy(name="two-stage", scope=Top(count=1), phases=HeadThenBody(lr_mult=0.1), rates=Uniform(body_lr_mult=1.0)),
    ),
    Preset(
        "LP-FT",
        "First the head alone, then everything at a tenth of the rate.",
        "Better than full fine-tuning away from the training data, and often on it.",
        "Kumar et al. 2022",
        Strategy(name="lp-ft", scope=All(), phases=HeadThenBody(lr_mult=0.1), rates=Uniform(body_lr_mult=1.0)),
    ),
    Preset(
        "Gradual unfreezing",
        "The head first, then one group more in each phase, from the top down, lower groups slower.",
        "Lets the network adapt in order; wants at least one epoch per group.",
        "Howard & Ruder 2018, ULMFiT",
        Strategy(name="gradual", scope=All(), phases=Gradual(), rates=Discriminative(schedule="one-cycle")),
    ),
    Preset(
        "From scratch",
        "Random weights, and everything trains at one rate with BatchNorm trained.",
        "The control: what the pretrained weights are worth is the distance to this.",
        "He et al. 2019, Rethinking ImageNet pre-training",
        Strategy(
            name="from-scratch",
            scope=All(batchnorm="trained"),
            rates=Uniform(body_lr_mult=1.0, schedule="one-cycle"),
            start=Random(),
        ),
    ),
    Preset(
        "Random features",
        "Random weights stay frozen and only the head trains.",
        "The other control: what a probe gets from the architecture alone. On easy tasks it is surprisingly much.",
        "Jarrett et al. 2009; Saxe et al. 2011",
        Strategy(name="random-features", scope=HeadOnly(), start=Random()),
    ),
)


def preset(name: str) -> Strategy:
    """The strategy called `name`. Raises `UnknownName` with the names there are."""
    if name not in STRATEGIES:
        raise UnknownName("strategy", name, STRATEGIES)
    return STRATEGIES[name].strategy
