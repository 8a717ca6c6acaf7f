"""A look at the tiny network: its numbers by hand, and that it leaves everything as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import rel_entr
from torch import nn

from tests.training.tiny import SIDE, tiny_network, tiny_split
from tlcore.data.transforms import normalise
from tlcore.errors import OutOfMemory
from tlcore.models.heads import AttentionHead
from tlcore.source_probes import look as look_room
from tlcore.source_probes.look import Probe, log_probabilities, read
from tlcore.source_probes.nearest import nearest_right
from tlcore.source_probes.probes import SourceProbes
from tlcore.training.machine import choose

OLD = 5
CPU = choose("cpu", "float32")


@pytest.fixture
def head() -> nn.Module:
    torch.manual_seed(11)
    made = nn.Linear(8, OLD).requires_grad_(False)
    made.weight *= 20
    return made


def _features(network, images: np.ndarray) -> torch.Tensor:
    look, module = network.preprocessing, network.module.eval()
    with torch.no_grad():
        seen = module.top(module.middle(module.stem(normalise(torch.from_numpy(images), look.mean, look.std))))
    return seen.mean((2, 3))


def _probe(head: nn.Module, images: int = 70, **fields: object) -> Probe:
    split = tiny_split(images, 4, noise=90.0)
    given = {"labels": np.arange(images) % 2, "classes": ("a", "b"), "measure": "accuracy", "chance": 0.5}
    return Probe(name="made", title="Made", images=split.images, ids=split.ids, head=head, **(given | fields))


def _look(probe: Probe, network):
    return SourceProbes({"made": probe}).look(network, CPU)["made"]


def test_answers_are_sums_of_the_old_classes_probabilities(head: nn.Module) -> None:
    network, sums = tiny_network(), torch.tensor([[1, 0], [1, 0], [0, 1], [0, 0], [0, 1]], dtype=torch.float64)
    probe = _probe(head, sums=sums)
    look = _look(probe, network)
    features = _features(network, probe.images)
    expected = (torch.softmax(head(features).double(), 1) @ sums).argmax(1)
    assert look.answers.tolist() == expected.tolist()
    assert look.correct.tolist() == (expected.numpy() == probe.labels).tolist()
    assert look.value == look.correct.mean()
    assert look.knn_correct.tolist() == nearest_right(features, torch.from_numpy(probe.labels)).tolist()
    assert look.knn == look.knn_correct.mean()
    assert look.kl is None
    assert look.numbers() == {"value": look.value, "knn": look.knn, "kl": None}


def test_agreement_and_divergence_are_from_the_answers_that_were_kept(head: nn.Module) -> None:
    network = tiny_network()
    images = tiny_split(70, 4, noise=90.0).images
    before = log_probabilities(network, CPU, images, head)
    probe = _probe(head, labels=None, measure="agreement", chance=None, reference=before, classes=tuple("vwxyz"))
    look = _look(probe, network)
    assert (look.value, look.kl, look.knn) == (1.0, 0.0, None)
    with torch.no_grad():
        network.module.stem[0].weight.add_(0.3)
    look = _look(probe, network)
    now = torch.softmax(head(_features(network, images)).double(), 1).numpy()
    assert look.kl == pytest.approx(rel_entr(before.exp().numpy(), now).sum(1).mean(), rel=1e-5)
    assert look.value == (now.argmax(1) == before.argmax(1).numpy()).mean() < 1


def test_the_network_and_all_chance_are_left_as_they_were(head: nn.Module) -> None:
    network = tiny_network()
    network.module.train()
    network.module.middle.eval()
    modes = {name: module.training for name, module in network.module.named_modules()}
    tensors = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    torch.manual_seed(5)
    chance, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()
    probe = _probe(head)
    steps = probe.looking(network, CPU)
    assert [next(steps), next(steps)] == [32, 64]
    assert {name: module.training for name, module in network.module.named_modules()} == modes, "between two batches too"
    steps.close()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        looked = _look(probe, network)
    assert looked.answers.tolist() == _look(probe, network).answers.tolist()
    assert {name: module.training for name, module in network.module.named_modules()} == modes
    assert not network.head._forward_pre_hooks
    assert all(torch.equal(tensors[name], tensor) for name, tensor in network.module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), chance)
    assert (np.random.get_state()[1] == numpys).all()


def test_an_outer_autocast_changes_no_bit(head: nn.Module) -> None:
    network, images = tiny_network(), tiny_split(5, 4).images
    plain = log_probabilities(network, CPU, images, head)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(log_probabilities(network, CPU, images, head), plain)


def test_of_a_map_the_features_are_the_mean_of_its_positions() -> None:
    network = tiny_network()
    own, old = AttentionHead(8, 2), AttentionHead(8, 3)
    for made in (own, old):
        nn.init.zeros_(made.query)
    network.module.head = own
    network.module.forward = lambda images: own(network.module.top(network.module.middle(network.module.stem(images))))
    network.partition.tensors.update({f"head.{name}": "head" for name, _ in own.named_parameters()})
    network.partition.tensors.pop("head.weight"), network.partition.tensors.pop("head.bias")
    images = tiny_split(3, 4).images
    ((features, logits),) = read(network, CPU, images, old)
    expected = _features(network, images)
    assert SIDE == 16
    assert torch.allclose(features, expected, atol=1e-6)
    assert torch.allclose(logits, old.output(expected).detach(), atol=1e-5), "a query of zero is a plain mean"


@pytest.mark.parametrize("fits", [32, 9, 1, 0])
def test_where_memory_runs_out_fewer_images_go_through_at_once(head: nn.Module, monkeypatch, fits: int) -> None:
    network, probe = tiny_network(), _probe(head)
    whole = _look(probe, network)
    call, sizes = look_room.normalise, []

    def small(images: torch.Tensor, *rest: object) -> torch.Tensor:
        if len(images) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        sizes.append(len(images))
        return call(images, *rest)

    monkeypatch.setattr(look_room, "normalise", small)
    if not fits:
        with pytest.raises(OutOfMemory, match="Not even the smallest"):
            _look(probe, network)
    else:
        seen = _look(probe, network)
        assert (max(sizes), sum(sizes)) == ({32: 32, 9: 8, 1: 1}[fits], 70)
        assert seen.answers.tolist() == whole.answers.tolist()
        assert np.allclose(seen.confidence, whole.confidence, atol=1e-5)
    assert not network.head._forward_pre_hooks


def test_another_fault_is_none_of_memory(head: nn.Module, monkeypatch) -> None:
    monkeypatch.setattr(look_room, "normalise", lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="size"):
        _look(_probe(head), tiny_network())
