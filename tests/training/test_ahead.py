"""A batch gathered ahead is the batch that would have been gathered, and faults are told where it is asked for."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import cut_in

from tlcore.training.ahead import Ahead
from tlcore.training.fit import fit
from tlcore.training.route import Route


def test_what_was_begun_is_taken_and_only_once() -> None:
    ahead, gathered = Ahead(), []

    def gather(name: str) -> torch.Tensor:
        gathered.append((name, threading.current_thread() is threading.main_thread()))
        return torch.tensor([len(gathered)])

    ahead.begin("b", lambda: gather("b"))
    assert ahead.take("a", lambda: gather("a")) is not None, "another one is gathered when it is asked for"
    ahead.take("b", lambda: gather("b"))
    ahead.take("b", lambda: gather("b"))
    assert sorted(gathered) == [("a", True), ("b", False), ("b", True)]


def test_batches_that_nobody_takes_do_not_pile_up() -> None:
    ahead = Ahead()
    for number in range(5):
        ahead.begin(number, lambda number=number: torch.tensor([number]))
    assert [int(ahead.take(number, lambda: torch.tensor([-1]))) for number in range(5)] == [-1, -1, -1, 3, 4]


def test_a_fault_of_the_thread_is_raised_where_the_batch_is_asked_for() -> None:
    ahead = Ahead()

    def fails() -> torch.Tensor:
        raise OSError("gone")

    ahead.begin(0, fails)
    with pytest.raises(OSError, match="gone"):
        ahead.take(0, fails)


@pytest.mark.parametrize("cut", [False, True])
def test_a_run_that_looks_ahead_has_the_same_numbers(
    training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))

    def losses() -> list[float]:
        run = training("last-group", epochs=2)
        run = cut_in(run, views=2) if cut else run
        return [event["loss"] for event in fit(run.state, run.setup) if event["type"] == "step"]

    plain, begun = losses(), []

    def look_ahead(route: Route, indices: np.ndarray, *, epoch: int) -> None:  # as with a GPU, but for the pinned memory
        begun.append(route)
        route.ahead.begin(route._called(indices, epoch), lambda: route._gather(indices, epoch))

    monkeypatch.setattr(Route, "look_ahead", look_ahead)
    assert losses() == plain
    assert len(begun) == len(plain) - 2, "every batch but the first of each epoch"


def test_on_a_cpu_nothing_is_gathered_ahead(training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ahead, "begin", lambda *_: pytest.fail("it would take a core from the step"))
    run = training("full", epochs=1)
    assert [event for event in fit(run.state, run.setup) if event["type"] == "step"]
