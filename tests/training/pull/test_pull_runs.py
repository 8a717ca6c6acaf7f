"""Whole trainings with a pull: what it changes, what it must not change, and that they can be stopped and gone on with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import Training, cut_in

from tlcore.models.freezing import apply_phase
from tlcore.strategies import preset
from tlcore.strategies.phases import HeadThenBody
from tlcore.strategies.pull import EWC, L1SP, L2SP, Distillation, NoPull, Pull, Replay
from tlcore.strategies.rates import Uniform
from tlcore.strategies.scope import Top
from tlcore.strategies.strategy import Strategy
from tlcore.training.checkpoint import Identity, load_checkpoint, save_checkpoint
from tlcore.training.fit import fit
from tlcore.training.optimizer import build_optimizer, set_rates
from tlcore.training.pull import ewc
from tlcore.training.pull.make import make_term
from tlcore.training.step import train_step

IDENTITY = Identity(spec="s", data="d", weights="w")
CLOCK = {"seconds", "images_per_second", "seconds_left"}
PULLS = {
    "l2-sp": L2SP(strength=1.0),
    "l1-sp": L1SP(strength=0.05),
    "ewc": EWC(strength=1000.0),
    "distillation": Distillation(strength=5.0),
    "replay": Replay(strength=5.0),
}
AT_ZERO = [
    L2SP(strength=0.0, head_strength=0.0),
    L1SP(strength=0.0, head_strength=0.0),
    EWC(strength=0.0),
    Distillation(strength=0.0),
    Replay(strength=0.0),
]
TWO_PHASES = Strategy(scope=Top(count=2), phases=HeadThenBody(head_share=0.3, lr_mult=0.5), rates=Uniform(body_lr_mult=1.0))


def _finish(run: Training) -> tuple[list[dict], dict[str, torch.Tensor]]:
    for _ in fit(run.state, run.setup):
        pass
    history = [{name: value for name, value in event.items() if name not in CLOCK} for event in run.state.history]
    return history, run.state.network.module.state_dict()


def _same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.parametrize("pull", AT_ZERO, ids=lambda pull: pull.kind)
def test_at_strength_0_it_is_plain_fine_tuning_bit_for_bit(pulled, pull: Pull):
    plain_history, plain = _finish(pulled(NoPull()))
    history, tensors = _finish(pulled(pull))
    assert history == plain_history
    assert _same(tensors, plain)
    assert "pull" not in history[0]["train"]


@pytest.mark.parametrize("kind", PULLS)
def test_a_pull_leaves_less_drift_and_tells_its_value(pulled, kind: str):
    def drift(pull: Pull) -> float:
        run = pulled(pull, epochs=3)
        events = list(fit(run.state, run.setup))
        steps = [event for event in events if event["type"] == "step"]
        last = next(event for event in reversed(events) if event["type"] == "epoch")
        assert ("pull" in steps[0]) == ("pull" in last["train"]) == pull.active
        if pull.active:
            assert last["train"]["pull"] > 0
        return sum(value for group, value in last["drift"].items() if group != "head")

    assert drift(PULLS[kind]) < 0.9 * drift(NoPull())


def test_the_epoch_s_pull_is_the_mean_over_its_images(pulled):
    run = pulled(PULLS["l2-sp"], epochs=1)
    events = list(fit(run.state, run.setup))
    values = [event["pull"] for event in events if event["type"] == "step"]
    (epoch,) = (event for event in events if event["type"] == "epoch")
    sizes = [8, 8, 8, 8, 5]
    assert epoch["train"]["pull"] == pytest.approx(np.dot(values, sizes) / 37)


@pytest.mark.parametrize("kind", PULLS)
def test_stopped_anywhere_and_resumed_gives_the_same_numbers(pulled, tmp_path: Path, kind: str):
    def fresh() -> Training:
        return cut_in(pulled(PULLS[kind], TWO_PHASES, epochs=3), views=2)

    reference = fresh()
    events = len(list(fit(reference.state, reference.setup)))
    history, tensors = _finish_of(reference)
    for stop in sorted({0, 3, events // 2, events - 3, events - 1}):
        killed, resumed = fresh(), fresh()
        for place, _ in enumerate(fit(killed.state, killed.setup)):
            if place == stop:
                save_checkpoint(tmp_path / "state.safetensors", killed.state, IDENTITY)
                break
        torch.manual_seed(stop)  # torch's own state must not matter
        load_checkpoint(tmp_path / "state.safetensors", resumed.state, resumed.setup, IDENTITY)
        again, resumed_tensors = _finish(resumed)
        assert again == history, stop
        assert _same(resumed_tensors, tensors), stop


def _finish_of(run: Training) -> tuple[list[dict], dict[str, torch.Tensor]]:
    history = [{name: value for name, value in event.items() if name not in CLOCK} for event in run.state.history]
    return history, run.state.network.module.state_dict()


@pytest.mark.parametrize("kind", PULLS)
def test_with_and_without_the_cut_they_agree(pulled, kind: str):
    whole = pulled(PULLS[kind], TWO_PHASES, epochs=2, augment=False)
    cut = cut_in(pulled(PULLS[kind], TWO_PHASES, epochs=2, augment=False))
    assert [route.group for route in cut.setup.routes] == ["head", "middle"]
    history, tensors = _finish(whole)
    cut_history, cut_tensors = _finish(cut)
    for one, other in zip(history, cut_history, strict=True):
        assert one["train"]["pull"] == pytest.approx(other["train"]["pull"], rel=1e-3, abs=1e-6)
        assert one["train"]["loss"] == pytest.approx(other["train"]["loss"], rel=1e-3)
    for name, tensor in tensors.items():
        assert torch.allclose(tensor.float(), cut_tensors[name].float(), atol=1e-4), name


def _step(run: Training, at_once: int | None) -> tuple[float, dict[str, torch.Tensor]]:
    """A step without dropout, from a place a little away from the start: what it pulled, and the gradients."""
    state, setup = run.state, run.setup
    making = make_term(state, setup)
    while setup.term is run.setup.term:
        try:
            next(making)
        except StopIteration as end:
            setup = type(setup)(**{**setup.__dict__, "term": end.value})
    phase = setup.plan.phases[0]
    apply_phase(state.network, phase)
    state.network.module.eval()
    list(setup.term.ready(state, setup.route(state)))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor in state.movable.values():
            tensor += 0.1 * torch.randn(tensor.shape, generator=generator)
    state.optimizer = build_optimizer(state.network, phase, "sgd", 0.0)
    set_rates(state.optimizer, phase, 0, 10)
    state.scaler, state.images_at_once = setup.machine.scaler(), at_once
    done = train_step(state, setup, phase, np.arange(7))
    return done.pull, {name: tensor.grad.clone() for name, tensor in state.movable.items()}


@pytest.mark.parametrize("kind", PULLS)
def test_in_parts_it_is_the_whole_batch(pulled, kind: str):
    value, gradients = _step(pulled(PULLS[kind]), None)
    in_parts, gradients_in_parts = _step(pulled(PULLS[kind]), 2)
    plain, plain_gradients = _step(pulled(NoPull()), None)
    assert plain == 0.0 < value == pytest.approx(in_parts, rel=1e-4)
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, gradients_in_parts[name], rtol=1e-3, atol=1e-5), name
    assert not torch.allclose(gradients["stem.0.weight"], plain_gradients["stem.0.weight"], rtol=1e-2, atol=1e-3)


def test_a_head_is_solved_as_without_a_pull_that_leaves_it_alone(pulled):
    def solved(pull: Pull) -> Training:
        return cut_in(pulled(pull, TWO_PHASES, epochs=3, augment=False), head_solver="auto")

    plain, distilled = solved(NoPull()), solved(PULLS["distillation"])
    assert plain.setup.solved == distilled.setup.solved == (True, False)
    plain_history, _ = _finish(plain)
    history, _ = _finish(distilled)
    assert history[0]["train"] == plain_history[0]["train"] | {"pull": 0.0}
    assert history[0]["val"] == plain_history[0]["val"]
    assert history[-1]["val"] != plain_history[-1]["val"]


def test_an_unpulled_preset_keeps_its_numbers_whatever_source_there_is(pulled, training):
    history, tensors = _finish(pulled(NoPull(), preset("lp-ft")))
    expected, expected_tensors = _finish(training("lp-ft"))
    assert history == expected
    assert _same(tensors, expected_tensors)


class _Clock:
    """A clock that stands still unless somebody moves it."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


