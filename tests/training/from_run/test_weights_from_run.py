"""A start from another run: its weights under the new run, chains of them, and the head that came with them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.from_run.chains import DIGITS, SMALL, body, follow, moved, spec_of, train
from tlcore.errors import SpecError
from tlcore.models.chain import build_from_run
from tlcore.models.freezing import state_of
from tlcore.models.network import build
from tlcore.runs import EventWriter, Run
from tlcore.spec import RunSpec
from tlcore.strategies.scope import HeadOnly, LoRA
from tlcore.strategies.start import FromRun, Random
from tlcore.training import job
from tlcore.training.evaluate import predict
from tlcore.training.machine import choose
from tlcore.training.route import Route


def test_each_run_is_laid_over_the_one_before_it(chain) -> None:
    folder, (first, second, third), _ = chain
    expected = state_of(build(SMALL, classes=10, start="random", seed=5, image_size=32))
    for run in (first, second, third):
        layer = {name: tensor for name, tensor in moved(run).items() if not name.startswith("classifier.")}
        assert layer, "every run moved something of the body"
        expected |= layer
    found = body(build_from_run(follow(third), DIGITS, runs_dir=folder))
    assert found.keys() == {name for name in expected if not name.startswith("classifier.")}
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())


@pytest.mark.parametrize("backbone", ["resnet18", SMALL])
def test_random_weights_under_a_chain_are_those_of_its_first_run_whatever_the_classes(
    tmp_path: Path, squares: Path, backbone: str
) -> None:
    first, _ = train(tmp_path, spec_of(Random(), backbone=backbone, scope=HeadOnly(), seed=3))
    other = follow(first, backbone=backbone, dataset=str(squares), seed=9)
    network = build_from_run(other, ("dark", "light"), runs_dir=tmp_path)
    plain = build(backbone, classes=10, start="random", seed=3, image_size=32)
    assert all(torch.equal(tensor, body(plain)[name]) for name, tensor in body(network).items())
    fresh = build(backbone, classes=2, start="random", seed=9, image_size=32)
    assert torch.equal(network.head.weight, fresh.head.weight), "a fresh head is the seed's, as from every start"


def disagreement(run: Run, spec: RunSpec) -> float:
    """Between the answers of a run on its test images and those of the network that starts from it with its head."""
    network = build_from_run(spec, DIGITS, runs_dir=run.path.parent)
    with closing(EventWriter(run)) as events:
        data = job.load_data(spec, job.Reporter(run, events))
    machine = choose("cpu", "float32")
    machine.place(network.module)
    again = predict(Route(network, machine, {"test": data.test}, 0, False, False), "test", batch_size=32)
    with np.load(run.path / "predictions.npz") as saved:
        return float(np.abs(again - saved["probabilities"]).max())


def test_with_its_head_the_network_answers_as_the_run_did(chain) -> None:
    _, (*_, third), _ = chain
    assert disagreement(third, follow(third)) < 1e-5


def test_what_lora_learned_is_added_to_the_weights(tmp_path: Path) -> None:
    small = {"backbone": "test_resnet", "image_size": 64}
    first, _ = train(tmp_path, spec_of(Random(), scope=LoRA(), **small))
    assert all(".low_rank." in name or name.startswith("fc.") for name in moved(first))
    assert disagreement(first, follow(first, **small)) < 1e-4
    second, _ = train(tmp_path, spec_of(FromRun(run_id=first.id), scope=LoRA(), **small))
    assert disagreement(second, follow(second, **small)) < 1e-4, "adapters over merged adapters"
    network = build_from_run(follow(second, **small), DIGITS, runs_dir=tmp_path)
    assert not any(".low_rank." in name for name in network.module.state_dict())
    plain = build("test_resnet", classes=10, start="random", seed=0, image_size=64)
    assert any(not torch.equal(tensor, body(plain)[name]) for name, tensor in body(network).items())


def test_the_head_is_kept_where_classes_and_kind_are_the_same(chain) -> None:
    folder, (_, second, third), _ = chain
    own = moved(third)["classifier.weight"]

    def head(spec: RunSpec, classes: tuple[str, ...]) -> torch.Tensor:
        return next(build_from_run(spec, classes, runs_dir=folder).head.parameters()).detach()

    assert torch.equal(head(follow(third), DIGITS), own)
    assert torch.equal(head(follow(third, head_after="kept"), DIGITS), own)
    assert not torch.equal(head(follow(third, head_after="fresh"), DIGITS), own)
    told = [build_from_run(follow(third, head_after=after), DIGITS, runs_dir=folder).kept_head for after in ("kept", "fresh")]
    assert told == [True, False]
    assert not torch.equal(head(follow(third), (*DIGITS[1:], "0")), own), "the same names in another order"
    assert head(follow(third, head="mlp"), DIGITS).shape == (256, 1024)
    mlp = follow(second, head="mlp")
    assert torch.equal(head(mlp, ("dark", "light")), moved(second)["classifier.hidden.weight"])
    with pytest.raises(SpecError, match="knows the classes dark, light, and these images have 0, 1, 2, 3 and 6 more") as caught:
        head(follow(second, head="mlp", head_after="kept"), DIGITS)
    assert "fresh head" in caught.value.next_step
    with pytest.raises(SpecError, match="is of the kind linear, and cosine was asked for"):
        head(follow(third, head="cosine", head_after="kept"), DIGITS)


def test_the_old_head_stands_beside_the_network(chain) -> None:
    folder, (_, second, third), _ = chain
    network = build_from_run(follow(third, head_after="fresh"), DIGITS, runs_dir=folder)
    features = torch.randn(3, 1024, generator=torch.Generator().manual_seed(0))
    assert network.source_head is not None
    assert not any(parameter.requires_grad for parameter in network.source_head.parameters())
    expected = features @ moved(third)["classifier.weight"].T + moved(third)["classifier.bias"]
    assert torch.allclose(network.source_head(features), expected, atol=1e-5)
    assert build_from_run(follow(second), DIGITS, runs_dir=folder).source_head(features).shape == (3, 2)
