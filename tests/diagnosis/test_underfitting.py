"""A run that ends before it has learnt, by hand: how high a loss, how few images, when it is told, and what would help."""

from __future__ import annotations

import pytest

from tests.diagnosis.by_hand import asked, epoch, names, plan
from tlcore.diagnosis import Diagnosis, diagnose
from tlcore.figures.fold import Event
from tlcore.spec import RunSpec

TITLE = "Under-fitting"
DONE: Event = {"type": "state", "state": "done"}
FALLING = (0.75, 0.60, 0.45)  # guessing gives 0.693 of two classes, and 0.4 of that is 0.277


def told(spec: RunSpec, losses: tuple[float, ...] = FALLING, end: Event = DONE, **fields: float) -> Diagnosis:
    named = {"trained": 0.7, "val": 0.7} | fields
    epochs = [epoch(i, loss, loss, named["val"], trained=named["trained"]) for i, loss in enumerate(losses)]
    return diagnose(spec, [plan(spec), *epochs, end])


def test_what_was_seen_and_more_epochs():
    spec = asked(epochs=3)
    (finding,) = told(spec).findings
    assert (finding.name, finding.severity) == ("under-fitting", "warning")
    assert finding.seen == (
        "After 30 steps in 3 epochs the training loss is 0.450; guessing gives 0.693. The run names 70.0 % of the 400 images "
        "that it trains on rightly, and 70.0 % of the 400 validation images."
    )
    assert finding.means.endswith("it ended while it was still learning.")
    assert finding.remedy.applied(spec) == asked(epochs=10)


@pytest.mark.parametrize(("epochs", "patience", "then"), [(2, None, 10), (4, 2, 12), (400, None, None)])
def test_three_times_as_many_epochs_and_at_least_twice_the_usual(epochs: int, patience: int | None, then: int | None):
    spec = asked(epochs=epochs, patience=patience)
    after = told(spec).findings[0].remedy.applied(spec)
    changed = {"lr": 3e-3} if then is None else {"epochs": then, "patience": None}  # 1,200 epochs are out of range
    assert after == spec.model_copy(update=changed)


@pytest.mark.parametrize(
    ("strategy", "fields", "seen"),
    [
        ("full", {}, True),
        ("full", {"trained": 0.88}, False),  # of 400 images, 87.1 to 93.4 % may be nine in ten
        ("full", {"trained": 0.86}, True),
        ("full", {"val": 0.9}, False),  # what it trains on is made harder
        ("full", {"losses": (0.75, 0.5, 0.28)}, True),
        ("full", {"losses": (0.75, 0.5, 0.27)}, False),
        ("full", {"losses": (0.27, 0.7, 0.6)}, False),  # it had learnt: what was lost since is another detector's
        ("linear-probe", {"losses": (0.75, 0.6, 0.5, 0.4)}, True),
        ("linear-probe", {"losses": (0.75, 0.5, 0.5, 0.5)}, False),  # a plateau
        ("linear-probe", {"losses": (0.69, 0.69, 0.69, 0.69), "trained": 0.55}, False),
        ("random-features", {"losses": (0.69, 0.69, 0.68, 0.68), "trained": 0.55}, True),
        ("random-features", {"losses": (0.69, 0.6, 0.6, 0.6), "trained": 0.7}, False),
    ],
)
def test_both_loss_and_images_must_say_so(strategy: str, fields: dict, seen: bool):
    assert ("under-fitting" in names(told(asked(strategy), **fields))) is seen


@pytest.mark.parametrize(("lr", "higher"), [(1e-5, 1e-3), (1e-3, 3e-3), (1e-2, 3e-2)])
def test_a_loss_that_stands_asks_for_a_higher_rate(lr: float, higher: float):
    spec = asked(lr=lr)
    (finding,) = told(spec, (0.68, 0.66, 0.65, 0.65)).findings
    assert "fell by less than 5 %" in finding.means
    assert finding.remedy.applied(spec) == asked(lr=higher)


@pytest.mark.parametrize("state", ["running", "cancelled", "failed"])
def test_only_a_run_that_is_done_has_had_its_chance(state: str):
    end = {"type": "state", "state": state, "error": {"type": "OutOfMemory", "message": "Full.", "next_step": ""}}
    assert told(asked(), end=end).cannot_tell[TITLE] == "the run has not come to its end"


def test_a_solved_head_needs_no_epochs():
    spec = asked("random-features")
    answer = diagnose(spec, [plan(spec, solver="lbfgs"), epoch(0, 0.65, 0.65, 0.6, trained=0.7), DONE])
    assert not answer.findings
    assert TITLE not in {*answer.clear, *answer.cannot_tell}


def test_beside_a_probe_it_is_worth_knowing_at_most():
    spec = asked()
    for accuracy, expected in [(0.7, {("under-fitting", "info")}), (0.95, {("better-alone", "warning")})]:
        probe = {"val": {"accuracy": accuracy}, "history": [{"train": {"accuracy": 0.99}}]}
        result = {"confusion": [[0, 0], [0, 0]], "classes": ["class 0", "class 1"], "majority_baseline": None}
        events = [plan(spec), *(epoch(i, loss, loss, 0.7, trained=0.7) for i, loss in enumerate(FALLING)), DONE]
        answer = diagnose(spec, events, result, probe)
        assert {(finding.name, finding.severity) for finding in answer.findings} == expected
