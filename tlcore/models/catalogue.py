"""The backbones that are known by heart: what each is good for and where its weights come from. No torch.

To add one, write one record and run `python -m tlcore.models.facts`, which measures its layer groups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tlcore.errors import UnknownName
from tlcore.groups import Group
from tlcore.models.cards import BackboneCard, Preprocessing, Sizing, WeightSource
from tlcore.models.described import read_card
from tlcore.models.sources import AUGREG, DINOV2_PACKAGE, MOBILENET_V2_PACKAGE, RESNET50_PACKAGE, from_hub, lite

__all__ = ["BACKBONES", "FACTS_FILE", "BackboneCard", "Preprocessing", "WeightSource", "backbone_card"]

FACTS_FILE = Path(__file__).with_name("facts.json")


@cache
def _facts() -> Mapping[str, Any]:
    return json.loads(FACTS_FILE.read_text()) if FACTS_FILE.exists() else {}


def _card(
    name: str,
    title: str,
    family: str,
    sentence: str,
    *weights: WeightSource,
    image_size: int = 224,
    min_image_size: int = 32,
    image_size_multiple: int = 1,
    sizing: Sizing = "any",
) -> BackboneCard:
    facts = _facts().get(name, {"groups": [], "head_inputs": 0})
    return BackboneCard(
        name=name,
        title=title,
        family=family,
        sentence=sentence,
        groups=tuple(Group(**group) for group in facts["groups"]),
        head_inputs=facts["head_inputs"],
        weights=weights,
        preprocessing=weights[0].preprocessing,
        image_size=image_size,
        min_image_size=min_image_size,
        image_size_multiple=image_size_multiple,
        sizing=sizing,
        shows_positions=facts.get("shows_positions", False),
    )


_CARDS = (
    _card(
        "tf_efficientnet_lite0",
        "EfficientNet-Lite0",
        "EfficientNet",
        "Small, quick on a CPU and accurate for its size: the first one to try.",
        *lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 0.875),
    ),
    _card(
        "tf_efficientnet_lite1",
        "EfficientNet-Lite1",
        "EfficientNet",
        "One size up from Lite0: a little deeper, and meant for slightly larger images.",
        *lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 0.882),
        image_size=240,
    ),
    _card(
        "tf_efficientnet_lite2",
        "EfficientNet-Lite2",
        "EfficientNet",
        "Two sizes up from Lite0: the most accurate of the three whose weights come as a package.",
        *lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 0.89),
        image_size=260,
    ),
    _card(
        "mobilenetv2_100",
        "MobileNetV2",
        "MobileNet",
        "The classic of phones: inverted residuals, few weights, and a good second opinion beside EfficientNet-Lite0.",
        MOBILENET_V2_PACKAGE,
        from_hub("mobilenetv2_100", "ra_in1k"),
    ),
    _card(
        "resnet50",
        "ResNet-50",
        "ResNet",
        "The reference of the transfer literature: most published comparisons have it.",
        RESNET50_PACKAGE,
        from_hub("resnet50", "a1_in1k", crop=0.95),
    ),
    _card(
        "resnet18",
        "ResNet-18",
        "ResNet",
        "The smallest ResNet: simple, robust, and easy to reason about stage by stage.",
        from_hub("resnet18", "a1_in1k", crop=0.95),
    ),
    _card(
        "densenet121",
        "DenseNet-121",
        "DenseNet",
        "Every layer sees all earlier ones; the habitual backbone of chest X-ray papers.",
        from_hub("densenet121", "ra_in1k"),
    ),
    _card(
        "vgg11_bn",
        "VGG-11 with BatchNorm",
        "VGG",
        "Plain convolutions and three huge linear layers: heavy, but nothing in it is hidden.",
        from_hub("vgg11_bn", "tv_in1k", by="the torchvision team", licence="BSD-3-Clause", interpolation="bilinear"),
    ),
    _card(
        "efficientnet_b0",
        "EfficientNet-B0",
        "EfficientNet",
        "The original EfficientNet with squeeze-and-excitation: more accurate than Lite0, slower on a CPU.",
        from_hub("efficientnet_b0", "ra_in1k"),
    ),
    _card(
        "mobilenetv3_small_100",
        "MobileNetV3 Small",
        "MobileNet",
        "The quickest of all here: for old laptops and for trying things out.",
        from_hub("mobilenetv3_small_100", "lamb_in1k"),
    ),
    _card(
        "regnety_002",
        "RegNetY-200MF",
        "RegNet",
        "A regular network found by searching design spaces; small, with plain stages.",
        from_hub("regnety_002", "pycls_in1k", by="Facebook AI Research (pycls)", licence="MIT"),
    ),
    _card(
        "convnext_atto",
        "ConvNeXt Atto",
        "ConvNeXt",
        "A modern convolutional network in miniature: LayerNorm in place of BatchNorm, so nothing shifts while frozen.",
        from_hub("convnext_atto", "d2_in1k"),
    ),
    _card(
        "convnext_tiny",
        "ConvNeXt Tiny",
        "ConvNeXt",
        "Convolutions built like a transformer, without BatchNorm: strong features; wants a GPU.",
        from_hub(
            "convnext_tiny", "in12k_ft_in1k", trained_on="ImageNet-12k (12 million photographs), then ImageNet-1k", crop=0.95
        ),
    ),
    _card(
        "vit_tiny_patch16_224",
        "ViT Tiny, patches of 16",
        "Vision transformer",
        "The smallest vision transformer: shows how attention transfers, at a price that a laptop can pay.",
        from_hub(
            "vit_tiny_patch16_224",
            "augreg_in21k_ft_in1k",
            **AUGREG,
        ),
        min_image_size=32,
        image_size_multiple=16,
        sizing="dynamic",
    ),
    _card(
        "vit_small_patch16_224",
        "ViT Small, patches of 16",
        "Vision transformer",
        "The size that most ViT papers start from; wants a GPU for full fine-tuning.",
        from_hub(
            "vit_small_patch16_224",
            "augreg_in21k_ft_in1k",
            **AUGREG,
        ),
        min_image_size=32,
        image_size_multiple=16,
        sizing="dynamic",
    ),
    _card(
        "vit_small_patch14_reg4_dinov2",
        "DINOv2 ViT Small, patches of 14",
        "Vision transformer",
        "Learned without labels: strong frozen features. The package's copy has gone on to MR images; the hub's is Meta's own.",
        DINOV2_PACKAGE,
        from_hub(
            "vit_small_patch14_reg4_dinov2",
            "lvd142m",
            by="Meta AI (DINOv2)",
            trained_on="142 million unlabelled photographs",
            crop=1.0,
            classes=None,
        ),
        image_size=518,
        min_image_size=42,
        image_size_multiple=14,
        sizing="dynamic",
    ),
    _card(
        "swin_tiny_patch4_window7_224",
        "Swin Tiny",
        "Swin transformer",
        "Attention within shifted windows, in stages like a ResNet's; wants a GPU.",
        from_hub("swin_tiny_patch4_window7_224", "ms_in1k", by="Microsoft Research", licence="MIT", crop=0.9),
        image_size_multiple=4,
        sizing="windows",
    ),
)

BACKBONES: dict[str, BackboneCard] = {card.name: card for card in _CARDS}


def backbone_card(name: str) -> BackboneCard:
    """The card of a catalogued backbone, or of another timm model that `tlcore.models.describe` has looked at.

    Raises `UnknownName` for every other name.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    card = read_card(name)
    if card is None:
        raise UnknownName("backbone", name, BACKBONES)
    return card
