"""The peers: who is there, and that each of them does the same mathematics as a step written by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from tlcore.bench import peers
from tlcore.bench.classifier import Classifier, classifier_for
from tlcore.bench.peers import PEERS, Peer, installed, plain
from tlcore.bench.pictures import Folder, FromFiles, InMemory
from tlcore.bench.task import Task
from tlcore.data.transforms import normalise


def test_an_absent_peer_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    there = PEERS[peers.PLAIN]
    absent = Peer("Swift for Trainers", ("torch", "no_such_trainer"), "tlcore.bench.peers.no_such")
    monkeypatch.setattr(peers, "PEERS", {there.name: there, absent.name: absent})
    found, left_out = installed()
    assert list(found) == [there.name]
    assert left_out == ["Swift for Trainers: not installed: no_such_trainer"]


def test_the_plain_loop_is_always_there() -> None:
    assert not PEERS[peers.PLAIN].missing()
    assert PEERS[peers.PLAIN].version() == torch.__version__.split("+")[0]
    assert PEERS[peers.PLAIN].load() is plain.fit


def fresh(task: Task, folder: Folder) -> Classifier:
    return classifier_for(task, folder.classes, flips=False)


def test_each_classifier_starts_from_the_same_weights(task: Task, folder: Folder) -> None:
    one, other = fresh(task, folder).state_dict(), fresh(task, folder).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_only_the_head_trains_and_nothing_else_is_in_train_mode(task: Task, folder: Folder) -> None:
    classifier = fresh(task, folder).train()
    assert classifier.training
    assert {name for name, p in classifier.named_parameters() if p.requires_grad} == {
        "module.classifier.weight",
        "module.classifier.bias",
    }
    in_train_mode = {name for name, module in classifier.named_modules() if module.training}
    assert in_train_mode == {"", "module.classifier"}
    assert not any(module.training for module in classifier.eval().modules())


def test_augmentation_is_drawn_anew_for_each_step_of_training_alone(task: Task, folder: Folder) -> None:
    classifier = fresh(task, folder)
    classifier.augmented = True
    images = InMemory(FromFiles(folder, "train", task.image_size, "bilinear")).images[:4]
    plainly = classifier.eval()(images)
    assert torch.equal(classifier(images), plainly)
    first, second = classifier.train()(images), classifier(images)
    assert not torch.equal(first, second)
    assert not torch.equal(first, plainly)


def test_the_plain_loop_takes_the_step_that_is_written_here_by_hand(task: Task, folder: Folder) -> None:
    """One batch of all images, so that their order does not matter; AdamW's first step is lr sign(g), after the decay."""
    data = InMemory(FromFiles(folder, "val", task.image_size, "bilinear"))
    classifier = fresh(task, folder)
    before = copy.deepcopy(classifier.state_dict())
    look = classifier._network[0].preprocessing
    logits = classifier.eval().module(normalise(data.images, look.mean, look.std))
    functional.cross_entropy(logits, torch.tensor(data.labels)).backward()
    gradient = classifier.module.classifier.weight.grad.clone()
    classifier.zero_grad()

    accuracy = plain.fit(classifier, data, data, epochs=1, batch_size=len(data), seed=0)
    weight = before["module.classifier.weight"]
    expected = weight * (1 - task.lr * task.weight_decay) - task.lr * gradient / (gradient.abs() + 1e-8)
    large = gradient.abs() > 1e-5  # where rounding does not decide the sign
    assert large.any()
    torch.testing.assert_close(classifier.module.classifier.weight[large], expected[large], rtol=0, atol=2e-6)
    after = classifier.state_dict()
    frozen = [name for name in after if "classifier" not in name]
    assert frozen
    assert all(torch.equal(after[name], before[name]) for name in frozen)
    assert accuracy == plain.accuracy(classifier, DataLoader(data, 7))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PEERS if name != peers.PLAIN])
def test_every_peer_arrives_where_the_plain_loop_does(name: str, task: Task, folder: Folder) -> None:
    """Three steps on one batch of all images: the same weights and the same accuracy in every framework."""
    if missing := PEERS[name].missing():
        pytest.skip(f"not installed: {', '.join(missing)}")
    data = InMemory(FromFiles(folder, "val", task.image_size, "bilinear"))
    ends = []
    for fit in (plain.fit, PEERS[name].load()):
        classifier = fresh(task, folder)
        accuracy = fit(classifier, data, data, epochs=3, batch_size=len(data), seed=0)
        ends.append((accuracy, classifier.state_dict()))
    (mine, expected), (theirs, found) = ends
    assert theirs == pytest.approx(mine)
    start = fresh(task, folder).state_dict()
    assert not torch.allclose(found["module.classifier.weight"], start["module.classifier.weight"], atol=1e-4)
    for tensor, value in expected.items():
        torch.testing.assert_close(found[tensor], value, rtol=0, atol=1e-5, msg=tensor)
