"""What a run is asked of before: chosen by what suits the strategy, said with its cost or with why it is off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pages.parts.form import fields_of, from_link, spec_of, to_link, usual
from pages.parts.probe_fields import OFFERED, cost_words, read, suiting, text_of, title_of, why_not
from tests.figures.forgetting_made import agreement
from tests.pages.driving import opened, said
from tests.pages.fabricate import Fabricated
from tlcore.files import write_json
from tlcore.models.catalogue import backbone_card
from tlcore.runs import all_runs
from tlcore.spec import RunSpec
from tlcore.strategies import STRATEGIES, preset
from tlcore.strategies.start import FromRun

RUN = "20261121T120000-tf-efficientnet-lite0-chest-xray-full-0abc"
GROUPS = backbone_card("tf_efficientnet_lite0").groups_with_head(2)


@pytest.mark.parametrize("name", STRATEGIES)
def test_photographs_are_asked_where_the_backbone_moves_and_knew_anything(name: str) -> None:
    strategy = preset(name)
    moves = strategy.scope.kind != "head" and strategy.start.kind != "random"
    assert suiting(strategy, "linear") == (("natural-photos",) if moves else ())
    assert bool(why_not(strategy, "linear")) is not moves


def test_a_chain_asks_its_earlier_tasks_and_an_attention_head_nothing() -> None:
    chained = preset("full").model_copy(update={"start": FromRun(run_id=RUN)})
    assert suiting(chained, "linear") == ("earlier-tasks",)
    assert suiting(preset("full"), "attention") == ()
    assert "one pooled vector" in why_not(preset("full"), "attention")


@pytest.mark.parametrize("text", [*OFFERED, "imagenet-cifar10,earlier-tasks"])
def test_the_field_goes_through_a_link_and_a_spec(text: str) -> None:
    fields = usual("full") | {"strategy": "full", "source_probes": text}
    assert from_link(to_link(fields)) == (fields, [])
    spec = spec_of(fields, GROUPS)
    again = fields_of(spec, GROUPS)
    assert spec_of(again, GROUPS) == spec
    assert again["source_probes"] == ("auto" if text == "natural-photos" else text)
    assert title_of(text)


@pytest.mark.parametrize("text", ["x", "natural-photos,", "../../etc", ""])
def test_a_word_that_means_no_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + text.replace(".", r"\.")):
        read(text)
    fields, problems = from_link({"source_probes": text})
    assert fields["source_probes"] == "auto"
    assert "source_probes" in problems[0]


def test_a_run_that_asked_nothing_asks_nothing_again() -> None:
    assert text_of(RunSpec(dataset="digits", strategy="full")) == "none"
    assert text_of(RunSpec(dataset="digits", strategy="linear-probe")) == "auto"


def test_the_cost_is_in_seconds_where_the_pace_is_known() -> None:
    spec = RunSpec(dataset="digits", strategy="full", epochs=5, source_probes=("natural-photos",))
    assert "(Answers on natural photographs)" in cost_words(spec, 2500, None)
    assert cost_words(spec, 2500, None).endswith("it is asked 300 images, about 5 % of the work of training all.")  # 1800/37500
    assert cost_words(spec, 2500, 100.0).endswith("which takes about 18 s more in all.")  # 6 looks at 300
    assert cost_words(spec, None, None).endswith("6 times.")


def test_the_form_says_what_is_asked_or_why_not(runs: Path) -> None:
    assert "What it forgets is measured (Answers on natural photographs)" in said(opened("train.py", strategy="full"))
    words = said(opened("train.py", strategy="linear-probe"))
    assert "What it forgets is not measured. Only the head moves" in words
    assert "What it forgets" not in said(opened("train.py", strategy="full", source_probes="none"))


def test_what_was_chosen_is_what_starts(runs: Path) -> None:
    app = opened("train.py", strategy="full", source_probes="imagenet-cifar10,natural-photos")
    next(button for button in app.button if button.label == "Start").click()
    app.run()
    (spec,) = [spec for run in all_runs(runs) if isinstance(spec := run.spec(), RunSpec)]
    assert spec.source_probes == ("imagenet-cifar10", "natural-photos")


def test_a_finished_run_shows_its_curve_and_leads_to_what_it_forgot(fabricated: Any) -> None:
    made: Fabricated = fabricated(done=True, strategy="full")
    assert "It was not asked what it still knows" in said(opened("train.py", run=made.run.id))
    write_json(made.run.path / "result.json", (made.run.result() or {}) | {"source": {"natural-photos": agreement()}})
    app = opened("train.py", run=made.run.id)
    assert "it still answers as the network that it started from: 30.0 points lost" in said(app)
    assert f"run={made.run.id}" in [link.proto.query_string for link in app.get("page_link")]
