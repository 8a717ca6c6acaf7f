"""Where training starts from, and the head: on the form, in links, in words, and on a finished run."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.dial import dial_spec
from pages.parts.form import CUSTOM, DEFAULTS, fields_of, from_link, spec_of, to_link
from pages.parts.measured import measure_spec
from pages.parts.next import after
from tests.pages.fabricate import finished
from tlcore.data.catalogue import dataset_card
from tlcore.figures.advice import suggestions
from tlcore.figures.words import settings, strategy_title
from tlcore.groups import Group
from tlcore.runs import Run, all_runs, delete
from tlcore.spec import MeasureSpec, RunSpec
from tlcore.strategies import STRATEGIES, Strategy, preset
from tlcore.strategies.head import HEADS
from tlcore.strategies.scope import Bottleneck
from tlcore.strategies.start import FromRun, Pretrained, Random

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"
RUN = "20261120T224500-resnet18-digits-lp-ft-7f3a"
GROUPS = (Group("stem", "bottom", 1), Group("stage 1", "middle", 1), Group("stage 2", "top", 1), Group("head", "head", 1))


def page(**query: str) -> AppTest:
    app = AppTest.from_file(str(FRAME), default_timeout=60).run()
    app.switch_page("train.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def said(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(str(element.value) for element in [*app.markdown, *app.caption, *app.error]).replace("\\", "")


def box(app: AppTest, label: str):
    return next(box for box in app.selectbox if box.label == label)


def done(runs: Path, **fields: object) -> Run:
    """A finished run with a file where its weights would be."""
    run = finished(runs, RunSpec(**{"dataset": "chest-xray", "epochs": 2} | fields))
    (run.path / "weights.safetensors").touch()
    return run


# --- links and fields


@pytest.mark.parametrize("start", [{"start": "pretrained"}, {"start": "random"}, {"start": RUN, "start_head": "kept"}])
@pytest.mark.parametrize("head", ["linear", "attention"])
def test_a_link_carries_them_there_and_back(start: dict, head: str) -> None:
    fields = DEFAULTS | start | {"head": head}
    assert from_link(to_link(fields)) == (fields, [])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("head", "magic", "linear, mlp, cosine, attention"),
        ("start", "../../etc/passwd", "the id of a run"),
        ("start", f"{RUN}/x", "the id of a run"),
        ("start_head", "maybe", "auto, fresh or kept"),
    ],
)
def test_what_cannot_be_used_in_a_link_is_named(name: str, value: str, words: str) -> None:
    fields, problems = from_link({name: value})
    assert fields == DEFAULTS
    assert words in problems[0]


@pytest.mark.parametrize("name", ["linear-probe", "lp-ft", "from-scratch", "full"])
@pytest.mark.parametrize("start", [Pretrained(), Random(), FromRun(run_id=RUN, head="fresh")])
def test_every_start_goes_through_the_form_unchanged(name: str, start: Pretrained | Random | FromRun) -> None:
    strategy = preset(name)
    if strategy.start != start:
        strategy = strategy.model_copy(update={"start": start, "name": CUSTOM})
    spec = RunSpec(dataset="digits", strategy=strategy, epochs=4, head="cosine")
    again = spec_of(fields_of(spec, GROUPS), GROUPS)
    same = again.strategy.model_copy(update={"name": strategy.name})
    assert (same, again.head) == (strategy, "cosine")


def test_the_digest_changes_with_head_and_start() -> None:
    base = RunSpec(dataset="digits")
    heads = {RunSpec(dataset="digits", head=kind).digest() for kind in HEADS}
    starts = [FromRun(run_id=RUN), FromRun(run_id=RUN, head="fresh"), FromRun(run_id=RUN[:-1] + "b")]
    digests = {RunSpec(dataset="digits", strategy=Strategy(start=start)).digest() for start in starts}
    assert len(heads) == len(HEADS)
    assert base.digest() in heads
    assert len(digests | heads) == len(HEADS) + 3


# --- words


def test_a_start_from_a_run_is_told_after_the_strategys_own_name() -> None:
    strategy = preset("lp-ft").model_copy(update={"start": FromRun(run_id=RUN, head="fresh"), "name": CUSTOM})
    assert strategy_title(strategy) == f"{STRATEGIES['lp-ft'].title}, from run 7f3a with a fresh head"


def test_the_head_is_in_the_settings_where_it_is_not_linear() -> None:
    assert "head" not in settings(RunSpec(dataset="digits"))
    assert "MLP head" in settings(RunSpec(dataset="digits", head="mlp"))
    assert all(card.short in settings(RunSpec(dataset="digits", head=kind)) for kind, card in HEADS.items() if kind != "linear")


# --- on the page


def test_a_finished_run_on_this_backbone_can_be_started_from(runs: Path) -> None:
    before = done(runs, backbone="resnet18", strategy="full")
    other = done(runs, backbone="resnet50")
    app = page(backbone="resnet18")
    options = box(app, "Start from").options
    (shown,) = [option for option in options if before.id[-4:] in option]
    assert shown.startswith(f"run {before.id[-4:]}: {STRATEGIES['full'].title} on Chest X-rays")
    assert "2 epochs, 128 px" in shown
    assert not any(other.id[-4:] in option for option in options)
    box(app, "Start from").set_value(before.id).run()
    assert app.query_params["start"] == before.id
    assert "Its head is" in [element.label for element in app.selectbox]
    assert f"It starts from run {before.id[-4:]}: {STRATEGIES['full'].title} on Chest X-rays" in said(app)
    next(button for button in app.button if button.label == "Start").click().run()
    made = next(run.spec() for run in all_runs(runs) if isinstance(run.spec(), RunSpec) and run.status().state == "queued")
    assert made.strategy.start == FromRun(run_id=before.id)


def test_what_cannot_be_started_from_is_said_beside_the_plan(runs: Path) -> None:
    before = done(runs, backbone="resnet50")
    text = said(page(backbone="resnet18", start=before.id))
    assert f"Run {before.id} trained resnet50, and its weights do not fit resnet18." in text
    delete(runs, before.id)
    text = said(page(backbone="resnet50", start=before.id))
    assert f"Run {before.id}, which this run starts from, is not here any more." in text


def test_the_heads_weights_are_counted_and_attention_is_refused_by_name(runs: Path) -> None:
    app = page(backbone="resnet18", strategy="linear-probe", head="mlp")
    assert app.metric[0].value == "132 k"  # 513 x 256 + 257 x 2
    assert "One hidden layer of 256 units" in said(app)
    assert "Its head: MLP head." in said(app)
    assert "It asks with this run's MLP head, which is trained on the features" in said(app)
    solver = box(app, "A head that trains alone is")
    assert solver.disabled
    measured = next(run.spec() for run in all_runs(runs) if isinstance(run.spec(), MeasureSpec))
    assert measured.run.head == "mlp"
    text = said(page(backbone="mobilenetv3_small_100", head="attention"))
    assert "shows its head one pooled vector and no map" in text


def test_starts_from_different_runs_share_a_measurement() -> None:
    card = dataset_card("digits")
    wanted = [
        measure_spec(RunSpec(dataset="digits", strategy=Strategy(start=start)), card)
        for start in (FromRun(run_id=RUN), FromRun(run_id=RUN[:-1] + "b"), Pretrained())
    ]
    assert wanted[0] is not None
    assert wanted[0] == wanted[1] == wanted[2]
    assert measure_spec(RunSpec(dataset="digits", head="mlp"), card) != measure_spec(RunSpec(dataset="digits"), card)


def test_go_on_from_this_run_fills_in_the_form(runs: Path) -> None:
    run = done(runs, backbone="resnet18", strategy="lp-ft", head="cosine")
    app = page(run=run.id)
    button = next(button for button in app.button if button.label == "Go on from this run")
    app = button.click().run()
    said(app)
    assert box(app, "Start from").value == run.id
    assert box(app, "Head").value == "cosine"
    assert box(app, "Strategy").value == "lp-ft"


def test_a_run_with_bottleneck_adapters_is_not_gone_on_from(runs: Path) -> None:
    run = done(runs, backbone="resnet18", strategy=Strategy(scope=Bottleneck()))
    assert "Go on from this run" not in [button.label for button in page(run=run.id).button]
    assert not any(run.id[-4:] in option for option in box(page(backbone="resnet18"), "Start from").options)


def test_after_keeps_every_other_choice() -> None:
    spec = RunSpec(dataset="digits", strategy="gradual", epochs=9, weights="package")
    later = after(spec, RUN)
    assert later.strategy.start == FromRun(run_id=RUN)
    assert later.weights is None
    assert (later.epochs, later.strategy.phases) == (9, spec.strategy.phases)
    assert any(idea.title == "The same, from pretrained weights" for idea in suggestions(later, RESULT))


RESULT = {
    "history": [],
    "classes": ["a", "b"],
    "confusion": [[5, 1], [1, 5]],
    "majority_baseline": 0.5,
    "test": {
        "n": 12,
        "accuracy": {"value": 0.83, "low": 0.6, "high": 0.95},
        "recall": {"a": {"value": 0.83}, "b": {"value": 0.83}},
    },
}


def test_the_dial_asks_with_the_runs_own_head_from_the_same_weights() -> None:
    start = FromRun(run_id=RUN, head="kept")
    wanted = dial_spec(RunSpec(dataset="digits", head="mlp", strategy=Strategy(start=start)))
    assert wanted.run.head == "mlp"
    assert wanted.run.strategy.start == start
    assert dial_spec(RunSpec(dataset="digits", head="mlp")) != dial_spec(RunSpec(dataset="digits"))
    # Solved, a kept head and a fresh one come to the same, and share their answers.
    solved = dial_spec(RunSpec(dataset="digits", strategy=Strategy(start=start)))
    assert solved.run.strategy.start == FromRun(run_id=RUN, head="fresh")
