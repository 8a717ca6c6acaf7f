"""Phases that end when validation stalls, or when the head's solver has converged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import cut_in

from tlcore.strategies import Strategy
from tlcore.strategies.phases import Gradual, HeadThenBody
from tlcore.strategies.scope import All
from tlcore.training.checkpoint import Identity, load_checkpoint, save_checkpoint
from tlcore.training.fit import fit
from tlcore.training.metrics import score


def _given(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
    left = iter(losses)
    monkeypatch.setattr("tlcore.training.fit.score", lambda *arguments: score(*arguments) | {"loss": next(left)})


def _phases(run) -> list[int]:
    return [event["phase"] for event in fit(run.state, run.setup) if event["type"] == "epoch"]


STALLED = Strategy(scope=All(), phases=Gradual(until="stalled", patience=2))


def test_a_phase_ends_when_validation_stalls_and_its_epochs_are_the_most_it_may_take(training, monkeypatch) -> None:
    # Four phases of at most 4 epochs. The first stalls after its first epoch, the second never, the third after its second.
    losses = [0.9, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.9, 0.4, 0.4, 0.4, 0.3, 0.2, 0.1, 0.05]
    _given(monkeypatch, losses)
    run = training(STALLED, epochs=16)
    assert _phases(run) == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
    assert run.state.stopped_early


def test_without_patience_every_epoch_is_taken(training, monkeypatch) -> None:
    _given(monkeypatch, [1.0] * 8)
    run = training(Strategy(scope=All(), phases=Gradual()), epochs=8)
    assert _phases(run) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert not run.state.stopped_early


@pytest.mark.parametrize(("own", "of_run", "epochs"), [(2, None, 3), (5, 1, 2), (1, 5, 2)])
def test_of_the_runs_patience_and_the_phases_own_the_shorter_one_counts(training, monkeypatch, own, of_run, epochs) -> None:
    _given(monkeypatch, [1.0] * 99)
    phases = HeadThenBody(head_until="converged", patience=own)
    run = training(Strategy(scope=All(), phases=phases), epochs=20, patience=of_run)
    assert _phases(run).count(0) == epochs


def test_only_the_phase_that_has_patience_of_its_own_ends_by_it(training, monkeypatch) -> None:
    _given(monkeypatch, [1.0] * 99)
    run = training(Strategy(scope=All(), phases=HeadThenBody(head_until="converged", patience=2)), epochs=12)
    assert _phases(run) == [0] * 3 + [1] * 6


def _solved(training, head_until: str):
    phases = HeadThenBody(head_until=head_until, patience=30)
    return cut_in(
        training(Strategy(scope=All(), phases=phases), epochs=60, augment=False, weight_decay=1e-5), head_solver="auto"
    )


def test_a_solved_head_ends_its_phase_once_the_solver_has_converged(
    training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("tlcore.training.head.ITERATIONS", 3)  # so that it takes several rounds
    run = _solved(training, "converged")
    assert run.setup.solves(0)
    head = []
    for event in fit(run.state, run.setup):
        if event["type"] == "epoch":
            if event["phase"] != 0:
                break
            head.append(event["train"]["loss"])
    assert 1 < len(head) < 20, "of 30 epochs"
    assert head[0] > head[-1] + 1e-4
    by_epochs = _solved(training, "epochs")
    losses = []
    for event in fit(by_epochs.state, by_epochs.setup):
        if event["type"] == "epoch":
            losses.append(event["train"]["loss"])
            if len(losses) == 30:
                break
    assert by_epochs.state.phase == 1
    assert np.allclose(losses[: len(head)], head)
    assert losses[-1] == pytest.approx(head[-1], abs=5e-5)  # the rounds that it did not take would have changed next to nothing


def test_a_head_that_converged_just_before_the_run_was_lost_still_ends_its_phase(
    training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    identity = Identity("s", "d", "w")
    run = _solved(training, "converged")
    for _ in fit(run.state, run.setup):
        if run.state.converged:  # between the round and the look at the validation images
            save_checkpoint(tmp_path / "state.safetensors", run.state, identity)
            break
    resumed = _solved(training, "converged")
    load_checkpoint(tmp_path / "state.safetensors", resumed.state, resumed.setup, identity)
    next(event for event in fit(resumed.state, resumed.setup) if event["type"] == "epoch")
    assert resumed.state.phase == 1
    assert not resumed.state.converged
