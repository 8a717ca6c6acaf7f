"""Runs side by side on the Forgetting page: the trade-off, sweeps laid out, and chains."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np

from pages.parts.forgetting_chain import time_words
from tests.figures.forgetting_made import agreement, labelled
from tests.pages.driving import opened, press, said
from tests.pages.forgetting_page import PAGE, asked_about, carries, links_of
from tlcore.compare.folder import all_comparisons
from tlcore.compare.pace import measure_spec
from tlcore.data.catalogue import dataset_card
from tlcore.files import write_json
from tlcore.forgetting.matrix import matrix_result
from tlcore.models.catalogue import backbone_card
from tlcore.runs import Status, all_runs, create
from tlcore.spec import RunSpec
from tlcore.strategies import compile_plan, preset
from tlcore.strategies.start import FromRun


def test_both_sources_are_shown_and_the_page_opens_on_the_one_that_lost_most(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    carries(run, **{"imagenet-cifar10": labelled(), "natural-photos": agreement()})
    overview = opened(PAGE)
    assert "lost 30.0 points: Natural photographs  \nlost 20.0 points: ImageNet, on CIFAR-10" in said(overview)
    for app in (overview, opened(PAGE, run=run.id)):
        (choice,) = [group for group in app.button_group if group.label == "Old knowledge"]
        assert choice.value == "natural-photos"
    assert app.metric[1].value == "30.0 points"


def test_runs_on_the_same_data_stand_side_by_side(runs: Path, fabricated: Any) -> None:
    full = fabricated(done=True, strategy="full").run
    held = fabricated(done=True, strategy="l2-sp").run
    other = fabricated(done=True, strategy="full", dataset="digits").run
    carries(full, **{"imagenet-cifar10": labelled()})
    gone = {"value": 0.02, "low": -0.01, "high": 0.05, "method": "bootstrap"}
    carries(held, **{"imagenet-cifar10": labelled(lost=gone)})
    carries(other, **{"imagenet-cifar10": labelled()})
    words = said(opened(PAGE, run=full.id))
    assert "2 runs on the same data" in words
    assert "Against Full fine-tuning, more than noise: L2-SP keeps 18.0 points more" in words
    everything = said(opened(PAGE))
    assert "The trade-off of all runs" in everything


def test_a_sweep_is_laid_out_and_nothing_starts(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    carries(run, **{"imagenet-cifar10": labelled()})
    app = opened(PAGE, run=run.id)
    app.selectbox(key="forgetting-sweep").select("ewc").run()
    assert "4 runs: 3 points that the picture has not yet." in said(app)
    press(app, "Lay it out on the Compare page")
    (comparison,) = all_comparisons(runs)
    spec = comparison.read().spec
    assert spec.names[0] == spec.baseline == "full"
    assert [one.pull.strength for one in spec.strategies[1:]] == [30, 300, 3000]
    assert spec.run.source_probes == ("imagenet-cifar10",)
    assert app.title[0].value == "Compare"
    assert len(list(all_runs(runs))) == 1


def test_a_sweep_fills_the_compare_form(runs: Path, fabricated: Any) -> None:
    run = fabricated(done=True, strategy="full").run
    carries(run, **{"imagenet-cifar10": labelled()})
    app = opened(PAGE, run=run.id)
    words = parse_qs(links_of(app)["Change it first, on the Compare form"])
    assert words["dataset"] == ["chest-xray"]
    app = opened("compare.py", **{name: value[0] for name, value in words.items()})
    chosen = next(box for box in app.multiselect if box.label == "Strategies").value
    assert chosen == ["full", "l2-sp:pull.strength=0.3", "l2-sp:pull.strength=3", "l2-sp:pull.strength=30"]
    assert app.selectbox(key="compare-probes").value == "imagenet-cifar10"
    assert "4 strategies" in said(app)


def test_every_sweep_makes_a_comparison(runs: Path) -> None:
    from pages.parts.forgetting_sweeps import compare_spec, offered, title_of

    spec = RunSpec(dataset="chest-xray", strategy="full")
    for name in offered(spec):
        wanted = compare_spec(spec, name, "natural-photos", 3)
        assert len(wanted.strategies) >= 4, name
        assert len(wanted.seeds) == 3
        assert title_of(name)
    assert len(compare_spec(spec, "level", "natural-photos", 1).strategies) == len(backbone_card(spec.backbone).groups) + 1


def test_a_chain_is_started_in_order(runs: Path, fabricated: Any) -> None:
    fabricated(done=True)
    app = opened(PAGE)
    assert "A chain of tasks" in said(app)
    assert "How long that takes on this machine is not known yet." in said(app)
    press(app, "Start the chain")
    specs = [spec for run in all_runs(runs) if isinstance(spec := run.spec(), RunSpec) and spec.epochs == 3]
    assert sorted(spec.dataset for spec in specs) == ["chest-xray", "digits", "traffic-lights"]
    assert sum(isinstance(spec.strategy.start, FromRun) for spec in specs) == 2


def test_what_a_chain_takes_is_told_from_measurements(runs: Path) -> None:
    base = RunSpec(dataset="digits", epochs=2)
    assert "is not known yet" in time_words(base, ["digits", "traffic-lights"])
    wanted = measure_spec(base, dataset_card("digits"))
    assert wanted is not None
    timed = create(runs, wanted)
    plan = compile_plan(base.strategy, backbone_card(base.backbone).groups_with_head(10), epochs=2, lr=base.lr)
    result = {"plan": plan.as_dict(), "phases": [{"seconds": 50.0}], "seconds": 60.0, "eval_images_per_second": 1e9}
    write_json(timed.path / "result.json", result)
    timed.write_status(Status("done", 0.0, started_at=1.0, ended_at=2.0))
    assert time_words(base, ["digits"]) == "The training takes about 1 min on this machine, without what is asked besides."
    told = time_words(base, ["digits", "traffic-lights"])
    assert told.startswith("1 of them train about 1 min on this machine")
    assert told.endswith("of the other 1 nobody knows yet.")


def test_the_matrix_says_in_plain_words_what_its_measures_are(runs: Path, fabricated: Any) -> None:
    first = fabricated(done=True, strategy="full").run
    strategy = preset("full").model_copy(update={"start": FromRun(run_id=first.id)})
    run = fabricated(done=True, strategy=strategy, dataset="digits").run
    right = np.arange(20) < 15
    made = matrix_result(
        {(0, 0): right, (1, 0): right[::-1], (1, 1): right}, {}, tasks=["X-rays", "Digits"], clusters=[None, None], seed=0
    )
    asked_about(runs, run, matrix=made | {"images": [20, 20]})
    words = said(opened(PAGE, run=run.id))
    assert "Backward transfer: how much tasks gained after they were learned" in words
    assert "Forward transfer: what the tasks before gave to one that is not learned yet" in words
