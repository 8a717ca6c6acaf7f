"""Distillation and replay: their values by hand, and which old images a step sees."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tlcore.errors import SpecError
from tlcore.models.freezing import apply_phase
from tlcore.strategies.pull import EWC, Distillation, Replay
from tlcore.training.pull.make import make_term
from tlcore.training.pull.old import divergence
from tlcore.training.pull.replay import replayed


def _made(run):
    generator = make_term(run.state, run.setup)
    while True:
        try:
            next(generator)
        except StopIteration as end:
            apply_phase(run.state.network, run.setup.plan.phases[0])
            list(end.value.ready(run.state, run.setup.route(run.state)))
            return end.value


def _move(run) -> None:
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor in run.state.movable.values():
            tensor += 0.2 * torch.randn(tensor.shape, generator=generator)


def _pixels(images: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25


def _old_answers(run, images: np.ndarray) -> torch.Tensor:
    """As the network stands, by the old classifier."""
    module = run.state.network.module.eval()
    features = module.top(module.middle(module.stem(_pixels(images)))).mean((2, 3))
    return run.state.network.source_head(features)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_divergence_by_hand(temperature: float):
    new, old = [0.0, 1.0], [2.0, 0.0]

    def softened(logits: list[float]) -> list[float]:
        powers = [math.exp(value / temperature) for value in logits]
        return [power / sum(powers) for power in powers]

    expected = temperature**2 * sum(q * (math.log(q) - math.log(p)) for p, q in zip(softened(new), softened(old), strict=True))
    assert divergence(torch.tensor([new]), torch.tensor([old]), temperature).item() == pytest.approx(expected, rel=1e-5)
    assert divergence(torch.tensor([old]), torch.tensor([old]), temperature).item() == pytest.approx(0.0, abs=1e-6)


def test_its_gradient_is_that_of_the_paper_s_cross_entropy_times_t_squared():
    new = torch.tensor([[0.3, -1.0, 0.8]], requires_grad=True)
    old = torch.tensor([[1.0, 0.2, -0.4]])
    (found,) = torch.autograd.grad(divergence(new, old, 2.0).sum(), [new])
    crossed = -((old / 2).softmax(1) * (new / 2).log_softmax(1)).sum()
    (expected,) = torch.autograd.grad(4 * crossed, [new])
    assert torch.allclose(found, expected)
    assert torch.allclose(found, 2 * ((new / 2).softmax(1) - (old / 2).softmax(1)))


def test_distillation_compares_with_the_network_as_it_started(pulled):
    run = pulled(Distillation(strength=0.7, temperature=2.0))
    images = run.setup.train.images[:6]
    old = _old_answers(run, images)
    term = _made(run)
    _move(run)
    run.state.network.module.eval()  # no dropout
    route = run.setup.route(run.state)
    with term.watching():
        route.logits(torch.from_numpy(images))
    value = term.of_part()
    expected = 0.7 * divergence(_old_answers(run, images), old, 2.0).mean()
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    assert value.item() > 1e-3
    value.backward()
    assert run.state.network.module.head.weight.grad is None
    assert run.state.network.source_head.weight.grad is None
    assert run.state.network.module.stem[0].weight.grad.abs().sum() > 0
    assert not run.state.network.module._forward_pre_hooks
    assert not run.state.network.head._forward_pre_hooks


def test_replay_compares_with_the_old_answers_on_the_step_s_old_images(pulled):
    run = pulled(Replay(strength=0.5, share=0.5))
    source = run.setup.source
    old = _old_answers(run, source.images).detach()
    term = _made(run)
    _move(run)
    run.state.network.module.eval()
    run.state.step = 3
    chosen = replayed(run.setup.seed, 3, len(source.images), 4)
    (value,) = term.of_step(run.state)
    expected = 0.5 * divergence(_old_answers(run, source.images[chosen]), old[chosen]).mean()
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    run.state.images_at_once = 2
    assert sum(part.item() for part in term.of_step(run.state)) == pytest.approx(value.item(), rel=1e-5)


def test_replay_of_labelled_images_is_their_cross_entropy(pulled):
    run = pulled(Replay(strength=1.0, share=4.0), labelled=True)  # all of them in each step
    term = _made(run)
    run.state.network.module.eval()
    (value,) = term.of_step(run.state)
    source = run.setup.source
    shares = _old_answers(run, source.images).detach().softmax(1).numpy()
    expected = -np.log(shares[np.arange(len(source.images)), source.labels]).mean()
    assert value.item() == pytest.approx(expected, rel=1e-4)


def test_a_step_s_old_images_are_a_function_of_seed_and_step():
    drawn = {(seed, step): replayed(seed, step, 100, 8) for seed in (0, 1) for step in range(20)}
    for (seed, step), images in drawn.items():
        assert np.array_equal(images, replayed(seed, step, 100, 8))
        assert len(set(images)) == 8
    assert len({tuple(images) for images in drawn.values()}) == 40
    assert len(set(np.concatenate(list(drawn.values())))) > 90  # all get their turn
    assert sorted(replayed(0, 0, 5, 8)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("pull", [Distillation(), Replay()])
def test_where_no_feature_moves_nothing_is_asked(pulled, pull):
    run = pulled(pull, "linear-probe")
    term = _made(run)
    with term.watching():
        run.setup.route(run.state).logits(torch.from_numpy(run.setup.train.images[:2]))
    assert term.of_part() is None
    assert not list(term.of_step(run.state))


def test_without_an_old_classifier_or_labels_it_is_refused(pulled):
    run = pulled(EWC())
    run.state.network.source_head = None
    with pytest.raises(SpecError, match="old classifier's answers") as refusal:
        _made(run)
    assert refusal.value.next_step
    with pytest.raises(SpecError, match="needs labels"):
        _made(pulled(EWC(fisher="empirical")))
