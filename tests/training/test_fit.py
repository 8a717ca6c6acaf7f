"""The loop: what moves and what does not, which epoch is kept, what it reports, and how it stops."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from tlcore.data.load import Split
from tlcore.data.transforms import normalise
from tlcore.errors import Diverged, OutOfMemory, SpecError
from tlcore.models.freezing import apply_phase
from tlcore.strategies import Strategy, preset
from tlcore.strategies.schedule import share_of_peak
from tlcore.training.fit import fit
from tlcore.training.metrics import score
from tlcore.training.optimizer import build_optimizer, set_rates
from tlcore.training.step import train_step

TRAINED = preset("full").model_copy(update={"scope": preset("full").scope.model_copy(update={"batchnorm": "trained"})})


def _events(training, kind: str | None = None) -> list[dict]:
    return [event for event in fit(training.state, training.setup) if kind in (None, event["type"])]


def _tensors(training) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in training.state.network.module.state_dict().items()}


@pytest.mark.parametrize("strategy", ["linear-probe", "last-group", "middle-only", "full", "lp-ft", "gradual"])
def test_what_the_plan_freezes_stays_bit_identical_and_the_rest_moves(training, strategy):
    run = training(strategy, epochs=4)
    before = _tensors(run)
    _events(run)
    groups = run.state.network.partition.tensors
    parameters = {name for name, _ in run.state.network.module.named_parameters()}
    for name, tensor in _tensors(run).items():
        trains = name in parameters and any(phase.trains(groups[name]) for phase in run.setup.plan.phases)
        assert torch.equal(tensor, before[name]) != trains, name


def test_trained_batchnorm_moves_its_statistics(training):
    run = training(TRAINED)
    before = _tensors(run)
    _events(run)
    after = _tensors(run)
    assert not torch.equal(after["stem.1.running_mean"], before["stem.1.running_mean"])
    assert int(after["stem.1.num_batches_tracked"]) % run.setup.steps_per_epoch(0) == 0


def test_a_step_of_sgd_is_the_gradient_times_the_rate(training):
    run = training("linear-probe", lr=0.5, optimizer="sgd", weight_decay=0.0, augment=False)
    state, setup = run.state, run.setup
    phase = setup.plan.phases[0]
    apply_phase(state.network, phase)
    state.optimizer = build_optimizer(state.network, phase, "sgd", 0.0)
    state.scaler = setup.machine.scaler()
    rates = set_rates(state.optimizer, phase, 0, 10)
    chosen = np.array([3, 4, 9])
    module, look = state.network.module, state.network.preprocessing
    inputs = normalise(torch.from_numpy(setup.train.images[chosen]), look.mean, look.std)
    labels = torch.from_numpy(setup.train.labels[chosen])
    expected_loss = functional.cross_entropy(module(inputs), labels)
    gradient = torch.autograd.grad(expected_loss, module.head.weight)[0]
    weight = module.head.weight.detach().clone()
    right = int((module(inputs).argmax(1) == labels).sum())
    loss, correct, _ = train_step(state, setup, phase, chosen)
    assert loss == pytest.approx(expected_loss.item())
    assert correct == right
    assert rates["head"] == 0.5
    assert torch.allclose(module.head.weight, weight - 0.5 * gradient, atol=1e-6)
    assert rates["stem"] is None


def test_class_weights_are_scikit_learns_balanced_ones(training):
    run = training(class_weights=True)
    labels = np.array([0, 0, 0, 1])
    split = Split(run.setup.train.images[:4], labels, ("a", "b", "c", "d"))
    weights = replace(run.setup, train=split).weights()
    assert weights.tolist() == pytest.approx([4 / (2 * 3), 4 / (2 * 1)])
    assert training().setup.weights() is None


def test_a_weighted_step_follows_the_weighted_loss(training):
    run = training("linear-probe", lr=1.0, optimizer="sgd", weight_decay=0.0, augment=False)
    state, setup = run.state, run.setup
    phase = setup.plan.phases[0]
    apply_phase(state.network, phase)
    state.optimizer, state.scaler = build_optimizer(state.network, phase, "sgd", 0.0), setup.machine.scaler()
    set_rates(state.optimizer, phase, 0, 10)
    weights = torch.tensor([0.3, 2.0])
    module, look = state.network.module, state.network.preprocessing
    inputs = normalise(torch.from_numpy(setup.train.images[:5]), look.mean, look.std)
    labels = torch.from_numpy(setup.train.labels[:5])
    gradient = torch.autograd.grad(functional.cross_entropy(module(inputs), labels, weight=weights), module.head.bias)[0]
    bias = module.head.bias.detach().clone()
    train_step(state, setup, phase, np.arange(5), weights)
    assert torch.allclose(module.head.bias, bias - gradient, atol=1e-6)


def test_every_step_and_every_epoch_is_reported(training):
    run = training("lp-ft", epochs=4)
    events = _events(run)
    steps = [event for event in events if event["type"] == "step"]
    epochs = [event for event in events if event["type"] == "epoch"]
    assert events[0]["type"] == "step"
    assert [event["step"] for event in steps] == list(range(1, 21))  # 37 images by 8: 5 steps, 4 epochs
    assert {event["steps"] for event in steps} == {20}
    assert [event["epoch"] for event in epochs] == [0, 1, 2, 3]
    assert [event["phase"] for event in epochs] == [0, 0, 1, 1]
    assert [event["step"] for event in epochs] == [5, 10, 15, 20]
    assert all(event["seconds_left"] > 0 for event in steps)
    assert epochs[-1]["seconds_left"] == 0
    assert epochs[1]["drift"]["stem"] == 0 < epochs[1]["drift"]["head"]
    assert epochs[3]["drift"]["stem"] > 0
    assert run.state.history == epochs


def test_rates_follow_the_schedule_within_each_phase(training):
    run = training("lp-ft", epochs=4, lr=0.02)
    steps = _events(run, "step")
    head = [event["rates"]["head"] for event in steps]
    expected = [0.02 * share_of_peak("cosine", i, 10) for i in range(10)] + [
        0.0006 * share_of_peak("cosine", i, 10) for i in range(10)
    ]
    assert head == pytest.approx(expected)
    assert steps[9]["rates"]["stem"] is None
    assert steps[10]["rates"]["stem"] == pytest.approx(0.0006)


@pytest.mark.parametrize(("losses", "lowest"), [((0.5, 0.3, 0.3, 0.4), 1), ((0.2, 0.9, 0.8, 0.7), 0), ((4, 3, 2, 1), 3)])
def test_the_epoch_with_the_lowest_validation_loss_is_put_back_and_the_earlier_one_in_a_tie(
    training, monkeypatch: pytest.MonkeyPatch, losses: tuple[float, ...], lowest: int
):
    given = iter(losses)
    monkeypatch.setattr("tlcore.training.fit.score", lambda *arguments: score(*arguments) | {"loss": next(given)})
    run = training("full", epochs=4)
    epochs, at_the_end_of = [], []
    for event in fit(run.state, run.setup):
        if event["type"] == "epoch":
            epochs.append(event)
            at_the_end_of.append(_tensors(run))
    assert run.state.best.epoch == lowest
    assert [event["best"] for event in epochs] == [loss < min((9, *losses[:i])) for i, loss in enumerate(losses)]
    assert all(torch.equal(tensor, at_the_end_of[lowest][name]) for name, tensor in _tensors(run).items())
    assert not torch.equal(at_the_end_of[0]["head.weight"], at_the_end_of[1]["head.weight"])


def test_patience_ends_a_phase_and_the_next_one_begins(training):
    run = training("lp-ft", epochs=20, lr=0.3, patience=2)
    epochs = _events(run, "epoch")
    first = [event["val"]["loss"] for event in epochs if event["phase"] == 0]
    second = [event for event in epochs if event["phase"] == 1]
    assert len(first) < 10, "the fixture must stop early for this test to say anything"
    assert np.argmin(first) == len(first) - 3
    assert second
    assert run.state.stopped_early
    assert second[0]["rates"]["stem"] is not None


def test_it_learns(training):
    run = training("full", epochs=12, lr=2e-2, images=64)
    epochs = _events(run, "epoch")
    assert epochs[-1]["val"]["auroc"] > 0.95
    assert epochs[-1]["train"]["loss"] < 0.6 * epochs[0]["train"]["loss"]


def test_the_same_setup_gives_the_same_numbers_and_leaves_torchs_chance_alone(training):
    torch.manual_seed(1)
    first = training("full")
    _events(first)
    drawn = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), drawn)
    second, other = training("full"), training("full", seed=4)
    _events(second)
    _events(other)
    tensors = _tensors(second)
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in _tensors(first).items())
    assert not torch.equal(_tensors(other)["head.weight"], tensors["head.weight"])


def test_a_loss_that_is_no_number_stops_the_run_and_says_what_to_try(training):
    run = training("full", lr=1e8, epochs=20, optimizer="sgd")
    run.setup.plan.phases[0].rates["top"] = 1e30
    with pytest.raises(Diverged) as stopped:
        _events(run)
    assert "phase 'head and body'" in stopped.value.message
    assert "top moves fastest, at 1e+30" in stopped.value.next_step


def test_batchnorm_cannot_train_on_one_image(training):
    with pytest.raises(SpecError, match="one image"):
        _events(training(TRAINED, batch_size=1))
    assert len(_events(training("full", batch_size=1, images=3, epochs=1), "step")) == 3
    assert len(_events(training(TRAINED, images=33, epochs=1), "step")) == 4  # 8 8 8 9


class Memory:
    """Makes a module fail as a GPU does, above so many images at once."""

    def __init__(self, module: torch.nn.Module, most: int) -> None:
        self.seen: list[int] = []
        self.most = most
        module.register_forward_pre_hook(self)

    def __call__(self, module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        self.seen.append(len(inputs[0]))
        if len(inputs[0]) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")


def test_out_of_memory_halves_what_goes_through_at_once_and_keeps_the_maths(training):
    fields = {"optimizer": "sgd", "epochs": 1, "augment": False}
    strategy = preset("linear-probe")
    whole, parts = training(strategy, **fields), training(strategy, **fields)
    Memory(parts.state.network.module, 3)
    reference, events = _events(whole), _events(parts)
    notices = [event for event in events if event["type"] == "notice"]
    assert [notice["text"].split(", whose")[0][-1] for notice in notices] == ["4", "2"]
    assert parts.state.notices == [{"level": n["level"], "text": n["text"]} for n in notices]
    assert sum(event["type"] == "step" for event in events) == sum(event["type"] == "step" for event in reference)
    assert torch.allclose(parts.state.network.module.head.weight, whole.state.network.module.head.weight, atol=1e-6)


def test_out_of_memory_with_one_image_gives_up(training):
    run = training("linear-probe")
    Memory(run.state.network.module, 0)
    with pytest.raises(OutOfMemory, match="smallest"):
        _events(run)
    trained = training(TRAINED)
    memory = Memory(trained.state.network.module, 1)
    with pytest.raises(OutOfMemory):
        _events(trained)
    assert min(memory.seen) == 2  # BatchNorm in train mode never sees a single image


def test_another_error_is_not_taken_for_a_lack_of_memory(training):
    run = training("linear-probe")
    run.state.network.module.register_forward_pre_hook(lambda module, inputs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        _events(run)


def test_without_validation_images_the_last_epoch_is_kept(training):
    empty = Split(np.zeros((0, 16, 16, 3), np.uint8), np.zeros(0, np.int64), ())
    run = training("full", epochs=3, val=empty)
    epochs = _events(run, "epoch")
    assert [event["best"] for event in epochs] == [True, True, True]
    assert run.state.best.epoch == 2
    assert epochs[0]["val"]["loss"] is None


def test_dropout_is_on_in_training_and_off_in_evaluation(training):
    run = training(Strategy(scope={"kind": "all"}), epochs=2)
    modes = []
    run.state.network.module.top[3].register_forward_hook(lambda module, inputs, output: modes.append(module.training))
    _events(run)
    assert modes == ([True] * 5 + [False] * 2) * 2  # 5 steps, then 20 images by 16
    assert math.isfinite(run.state.history[-1]["val"]["loss"])
