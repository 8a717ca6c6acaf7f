"""The settings of a strategy on the Train page: a control for each, told beside the plan, in the link, and taken back."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tlcore.engine import LocalEngine
from tlcore.models.catalogue import backbone_card
from tlcore.runs import all_runs
from tlcore.spec import RunSpec
from tlcore.strategies import preset
from tlcore.strategies.pull import EWC
from tlcore.strategies.settings import idle, settings_of, value_of

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


def _number(app: AppTest, label: str):
    return next(box for box in app.number_input if box.label == label)


def _labels(app: AppTest) -> list[str]:
    return [box.label for box in (*app.number_input, *app.selectbox)]


def _said(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(str(element.value) for element in [*app.caption, *app.error, *app.warning]).replace("\\", "")


def test_a_pull_is_told_beside_the_plan_and_reaches_the_run(runs):
    app = _page(strategy="full", pull="ewc", pull_strength="30")
    assert "up to 200 old images (lambda 30" in _said(app)
    next(button for button in app.button if button.label == "Start").click().run()
    (spec,) = [run.spec() for run in all_runs(runs) if isinstance(run.spec(), RunSpec)]
    assert (spec.strategy.name, spec.strategy.pull) == ("custom", EWC(strength=30))

    app = _page(strategy="full")
    assert "Strength (alpha)" not in _labels(app)
    next(box for box in app.selectbox if box.label == "The loss pulls towards").select("l2-sp").run()
    assert "harder the further it is (alpha 3" in _said(app)
    _number(app, "Strength (alpha)").set_value(7.0).run()
    assert "harder the further it is (alpha 7" in _said(app)
    assert _number(app, "Strength (alpha)").step == 0.5
    _number(app, "Strength (alpha)").set_value(0.2).run()
    assert _number(app, "Strength (alpha)").step == pytest.approx(0.05)  # a click may still go down
    assert "(alpha 0.2)" in _said(app)
    next(box for box in app.selectbox if box.label == "The loss pulls towards").select("ewc").run()
    assert "(lambda 300" in _said(app)  # another pull's strength means nothing to it


@pytest.mark.parametrize("name", ["lora", "adapters", "gradual", "recipe-b", "lp-ft", "auto-snr", "replay", "middle-only"])
def test_every_setting_has_a_control_with_its_value_its_range_and_its_help(runs, name):
    app = _page(strategy=name)
    said, strategy = _said(app), preset(name)
    assert settings_of(strategy)
    for setting in settings_of(strategy):
        (box,) = [one for one in (*app.number_input, *app.selectbox) if one.key == f"train-set-{setting.path}"]
        assert box.label == setting.label
        assert box.value == ("none" if (own := value_of(strategy, setting.path)) is None else own)
        assert setting.allowed[1:] in box.help
        assert "The preset says" in box.help
        why_not = idle(strategy, setting.path)
        assert box.disabled == bool(why_not)
        assert (why_not or setting.help) in said
    assert "Changed from" not in said


def test_a_changed_setting_is_told_in_the_plan_and_the_link_reaches_the_run_and_is_taken_back(runs):
    app = _page(strategy="lora", dataset="digits")
    before = app.metric[0].value
    _number(app, "Rank").set_value(16).run()
    assert app.metric[0].value != before  # twice as many weights move
    assert app.query_params["scope.rank"] == "16"
    assert "Changed from LoRA: Rank 16 (8)." in _said(app)
    assert "**Changed**: The preset says 8." in _said(app)
    next(box for box in app.selectbox if box.label == "Schedule").select("constant").run()
    assert "Rank 16 (8); Schedule constant (cosine)." in _said(app)
    next(button for button in app.button if button.label == "Start").click().run()
    (run,) = [run for run in all_runs(runs) if isinstance(run.spec(), RunSpec)]
    assert (run.spec().strategy.scope.rank, run.spec().strategy.rates.schedule) == (16, "constant")

    again = AppTest.from_file(str(FRAME), default_timeout=60).run()
    again.switch_page("train.py")
    again.query_params["from"] = run.id  # Repeat with changes
    again.run()
    assert _number(again, "Rank").value == 16
    next(button for button in again.button if button.label == "Back to the preset").click().run()
    assert "Changed from" not in _said(again)
    assert _number(again, "Rank").value == 8
    assert "scope.rank" not in again.query_params
    assert again.query_params["strategy"] == "lora"


def test_a_setting_that_the_others_rule_out_says_so_and_comes_back(runs):
    app = _page(strategy="gradual")
    assert _number(app, "Patience, epochs").disabled
    next(box for box in app.selectbox if box.label == "A phase lasts until").select("stalled").run()
    assert not _number(app, "Patience, epochs").disabled
    _number(app, "Patience, epochs").set_value(4).run()
    assert "each phase ends after 4 epochs without a lower validation loss" in _said(app)


def test_a_value_just_outside_its_range_is_said_and_can_be_corrected(runs):
    app = _page(strategy="layer-wise-decay")
    _number(app, "Decay").set_value(1.0).run()
    assert "rates.decay: Input should be less than 1 (given: 1.0)" in _said(app)
    assert next(button for button in app.button if button.label == "Start").disabled
    _number(app, "Decay").set_value(0.5).run()
    assert "Input should be" not in _said(app)


def test_groups_are_chosen_by_name_and_no_more_than_there_are(runs):
    app = _page(strategy="adapters", backbone="resnet18")
    lowest = next(box for box in app.selectbox if box.label == "Lowest group")
    assert (lowest.options[0], lowest.value) == ("all groups", "none")
    lowest.select("top").run()
    assert app.query_params["scope.from_group"] == "top"
    assert "Lowest group top (all groups)" in _said(app)
    next(box for box in app.selectbox if box.label == "Lowest group").select("none").run()
    assert "scope.from_group" not in app.query_params
    assert "Changed from" not in _said(app)
    count = _number(_page(strategy="recipe-b", backbone="resnet18"), "Groups below the head")
    assert (count.value, count.max) == (3, len(backbone_card("resnet18").groups))


def test_a_pull_that_cannot_work_is_said_and_cannot_be_started(runs):
    app = _page(strategy="linear-probe", pull="replay")
    assert "only the new head trains here" in _said(app)
    assert next(button for button in app.button if button.label == "Start").disabled
    assert not list(all_runs(runs))
