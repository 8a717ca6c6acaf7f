"""The transferability experiment on a page: offered with its cost, watched while its curve fills, read, and taken away."""

from __future__ import annotations

import io
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.transferability import _rough, cost_spec
from pages.parts.transferability_form import CANDIDATES
from pages.parts.transferability_result import curve_csv, networks_csv
from tests.pages.driving import opened, press
from tests.pages.driving import said as all_said
from tlcore.analysis.transferability_plan import BASES, CUTS, FORMS, cells, rough_seconds, suited
from tlcore.files import write_json
from tlcore.made_with import MADE_WITH
from tlcore.runs import EventWriter, Run, Status, all_runs, create
from tlcore.spec import TransferabilityCostSpec, TransferabilitySpec

PAGE = "from pages.parts.transferability import transferability\n\ntransferability()\n"
ASKED = suited("digits")


def said(app: AppTest) -> str:
    return all_said(app).replace("**", "")


def _opened(**query: str) -> AppTest:
    app = AppTest.from_string(PAGE, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def _networks(seeds: int = 3) -> list[dict[str, Any]]:
    spec = ASKED.model_copy(update={"seeds": seeds})
    found = []
    for cell in cells(spec):
        value = 0.9 - 0.02 * cell.cut * (cell.form == "AnB") - 0.05 * (cell.form == "random") + 0.001 * cell.seed * cell.cut
        accuracy = {"value": value, "low": value - 0.02, "high": value + 0.02, "method": "wilson"}
        found.append(
            {"seed": cell.seed, "form": cell.form, "cut": cell.cut, "accuracy": accuracy}
            | {"loss": 0.4, "train_loss": 0.3, "seconds": 2.0}
        )
    return found


def _halves(seed: int) -> dict[str, Any]:
    images = {"train": {"A": 628, "B": 629}, "test": {"A": 180, "B": 181}}
    return {"seed": seed, "a": list("01234"), "b": list("56789"), "kinds": None, "images": images, "majority_baseline": 0.2}


def _result(**fields: Any) -> dict[str, Any]:
    return {
        "dataset": "digits", "title": "Handwritten digits", "halves": [_halves(seed) for seed in range(3)], "cuts": list(CUTS),
        "networks": _networks(), "notices": ["One of the pictures could not be read."], "device": "CPU", "seconds": 90,
        "made_with": MADE_WITH,
    } | fields  # fmt: skip


def _made(runs: Path, spec: Any, state: str, result: dict[str, Any] | None = None, error: dict[str, str] | None = None) -> Run:
    run = create(runs, spec)
    if result is not None:
        write_json(run.path / "result.json", result)
    run.write_status(Status(state, run.status().queued_at, started_at=1.0, ended_at=10.0, error=error))
    return run


def _timed(runs: Path) -> None:
    _made(runs, cost_spec(ASKED), "done", {"seconds": 40.0, "networks": 38, "device": "CPU, 2 threads"})


def _asked(runs: Path, kind: type = TransferabilitySpec) -> list[TransferabilitySpec]:
    return [spec for run in all_runs(runs) if type(spec := run.spec()) is kind]


def test_it_says_what_it_costs_before_it_starts(runs: Path) -> None:
    app = _opened()
    assert "114 networks" in said(app)
    assert "Roughly 5 minutes on one thread of a server's processor." in said(app)
    assert list(all_runs(runs)) == []  # opening the page starts nothing
    press(app, "Time it on this machine")
    assert "Timing a few steps of each kind of network" in said(app)
    assert _asked(runs, TransferabilityCostSpec) == [cost_spec(ASKED)]
    app.run()
    assert len(_asked(runs, TransferabilityCostSpec)) == 1  # not a second one
    assert _asked(runs) == []


@pytest.mark.parametrize(
    ("dataset", "given", "images", "measured"),
    [
        ("digits", {"seeds": 1}, 100, 94.7),
        ("digits", {"images_per_class": None, "epochs": 20}, 628, 953),
        ("fashion-mnist", {"images_per_class": 500}, 2500, 6830),
        ("cifar10", {"images_per_class": 1000, "epochs": 20}, 5000, 21460),
    ],
)
def test_the_rough_time_is_near_what_was_timed(dataset: str, given: dict[str, Any], images: int, measured: float) -> None:
    assert rough_seconds(suited(dataset, **given), images) == pytest.approx(measured, rel=0.3)


def test_every_dataset_has_a_rough_time(runs: Path) -> None:
    assert [_rough(suited(name)) for name in ("digits", "cifar10")] == ["5 minutes", "2 hours"]
    assert all(re.fullmatch(r"\d+ (hour|minute|second)s?", _rough(suited(name))) for name in CANDIDATES)


def test_the_cost_is_that_of_all_seeds_and_one_timing_serves_them(runs: Path) -> None:
    _timed(runs)
    assert "About 2 min on this machine." in said(_opened())
    for change in ({"seeds": 9}, {"seed": 4}, {"reverse": True}, {"lr": 0.01}):
        assert cost_spec(ASKED.model_copy(update=change)) == cost_spec(ASKED)
    assert cost_spec(ASKED.model_copy(update={"epochs": 3})) != cost_spec(ASKED)


def test_start_asks_for_what_stands_in_the_form_and_the_address_names_it(runs: Path) -> None:
    _timed(runs)
    app = _opened()
    app.number_input(key="transferability-digits-seeds").set_value(5).run()
    press(app, "Start the experiment")
    (spec,) = _asked(runs)
    assert spec == ASKED.model_copy(update={"seeds": 5})
    (run,) = [run for run in all_runs(runs) if run.spec() == spec]
    assert app.query_params["transferability"] in (run.id, [run.id])
    assert "Waiting for its turn" in str(app.get("progress")[0].proto)


def test_the_halves_that_are_far_apart_are_offered_where_they_are_known(runs: Path) -> None:
    app = _opened()
    assert "Which of its classes are far from the others is not known." in said(app)
    app.selectbox(key="transferability-dataset").select("cifar10").run()
    assert "Which of its classes" not in said(app)
    (halves,) = [group for group in app.button_group if group.label == "Halves of the classes"]
    halves.set_value("distant").run()
    press(app, "Start the experiment")
    assert _asked(runs) == [suited("cifar10", halves="distant")]
    assert {"digits", "cifar10", "fashion-mnist", "bloodmnist"} <= set(CANDIDATES)
    assert not {"chest-xray", "natural-photos", "chestmnist"} & set(CANDIDATES)


def test_a_dataset_without_settings_of_its_own_can_be_chosen_with_all_its_images(runs: Path) -> None:
    app = _opened()
    app.selectbox(key="transferability-dataset").select("bloodmnist").run()
    assert app.number_input(key="transferability-bloodmnist-images_per_class").value == 500
    app.number_input(key="transferability-bloodmnist-images_per_class").set_value(None).run()
    assert "For teaching and research, not for clinical decisions." in said(app)
    press(app, "Start the experiment")
    assert _asked(runs) == [suited("bloodmnist", images_per_class=None)]


def test_the_curve_fills_while_it_runs(runs: Path) -> None:
    run = create(runs, ASKED)
    with closing(EventWriter(run)) as events:
        events.write("halves", **_halves(0))
        for network in _networks(1)[:13]:
            events.write("network", **network, seconds_left=75.0)
            events.write("progress", what="Training the networks", done=13, total=114, unit="networks")
    app = _opened()
    words = said(app)
    assert "About 1 min 15 s left." in words
    assert "1 seed, random halves of 5 and 5 classes of these data: the base network" in words
    assert app.get("plotly_chart")
    press(app, "Cancel")
    assert run.cancel_requested() or run.status().state == "cancelled"


def test_a_finished_one_is_read_and_can_be_taken_away(runs: Path) -> None:
    run = _made(runs, ASKED, "done", _result())
    words = said(_opened())
    assert "The AnB decline appears: A's layers, frozen, give" in words
    assert "3 seeds, random halves of 5 and 5 classes of Handwritten digits" in words
    assert "One of the pictures could not be read." in words
    assert "Start the experiment" not in words
    assert run.status().state == "done"
    every = pd.read_csv(io.BytesIO(networks_csv(_result())))
    assert len(every) == 3 * (len(BASES) + len(FORMS) * len(CUTS))
    assert set(every["form"]) == {*BASES, *FORMS}
    means = pd.read_csv(io.BytesIO(curve_csv(_result())))
    assert len(means) == len(FORMS) * len(CUTS)
    (row,) = means[(means["form"] == "AnB") & (means["cut"] == 7)].to_dict("records")
    assert row["accuracy"] == pytest.approx(0.9 - 0.14 + 0.007)
    assert row["from base"] == pytest.approx(-0.14 + 0.007)


def test_one_of_an_earlier_version_says_so_and_may_be_done_anew(runs: Path) -> None:
    _timed(runs)
    _made(runs, ASKED, "done", _result(made_with={**MADE_WITH, "torch": "1.0"}))
    app = _opened()
    assert "This was made with torch 1.0" in said(app)
    press(app, "Start anew")
    assert len(_asked(runs)) == 2


def test_the_other_kind_of_halves_is_laid_beside(runs: Path) -> None:
    for halves, kinds in (("random", None), ("distant", ["animals", "vehicles"])):
        found = [one | {"kinds": kinds} for one in _result()["halves"]]
        _made(runs, suited("cifar10", halves=halves), "done", _result(title="CIFAR-10", halves=found))
    app = _opened()
    assert "with animals as A and vehicles as B" not in said(app)
    app.selectbox(key="transferability-dataset").select("cifar10").run()
    assert "with random halves, and" in said(app)
    assert "The intervals overlap" in said(app)


def test_the_page_shows_it_by_its_link_with_the_format_of_its_figure(runs: Path) -> None:
    run = _made(runs, ASKED, "done", _result())
    app = opened("layers.py", transferability=run.id)
    assert "The AnB decline appears: A's layers, frozen, give" in said(app)
    assert [group for group in app.button_group if "saves it as" in group.label]


def test_a_link_brings_its_choices(runs: Path) -> None:
    spec = suited("cifar10", halves="distant", seeds=2, epochs=7)
    run = _made(runs, spec, "done", _result(title="CIFAR-10"))
    app = _opened(transferability=run.id)
    assert "classes of CIFAR-10" in said(app)
    assert app.selectbox(key="transferability-dataset").value == "cifar10"
    assert app.number_input(key="transferability-cifar10-epochs").value == 7


def test_a_link_to_nothing_says_so(runs: Path) -> None:
    words = said(_opened(transferability="20250101T000000-x-0000"))
    assert "There is no run 20250101T000000-x-0000 here." in words
    assert "114 networks" in words  # the form is there all the same


@pytest.mark.parametrize(
    ("state", "words", "button"),
    [
        ("failed", "It does not fit.", "Start anew"),
        ("cancelled", "It was cancelled before all networks were trained.", "Start anew"),
        ("running", "The process that ran it is gone.", "Go on"),  # nobody holds its lock: it is lost
    ],
)
def test_what_ended_otherwise_says_so_and_may_begin_again(runs: Path, state: str, words: str, button: str) -> None:
    _timed(runs)
    error = {"type": "OutOfMemory", "message": "It does not fit.", "next_step": "Choose fewer images."}
    run = _made(runs, ASKED, state, error=error if state == "failed" else None)
    app = _opened()
    assert words in said(app)
    press(app, button)
    if button == "Go on":
        assert (run.status().state, run.status().resume) == ("queued", True)
    else:
        assert len(_asked(runs)) == 2
