"""The way of each phase, with its reason; and that a run on kept rows is the run that it would have been without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import Training, cut_in, routing_of
from torch import nn

from tlcore.errors import OutOfMemory
from tlcore.groups import HEAD
from tlcore.models.prefix import prefix_of
from tlcore.progress import silent
from tlcore.strategies import preset
from tlcore.strategies.phases import Gradual
from tlcore.training import routing, ways
from tlcore.training.activations import kept, shelf
from tlcore.training.checkpoint import Identity, load_checkpoint, save_checkpoint
from tlcore.training.fit import fit

IDENTITY = Identity("s", "d", "w")
CLOCK = {"seconds", "images_per_second", "seconds_left", "t"}
UPWARDS = preset("gradual").model_copy(update={"phases": Gradual(direction="bottom-up")})


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))


def _finish(training: Training) -> tuple[list[dict], dict[str, torch.Tensor]]:
    for _ in fit(training.state, training.setup):
        pass
    history = [{name: value for name, value in event.items() if name not in CLOCK} for event in training.state.history]
    return history, training.state.network.module.state_dict()


# --- what is decided


@pytest.mark.parametrize(
    ("strategy", "cuts"),
    [
        ("linear-probe", [HEAD]),
        ("random-features", [HEAD]),
        ("last-group", ["top"]),
        ("top-two-groups", ["middle"]),
        ("two-stage", [HEAD, "top"]),
        ("lp-ft", [HEAD, None]),
        ("middle-only", ["middle"]),
        ("gradual", [HEAD, "top", "middle", None]),
        ("full", [None]),
        ("from-scratch", [None]),
        (UPWARDS, [HEAD, None, None, None]),
    ],
)
def test_each_phase_is_cut_below_the_lowest_group_that_has_moved(training, strategy, cuts: list[str | None]) -> None:
    run = training(strategy, epochs=4)
    found = routing_of(run)
    assert [way.cut for way in found.ways] == cuts
    assert [way.kind for way in found.ways] == ["whole" if cut is None else "kept" for cut in cuts]
    for place, way in enumerate(found.ways):
        if way.cut is not None:
            assert (way.reason, way.views) == ("Computed once, then read.", 1)
            below = [group.name for group in run.setup.plan.groups]
            below = set(below[: below.index(way.cut)])
            assert not any(phase.trains(group) for phase in run.setup.plan.phases[: place + 1] for group in below)
        elif strategy is UPWARDS and place < 3:
            assert way.reason == "The lowest group, stem, moves: there is nothing below it to keep."
        else:
            assert way.reason == ("From here all groups train." if place else "All groups train: nothing is frozen.")
    assert json.loads(json.dumps(found.as_data()))["phases"][0]["cut"] == cuts[0]
    assert (found.measured is None) == (cuts[0] is None)


def test_a_group_that_moved_before_is_not_taken_for_frozen(training) -> None:
    """Stem, then middle, then top: in the second phase the stem may be still again, but it is not what it was."""
    run = training(UPWARDS, epochs=4)
    still = [replace(phase, rates=phase.rates | {"stem": None}) for phase in run.setup.plan.phases[2:]]
    plan = replace(run.setup.plan, phases=(*run.setup.plan.phases[:2], *still))
    found = routing_of(Training(run.state, replace(run.setup, plan=plan)))
    assert [way.cut for way in found.ways] == [HEAD, None, None, None]


def test_switched_off(training) -> None:
    found = routing_of(training("linear-probe"), cut="off")
    assert [(way.kind, way.reason) for way in found.ways] == [("whole", "The cut is switched off.")]
    assert found.as_data()["prefix"] is None


def test_augmented_runs_keep_views_or_nothing(training) -> None:
    four, few, fresh, plain = (
        routing_of(training("linear-probe", epochs=epochs, augment=augment), views=views).ways[0]
        for epochs, augment, views in ((9, True, 4), (3, True, 4), (9, True, 0), (9, False, 4))
    )
    row, train, val = 4 * 8, 37, 20
    assert [(way.kind, way.views, way.bytes) for way in (four, few, fresh, plain)] == [
        ("kept", 4, row * (4 * train + val)),
        ("kept", 3, row * (3 * train + val)),
        ("recomputed", 0, row * val),
        ("kept", 1, row * (train + val)),
    ]
    assert fresh.reason == "Each epoch draws fresh augmented views, as asked for."


def test_a_head_alone_on_kept_features_is_solved(training, monkeypatch: pytest.MonkeyPatch) -> None:
    def solvers(strategy: str, **asked: object) -> list[str]:
        return [way.solver for way in routing_of(training(strategy, epochs=4), **({"head_solver": "auto"} | asked)).ways]

    assert solvers("linear-probe") == ["lbfgs"]
    assert solvers("lp-ft") == ["lbfgs", "steps"]
    assert solvers("two-stage") == ["lbfgs", "steps"]
    assert solvers("last-group") == ["steps"]
    assert solvers("linear-probe", head_solver="minibatch") == ["steps"]
    assert solvers("linear-probe", views=0) == ["steps"]
    monkeypatch.setattr(ways, "MOST_VALUES", 8 * 37 - 1)
    assert solvers("linear-probe") == ["steps"]


def test_without_room_it_is_recomputed_and_the_reason_says_so(training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_ACTIVATIONS_GB", "0")
    (way,) = routing_of(training("last-group")).ways
    assert (way.kind, way.cut, way.bytes) == ("recomputed", "top", 0)
    assert way.reason == "What it computes would take 0 MB, and there is room for 0 MB."
    monkeypatch.setenv("THAW_ACTIVATIONS_GB", "1")
    monkeypatch.setattr(ways, "free_bytes", lambda folder: 10)
    assert routing_of(training("last-group")).ways[0].kind == "recomputed"


def test_what_one_cut_keeps_is_no_room_for_the_next(training, monkeypatch: pytest.MonkeyPatch) -> None:
    head, top, middle = (4 * size * 57 for size in (8, 6 * 4 * 4, 4 * 8 * 8))
    monkeypatch.setenv("THAW_ACTIVATIONS_GB", str((head + top + middle - 1) / 1e9))
    ways = routing_of(training("gradual", epochs=4, augment=False)).ways
    assert [way.kind for way in ways] == ["kept", "kept", "recomputed", "whole"]


def test_a_row_that_is_slower_to_read_than_to_compute_is_not_kept(training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "FROM_MEMORY", 1.0)
    (way,) = routing_of(training("linear-probe")).ways
    assert way.kind == "recomputed"
    assert way.reason.startswith("To read a row takes 3.2e+04 ms, to compute it ")


class _Branching(nn.Module):
    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.stem, self.middle, self.top, self.head = inside.stem, inside.middle, inside.top, inside.head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        seen = self.top(self.middle(self.stem(images))).mean((2, 3))
        return self.head(seen if seen.sum() > -1e9 else -seen)


def test_a_network_that_cannot_be_traced_trains_uncut_to_the_same_end_and_says_why(training) -> None:
    run = training("linear-probe")
    run.state.network.module = _Branching(run.state.network.module)
    (way,) = routing_of(run).ways
    assert way.kind == "whole"
    assert way.reason.startswith("_Branching cannot be traced: ")
    assert way.reason.endswith(". It trains uncut.")
    history, _ = _finish(cut_in(run))
    assert history == _finish(training("linear-probe"))[0]


class _Moody(nn.Module):
    """Traced as it is in training mode: in evaluation it answers otherwise, which no graph can tell."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.stem, self.middle, self.top, self.head = inside.stem, inside.middle, inside.top, inside.head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        seen = self.top(self.middle(self.stem(images)))
        return self.head((seen if self.training else 3 * seen).mean((2, 3)))


