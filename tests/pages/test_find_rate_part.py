"""The rate finder on the Train page: asked by a button, drawn when it has answered, and its rate taken over into the form."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.parts.find_rate import find_rate_spec
from tlcore.files import write_json
from tlcore.runs import EventWriter, Status, all_runs, create
from tlcore.spec import FindRateSpec, RunSpec
from tlcore.strategies import preset

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"
ASKED = RunSpec(dataset="digits", image_size=64, strategy=preset("last-group"))
QUERY = {"dataset": "digits", "image_size": "64"}
RESULT = {
    "rates": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
    "losses": [1.0, 0.9, 0.6, 0.5, 9.0],
    "smoothed": [1.0, 0.95, 0.8, 0.7, 3.0],
    "suggestion": 0.0042,
    "valley": [1e-4, 1e-2],
    "stopped": "diverged",
    "images": 1600,
    "notices": ["One of the pictures could not be read."],
}


def _page(**query: str) -> AppTest:
    app = AppTest.from_file(str(FRAME), default_timeout=60).run()
    app.switch_page("train.py")
    for name, value in (QUERY | query).items():
        app.query_params[name] = value
    return app.run()


def _button(app: AppTest, label: str):
    return next(button for button in app.button if button.label.startswith(label))


def _says(app: AppTest, words: str) -> bool:
    return any(words in element.value.replace("\\", "") for element in (*app.caption, *app.markdown, *app.error))


def _ended(runs: Path, state: str = "done", error: dict | None = None, **fields: object) -> None:
    run = create(runs, find_rate_spec(ASKED))
    if state == "done":
        write_json(run.path / "result.json", RESULT | fields)
    run.write_status(Status(state, run.status().queued_at, started_at=1.0, ended_at=10.0, error=error))


def test_the_button_asks_once_for_what_stands_in_the_form(runs: Path) -> None:
    app = _page()
    _button(app, "Find a rate").click().run()
    assert not app.exception
    (spec,) = [run.spec() for run in all_runs(runs) if isinstance(run.spec(), FindRateSpec)]
    assert spec == find_rate_spec(ASKED)
    _button(app, "Cancel")


def test_runs_that_differ_in_their_rate_share_one_curve() -> None:
    assert find_rate_spec(ASKED) == find_rate_spec(ASKED.model_copy(update={"lr": 0.5, "patience": 2}))
    assert find_rate_spec(ASKED) != find_rate_spec(ASKED.model_copy(update={"strategy": preset("full")}))


def test_its_rate_is_taken_over_into_the_form_and_the_link(runs: Path) -> None:
    _ended(runs)
    app = _page()
    assert _says(app, "4.2e-3 is in the middle of that")
    assert _says(app, "One of the pictures could not be read.")
    _button(app, "Use this rate, 4.2e-3").click().run()
    assert not app.exception
    assert app.session_state["train-lr"] == 0.0042
    assert app.query_params["lr"] == "0.0042"
    assert app.session_state["train-dataset"] == "digits"
    assert _button(app, "Use this rate").disabled  # it is in the form


def test_a_curve_without_a_fall_has_no_rate_to_use(runs: Path) -> None:
    _ended(runs, suggestion=None, valley=None)
    app = _page()
    assert _says(app, "none is suggested")
    assert not [button for button in app.button if button.label.startswith("Use this rate")]


def test_a_failure_says_why_and_may_be_asked_again(runs: Path) -> None:
    _ended(runs, "failed", {"type": "OutOfMemory", "message": "It does not fit.", "next_step": "Choose a smaller batch."})
    app = _page()
    assert _says(app, "It does not fit.")
    _button(app, "Ask again").click().run()
    assert len([run for run in all_runs(runs) if isinstance(run.spec(), FindRateSpec)]) == 2


def test_the_curve_grows_while_it_runs(runs: Path) -> None:
    run = create(runs, find_rate_spec(ASKED))
    with closing(EventWriter(run)) as events:
        for rate, loss in ((1e-6, 2.0), (1e-5, 1.9)):
            events.write("rate", rate=rate, loss=loss, smoothed=loss)
    app = _page()
    assert _says(app, "2 steps so far, the last one at 1e-5.")


def test_a_head_that_is_solved_says_that_no_rate_plays_a_part(runs: Path) -> None:
    app = _page(strategy="linear-probe")
    assert _says(app, "no learning rate plays a part")
    assert not [button for button in app.button if button.label == "Find a rate"]
    app = _page(strategy="linear-probe", head_solver="minibatch")
    assert _button(app, "Find a rate")