def test_what_a_pull_computes_first_is_charged_to_the_run(pulled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a comparison over time would flatter it. The time in which a reader holds an event is nobody's."""
    clock, measured = _Clock(), ewc.fisher

    def slowly(*arguments: object):
        clock.now += 30
        return (yield from measured(*arguments))

    monkeypatch.setattr(ewc, "fisher", slowly)
    monkeypatch.setattr("tlcore.training.fit.time", clock)
    run, seconds = pulled(EWC(strength=1.0), epochs=2), []
    for event in fit(run.state, run.setup):
        if event["type"] == "progress" and not seconds:
            clock.now += 1000
        if event["type"] == "epoch":
            seconds.append(event["seconds"])
    assert seconds[0] % 1000 == 30
    assert seconds[1] == 0


@pytest.mark.parametrize(("pull", "steps"), [(L2SP(strength=1e6), 2.5), (EWC(strength=1e9), 4.0)], ids=["l2-sp", "ewc"])
def test_at_a_very_large_strength_the_backbone_stays_within_a_few_steps_of_where_it_started(pulled, pull: Pull, steps: float):
    """AdamW's step is about the rate, however large the gradient: a weight that is pulled back goes to and fro by one step.

    With EWC one that mattered to no image of the old task is as good as free.
    """

    def furthest(pull: Pull) -> float:
        run = pulled(pull, epochs=6)
        _finish(run)
        network, start = run.state.network, run.state.start
        rates = run.setup.plan.phases[0].rates
        return max(
            float((tensor.detach() - start[name]).abs().max()) / rates[group.name]
            for group in network.groups[:-1]
            for name, tensor in network.parameters(group.name)
        )

    assert furthest(pull) < steps < 3 * steps < furthest(NoPull())