def _fails(*_: object, **__: object) -> None:
    raise AttributeError("no such thing")


@pytest.mark.parametrize("wrong", ["answers", "does not run"])
def test_a_cut_that_does_not_do_what_the_network_does_is_not_used(
    training, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    run = training("two-stage", epochs=4)
    if wrong == "answers":
        run.state.network.module = _Moody(run.state.network.module)
        assert run.state.network.module.training
        reason = "_Moody, cut in two, gives other answers than whole. It trains uncut."
    else:
        monkeypatch.setattr(routing, "prefix_of", _fails)
        reason = "Tiny cannot be cut: no such thing. It trains uncut."
    found = routing_of(run)
    assert [(way.kind, way.reason) for way in found.ways] == [("whole", reason)] * 2
    again = routing_of(training("two-stage", epochs=4), earlier=json.loads(json.dumps(found.as_data())))
    assert again.ways == found.ways, "also when the run goes on"
    assert again.frozen is None


def test_a_network_that_does_not_fit_is_not_called_uncuttable(training, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(routing, "prefix_of", full)
    with pytest.raises(OutOfMemory):
        routing_of(training("linear-probe"))


# --- that it is the same training


@pytest.mark.parametrize("strategy", ["linear-probe", "last-group", "lp-ft", "middle-only", "gradual", "two-stage"])
@pytest.mark.parametrize("limit", ["10", "0"])
def test_unfolded_a_cut_run_is_the_uncut_one_bit_for_bit(
    training, monkeypatch: pytest.MonkeyPatch, strategy: str, limit: str
) -> None:
    """Dropout is on; rows are kept, or computed in each epoch."""
    monkeypatch.setenv("THAW_ACTIVATIONS_GB", limit)
    monkeypatch.setattr(routing, "prefix_of", lambda *arguments: prefix_of(*arguments, fold=False))
    uncut, tensors = _finish(training(strategy, epochs=4, augment=False))
    cut, found = _finish(cut_in(training(strategy, epochs=4, augment=False)))
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    assert cut == uncut


def test_fresh_views_are_those_of_the_uncut_run(training) -> None:
    uncut, _ = _finish(training("last-group", epochs=3))
    cut, _ = _finish(cut_in(training("last-group", epochs=3), views=0))
    for before, after in zip(uncut, cut, strict=True):
        assert after["train"]["loss"] == pytest.approx(before["train"]["loss"], abs=1e-4)


def test_each_picture_sees_all_its_views_one_in_each_epoch(training) -> None:
    (route,) = cut_in(training("linear-probe", epochs=6), views=3).setup.routes
    everything = np.arange(37)
    views = [view.take(everything) for view in route.rows["train"]]
    assert len({view.tobytes() for view in views}) == 3
    seen = [route.training_inputs(everything[::-1], epoch=epoch, step=0).numpy()[::-1] for epoch in range(6)]
    for i in range(37):
        which = [next(v for v in range(3) if np.array_equal(views[v][i], rows[i])) for rows in seen]
        assert sorted(which[:3]) == [0, 1, 2]
        assert which[3:] == which[:3]
    assert len({next(v for v in range(3) if np.array_equal(views[v][i], seen[0][i])) for i in range(37)}) == 3
    features, pictures = route.all_features()
    assert np.array_equal(features.numpy(), np.concatenate(views))
    assert pictures.tolist() == list(range(37)) * 3


@pytest.mark.parametrize("solver", ["auto", "minibatch"])
@pytest.mark.parametrize("strategy", ["linear-probe", "gradual"])
def test_views_outlast_epochs_and_patience(training, strategy: str, solver: str) -> None:
    """Fewer epochs than views, and phases that patience ends before each view was seen."""
    few = cut_in(training(strategy, epochs=4), views=9, head_solver=solver)
    assert len(few.setup.routes[0].rows["train"]) == 4
    history, _ = _finish(few)
    assert len(history) == 4
    impatient = cut_in(training(strategy, epochs=40, lr=1.0, patience=1), views=9, head_solver=solver)
    history, _ = _finish(impatient)
    assert impatient.state.stopped_early
    assert impatient.state.phase == len(impatient.setup.plan.phases)
    assert [epoch["epoch"] for epoch in history] == list(range(len(history)))
    assert all(np.isfinite(epoch["train"]["loss"]) for epoch in history)


@pytest.mark.parametrize("solver", ["auto", "minibatch"])
@pytest.mark.parametrize("strategy", ["lp-ft", "gradual"])
@pytest.mark.parametrize("deleted", [False, True])
def test_stopped_anywhere_a_cut_run_goes_on_bit_for_bit(
    training, tmp_path: Path, strategy: str, solver: str, deleted: bool
) -> None:
    def fresh(earlier: dict | None = None) -> tuple[Training, routing.Routing]:
        run = training(strategy, epochs=4)
        return run, routing_of(run, views=2, head_solver=solver, earlier=earlier)

    def laid(run: Training, decided: routing.Routing) -> Training:
        routes = decided.routes(silent, first=run.state.phase)
        return Training(run.state, replace(run.setup, routes=routes, solved=decided.solved))

    reference = laid(*fresh())
    kinds = [event["type"] for event in fit(reference.state, reference.setup)]
    history = [{name: value for name, value in event.items() if name not in CLOCK} for event in reference.state.history]
    tensors = reference.state.network.module.state_dict()
    epochs = [i for i, kind in enumerate(kinds) if kind == "epoch"]
    for stop in (0, *epochs[:2], epochs[1] + 2, epochs[2], len(kinds) - 1):
        started, decided = fresh()
        killed = laid(started, decided)
        for i, _ in enumerate(fit(killed.state, killed.setup)):
            if i == stop:
                save_checkpoint(tmp_path / "state.safetensors", killed.state, IDENTITY)
                break
        if deleted:
            shelf().clear()
        going_on, again = fresh(json.loads(json.dumps(decided.as_data())))
        assert again.ways == decided.ways
        load_checkpoint(tmp_path / "state.safetensors", going_on.state, replace(going_on.setup), IDENTITY)
        found, values = _finish(laid(going_on, again))
        assert found == history, stop
        assert all(torch.equal(values[name], tensor) for name, tensor in tensors.items()), stop


@pytest.mark.parametrize("solver", ["auto", "minibatch"])
def test_rows_that_another_process_drops_while_a_run_reads_them_stay_readable(training, solver: str) -> None:
    reference, tensors = _finish(cut_in(training("two-stage", epochs=4), views=2, head_solver=solver))
    run = cut_in(training("two-stage", epochs=4), views=2, head_solver=solver)
    drop = "from tlcore.training.activations import shelf; assert shelf().clear() > 0"
    subprocess.run([sys.executable, "-c", drop], check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert kept() == []
    history, found = _finish(run)
    assert history == reference
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_what_has_moved_is_not_kept_again_when_a_run_goes_on(training) -> None:
    run = training("gradual", epochs=4, augment=False)
    decided = routing_of(run)
    with torch.no_grad():
        run.state.network.module.top[0].weight.add_(1)  # as after the second phase
    decided.routes(silent, first=2)
    assert [entry.cut for entry in kept()] == ["middle"]
