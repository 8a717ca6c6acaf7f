"""The format of the steps: measured where there is a choice, kept, and taken by the phases that it was measured for."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from tiny import cut_in, routing_of

from tlcore.training import formats, step_format
from tlcore.training.fit import fit


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("THAW_ACTIVATIONS_DIR", str(tmp_path / "activations"))
    torch.set_num_threads(1)


@pytest.fixture
def multiplies_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor with instructions for it; the prefix stays in float32."""
    monkeypatch.setattr(step_format, "faster_formats", lambda machine: ["bfloat16"])
    monkeypatch.setattr(formats, "faster_formats", lambda machine: [])


def _pretend(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> list[str]:
    """Steps that take as long as told; returns the formats of those taken."""
    taken: list[str] = []

    def step(route: object, inputs: torch.Tensor) -> float:
        taken.append(route.machine.precision)
        return seconds[route.machine.precision]

    monkeypatch.setattr(step_format, "_seconds", step)
    return taken


@pytest.mark.parametrize(("slow", "chosen"), [(1.2, "bfloat16"), (1.05, "float32"), (0.5, "float32")])
@pytest.mark.parametrize("strategy", ["full", "last-group"])
def test_a_lower_format_must_be_a_tenth_faster(
    training, monkeypatch, multiplies_bfloat16, strategy: str, slow: float, chosen: str
) -> None:
    _pretend(monkeypatch, float32=slow, bfloat16=1.0)
    routing = routing_of(training(strategy, epochs=1), precision="auto")
    assert [(way.precision, way.timed) for way in routing.ways] == [
        (chosen, {"float32": slow / step_format.BATCH, "bfloat16": 1 / step_format.BATCH})
    ]
    assert routing.precision == chosen
    assert (routing.step_error is not None) == (chosen == "bfloat16")


def test_it_is_measured_once_for_each_set_of_groups_that_train(training, monkeypatch, multiplies_bfloat16) -> None:
    taken = _pretend(monkeypatch, float32=2.0, bfloat16=1.0)
    routing = routing_of(training("gradual", epochs=4), precision="auto")
    assert len({json.dumps(way.timed) for way in routing.ways}) == 1
    per_phase = len(taken) / len(routing.ways)
    assert per_phase >= 4, "two formats, a round that warms up and one that counts"
    routing_of(training("gradual", epochs=4), precision="auto")
    assert len(taken) == per_phase * len(routing.ways), "kept"


def test_nothing_is_timed_without_a_choice(training, monkeypatch) -> None:
    def refused(*_: object) -> float:
        raise AssertionError("timed")

    monkeypatch.setattr(step_format, "_seconds", refused)
    monkeypatch.setattr(step_format, "faster_formats", lambda machine: [])
    assert routing_of(training("full", epochs=1), precision="auto").precision == "float32"
    monkeypatch.setattr(step_format, "faster_formats", lambda machine: ["bfloat16"])
    assert routing_of(training("full", epochs=1), precision="float32").precision == "float32"
    solved = routing_of(training("linear-probe", epochs=1), precision="auto", head_solver="auto")
    assert [(way.solver, way.precision, way.timed) for way in solved.ways] == [("lbfgs", "float32", {})]


@pytest.mark.parametrize("strategy", ["from-scratch", "last-group"])  # BatchNorm trains in the first
def test_measuring_leaves_the_network_as_it_was(training, multiplies_bfloat16, strategy: str) -> None:
    run = training(strategy, epochs=1)
    module = run.state.network.module
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    routing = routing_of(run, precision="auto")
    assert set(routing.ways[0].timed) == {"float32", "bfloat16"}, "really timed"
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


@pytest.mark.parametrize("strategy", ["full", "last-group"])
def test_the_steps_are_taken_in_the_format_chosen(training, monkeypatch, multiplies_bfloat16, strategy: str) -> None:
    _pretend(monkeypatch, float32=2.0, bfloat16=1.0)
    seen: list[torch.dtype] = []

    def losses(run, **asked: object) -> list[float]:
        run.state.network.module.head.register_forward_hook(lambda m, i, out: seen.append(out.dtype))
        return [event["loss"] for event in fit(run.state, run.setup) if event["type"] == "step"]

    low = losses(cut_in(training(strategy, epochs=2), precision="auto"))
    assert set(seen) == {torch.bfloat16}
    seen.clear()
    exact = losses(cut_in(training(strategy, epochs=2), precision="float32"))
    assert set(seen) == {torch.float32}
    assert low != exact
    assert low == pytest.approx(exact, rel=0.05), "eight bits of mantissa"


def test_where_a_lower_format_gives_no_numbers_float32_is_taken(training, monkeypatch, multiplies_bfloat16) -> None:
    _pretend(monkeypatch, float32=2.0, bfloat16=1.0)
    monkeypatch.setattr("tlcore.training.routing.error_of", lambda whole, precision: float("inf"))
    routing = routing_of(training("full", epochs=1), precision="auto")
    assert (routing.precision, routing.step_error) == ("float32", None)


def test_the_error_of_a_format_by_hand(training) -> None:
    run = training("full", epochs=1)
    whole = routing_of(run).whole
    assert step_format.error_of(whole, "float32") == 0
    assert 1e-4 < step_format.error_of(whole, "bfloat16") < 0.05


def test_a_run_that_goes_on_keeps_its_formats(training, monkeypatch, multiplies_bfloat16) -> None:
    _pretend(monkeypatch, float32=2.0, bfloat16=1.0)
    earlier = json.loads(json.dumps(routing_of(training("full", epochs=1), precision="auto").as_data()))
    monkeypatch.setattr(step_format, "faster_formats", lambda machine: [])
    again = routing_of(training("full", epochs=1), precision="auto", earlier=earlier)
    assert again.precision == "bfloat16"
    assert again.as_data() == earlier
    assert asdict(again.ways[0])["timed"]
