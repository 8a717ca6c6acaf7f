"""The Compare page: the grid and its cost, filling in, reading, adding to it, and what a hostile name can do in it."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.compare_grid import table as grid_table
from pages.parts.compare_results import table
from tests.pages.driving import opened, press, said
from tests.pages.fabricate import HOSTILE
from tlcore.compare.expand import expand
from tlcore.compare.folder import Comparison, all_comparisons, create
from tlcore.compare.outcomes import fill
from tlcore.compare.spec import CompareSpec
from tlcore.compare.table import majorities, rows
from tlcore.data.catalogue import DATASETS, dataset_card
from tlcore.figures.compare_names import Names
from tlcore.figures.compare_report import report
from tlcore.made_with import MADE_WITH
from tlcore.runs import all_runs, open_run
from tlcore.spec import RunSpec

page = partial(opened, "compare.py", timeout=120)


def box(app: AppTest, label: str):
    return next(box for box in [*app.multiselect, *app.number_input, *app.selectbox] if box.label == label)


@pytest.fixture
def comparison(runs: Path, fabricated) -> Comparison:
    """Two strategies, two seeds; all but the last run are done."""
    spec = CompareSpec(
        datasets=["chest-xray"],
        strategies=["linear-probe", "full"],
        seeds=[0, 1],
        budget={"amount": 2},
        run=RunSpec(dataset="x"),
    )
    expansion = expand(spec, DATASETS)
    for cell in expansion.cells[:-1]:
        fabricated(done=True, **spec.run_of(cell).model_dump(exclude={"kind"}))
    made = create(runs, spec, expansion)
    made.adopt()
    return made


def test_the_first_visit_has_a_grid_its_cost_and_says_what_to_do(runs: Path) -> None:
    app = page()
    text = said(app)
    assert "30 runs: 5 strategies × 2 numbers of images × 3 seeds" in text
    assert "30 to run. How long that takes on this machine is not known yet." in text
    assert "None yet. Choose strategies above and start" in text
    assert "Measure the time" in [button.label for button in app.button]


def test_a_link_chooses_and_start_queues_the_probe_first(runs: Path) -> None:
    app = page(dataset="digits", strategies="full,linear-probe")
    box(app, "Seeds").set_value(1)
    box(app, "Images per class").set_value(["7"])
    app.run()
    assert "2 runs: 2 strategies" in said(app)
    app = press(app, "Start")
    (made,) = all_comparisons(runs)
    assert app.query_params["comparison"] in (made.id, [made.id])
    assert "Cancel the rest" in [button.label for button in app.button]
    assert "2 runs are in the queue now." in said(app)
    queued = [run.spec() for run in all_runs(runs)]
    assert {(one.strategy.name, one.images_per_class) for one in queued} == {("linear-probe", 7), ("full", 7)}


def test_what_cannot_run_is_left_out_by_name(runs: Path) -> None:
    app = page(dataset="digits", strategies="linear-probe,lp-ft")
    box(app, "Budget of each run").set_value(1)
    assert "LP-FT is left out. Training the head first" in said(app.run())


def test_a_number_that_is_none_is_refused_in_words(runs: Path) -> None:
    app = page()
    box(app, "Images per class").set_value(["many"])
    app.run()
    assert not app.exception
    assert "not 'many'" in said(app)


def test_it_reads_itself_and_runs_what_is_missing(runs: Path, comparison: Comparison) -> None:
    app = page(comparison=comparison.id)
    text = said(app)
    assert "2 strategies on Chest X-rays: pneumonia or not" in text
    assert "3 of 4 runs done." in text
    assert "exactly as much as Linear probe" in text or "is best with" in text
    assert "Always naming the largest class gets 62.0 %" in text
    assert "There is no picture of forgetting: not every run here has measured it." in text
    (frame,) = app.dataframe
    assert list(frame.value["Strategy"]) == ["Linear probe", "Full fine-tuning", "Largest class alone"]
    press(app, "Run the missing one (1)")
    assert [run.status().state for run in all_runs(runs)].count("queued") == 1


def test_more_is_added_and_what_is_done_stays(runs: Path, comparison: Comparison) -> None:
    before = {e.run_id for e in comparison.read().entries if e.run_id}
    app = page(comparison=comparison.id)
    box(app, "More strategies").set_value(["last-group"])
    app.run()
    assert "2 runs more. 3 are there already" in said(app)
    press(app, "Add")
    after = comparison.read()
    assert after.spec.names == ("linear-probe", "full", "last-group")
    assert before < {e.run_id for e in after.entries}
    assert len(after.entries) == 6


def test_earlier_comparisons_are_listed(comparison: Comparison) -> None:
    assert "3 of 4 runs done" in said(page())


def test_a_comparison_is_deleted_without_its_runs_and_brought_back(runs: Path, comparison: Comparison) -> None:
    app = press(page(comparison=comparison.id), "Delete this comparison")
    assert list(all_comparisons(runs)) == []
    assert len(list(all_runs(runs))) == 3
    assert "1 comparison deleted" in said(app)
    press(app, "Undo")
    assert [one.id for one in all_comparisons(runs)] == [comparison.id]


@pytest.mark.parametrize("name", ["../../etc/passwd", "20261121T000000-digits-0000", "<script>"])
def test_a_link_to_nothing_says_so(runs: Path, name: str) -> None:
    app = page(comparison=name)
    assert "comparison" in said(app)
    assert app.error


def chosen_runs() -> None:
    from pages.parts.run_actions import actions
    from pages.parts.summary import summaries

    actions(summaries())


def test_the_runs_page_compares_runs_that_are_chosen(fabricated, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The grid is made of what the runs are; nothing starts."""
    for name in ("linear-probe", "full"):
        fabricated(done=True, strategy=name)
    went: list[tuple[str, dict]] = []
    monkeypatch.setattr("streamlit.switch_page", lambda page, query_params: went.append((page, query_params)))
    app = press(AppTest.from_function(chosen_runs, default_timeout=60).run(), "Compare")
    assert not app.exception
    (made,) = all_comparisons(runs)
    assert went == [("compare.py", {"comparison": made.id})]
    assert {one.state for one in fill(made.read(), runs)} == {"done"}
    fabricated(done=True, strategy="full", epochs=3)
    app = press(AppTest.from_function(chosen_runs, default_timeout=60).run(), "Compare")
    assert "These runs differ in epochs" in said(app)


