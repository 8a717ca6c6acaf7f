"""What a forgetting job will cost, counted by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tlcore.analysis import start_probe
from tlcore.cli.forgetting_cost import cost_words
from tlcore.forgetting.cost import PROBED_ON, images_besides, images_of_a_look, looks, pace
from tlcore.groups import Group
from tlcore.spec import ForgettingSpec, RunSpec
from tlcore.strategies import STRATEGIES, Strategy, compile_plan
from tlcore.strategies.scope import Top
from tlcore.strategies.start import FromRun

GROUPS = (Group("bottom", "bottom", 100, 1), Group("top", "top", 200, 1), Group("head", "head", 20))
RUN = "20250101T000000-lite0-chest-xray-full-7f3a"


def _result(named: str | Strategy, **fields: Any) -> dict[str, Any]:
    strategy = named if isinstance(named, Strategy) else STRATEGIES[named].strategy
    plan = compile_plan(strategy, GROUPS, epochs=4, lr=1e-3)
    history = [{"phase": place} for place, phase in enumerate(plan.phases) for _ in range(phase.epochs)]
    return {"plan": plan.as_dict(), "history": history, "test": {"n": 40}} | fields


def test_looks_and_images_by_hand(tmp_path: Path) -> None:
    spec = ForgettingSpec(run_id=RUN, points=11, images=50)
    assert looks(spec, _result("linear-probe")) == 1
    assert looks(spec, _result("full")) == 11 + 2, "the points with both ends, and two groups"
    trained = _result(Strategy(scope=Top(count=2, batchnorm="trained")))
    assert looks(spec, trained) == 11 + 2 + 1 + 11, "the statistics, and the points once more"
    asked = RunSpec(dataset="digits", strategy="full")
    assert images_of_a_look(spec, asked, _result("full"), tmp_path) == 50 + 50 + 40, "it has no earlier tasks"
    random = RunSpec(dataset="digits", strategy="from-scratch")
    assert images_of_a_look(spec, random, _result("from-scratch"), tmp_path) == 40


def test_what_passes_besides_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = {"images": {"train": 2000, "val": 100, "test": 40}}
    result = _result("full", data=used)
    spec = ForgettingSpec(run_id=RUN, images=50)
    asked = RunSpec(dataset="digits", strategy="full")
    assert images_besides(spec, asked, result, tmp_path) == 1000 + 100 + 40, "a probe of the start, for the groups"
    assert images_besides(spec, asked, _result("full"), tmp_path) == 0
    first = SimpleNamespace(run=SimpleNamespace(id=RUN, result=lambda: {"test": {"n": 30}, "data": used}))
    monkeypatch.setattr("tlcore.forgetting.cost.ancestry", lambda *_: (first,))
    after = RunSpec(dataset="digits", strategy=Strategy(start=FromRun(run_id=RUN)))
    heads = 30 * 2 + 40  # the first task by both runs, the second by the last
    probes = (30 + 1100) + 2 * (40 + 1100)  # before any, and the second once more before it is learned
    assert images_besides(spec, after, result, tmp_path) == 1140 + heads + probes
    assert images_besides(spec.model_copy(update={"sources": ("natural-photos",)}), after, result, tmp_path) == 1140
    assert PROBED_ON == start_probe.PROBED_ON


def test_the_pace_is_that_of_the_looks_that_were_not_repeated(tmp_path: Path) -> None:
    carried = {"source": {"a": {"images": 30}, "b": {"images": 20}}, "source_seconds": 10.0}
    assert pace(_result("full", **carried)) == pytest.approx(50 * 5 / 10), "before, and after each of four epochs"
    assert pace(_result("linear-probe", **carried)) == pytest.approx(50 / 10), "nothing moved: all looks repeat the first"
    assert pace(_result("full")) is None
    spec = ForgettingSpec(run_id=RUN, points=11, images=50)
    asked = RunSpec(dataset="digits", strategy="full")
    told = cost_words(spec, asked, _result("full", **carried), tmp_path)
    assert told == (
        "Up to 1,820 images pass through the network, about 1 min 13 s at the pace of the run's own source probes."
    )  # 13 looks at 140 images, 25 a second
    more = spec.model_copy(update={"relearn_steps": 40})
    assert "is not known" in (told := cost_words(more, asked, _result("full"), tmp_path))
    assert told.endswith("; then three networks learn for 40 steps each.")
