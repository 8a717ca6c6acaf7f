"""The pull on the Train page: chosen, told beside the plan, and refused in words where it cannot work."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tlcore.engine import LocalEngine
from tlcore.runs import all_runs
from tlcore.spec import RunSpec
from tlcore.strategies.pull import EWC

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(LocalEngine, "ensure_worker", lambda self: None)
    return tmp_path / "runs"


def _page(**query: str) -> AppTest:
    app = AppTest.from_file(str(FRAME), default_timeout=60).run()
    app.switch_page("train.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def _said(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(str(element.value) for element in [*app.caption, *app.error, *app.warning]).replace("\\", "")


def test_a_pull_is_told_beside_the_plan_and_reaches_the_run(runs):
    app = _page(strategy="full", pull="ewc", pull_strength="30")
    assert "up to 200 old images (lambda 30)" in _said(app)
    next(button for button in app.button if button.label == "Start").click().run()
    (spec,) = [run.spec() for run in all_runs(runs) if isinstance(run.spec(), RunSpec)]
    assert (spec.strategy.name, spec.strategy.pull) == ("custom", EWC(strength=30))

    app = _page(strategy="full")
    strength = next(box for box in app.number_input if box.label == "Strength")
    assert strength.disabled
    next(box for box in app.selectbox if box.label.startswith("Besides")).select("l2-sp").run()
    assert "harder the further it is" in _said(app)


def test_a_pull_that_cannot_work_is_said_and_cannot_be_started(runs):
    app = _page(strategy="linear-probe", pull="replay")
    assert "only the new head trains here" in _said(app)
    assert next(button for button in app.button if button.label == "Start").disabled
    assert not list(all_runs(runs))
