"""The way from a run's start to its end: exact at both ends, by the formula between, BatchNorm measured anew or mixed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.forgetting.conftest import finish
from tests.source_probes.made import SIDE, SMALL
from tlcore.errors import OutOfMemory
from tlcore.forgetting import path
from tlcore.forgetting.ends import Ends, load_ends
from tlcore.forgetting.path import mixed, points, recompute_batchnorm
from tlcore.forgetting.restore import KEPT_STILL, STATISTICS, parts, restored, why_no_statistics
from tlcore.models.chain import build_from_run
from tlcore.models.network import Network, build
from tlcore.runs import Run
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Bottleneck, LoRA
from tlcore.strategies.start import FromRun
from tlcore.training.machine import choose

CPU = choose("cpu", "float32")
CLASSES = tuple("0123456789")


def _ends(run: Run) -> Ends:
    spec = run.spec()
    assert isinstance(spec, RunSpec)
    return load_ends(run, spec, CLASSES)


def _answers(network: Network) -> Tensor:
    with torch.inference_mode():
        return network.module.eval()(torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)))


def _features(network: Network) -> Tensor:
    with torch.inference_mode():
        return network.module.eval().forward_features(torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)))


def test_points_go_from_0_to_1() -> None:
    assert points(5) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert (points(11)[0], points(11)[-1], len(points(11))) == (0.0, 1.0, 11)


def test_a_mixture_is_exact_at_both_ends_and_by_hand_between() -> None:
    start = {"w": torch.tensor([1.0, float("nan"), -0.0]), "count": torch.tensor(3), "same": torch.tensor([0.1])}
    end = {"w": torch.tensor([5.0, 2.0, 0.0]), "count": torch.tensor(9), "same": torch.tensor([0.1])}
    for a, whole in ((0.0, start), (1.0, end)):
        for name, tensor in mixed(start, end, a).items():
            assert tensor.numpy().tobytes() == whole[name].numpy().tobytes()
    quarter = mixed(start, end, 0.25)
    assert quarter["w"][0] == 2.0
    assert quarter["same"].item() == start["same"].item()
    assert quarter["count"] == 9


@pytest.mark.slow
def test_the_ends_answer_as_the_start_and_as_the_run_bit_for_bit(room: Path, moved: Run) -> None:
    ends, spec = _ends(moved), moved.spec()
    began = build(SMALL, classes=10, start="pretrained", weights=spec.weights, seed=3, image_size=SIDE)
    after = spec.model_copy(update={"strategy": Strategy(start=FromRun(run_id=moved.id, head="kept")), "weights": None})
    ended = build_from_run(after, CLASSES, runs_dir=room / "runs")
    assert torch.equal(_features(ends.put(mixed(ends.start, ends.end, 0.0))), _features(began))
    assert torch.equal(_answers(ends.put(mixed(ends.start, ends.end, 1.0))), _answers(ended))
    assert not torch.equal(_answers(ends.put(mixed(ends.start, ends.end, 0.5))), _answers(ended))
    name = ends.moved_tensors[0]
    half = ends.network.module.state_dict()[name]
    torch.testing.assert_close(half, (ends.start[name] + ends.end[name]) / 2)
    assert ends.moved == ("stage 5", "stage 6")
    assert ends.network.source_head is not None
    assert ends.network.source_head.weight.shape[0] == 1000


@pytest.mark.slow
def test_each_part_is_put_back_alone_and_all_of_them_are_the_start(room: Path, moved: Run) -> None:
    ends = _ends(moved)
    found = dict(parts(ends))
    assert list(found) == ["stem", *(f"stage {i}" for i in range(1, 7)), STATISTICS]
    assert [name for name, tensors in found.items() if tensors] == ["stage 5", "stage 6", STATISTICS]
    assert all(name.endswith(("running_mean", "running_var")) for name in found[STATISTICS])
    for tensors in found.values():
        body = restored(ends, tensors)
        assert {name for name in ends.moved_tensors if torch.equal(body[name], ends.start[name])} == set(tensors)
        assert all(torch.equal(body[name], ends.end[name]) for name in body if name not in tensors)
    everything = restored(ends, tuple(name for part in found.values() for name in part))
    assert torch.equal(_features(ends.put(everything)), _features(ends.put(ends.start)))
    assert why_no_statistics(ends) is None


@pytest.mark.slow
def test_a_probe_moved_nothing(room: Path, probed: Run) -> None:
    ends = _ends(probed)
    assert (ends.moved, ends.moved_tensors) == ((), ())
    assert why_no_statistics(ends) == KEPT_STILL


@pytest.mark.slow
def test_lora_is_merged_and_bottleneck_adapters_are_part_of_the_way(room: Path) -> None:
    lora = _ends(finish(room, strategy=Strategy(scope=LoRA(rank=2)), images_per_class=2))
    assert not any("low_rank" in name for name in lora.end)
    assert lora.end.keys() == lora.start.keys()
    assert lora.moved
    adapted = _ends(finish(room, strategy=Strategy(scope=Bottleneck(width=4)), images_per_class=2))
    plain = build(SMALL, classes=10, start="pretrained", weights=adapted.spec.weights, seed=3, image_size=SIDE)
    assert torch.equal(_features(adapted.put(adapted.start)), _features(plain)), "adapters begin without effect"
    assert not torch.equal(_features(adapted.put(adapted.end)), _features(plain))
    assert adapted.moved


class _Small(nn.Module):
    """Two BatchNorm layers of the backbone and a head, without the rest of a timm model."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, momentum=0.01)
        self.mix = nn.Conv2d(3, 4, 1)
        self.top = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.drop(self.top(self.mix(self.norm(images)))).mean((2, 3)))


