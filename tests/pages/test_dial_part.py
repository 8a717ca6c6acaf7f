"""The dial on the Train page: asked by a button, drawn when it has answered, and its level taken over into the form."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.parts.dial import dial_spec
from tlcore.files import write_json
from tlcore.runs import Status, all_runs, create
from tlcore.spec import DialSpec, RunSpec
from tlcore.strategies import preset

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"
ASKED = RunSpec(dataset="digits", image_size=64, strategy=preset("last-group"))


def _page(**query: str) -> AppTest:
    app = AppTest.from_file(str(FRAME), default_timeout=60).run()
    app.switch_page("train.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def _button(app: AppTest, label: str):
    return next(button for button in app.button if button.label == label)


def _level(group: str, accuracy: float, params: int) -> dict:
    value = {"value": accuracy, "low": accuracy - 0.05, "high": min(1.0, accuracy + 0.05)}
    return {
        "group": group,
        "level": "top",
        "accuracy": value,
        "auroc": 0.9,
        "loss": 0.3,
        "trainable_params": params,
        "seconds": 2,
    }


def _answered(runs: Path) -> None:
    run = create(runs, dial_spec(ASKED))
    levels = [_level("head", 0.85, 10), _level("stage 7", 0.86, 100), _level("stage 4", 0.9, 1000)]
    images = {"train": 160, "val": 179}
    result = {"levels": levels, "images": images, "epochs": 3, "majority_baseline": 0.1, "classes": list("0123456789")}
    write_json(run.path / "result.json", result | {"seconds": 9.0})
    run.write_status(Status("done", run.status().queued_at, started_at=1.0, ended_at=10.0))


def test_the_button_asks_once_for_what_stands_in_the_form(runs: Path) -> None:
    app = _page(dataset="digits", image_size="64")
    _button(app, "Ask every level").click().run()
    assert not app.exception
    (spec,) = [run.spec() for run in all_runs(runs) if isinstance(run.spec(), DialSpec)]
    assert spec == dial_spec(ASKED)
    assert "Waiting for its turn" in str(app.get("progress")[0].proto)


def test_plans_that_differ_in_strategy_alone_share_their_answers() -> None:
    assert dial_spec(ASKED) == dial_spec(ASKED.model_copy(update={"strategy": preset("full"), "epochs": 9, "views": 0}))
    assert dial_spec(ASKED) != dial_spec(ASKED.model_copy(update={"seed": 1}))


def test_its_level_is_taken_over_into_the_form_and_the_link(runs: Path) -> None:
    _answered(runs)
    app = _page(dataset="digits", image_size="64")  # a link of its own, which must not win over the button
    _button(app, "Use this level").click().run()
    assert not app.exception
    assert app.session_state["train-strategy"] == "custom"
    assert app.session_state["train-unfreeze"] == "stage 4"
    assert app.session_state["train-dataset"] == "digits"
    assert app.query_params["unfreeze"] == "stage 4"
    next(box for box in app.selectbox if box.label == "Level").select("head").run()
    _button(app, "Use this level").click().run()
    assert app.session_state["train-strategy"] == "linear-probe"
