"""Presets that train everything, and hold on to what the network knew."""

from __future__ import annotations

from tlcore.strategies.presets.record import Preset
from tlcore.strategies.pull import EWC, L1SP, L2SP, Distillation, Replay
from tlcore.strategies.scope import All
from tlcore.strategies.strategy import Strategy

PRESETS = (
    Preset(
        title="L2-SP",
        sentence="Full fine-tuning in which every weight is pulled back to where it started, harder the further it is.",
        updates="everything, on a leash to the old weights",
        expect="Less drift at no cost worth naming. With few labels often a little better than full fine-tuning.",
        when="When you would fine-tune in full on few labels, and the old task is near the new one.",
        analogy="A dog on an elastic lead: it may run anywhere, and each metre pulls harder.",
        forgetting="medium",
        labels="some",
        compute="high",
        source="Li, Grandvalet & Davoine 2018, Explicit inductive bias for transfer learning",
        strategy=Strategy(name="l2-sp", scope=All(), pull=L2SP()),
    ),
    Preset(
        title="L1-SP",
        sentence="Full fine-tuning in which every weight is pulled back to where it started, equally hard at any distance.",
        updates="everything, though most weights stay about where they were",
        expect="Change gathers in the weights that earn it. In the paper about as good as L2-SP.",
        when="When you want to see which few weights the new task cannot do without moving.",
        analogy="A toll for every step from home: people stay in unless the errand is worth it.",
        forgetting="medium",
        labels="some",
        compute="high",
        source="Li, Grandvalet & Davoine 2018, Explicit inductive bias for transfer learning",
        strategy=Strategy(name="l1-sp", scope=All(), pull=L1SP()),
    ),
    Preset(
        title="EWC",
        sentence="Full fine-tuning in which weights that mattered to the old task are held, and the others are free.",
        updates="everything, held by how much the old task leaned on it",
        expect="For the same drift more of the old task is kept than by L2-SP. First it measures what mattered, which takes "
        "some seconds.",
        when="When the old task has to go on working, and there are images of it but no labels.",
        analogy="Rebuilding a house with the load-bearing walls marked: move any other wall you like.",
        forgetting="low",
        labels="some",
        compute="high",
        source="Kirkpatrick et al. 2017, Overcoming catastrophic forgetting in neural networks",
        strategy=Strategy(name="ewc", scope=All(), pull=EWC()),
    ),
    Preset(
        title="LwF",
        sentence="Full fine-tuning in which the old classifier must go on saying what it said about the new images.",
        updates="everything, while the old classifier's answers on the new images are kept",
        expect="Most of the old answers are kept without a single old image, at some cost to the new task; each step takes "
        "about a quarter longer.",
        when="When the old task should survive and none of its images are at hand.",
        analogy="Learning a new language while telling your old stories in the old one, to stay fluent.",
        forgetting="low",
        labels="some",
        compute="high",
        source="Li & Hoiem 2016, Learning without Forgetting",
        strategy=Strategy(name="lwf", scope=All(), pull=Distillation()),
    ),
    Preset(
        title="Replay",
        sentence="Full fine-tuning with a few old images in every step, which must still be answered as before.",
        updates="everything, while some old images are rehearsed",
        expect="The old task is kept as far as its images show it, and better the longer it is rehearsed; each step takes "
        "about half as long again.",
        when="When images of the old task are at hand, labelled or not.",
        analogy="A pianist who learns a new piece and plays an old one each day.",
        forgetting="low",
        labels="some",
        compute="high",
        source="Robins 1995, Catastrophic forgetting, rehearsal and pseudorehearsal",
        strategy=Strategy(name="replay", scope=All(), pull=Replay()),
    ),
)
