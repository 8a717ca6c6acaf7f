"""Presets that differ in how far they unfreeze, all in one phase."""

from __future__ import annotations

from tlcore.strategies.presets.record import Preset
from tlcore.strategies.rates import Discriminative
from tlcore.strategies.scope import All, HeadOnly, Top, Window
from tlcore.strategies.strategy import Strategy

PRESETS = (
    Preset(
        title="Linear probe",
        sentence="Only the head trains; the backbone computes features.",
        updates="the head alone",
        expect="The safest and fastest. Nothing is forgotten, and on small data it is hard to beat.",
        when="First of all, and with few labels: what it reaches is what the pretrained features already know.",
        analogy="A trained eye gets a new questionnaire: it sees as before and only learns which box to tick.",
        forgetting="none",
        labels="few",
        compute="low",
        source="Alain & Bengio 2016, linear probes; Kornblith et al. 2019, Do better ImageNet models transfer better?",
        strategy=Strategy(name="linear-probe", scope=HeadOnly()),
    ),
    Preset(
        title="Last group",
        sentence="The head and the backbone's last group train.",
        updates="the head and the last group",
        expect="A little more room than a probe, at little risk: the last group is the most specific to the old task.",
        when="When the probe levels off and there are a few hundred labels.",
        analogy="An experienced cook keeps every skill and changes only how the dish is finished.",
        forgetting="low",
        labels="some",
        compute="low",
        source="Yosinski et al. 2014, How transferable are features in deep neural networks?",
        strategy=Strategy(name="last-group", scope=Top(count=1)),
    ),
    Preset(
        title="Top two groups",
        sentence="The head and the backbone's last two groups train.",
        updates="the head and the last two groups",
        expect="For data that differ from the old task and are more than a few hundred images.",
        when="When unfreezing the last group helped and the labels are enough for more.",
        analogy="A pianist who takes up the organ relearns the feet and the stops, and keeps the notes.",
        forgetting="medium",
        labels="some",
        compute="medium",
        source="Yosinski et al. 2014, How transferable are features in deep neural networks?",
        strategy=Strategy(name="top-two-groups", scope=Top(count=2)),
    ),
    Preset(
        title="Middle only",
        sentence="The head and the middle groups train; the bottom and the top stay frozen.",
        updates="the head and the middle groups",
        expect="Asks whether the middle is what the new task needs. It depends on the kind of shift (Lee et al. 2023).",
        when="When the new images differ in the parts of things, and neither in texture nor in what they show.",
        analogy="The same letters and the same stories, in another handwriting: only reading words has to adapt.",
        forgetting="medium",
        labels="some",
        compute="medium",
        source="Lee et al. 2023, Surgical fine-tuning",
        strategy=Strategy(name="middle-only", scope=Window(first="middle", last="middle")),
    ),
    Preset(
        title="Full fine-tuning",
        sentence="Everything trains, the backbone ten times slower than the head.",
        updates="everything",
        expect="The most room, the most forgetting. Keep the rate small and BatchNorm frozen.",
        when="With thousands of labels and a new kind of image.",
        analogy="Moving to another country: everything adapts, and the old language fades.",
        forgetting="high",
        labels="many",
        compute="high",
        source="Girshick et al. 2014, R-CNN",
        strategy=Strategy(name="full", scope=All()),
    ),
    Preset(
        title="Full, discriminative rates",
        sentence="Everything trains, each group 2.6 times slower than the one above it.",
        updates="everything, the lower the slower",
        expect="Keeps the general layers at the bottom close to what they were.",
        when="With many labels, where full fine-tuning forgets more than you can afford.",
        analogy="A house is refurbished: new furniture at once, new paint where needed, the foundations hardly touched.",
        forgetting="medium",
        labels="many",
        compute="high",
        source="Howard & Ruder 2018, ULMFiT",
        strategy=Strategy(name="discriminative", scope=All(), rates=Discriminative()),
    ),
)