def _small(made: Network) -> Network:
    torch.manual_seed(0)
    module = _Small().eval()
    modules = {name: "head" if name == "fc" else "stem" for name, _ in module.named_modules()}
    return replace(made, module=module, partition=replace(made.partition, modules=modules))


@pytest.fixture(scope="module")
def made() -> Network:
    return build(SMALL, classes=2, start="random", seed=0, image_size=SIDE)


def test_statistics_are_those_of_one_batch_in_train_mode(made: Network) -> None:
    network, twin = _small(made), _small(made)
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    recompute_batchnorm(network, CPU, images)
    look = network.preprocessing
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (look.mean, look.std))
    inputs = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / std
    for layer in (twin.module.norm, twin.module.top):
        layer.momentum = 1.0
        layer.train()
    with torch.no_grad():
        twin.module(inputs)
    for one, other in ((network.module.norm, twin.module.norm), (network.module.top, twin.module.top)):
        torch.testing.assert_close(one.running_mean, other.running_mean)
        torch.testing.assert_close(one.running_var, other.running_var)
    assert not any(module.training for module in network.module.modules())
    assert network.module.norm.num_batches_tracked == 0
    assert "num_batches_tracked" in network.module.norm.state_dict()


def test_several_batches_have_the_statistics_of_all_images_together(made: Network) -> None:
    network = _small(made)
    images = np.random.default_rng(1).integers(0, 256, (150, 4, 4, 3), dtype=np.uint8)
    images[100:] //= 4  # another mean in the last batches
    told: list[int] = []
    recompute_batchnorm(network, CPU, images, lambda what, done, total, unit: told.append(done))
    look = network.preprocessing
    values = ((images / 255 - np.array(look.mean)) / np.array(look.std)).reshape(-1, 3)
    np.testing.assert_allclose(network.module.norm.running_mean, values.mean(0), rtol=1e-5)
    np.testing.assert_allclose(network.module.norm.running_var, values.var(0, ddof=1), rtol=1e-5)
    assert told == [50, 100, 150]


@pytest.mark.parametrize("fits", [32, 2, 1])
def test_where_memory_runs_out_statistics_are_measured_in_smaller_batches(
    made: Network, monkeypatch: pytest.MonkeyPatch, fits: int
) -> None:
    network, images = _small(made), np.random.default_rng(1).integers(0, 256, (65, 4, 4, 3), dtype=np.uint8)
    call, sizes = path.normalise, []

    def small(batch: Tensor, *rest: object) -> Tensor:
        if len(batch) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        sizes.append(len(batch))
        return call(batch, *rest)

    monkeypatch.setattr(path, "normalise", small)
    if fits < path.FEWEST:
        with pytest.raises(OutOfMemory, match="Not even the smallest"):
            recompute_batchnorm(network, CPU, images)
        return
    if fits == path.FEWEST:
        images = images[:64]
    recompute_batchnorm(network, CPU, images)
    assert min(sizes) >= path.FEWEST
    look = network.preprocessing
    values = ((images / 255 - np.array(look.mean)) / np.array(look.std)).reshape(-1, 3)
    np.testing.assert_allclose(network.module.norm.running_mean, values.mean(0), rtol=1e-5)
    assert not any(module.training for module in network.module.modules())
