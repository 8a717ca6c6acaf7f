"""L2-SP, L1-SP and EWC: their values and gradients in closed form, and the Fisher information of a linear softmax."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import Training
from torch import nn
from torch.nn import functional

from tlcore.models.freezing import apply_phase
from tlcore.models.heads import CosineHead
from tlcore.strategies.pull import EWC, L1SP, L2SP, Pull
from tlcore.training.pull import ewc
from tlcore.training.pull.fisher import fisher
from tlcore.training.pull.make import make_term
from tlcore.training.pull.term import Term
from tlcore.training.state import State


def _exhaust(generator) -> tuple[list[dict], object]:
    events = []
    while True:
        try:
            events.append(next(generator))
        except StopIteration as end:
            return events, end.value


def _term(run: Training, pull: Pull) -> Term:
    """The term, ready for the first phase, and the network a little away from where it started."""
    _, term = _exhaust(make_term(run.state, run.setup))
    apply_phase(run.state.network, run.setup.plan.phases[0])
    list(term.ready(run.state, run.setup.route(run.state)))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor in run.state.movable.values():
            tensor += 0.1 * torch.randn(tensor.shape, generator=generator)
    return term


def _gradients(run: Training, term: Term) -> tuple[float, dict[str, torch.Tensor]]:
    (value,) = term.of_step(run.state)
    value.backward()
    return value.item(), {name: tensor.grad for name, tensor in run.state.movable.items() if tensor.grad is not None}


@pytest.mark.parametrize("pull", [L2SP(strength=0.3, head_strength=0.07), L1SP(strength=0.3, head_strength=0.07)])
def test_towards_the_start_in_closed_form(pulled, pull: L2SP | L1SP):
    run = pulled(pull)
    term = _term(run, pull)
    value, gradients = _gradients(run, term)
    expected = 0.0
    for name, now in run.state.movable.items():
        gone = (now - run.state.start[name]).detach()
        if name.startswith("head."):
            expected += 0.07 / 2 * now.detach().square().sum().item()
            assert torch.allclose(gradients[name], 0.07 * now.detach())
        elif pull.kind == "l2-sp":
            expected += 0.3 / 2 * gone.square().sum().item()
            assert torch.allclose(gradients[name], 0.3 * gone)
        else:
            expected += 0.3 * gone.abs().sum().item()
            assert torch.equal(gradients[name], 0.3 * gone.sign())
    assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("pull", [L2SP(strength=0.3, head_strength=0.07), L1SP(strength=0.3, head_strength=0.07)])
def test_a_kept_head_is_pulled_to_where_it_started_as_the_rest_is(pulled, pull: L2SP | L1SP):
    run = pulled(pull)
    run.state.network.kept_head = True
    value, gradients = _gradients(run, _term(run, pull))
    gone = {name: (now - run.state.start[name]).detach() for name, now in run.state.movable.items() if name in gradients}
    assert {"head.weight", "head.bias"} < set(gone)
    if pull.kind == "l2-sp":
        assert value == pytest.approx(sum(0.3 / 2 * way.square().sum().item() for way in gone.values()), rel=1e-5)
        assert all(torch.allclose(gradients[name], 0.3 * way) for name, way in gone.items())
    else:
        assert value == pytest.approx(sum(0.3 * way.abs().sum().item() for way in gone.values()), rel=1e-5)
        assert all(torch.equal(gradients[name], 0.3 * way.sign()) for name, way in gone.items())
    assert pull.holds_head(kept=True)
    assert not L2SP(strength=0.0, head_strength=0.07).holds_head(kept=True)


def test_the_scale_of_a_cosine_head_is_left_alone(pulled):
    run = pulled(L2SP(strength=0.3, head_strength=0.07))
    network = run.state.network
    head = CosineHead(8, 2)
    with torch.no_grad():
        head.prototypes.copy_(torch.arange(16.0).view(2, 8))
        head.start()
    network.module.head = head
    tensors = {name: group for name, group in network.partition.tensors.items() if group != "head"}
    network.partition.tensors.clear()
    network.partition.tensors.update(tensors | {"head.prototypes": "head", "head.scale": "head"})
    run = Training(State.fresh(network, run.setup.plan), run.setup)
    _, gradients = _gradients(run, _term(run, run.setup.pull))
    assert "head.scale" not in gradients
    assert torch.allclose(gradients["head.prototypes"], 0.07 * head.prototypes.detach())
    network.kept_head = True  # then it came with the weights, and where it came from it is pulled to
    _, gradients = _gradients(run, _term(run, run.setup.pull))
    assert gradients["head.scale"].item() == pytest.approx(0.3 * (head.scale - run.state.start["head.scale"]).item(), rel=1e-4)


def test_a_term_that_is_there_already_is_not_made_again(pulled):
    run = pulled(EWC())
    _, term = _exhaust(make_term(run.state, run.setup))
    events, again = _exhaust(make_term(run.state, replace(run.setup, term=term)))
    assert again is term
    assert not events


def test_only_what_trains_now_is_pulled(pulled):
    run = pulled(L2SP(strength=1.0, head_strength=0.0), "last-group")
    _, gradients = _gradients(run, _term(run, run.setup.pull))
    assert {name.split(".")[0] for name in gradients} == {"top"}


def test_where_the_head_trains_alone_only_beta_is_left(pulled):
    run = pulled(L2SP(strength=1.0, head_strength=0.5), "linear-probe")
    _, gradients = _gradients(run, _term(run, run.setup.pull))
    assert set(gradients) == {"head.weight", "head.bias"}
    run = pulled(L2SP(strength=1.0, head_strength=0.0), "linear-probe")
    assert not list(_term(run, run.setup.pull).of_step(run.state))


def test_ewc_in_closed_form(pulled):
    run = pulled(EWC(strength=3.0))
    term = _term(run, run.setup.pull)
    assert isinstance(term, ewc.EWC)
    value, gradients = _gradients(run, term)
    expected = 0.0
    assert set(gradients) == set(term.information)
    assert not any(name.startswith("head.") for name in gradients)
    for name, information in term.information.items():
        gone = (run.state.movable[name] - run.state.start[name]).detach()
        expected += 3.0 / 2 * (information * gone.square()).sum().item()
        assert information.min() >= 0
        assert torch.allclose(gradients[name], 3.0 * information * gone, atol=1e-7)
    assert value == pytest.approx(expected, rel=1e-5)
    assert max(information.max() for information in term.information.values()) > 0


def test_ewc_holds_a_kept_head_as_l2_sp_does(pulled):
    """In closed form: of a linear head the information is the mean of x_j² p_k (1 - p_k), x being what the head sees."""
    run = pulled(EWC(strength=3.0, images=14))
    network = run.state.network
    network.kept_head, network.source_head = True, copy.deepcopy(network.head).requires_grad_(False)
    source = run.setup.source
    pictures = ((torch.from_numpy(source.images).permute(0, 3, 1, 2) / 255) - 0.5) / 0.25
    seen: list[torch.Tensor] = []
    watching = network.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        shares = network.module.eval()(pictures).softmax(1)
    watching.remove()
    exact = torch.einsum("nj,nk->kj", seen[0].square(), shares * (1 - shares)) / len(pictures)
    term = _term(run, run.setup.pull)
    value, gradients = _gradients(run, term)
    assert {"head.weight", "head.bias"} < set(gradients) == set(term.information)
    gone = {name: (run.state.movable[name] - run.state.start[name]).detach() for name in gradients}
    for name, way in gone.items():
        assert torch.allclose(gradients[name], 3.0 * term.information[name] * way, atol=1e-7)
    assert value == pytest.approx(
        sum(1.5 * (term.information[name] * way**2).sum().item() for name, way in gone.items()), rel=1e-5
    )
    drawn = np.mean([_head_information(pulled, seed) for seed in range(60)], axis=0)  # labels are drawn anew by each seed
    assert np.allclose(drawn, exact.numpy(), rtol=0.3, atol=0.02 * exact.max().item())
    assert EWC().holds_head(kept=True)
    assert not EWC().holds_head()


def _head_information(pulled, seed: int) -> np.ndarray:
    run = pulled(EWC(strength=3.0, images=14))
    network = run.state.network
    network.kept_head, network.source_head = True, copy.deepcopy(network.head).requires_grad_(False)
    _, term = _exhaust(make_term(run.state, replace(run.setup, seed=seed)))
    return term.information["head.weight"].numpy()


def test_the_information_is_of_the_start_wherever_training_stands(pulled):
    run = pulled(EWC())
    events, fresh = _exhaust(make_term(run.state, run.setup))
    assert [event["done"] for event in events] == list(range(15))
    before = {name: tensor.clone() for name, tensor in run.state.network.module.state_dict().items()}
    with torch.no_grad():
        for parameter in run.state.network.module.parameters():
            parameter += 0.5
    _, later = _exhaust(make_term(run.state, run.setup))
    for name, information in fresh.information.items():
        assert torch.equal(information, later.information[name])
    after = run.state.network.module.state_dict()
    assert all(torch.equal(after[name], tensor + 0.5) for name, tensor in before.items() if name in run.state.start)


def test_labels_that_images_have_are_taken_where_asked_for(pulled):
    run = pulled(EWC(fisher="empirical"), labelled=True)
    _, given = _exhaust(make_term(run.state, run.setup))
    network, source = run.state.network, run.setup.source
    network.module.head = network.source_head
    network.module.eval()
    expected = torch.zeros_like(network.module.stem[0].weight)
    for place in range(len(source.images)):
        picture = (torch.from_numpy(source.images[place : place + 1]).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
        loss = functional.cross_entropy(network.module(picture), torch.tensor([int(source.labels[place])]))
        (gradient,) = torch.autograd.grad(loss, [network.module.stem[0].weight])
        expected += gradient.square() / len(source.images)
    assert torch.allclose(given.information["stem.0.weight"], expected, rtol=1e-4, atol=1e-9)


# --- a linear softmax, whose Fisher information is known: for weight (k, j) the mean of x_j² p_k (1 - p_k)


def _linear() -> tuple[nn.Linear, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    layer = nn.Linear(4, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(3, 4, generator=generator))
        layer.bias.copy_(torch.randn(3, generator=generator))
    inputs = torch.randn(6, 4, generator=generator)
    shares = layer(inputs).softmax(1).detach()
    exact = torch.einsum("nj,nk->kj", inputs.square(), shares * (1 - shares)) / len(inputs)
    return layer, inputs, exact


def test_fisher_over_all_labels_is_the_closed_form():
    layer, inputs, exact = _linear()
    found = torch.zeros_like(exact)
    for place in range(len(inputs)):
        one = inputs[place : place + 1]
        shares = layer(one).softmax(1).detach()[0]
        for label in range(3):
            _, (information, _) = _exhaust(fisher(layer, [layer.weight, layer.bias], [one], np.array([label]), seed=0))
            found += shares[label] * information / len(inputs)
    assert torch.allclose(found, exact, rtol=1e-5)


def test_sampled_fisher_comes_to_the_closed_form_and_the_square_of_a_batch_does_not():
    layer, inputs, exact = _linear()
    times = 500
    repeated = [inputs[place : place + 1] for place in range(len(inputs))] * times
    _, (sampled, _) = _exhaust(fisher(layer, [layer.weight, layer.bias], repeated, None, seed=1))
    assert torch.allclose(sampled, exact, rtol=0.15)
    _, (again, _) = _exhaust(fisher(layer, [layer.weight, layer.bias], repeated, None, seed=1))
    assert torch.equal(sampled, again)

    everything = torch.cat(repeated)
    logits = layer(everything)
    labels = torch.multinomial(logits.detach().softmax(1), 1, generator=torch.Generator().manual_seed(1))[:, 0]
    layer.requires_grad_(True)
    (mean,) = torch.autograd.grad(functional.cross_entropy(layer(everything), labels), [layer.weight])
    assert (mean.square() < 0.05 * exact).all()
