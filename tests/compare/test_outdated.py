"""Results that were made otherwise than one of today would be: shown and told of, never reused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.compare.made import cards_of, done, expanded, spec_of
from tlcore.compare.cost import cost
from tlcore.compare.folder import Begun, Comparison, create
from tlcore.compare.known import KnownRuns
from tlcore.compare.outcomes import fill
from tlcore.compare.pace import Paces
from tlcore.engine import LocalEngine
from tlcore.figures.compare_cost import begun_words, cost_words, made_words
from tlcore.figures.compare_report import report
from tlcore.figures.compare_told import as_csv, told
from tlcore.made_with import MADE_WITH, made_how

OLD_TORCH = {**MADE_WITH, "torch": "1.0.0"}
OLD_MATHS = {**MADE_WITH, "maths": 0}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalEngine:
    monkeypatch.setattr(LocalEngine, "ensure_worker", lambda self: None)
    return LocalEngine(tmp_path)


def half_old(runs_dir: Path) -> Comparison:
    """Two strategies on one seed, all done: the probe today, full fine-tuning with an older torch."""
    spec = spec_of(seeds=[0])
    for cell, made_with in zip(expanded(spec).cells, (MADE_WITH, OLD_TORCH), strict=True):
        done(runs_dir, spec.run_of(cell), 0.9, made_with=made_with)
    comparison = create(runs_dir, spec, expanded(spec))
    assert comparison.adopt() == 2
    return comparison


@pytest.mark.parametrize("made_with", [None, OLD_TORCH, OLD_MATHS, {**MADE_WITH, "timm": "0.1"}])
def test_a_run_that_was_made_otherwise_is_not_reused(tmp_path: Path, made_with: dict | None) -> None:
    spec = spec_of(seeds=[0])
    run = spec.run_of(expanded(spec).cells[0])
    old = done(tmp_path, run, 0.9, made_with=made_with)
    known = KnownRuns(tmp_path)
    assert known.find(run) is None
    assert known.outdated(run).run.id == old.id
    new = done(tmp_path, run, 0.9)
    done(tmp_path, run, 0.9, made_with=made_with)  # a later one by an older program changes nothing
    assert KnownRuns(tmp_path).find(run, done_only=True).run.id == new.id


def test_what_tells_a_result_from_one_of_today() -> None:
    assert made_how(MADE_WITH) == ""
    assert made_how(None) == "before results said what made them"
    assert made_how(OLD_TORCH) == "with torch 1.0.0"
    assert made_how({"maths": 0, "torch": "1.0.0", "timm": "0.1"}) == (
        "by another version of the maths with torch 1.0.0 and timm 0.1"
    )


def test_the_cost_counts_it_as_to_run_and_says_why(tmp_path: Path) -> None:
    contents = half_old(tmp_path).read()
    cells, known = expanded(contents.spec).cells, KnownRuns(tmp_path)
    found = cost(contents.spec, cells, known, Paces(known, cards_of(contents.spec)))
    assert (found.done, found.to_run, found.again) == (1, 1, ("with torch 1.0.0",))
    assert found.seconds == 12.0  # the old run still tells how long it takes
    assert (
        "1 of these was made before, with torch 1.0.0, and runs again: only what is made alike is compared. That takes about 12"
    ) in cost_words(found)


def test_whatever_is_run_runs_it_again(tmp_path: Path, engine: LocalEngine) -> None:
    comparison = half_old(tmp_path)
    begun = comparison.begin(engine)
    assert begun == Begun(submitted=1, again=("with torch 1.0.0",))
    assert begun_words(begun).startswith("1 run is in the queue now. 1 of these was made before, with torch 1.0.0")
    assert [one.state for one in fill(comparison.read(), tmp_path)] == ["done", "queued"]
    assert comparison.begin(engine) == Begun()


def test_it_is_shown_and_told_of_until_then(tmp_path: Path) -> None:
    comparison = half_old(tmp_path)
    contents = comparison.read()
    filled = fill(contents, tmp_path)
    assert [one.outdated for one in filled] == [False, True]
    said = made_words(filled)
    assert said.startswith("1 of 2 results was made with torch 1.0.0: a difference between strategies may come from that.")
    answer = told(comparison)
    assert answer["sentences"][-1] == said
    assert [cell["made_with"]["torch"] for cell in answer["cells"]] == [MADE_WITH["torch"], "1.0.0"]
    lines = list(csv.DictReader(io.StringIO(as_csv(contents, filled))))
    assert [line["torch"] for line in lines] == [MADE_WITH["torch"], "1.0.0"]
    assert said in report(comparison, "accuracy")


def test_results_that_are_all_of_one_make_are_no_mixture(tmp_path: Path) -> None:
    spec = spec_of(seeds=[0])
    for cell in expanded(spec).cells:
        done(tmp_path, spec.run_of(cell), 0.9, made_with=OLD_MATHS)
    comparison = create(tmp_path, spec, expanded(spec))
    assert made_words(fill(comparison.read(), tmp_path)) == ""  # nothing is there yet
    comparison.adopt()
    said = made_words(fill(comparison.read(), tmp_path))
    assert said == "All 2 were made by another version of the maths. What is run or added here runs them again."
