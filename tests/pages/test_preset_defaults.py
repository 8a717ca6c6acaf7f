"""What a preset is meant with is filled into the form, and what a person set stays; links say only what differs."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.form import DEFAULTS, changed_strategy, from_link, to_link, usual
from pages.parts.text import plain
from tlcore.strategies import STRATEGIES

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_link_that_names_a_preset_fills_in_what_it_is_meant_with(name: str) -> None:
    fields, problems = from_link({"strategy": name})
    assert not problems
    assert fields == usual(name) | {"strategy": name}
    assert to_link(fields) == ({} if name == DEFAULTS["strategy"] else {"strategy": name})


def test_a_link_says_what_differs_from_the_preset_even_where_it_is_the_forms_own_default() -> None:
    fields = usual("recipe-a") | {"strategy": "recipe-a", "epochs": DEFAULTS["epochs"], "patience": None}
    link = to_link(fields)
    assert link == {"strategy": "recipe-a", "epochs": "5", "patience": "none"}
    assert from_link(link) == (fields, [])


def test_a_change_of_strategy_moves_the_defaults_and_nothing_else() -> None:
    first = changed_strategy(DEFAULTS | {"epochs": 7}, "last-group", "recipe-b")
    assert (first["lr"], first["weight_decay"], first["epochs"]) == (1e-4, 0.05, 7)
    second = changed_strategy(first | {"weight_decay": 0.2}, "recipe-b", "full")
    assert (second["lr"], second["weight_decay"], second["epochs"]) == (DEFAULTS["lr"], 0.2, 7)


def test_a_changed_setting_stays_where_it_means_the_same_and_goes_where_it_does_not() -> None:
    fields = DEFAULTS | {"strategy": "lora", "settings": {"scope.rank": 16, "rates.schedule": "constant"}}
    assert changed_strategy(fields, "lora", "qlora")["settings"] == fields["settings"]
    assert changed_strategy(fields, "lora", "full")["settings"] == {"rates.schedule": "constant"}
    assert changed_strategy(fields, "lora", "recipe-a")["settings"] == {}  # which is constant by itself
    assert fields["settings"] == {"scope.rank": 16, "rates.schedule": "constant"}


def test_choosing_a_recipe_fills_the_form_and_says_so(runs: Path) -> None:
    app = AppTest.from_file(str(FRAME), default_timeout=60).run()
    app.switch_page("train.py")
    app.run()
    app.number_input(key="train-epochs").set_value(9).run()
    app.selectbox(key="train-strategy").select("recipe-b").run()
    assert not app.exception
    assert app.session_state["train-lr"] == 1e-4
    assert app.session_state["train-weight_decay"] == 0.05
    assert app.session_state["train-epochs"] == 9
    assert any("Meant with" in caption.value for caption in app.caption)
    app.selectbox(key="train-strategy").select("last-group").run()
    assert app.session_state["train-lr"] == DEFAULTS["lr"]
    assert not any("Meant with" in caption.value for caption in app.caption)


def test_all_that_a_preset_tells_stands_on_the_page(runs: Path) -> None:
    app = AppTest.from_file(str(FRAME), default_timeout=60).run()
    app.switch_page("train.py")
    app.run()
    app.selectbox(key="train-strategy").select("ewc").run()
    assert not app.exception
    said = " ".join(element.value for element in (*app.markdown, *app.caption))
    about = STRATEGIES["ewc"]
    for words in (about.sentence, about.expect, about.when, about.analogy, about.updates, about.source):
        assert plain(words) in said
    assert f"Risk of forgetting: {about.forgetting}. Labels: some (hundreds). Compute: {about.compute}." in said
