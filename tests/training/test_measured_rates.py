"""Auto-RGN and Auto-SNR, by hand on a toy network, and in the loop: what is measured, what it changes, and what it leaves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import CLASSES, cut_in
from torch.nn import functional

from tlcore.data.transforms import augment, normalise
from tlcore.models.freezing import apply_phase, set_modes
from tlcore.strategies import Strategy
from tlcore.strategies.phases import HeadThenBody
from tlcore.strategies.rates import AutoRGN, AutoSNR, Measured
from tlcore.strategies.scope import All, Top
from tlcore.training.chance import batch_at, order_of
from tlcore.training.fit import fit
from tlcore.training.measured_rates import measure_shares, relative_to_largest, shares_of

RGN, SNR = Measured("relative-gradient-norm", 2), Measured("signal-to-noise", 2, threshold=0.5)


def _t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


# Two groups of two weights, two batches. ||w||: 5 and 1. ||g||: body 1 then 3, head 2 then 4.
WEIGHTS = {"body": [_t(3.0, 4.0)], "head": [_t(0.6), _t(-0.8)]}
GRADIENTS = (
    {"body": [_t(0.6, 0.8)], "head": [_t(2.0), _t(0.0)]},
    {"body": [_t(1.8, 2.4)], "head": [_t(0.0), _t(4.0)]},
)


def test_the_relative_gradient_norm_by_hand() -> None:
    # body (1 + 3) / 2 / 5 = 0.4, head (2 + 4) / 2 / 1 = 3
    assert shares_of(RGN, WEIGHTS, GRADIENTS) == pytest.approx({"body": 0.4 / 3, "head": 1.0})


def test_the_signal_to_noise_ratio_by_hand() -> None:
    # body: means 1.2, 1.6, so signal 4; variances .72, 1.28, so noise 2: SNR 2.
    # head: means 1, 2, so signal 5; variances 2, 8, so noise 10: SNR 0.5, a quarter of the body's.
    assert shares_of(SNR, WEIGHTS, GRADIENTS) == {"body": 1.0, "head": 0.0}
    assert shares_of(replace(SNR, threshold=0.24), WEIGHTS, GRADIENTS) == {"body": 1.0, "head": 1.0}


def test_welfords_updates_are_numpys_mean_and_variance() -> None:
    rng = np.random.default_rng(0)
    batches = rng.normal(1.0, 3.0, (7, 2, 50)).astype(np.float32)
    gradients = [{"a": [torch.from_numpy(batch[0])], "b": [torch.from_numpy(batch[1])]} for batch in batches]
    ratios = (batches.mean(0) ** 2).sum(1) / batches.var(0, ddof=1).sum(1)
    for threshold in (0.999 * ratios.min() / ratios.max(), 1.001 * ratios.min() / ratios.max()):
        found = shares_of(replace(SNR, threshold=threshold), gradients[0], iter(gradients))
        assert sorted(found.values()) == ([1.0, 1.0] if threshold < ratios.min() / ratios.max() else [0.0, 1.0])


def test_what_nothing_can_be_said_of_has_all_of_its_rate() -> None:
    assert relative_to_largest({"a": 2.0, "b": math.inf, "c": 0.0}) == {"a": 1.0, "b": 1.0, "c": 0.0}
    assert relative_to_largest({"a": 0.0, "b": 0.0}) == {"a": 1.0, "b": 1.0}
    zero = WEIGHTS | {"body": [_t(0.0, 0.0)]}
    assert shares_of(RGN, zero, GRADIENTS) == {"body": 1.0, "head": 1.0}
    assert shares_of(SNR, WEIGHTS, GRADIENTS[:1]) == {"body": 1.0, "head": 1.0}


def _strategy(rates: AutoRGN | AutoSNR, **axes: object) -> Strategy:
    return Strategy(**({"scope": All(), "rates": rates} | axes))


def _measured(run, weights: torch.Tensor | None = None) -> dict[str, float]:
    phase = run.setup.plan.phases[0]
    apply_phase(run.state.network, phase)
    set_modes(run.state.network, phase)
    return measure_shares(run.state, run.setup, phase, weights)


def _by_hand(run, batches: int, weights: torch.Tensor | None = None) -> dict[str, float]:
    """RGN from the loss of the first batches, as they are augmented for the first steps; the network in evaluation mode."""
    state, setup = run.state, run.setup
    module, look = state.network.module, state.network.preprocessing
    module.eval()
    order = order_of(0, len(setup.train.labels), setup.seed)
    sums: dict[str, float] = {}
    for step in range(batches):
        chosen = batch_at(order, step, setup.batch_size)
        images = augment(torch.from_numpy(setup.train.images[chosen]), seed=setup.seed, step=step, flips=True)
        labels = torch.from_numpy(setup.train.labels[chosen])
        loss = functional.cross_entropy(module(normalise(images, look.mean, look.std)), labels, weight=weights)
        for group in ("stem", "middle", "top", "head"):
            parameters = [parameter for _, parameter in state.network.parameters(group)]
            gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
            size, slope = (
                math.sqrt(sum(t.detach().square().sum().item() for t in tensors)) for tensors in (parameters, gradients)
            )
            sums[group] = sums.get(group, 0.0) + slope / size
    return {group: value / max(sums.values()) for group, value in sums.items()}


@pytest.mark.parametrize("weights", [None, torch.tensor([0.2, 3.0])], ids=["plain", "class weights"])
def test_a_networks_shares_are_those_worked_out_beside_it(training, weights: torch.Tensor | None) -> None:
    run = training(_strategy(AutoRGN(batches=3)))
    found = _measured(run, weights)
    assert found == pytest.approx(_by_hand(run, 3, weights), rel=1e-4)
    assert max(found.values()) == 1.0


def test_measuring_changes_nothing(training) -> None:
    run = training(_strategy(AutoRGN(), scope=All(batchnorm="trained")))
    before = {name: tensor.clone() for name, tensor in run.state.network.module.state_dict().items()}
    torch.manual_seed(5)
    _measured(run)
    drawn = torch.rand(2)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(2), drawn)
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.state.network.module.state_dict().items())
    assert all(parameter.grad is None for parameter in run.state.network.module.parameters())
    assert run.state.network.module.top.training  # the phase's modes are back


def test_frozen_groups_are_not_measured(training) -> None:
    assert set(_measured(training(_strategy(AutoRGN(), scope=Top(count=1))))) == {"top", "head"}


def test_in_parts_it_is_the_same_gradient(training) -> None:
    whole, parts = (training(_strategy(AutoRGN())) for _ in range(2))
    parts.state.images_at_once = 3
    assert _measured(parts) == pytest.approx(_measured(whole), rel=1e-4)


def test_memory_that_runs_out_makes_the_parts_smaller(training, monkeypatch: pytest.MonkeyPatch) -> None:
    from tlcore.training.route import Route

    logits = Route.logits

    def short(self: Route, inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return logits(self, inputs)

    expected = _measured(training(_strategy(AutoRGN())))
    monkeypatch.setattr(Route, "logits", short)
    run = training(_strategy(AutoRGN()))
    assert _measured(run) == pytest.approx(expected, rel=1e-4)
    assert run.state.images_at_once == 2


def test_steps_and_epochs_tell_the_measured_rates(training) -> None:
    run = training(_strategy(AutoRGN(schedule="constant")), lr=0.01)
    expected = _measured(training(_strategy(AutoRGN(schedule="constant")), lr=0.01))
    events = list(fit(run.state, run.setup))
    first = events[0]["rates"]
    assert first == pytest.approx({group: 0.01 * share for group, share in expected.items()})
    epochs = [event for event in events if event["type"] == "epoch"]
    assert epochs[0]["rates"] == first
    assert epochs[1]["rates"] != first  # measured anew
    assert max(epochs[1]["rates"].values()) == 0.01
    assert run.state.rate_shares == {}


def test_a_group_below_the_threshold_keeps_still_and_has_no_rate(training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tlcore.training.measured_rates._signals_to_noise",
        lambda gradients: {"stem": 0.1, "middle": 0.5, "top": 1.0, "head": 0.7} if list(gradients) else {},
    )
    run = training(_strategy(AutoSNR(threshold=0.5)), epochs=1)
    before = {name: tensor.clone() for name, tensor in run.state.network.module.state_dict().items()}
    steps = [event for event in fit(run.state, run.setup) if event["type"] == "step"]
    assert {group for group, rate in steps[0]["rates"].items() if rate is None} == {"stem"}
    for name, tensor in run.state.network.module.state_dict().items():
        if name.startswith("stem") or name.endswith(("weight", "bias")):
            assert torch.equal(tensor, before[name]) == name.startswith("stem"), name


def test_it_measures_on_kept_rows_too(training, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    strategy = _strategy(AutoRGN(batches=2), scope=Top(count=1))
    whole, kept = training(strategy, augment=False, epochs=1), cut_in(training(strategy, augment=False, epochs=1))
    assert kept.setup.routes is not None
    assert _measured(kept) == pytest.approx(_measured(whole), rel=1e-3)


def test_a_head_that_moves_alone_is_not_measured(training) -> None:
    run = training(_strategy(AutoRGN(), phases=HeadThenBody()), epochs=2, classes=CLASSES)
    first = next(iter(fit(run.state, run.setup)))
    assert first["rates"]["head"] == 0.01