def hostile(runs: Path, tmp_path: Path, fabricated) -> Comparison:
    folder = tmp_path / HOSTILE.replace("/", "")
    folder.mkdir()
    spec = CompareSpec(
        datasets=[str(folder)], strategies=["linear-probe", "full"], seeds=[0], budget={"amount": 2}, run=RunSpec(dataset="x")
    )
    expansion = expand(spec, {str(folder): dataset_card(str(folder))})
    for cell in expansion.cells:
        fabricated(done=True, **spec.run_of(cell).model_dump(exclude={"kind"}))
    made = create(runs, spec, expansion)
    made.adopt()
    return made


def test_a_report_is_one_file_and_escapes_what_people_wrote(runs: Path, tmp_path: Path, fabricated) -> None:
    made = hostile(runs, tmp_path, fabricated)
    text = report(made, "accuracy")
    own = text.replace(re.search(r"<script>.*?</script>", text, re.S)[0], "")  # Plotly's own script aside
    assert "<img src=x" not in own
    assert "&lt;img src=x onerror=alert(1)&gt;" in own
    assert not re.search(r"(src|href)=[\"']?https?:", own)
    assert "How it was made" in own
    assert "torch 2" in own
    assert own.count("<figure>") >= 3
    assert "@page { size: A4" in own
    assert 'addEventListener("beforeprint"' in own
    assert "Largest class alone" in own


def test_the_page_escapes_it_too(runs: Path, tmp_path: Path, fabricated) -> None:
    made = hostile(runs, tmp_path, fabricated)
    contents = made.read()
    assert "<img" not in grid_table(fill(contents, runs), contents, Names(contents.spec))
    app = page(comparison=made.id)
    assert not app.exception
    raw = "\n".join(str(e.value) for e in [*app.markdown, *app.caption])
    assert "<img" not in raw.replace("\\<img", "")


def test_the_table_is_for_people_and_the_numbers_are_whole(runs: Path, comparison: Comparison) -> None:
    contents = comparison.read()
    filled = fill(contents, runs)
    frame = table(rows(contents, filled, "accuracy"), majorities(filled), Names(contents.spec), "accuracy")
    assert list(frame["Mean"]) == [pytest.approx(94.8), pytest.approx(94.8), pytest.approx(62.0)]
    assert json.loads(frame.to_json())["Strategy"]["2"] == "Largest class alone"


def test_outdated_results_are_marked_told_of_and_run_again(runs: Path, comparison: Comparison) -> None:
    entry = comparison.read().entries[0]
    run = open_run(runs, entry.run_id)
    run.write_result(run.result() | {"made_with": {**MADE_WITH, "torch": "1.0.0"}})
    app = page(comparison=comparison.id)
    assert "1 of 3 results was made with torch 1.0.0: a difference between strategies may come from that." in said(app)
    contents = comparison.read()
    grid = grid_table(fill(contents, runs), contents, Names(contents.spec))
    assert grid.count('class="done outdated"') == 1
    assert "dashed: outdated" in grid
    press(app, "Run what is missing and what is outdated (2)")
    queued = [run.spec() for run in all_runs(runs) if run.status().state == "queued"]
    assert len(queued) == 2
    assert contents.spec.run_of(entry.cell) in queued
