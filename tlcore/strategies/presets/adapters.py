"""Presets that leave the backbone's weights as they are, or nearly: a small part of them moves, or new ones beside them."""

from __future__ import annotations

from tlcore.strategies.presets.record import Preset
from tlcore.strategies.rates import Uniform
from tlcore.strategies.scope import BitFit, Bottleneck, LoRA, NormOnly, QLoRA
from tlcore.strategies.strategy import Strategy

# New weights start at nothing and a few old ones have little reach: both want the head's rate rather than a tenth of it.
_RATES = Uniform(body_lr_mult=1.0)

PRESETS = (
    Preset(
        title="Norm layers only",
        sentence="The head trains, and the scale and shift of every norm layer; all other weights stay as they are.",
        updates="the head, and the scale and shift of every norm layer",
        expect="A fraction of a percent of the weights, yet each channel can be turned up, down or off.",
        when="When the new images differ in contrast, colour or sharpness, and labels are few.",
        analogy="The orchestra and the score stay the same; only the faders on the mixing desk are moved.",
        forgetting="low",
        labels="few",
        compute="medium",
        source="Frankle et al. 2021, Training BatchNorm and only BatchNorm",
        strategy=Strategy(name="norm-only", scope=NormOnly(), rates=_RATES),
    ),
    Preset(
        title="BitFit",
        sentence="The head trains, and every bias; no weight matrix or filter of the backbone moves.",
        updates="the head and every bias",
        expect="On small data close to full fine-tuning in its paper, where the networks were language models.",
        when="When labels are few, or many tasks must share one backbone and each may keep only a little of its own.",
        analogy="Every musician plays the same notes, each merely retuned a little.",
        forgetting="low",
        labels="few",
        compute="medium",
        source="Ben Zaken et al. 2022, BitFit",
        strategy=Strategy(name="bitfit", scope=BitFit(), rates=_RATES),
    ),
    Preset(
        title="LoRA",
        sentence="The backbone stays frozen; beside each linear layer and dense convolution two thin matrices train.",
        updates="the head, and a low-rank change of each linear layer and dense convolution",
        expect="Often near full fine-tuning with a few percent of the weights. It can be merged, and then costs nothing.",
        when="When full fine-tuning helps but forgets too much, or a copy of the network for each task is too large.",
        analogy="A new lens is clipped onto a good camera: the camera itself stays as it was built.",
        forgetting="low",
        labels="some",
        compute="medium",
        source="Hu et al. 2022, LoRA",
        strategy=Strategy(name="lora", scope=LoRA(), rates=_RATES),
    ),
    Preset(
        title="QLoRA",
        sentence="As LoRA, with the frozen weights kept in 4 bits (NF4). Needs the package bitsandbytes.",
        updates="the head, and a low-rank change of each linear layer and dense convolution",
        expect="About LoRA's accuracy with an eighth of the memory for frozen weights; slower, as each use unpacks them.",
        when="When a backbone is too large for the memory there is. For a small one LoRA is the better choice.",
        analogy="The encyclopedia is carried as a pocket edition, with your own notes written out in full.",
        forgetting="low",
        labels="some",
        compute="medium",
        source="Dettmers et al. 2023, QLoRA",
        strategy=Strategy(name="qlora", scope=QLoRA(), rates=_RATES),
    ),
    Preset(
        title="Bottleneck adapters",
        sentence="The backbone stays frozen; after each block a small network that starts as nothing trains.",
        updates="the head and a small adapter after each block",
        expect="Near full fine-tuning in its paper with a few percent of the weights; each picture takes a little longer.",
        when="When several tasks share one backbone and each may bring small parts of its own.",
        analogy="A travel plug between socket and device: neither is rewired.",
        forgetting="low",
        labels="some",
        compute="medium",
        source="Houlsby et al. 2019, Parameter-efficient transfer learning",
        strategy=Strategy(name="adapters", scope=Bottleneck(), rates=_RATES),
    ),
)
