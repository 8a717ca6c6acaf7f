"""Presets that differ in how fast each part moves, and in what order of depth."""

from __future__ import annotations

from tlcore.strategies.phases import Gradual
from tlcore.strategies.presets.record import Preset
from tlcore.strategies.rates import AutoRGN, AutoSNR, Discriminative, LayerWiseDecay
from tlcore.strategies.scope import All
from tlcore.strategies.strategy import Strategy

PRESETS = (
    Preset(
        title="ULMFiT",
        sentence="One group more in each phase from the top down, each 2.6 times slower than the one above it, along slanted "
        "triangles.",
        updates="one group more in each phase, from the top down",
        expect="All three ideas of the paper at once: a short rise finds the region, the long fall settles in it, and the "
        "lower groups hardly move. Wants at least one epoch per group; the triangle begins anew in each phase.",
        when="With few labels, when gradual unfreezing works and the start of each phase is rough.",
        analogy="Letting children into the pool one class at a time: each starts in the shallows, gets going, then calms down.",
        forgetting="medium",
        labels="some",
        compute="high",
        source="Howard & Ruder 2018, ULMFiT",
        strategy=Strategy(
            name="ulmfit", scope=All(), phases=Gradual(), rates=Discriminative(factor=2.6, schedule="slanted-triangular")
        ),
        defaults={"epochs": 10},
    ),
    Preset(
        title="Layer-wise decay",
        sentence="Everything trains, each block at three quarters of the rate of the one above it.",
        updates="everything, the lower the slower",
        expect="The usual way to fine-tune transformers. Below a dozen blocks the stem moves some forty times slower than "
        "the head; with a few stages the difference is small.",
        when="To fine-tune a transformer in full, with hundreds of labels or more.",
        analogy="A choir changes its style: the soloists at once, each row behind them a little later and a little less.",
        forgetting="medium",
        labels="some",
        compute="high",
        source="Clark et al. 2020, ELECTRA; Bao et al. 2022, BEiT",
        strategy=Strategy(name="layer-wise-decay", scope=All(), rates=LayerWiseDecay()),
    ),
    Preset(
        title="Auto-RGN",
        sentence="Everything trains; in each epoch a group's rate goes by how large its gradient is beside its weights.",
        updates="everything, as fast as its gradient asks for",
        expect="Finds by itself which part the new task needs: lower groups for another kind of image, upper ones for other "
        "answers. A new head asks for by far the most and leaves the rest about a hundredth. Davila et al. 2024 saw up to "
        "11 % over plain fine-tuning.",
        when="When you cannot tell how the new images differ from the old ones.",
        analogy="A coach asks every player at half-time what hurts, and trains with each of them on that.",
        forgetting="medium",
        labels="some",
        compute="high",
        source="Lee et al. 2023, Surgical fine-tuning",
        strategy=Strategy(name="auto-rgn", scope=All(), rates=AutoRGN()),
    ),
    Preset(
        title="Auto-SNR",
        sentence="At each epoch's start, groups whose gradient does not stand out of its noise are held still for the epoch.",
        updates="the groups whose gradient is clear",
        expect="Holds still what the batches do not agree on, so less is forgotten than in full fine-tuning. The paper found "
        "it weaker than Auto-RGN, and the threshold has to be tuned.",
        when="With few or noisy labels, as a guard against chasing noise.",
        analogy="A committee acts only where its members agree; on everything else it waits for the next meeting.",
        forgetting="medium",
        labels="some",
        compute="high",
        source="Lee et al. 2023, Surgical fine-tuning; the ratio after Mahsereci et al. 2017",
        strategy=Strategy(name="auto-snr", scope=All(), rates=AutoSNR()),
    ),
    Preset(
        title="Gradual, bottom-up",
        sentence="The head first, then one group more in each phase, from the image upwards.",
        updates="one group more in each phase, from the bottom up",
        expect="Lets the network see anew before it judges anew. The lowest layers move from early on, so nothing below them "
        "can be kept, and little is saved.",
        when="When the images themselves are new (another sensor, another contrast) and what they show is familiar.",
        analogy="New glasses first, and only then a new opinion about what is seen.",
        forgetting="high",
        labels="some",
        compute="high",
        source="Davila et al. 2024, Comparison of fine-tuning strategies (there G-FL: first to last)",
        strategy=Strategy(name="g-fl", scope=All(), phases=Gradual(direction="bottom-up")),
        defaults={"epochs": 10},
    ),
)
