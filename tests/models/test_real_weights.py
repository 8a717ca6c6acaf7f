"""Real weights, fetched for real: three photographs get the names and the probabilities that others measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from sklearn.datasets import load_sample_image
from timm.data import ImageNetInfo

from tlcore.models.cards import Preprocessing
from tlcore.models.network import build

PHOTOGRAPHS = {"chelsea": data.chelsea(), "coffee": data.coffee(), "china": load_sample_image("china.jpg")}


def _prepared(photograph: np.ndarray, how: Preprocessing, size: int) -> torch.Tensor:
    image = Image.fromarray(photograph)
    factor = round(size / how.crop) / min(image.size)
    filtering = Image.Resampling[how.interpolation.upper()]
    image = image.resize((round(image.width * factor), round(image.height * factor)), filtering)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    pixels = np.asarray(image.crop((left, top, left + size, top + size)), dtype=np.float32) / 255
    scaled = (pixels - np.float32(how.mean)) / np.float32(how.std)
    return torch.from_numpy(scaled).permute(2, 0, 1)


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tf_efficientnet_lite0", {"chelsea": ("tiger cat", 0.39), "coffee": ("espresso", 0.95), "china": ("palace", 0.30)}),
        ("mobilenetv2_100", {"chelsea": ("Egyptian cat", 0.72), "coffee": ("espresso", 0.99), "china": ("palace", 0.69)}),
    ],
)
def test_photographs_are_named_as_others_measured(name: str, expected: dict[str, tuple[str, float]]) -> None:
    network = build(name, classes=None, start="pretrained", weights="package", seed=0, image_size=224)
    network.module.eval()
    batch = torch.stack([_prepared(photograph, network.preprocessing, 224) for photograph in PHOTOGRAPHS.values()])
    with torch.inference_mode():
        probabilities = network.module(batch).softmax(1)
    names = ImageNetInfo()
    for photograph, row in zip(PHOTOGRAPHS, probabilities, strict=True):
        label, value = expected[photograph]
        best = int(row.argmax())
        assert names.index_to_description(best).split(",")[0] == label
        assert row[best].item() == pytest.approx(value, abs=0.03)
