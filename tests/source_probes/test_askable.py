"""Which sources a run can be asked about, and a question that none of them could answer, refused before anything is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.errors import SpecError
from tlcore.models.ancestry import WEIGHTS
from tlcore.runs import Run, create, delete
from tlcore.source_probes.askable import askable
from tlcore.spec import ForgettingSpec, RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.start import FromRun, Random
from tlcore.training.refuse import refuse_early

PRETRAINED = ("imagenet-cifar10", "natural-photos")


def done(runs: Path, strategy: Strategy, **fields: object) -> Run:
    run = create(runs, RunSpec(dataset="digits", strategy=strategy, **fields))
    run.write_result({"classes": ["0", "1"]})
    (run.path / WEIGHTS).touch()
    run.write_status(replace(run.written_status(), state="done"))
    return run


def refusal(runs: Path, run: Run, *sources: str) -> str:
    with pytest.raises(SpecError) as told:
        refuse_early(ForgettingSpec(run_id=run.id, sources=sources), runs)
    return str(told.value)


def test_what_a_run_can_be_asked_hangs_on_where_it_started(tmp_path: Path) -> None:
    first, empty = done(tmp_path, Strategy()), done(tmp_path, Strategy(start=Random()))
    after, after_empty = (done(tmp_path, Strategy(start=FromRun(run_id=run.id))) for run in (first, empty))
    assert askable(first.spec(), tmp_path) == PRETRAINED
    assert askable(empty.spec(), tmp_path) == ()
    assert askable(after.spec(), tmp_path) == (*PRETRAINED, "earlier-tasks")
    assert askable(after_empty.spec(), tmp_path) == ("earlier-tasks",), "its chain began at random"
    assert askable(done(tmp_path, Strategy(), head="attention").spec(), tmp_path) == ()


def test_a_question_that_no_named_source_answers_is_refused_with_those_that_could(tmp_path: Path) -> None:
    first, empty = done(tmp_path, Strategy()), done(tmp_path, Strategy(start=Random()))
    after = done(tmp_path, Strategy(start=FromRun(run_id=empty.id)))
    told = refusal(tmp_path, first, "earlier-tasks")
    assert f"Run {first.id} starts from no other run" in told
    assert "Of this run can be asked: imagenet-cifar10, natural-photos." in told
    assert "has no pretrained classifier behind it" in (told := refusal(tmp_path, after, "natural-photos"))
    assert "Of this run can be asked: earlier-tasks." in told
    assert "None can be asked of it" in refusal(tmp_path, empty, "natural-photos", "earlier-tasks")
    refuse_early(ForgettingSpec(run_id=first.id, sources=("natural-photos", "earlier-tasks")), tmp_path)
    refuse_early(ForgettingSpec(run_id=empty.id), tmp_path)  # without a choice the rest is answered all the same
    delete(tmp_path, empty.id)
    refuse_early(ForgettingSpec(run_id=after.id, sources=("natural-photos",)), tmp_path)  # the job says what is gone
