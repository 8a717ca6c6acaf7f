"""What a layer sees, written for a page: of four architectures, from a pass of its own or somebody else's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA
from torch import nn

from tests.analysis.watched import CPU, hooks_of, network_of
from tests.training.tiny import CLASSES, tiny_network, tiny_split
from tlcore.analysis.excited import Excited
from tlcore.analysis.features import features, sites
from tlcore.analysis.filters import first_filters
from tlcore.analysis.maps import watching
from tlcore.analysis.seen import write_seen
from tlcore.analysis.thumbnails import FILE, WIDEST, write_thumbnails
from tlcore.analysis.tokens import token_colours
from tlcore.data.load import Split
from tlcore.errors import UnknownName


def _noise(count: int, side: int) -> Split:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return Split(images, np.arange(count) % 2, tuple(f"image {i}" for i in range(count)))


def _arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "seen.npz", allow_pickle=False) as saved:
        return dict(saved)


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("resnet18", {"layer": "conv1", "count": 64, "size": [7, 7], "patches": False}),
        ("tf_efficientnet_lite0", {"layer": "conv_stem", "count": 32, "size": [3, 3], "patches": False}),
        ("swin_tiny_patch4_window7_224", {"layer": "patch_embed.proj", "count": 96, "size": [4, 4], "patches": True}),
        ("vit_tiny_patch16_224", {"layer": "patch_embed.proj", "count": 192, "size": [16, 16], "patches": True}),
    ],
)
def test_four_architectures(name: str, filters: dict[str, object], tmp_path: Path) -> None:
    network, split = network_of(name, 64), _noise(5, 64)
    network.module.train()
    before = {key: tensor.clone() for key, tensor in network.module.state_dict().items()}
    hooks = hooks_of(network.module)
    seen = write_seen(network, CPU, split, CLASSES, tmp_path, channels=16, images=3)
    arrays = _arrays(tmp_path)

    assert seen["filters"] == filters
    assert seen["looked_at"] == seen["kept"] == 5
    assert [group["name"] for group in seen["groups"]] == [group.name for group in network.groups[:-1]]
    assert [one["row"] for one in seen["shown"]] == [0, 1, 2]
    assert [one["class"] for one in seen["shown"]] == ["dark", "bright", "dark"]
    for at, group in enumerate(seen["groups"]):
        assert group["why"] is None
        assert arrays[f"images-{at}"].shape == (group["channels"], 5)
        assert arrays[f"places-{at}"].min() > 0
        assert arrays[f"places-{at}"].max() < 1
        kept = len(arrays[f"channels-{at}"])
        assert kept == min(16, group["channels"])
        assert arrays[f"maps-{at}"].shape == (3, *group["map"], kept)
        if min(group["map"]) >= 3:
            assert arrays[f"colours-{at}"].shape == (3, *group["map"], 3)
            assert sum(group["colours"]) <= 1 + 1e-9
        else:
            assert group["colours"] is None
    assert hooks_of(network.module) == hooks
    assert all(part.training for part in network.module.modules())
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.module.state_dict().items())


def test_the_maps_kept_are_those_in_which_the_place_was_found(tmp_path: Path) -> None:
    network, split = tiny_network(), tiny_split(7, 0)
    write_seen(network, CPU, split, CLASSES, tmp_path, images=7)
    arrays = _arrays(tmp_path)
    maps = arrays["maps-0"].astype(np.float32)  # (7, 8, 8, 4), all of them
    row_of = {int(row): i for i, row in enumerate(np.lexsort((split.labels, np.arange(7) // 2)))}
    for channel in range(4):
        image = int(arrays["images-0"][channel, 0])
        x, y = arrays["places-0"][channel, 0]
        own = maps[row_of[image], :, :, channel]
        assert own[int(y * 8), int(x * 8)] == pytest.approx(own.max())
        assert own.max() == pytest.approx(float(arrays["values-0"][channel, 0]), rel=2e-3)
        assert own.max() == pytest.approx(maps[..., channel].max())


def test_somebody_elses_pass_serves_as_well(tmp_path: Path) -> None:
    network, split = tiny_network(), tiny_split(70, 0)
    groups = [group.name for group in network.groups[:-1]]
    excited = Excited()
    watch = watching(network, CPU, groups, excited, image_size=split.images.shape[1])
    features(network, CPU, split.images, sites=sites(network), also=watch)
    assert excited.looked_at == 70
    write_seen(network, CPU, split, CLASSES, tmp_path / "shared", excited=excited)
    write_seen(network, CPU, split, CLASSES, tmp_path / "own")
    shared, own = _arrays(tmp_path / "shared"), _arrays(tmp_path / "own")
    assert set(shared) == set(own)
    for name, values in own.items():
        np.testing.assert_array_equal(values, shared[name])


def test_a_pass_over_other_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 images were looked at, and the split has 4"):
        write_seen(tiny_network(), CPU, tiny_split(4, 0), CLASSES, tmp_path, excited=Excited())


def test_a_group_without_a_map_says_so(tmp_path: Path) -> None:
    seen = write_seen(tiny_network(), CPU, tiny_split(4, 0), CLASSES, tmp_path, groups=["top", "head"])
    top, head = seen["groups"]
    assert top["why"] is None
    assert head["why"].startswith("head gives out one number for each channel and no map")
    assert (head["channels"], head["map"], head["colours"]) == (None, None, None)


def test_a_group_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="bottom of the sea"):
        write_seen(tiny_network(), CPU, tiny_split(4, 0), CLASSES, tmp_path, groups=["bottom of the sea"])


def test_large_maps_are_averaged_down(tmp_path: Path) -> None:
    network, split = network_of("tf_efficientnet_lite0", 128), _noise(2, 128)
    seen = write_seen(network, CPU, split, CLASSES, tmp_path, groups=["stem and stage 1"], images=1)
    assert seen["groups"][0]["map"] == [64, 64]  # where the place is found
    assert _arrays(tmp_path)["maps-0"].shape == (1, 32, 32, 16)  # what is kept


def test_filters_are_the_weights_themselves() -> None:
    network = tiny_network()
    found = first_filters(network)
    weight = network.module.stem[0].weight
    assert found.weights.shape == (4, 3, 3, 3)
    assert found.weights[1, 2, 0, 1] == pytest.approx(weight[1, 1, 2, 0].item())  # filter, row, column, colour
    network.module.stem[0] = nn.Conv2d(1, 4, 3)
    assert first_filters(network) is None


def test_colours_are_the_principal_components_over_all_images() -> None:
    maps = np.random.default_rng(0).normal(size=(4, 5, 5, 12)) * np.arange(1, 13)
    found = token_colours(maps)
    flat = maps.reshape(-1, 12)
    left, sizes, _ = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    expected = left[:, :3] * sizes[:3]
    signs = np.sign((expected * found.scores.reshape(-1, 3)).sum(0))
    np.testing.assert_allclose(found.scores.reshape(-1, 3), expected * signs, atol=1e-4)
    assert found.shares == pytest.approx(sizes[:3] ** 2 / (sizes**2).sum())
    assert found.shares == pytest.approx(PCA(3).fit(flat).explained_variance_ratio_)


def test_colours_need_places_channels_and_variance() -> None:
    rng = np.random.default_rng(0)
    assert token_colours(rng.normal(size=(3, 2, 2, 8))) is None
    assert token_colours(rng.normal(size=(3, 4, 4, 2))) is None
    assert token_colours(np.ones((3, 4, 4, 8))) is None


def test_thumbnails_lie_row_by_row(tmp_path: Path) -> None:
    side = 100
    images = np.stack([np.full((side, side, 3), 20 * i, np.uint8) for i in range(7)])
    about = write_thumbnails(Split(images, np.zeros(7, np.int64), tuple("abcdefg")), tmp_path)
    assert about == {"file": FILE, "side": 96, "columns": 3, "count": 7}
    with Image.open(tmp_path / FILE) as sheet:
        assert sheet.size == (288, 288)
        for i in range(7):
            assert sheet.getpixel((i % 3 * 96 + 48, i // 3 * 96 + 48)) == pytest.approx((20 * i,) * 3, abs=2)


def test_very_many_thumbnails_are_smaller(tmp_path: Path) -> None:
    split = Split(np.zeros((2000, 96, 96, 3), np.uint8), np.zeros(2000, np.int64), ("a",) * 2000)
    about = write_thumbnails(split, tmp_path)
    assert about["side"] * about["columns"] <= WIDEST
    assert about["side"] == 91
