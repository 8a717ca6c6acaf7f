"""After an explanation, or one that failed half way, a network is what it was; what cannot be explained is told in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.analysis.watched import CPU, network_of
from tests.explain.leaks import differing, traces
from tests.training.tiny import tiny_network, tiny_split
from tlcore.errors import Cancelled, Diverged, OutOfMemory, SpecError, UnknownName
from tlcore.explain.maps import BATCH, explain
from tlcore.explain.methods import METHODS, method_named
from tlcore.explain.needs import usable
from tlcore.models.network import Network, build

IMAGES = tiny_split(6, 0).images
OF_ALL = [name for name, method in METHODS.items() if method.needs != "tokens"]


def trained(network: Network) -> Network:
    """As it stands in the middle of a training: modes and flags mixed, a gradient kept."""
    network.module.train()
    network.module.middle.eval()
    network.module.stem.requires_grad_(False)
    network.module.head.weight.grad = torch.ones_like(network.module.head.weight)
    return network


class Failing:
    """A hook before a layer that lets some passes through and then fails."""

    def __init__(self, passes: int) -> None:
        self.left = passes

    def __call__(self, _module: nn.Module, _inputs: tuple[Tensor, ...]) -> None:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("half way")


@pytest.mark.parametrize("passes", [0, 1, 2])
@pytest.mark.parametrize("method", OF_ALL)
def test_nothing_is_left_after_a_failure(method: str, passes: int) -> None:
    network = trained(tiny_network())
    network.module.head.register_forward_pre_hook(Failing(passes))
    before = traces(network.module)
    try:
        explain(network, CPU, IMAGES, method=method)
        failed = False
    except (RuntimeError, SpecError) as error:  # SpecError from the pass that looks for the place
        failed = "half way" in str(error)
    assert failed or (passes == 2 and method in ("gradcam", "gradcam++"))  # done within two passes
    assert differing(before, traces(network.module)) == []


def test_nothing_is_left_of_a_rollout() -> None:
    network = network_of("vit_tiny_patch16_224", 64)
    images = np.zeros((1, 64, 64, 3), np.uint8)
    before = traces(network.module)
    explain(network, CPU, images, method="attention-rollout")
    assert differing(before, traces(network.module)) == []
    network.module.head.register_forward_pre_hook(Failing(1))
    before = traces(network.module)
    with pytest.raises(RuntimeError, match="half way"):
        explain(network, CPU, images, method="attention-rollout")
    assert differing(before, traces(network.module)) == []


@pytest.mark.parametrize("method", OF_ALL)
def test_nothing_is_left_when_somebody_stops_it(method: str) -> None:
    network = trained(tiny_network())
    before, told = traces(network.module), []

    def stop(*progress: object) -> None:
        told.append(progress)
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        explain(network, CPU, np.tile(IMAGES, (6, 1, 1, 1)), method=method, progress=stop)
    assert told == [(f"Explaining by {METHODS[method].title}", BATCH, 36, "images")]
    assert differing(before, traces(network.module)) == []


class Small:
    """A hook before a layer that makes its machine one with room for a few images."""

    def __init__(self, room: int) -> None:
        self.room, self.most = room, 0

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if len(inputs[0]) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.most = max(self.most, len(inputs[0]))


@pytest.mark.parametrize("method", OF_ALL)
def test_where_memory_runs_out_batches_are_halved(method: str) -> None:
    network = tiny_network()
    expected = explain(network, CPU, IMAGES, method=method).values
    for room, images in ((3, 6), (1, 2), (0, 1)):
        machine = Small(room)
        hook = network.module.head.register_forward_pre_hook(machine)
        if room:
            values = explain(network, CPU, IMAGES[:images], method=method).values
            np.testing.assert_allclose(values, expected[:images], atol=1e-6)
            assert machine.most in (room, 2)  # of halves of 32
        else:
            with pytest.raises(OutOfMemory):
                explain(network, CPU, IMAGES[:images], method=method)
        hook.remove()


@pytest.mark.parametrize("method", OF_ALL)
def test_the_same_question_has_the_same_answer(method: str) -> None:
    network = tiny_network()
    once, again = (explain(network, CPU, IMAGES, method=method).values for _ in range(2))
    np.testing.assert_array_equal(once, again)


TWO = IMAGES[:2]
REFUSED: dict[str, tuple[dict[str, Any], type[SpecError], str]] = {
    "unknown method": ({"method": "grad-cam"}, UnknownName, "Did you mean 'gradcam'"),
    "unknown group": ({"place": "botom"}, UnknownName, "layer group named 'botom'"),
    "no places": ({"place": "head"}, SpecError, "'head' tells no places apart"),
    "no attention": ({"method": "attention-rollout"}, SpecError, "this network has none"),
    "no such class": ({"targets": np.array([0, 2])}, SpecError, "2 as the target is no class"),
    "below zero": ({"targets": np.array([0, -1])}, SpecError, "-1 as the target is no class"),
    "against no class": ({"against": np.array([9, 0])}, SpecError, "9 as the class to hold it against is no class"),
    "too few": ({"targets": np.array([0])}, SpecError, "Each of the 2 images has one target"),
    "not whole": ({"targets": np.array([0.0, 1.0])}, SpecError, "float64"),
    "against itself": ({"targets": np.array([0, 1]), "against": np.array([1, 1])}, SpecError, "Image 2 of 2"),
}


@pytest.mark.parametrize(("options", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(options: dict[str, Any], kind: type[SpecError], words: str) -> None:
    network = trained(tiny_network())
    before = traces(network.module)
    with pytest.raises(kind) as refused:
        explain(network, CPU, TWO, **options)
    assert words in refused.value.message
    assert refused.value.next_step
    assert differing(before, traces(network.module)) == []


@pytest.mark.parametrize(
    "images",
    [TWO.astype(np.float32), TWO[:, :, :8], TWO[0], TWO[..., :1], TWO[:0]],
    ids=["floats", "not square", "one alone", "grey", "none"],
)
def test_images_that_are_none(images: np.ndarray) -> None:
    with pytest.raises(SpecError) as refused:
        explain(tiny_network(), CPU, images)
    assert refused.value.next_step


def test_a_prediction_against_itself_is_refused() -> None:
    network = tiny_network()
    predicted = explain(network, CPU, TWO).targets
    with pytest.raises(SpecError, match="against the same class"):
        explain(network, CPU, TWO, against=predicted)


def test_a_size_that_the_network_cannot_take() -> None:
    network = network_of("vit_tiny_patch16_224", 64)
    with pytest.raises(SpecError, match="cannot take images of 66 pixels"):
        explain(network, CPU, np.zeros((1, 66, 66, 3), np.uint8))


@pytest.mark.parametrize("method", OF_ALL)
def test_weights_that_are_no_numbers(method: str) -> None:
    network = tiny_network()
    with torch.no_grad():
        network.module.head.weight.fill_(float("nan"))
    with pytest.raises(Diverged):
        explain(network, CPU, TWO, method=method)


def test_rollout_holds_no_class_against_another() -> None:
    images = np.zeros((1, 64, 64, 3), np.uint8)
    network = network_of("vit_tiny_patch16_224", 64)
    with pytest.raises(SpecError, match="the same for every class"):
        explain(network, CPU, images, method="attention-rollout", against=np.array([1]))
    with pytest.raises(SpecError, match="'stem' has no attention"):
        explain(network, CPU, images, method="attention-rollout", place="stem")


def test_methods_say_what_they_show_and_which_networks_they_are_for() -> None:
    assert method_named("gradcam") is METHODS["gradcam"]
    for method in METHODS.values():
        assert method.sentence.endswith(".")
        assert method.sentence.count(".") == 1  # one sentence
        assert "arXiv" in method.source
    assert {name for name, why in usable(tiny_network()).items() if why} == {"attention-rollout"}
    assert {name for name, why in usable(network_of("vit_tiny_patch16_224", 64)).items() if why} == {"guided-gradcam"}
    mixed = usable(network_of("mobilenetv3_small_100", 64))["guided-gradcam"]
    assert mixed == "Guided Grad-CAM is made for networks whose activations are ReLU or ReLU6; this one has Hardswish."
    relu = build("resnet18", classes=2, start="random", seed=0, image_size=64, head="mlp")
    assert usable(relu)["guided-gradcam"] is None  # whatever its head has
