"""The dial on the Train page: asked by a button, drawn when it has answered, and its level taken over into the form."""

import shutil
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.dial import dial_spec
from pages.parts.dial_kept import holds_all
from tests.pages.driving import opened
from tlcore.files import write_json
from tlcore.runs import EventWriter, Run, Status, all_runs, create
from tlcore.settings import activations_dir
from tlcore.spec import DialSpec, RunSpec
from tlcore.strategies import preset
from tlcore.strategies.phases import Gradual
from tlcore.strategies.pull import L2SP

ASKED = RunSpec(dataset="digits", image_size=64, strategy=preset("last-group"))


_page = partial(opened, "train.py")


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


def _ended(runs: Path, spec: DialSpec, state: str = "done", error: dict | None = None, **fields: object) -> None:
    run = create(runs, spec)
    levels = [_level("head", 0.85, 10), _level("stage 7", 0.86, 100), _level("stage 4", 0.9, 1000)]
    images = {"train": 160, "val": 179}
    result = {"levels": levels, "images": images, "epochs": 3, "majority_baseline": 0.1, "classes": list("0123456789")}
    if state == "done":
        write_json(run.path / "result.json", result | {"seconds": 9.0} | fields)
    run.write_status(Status(state, run.status().queued_at, started_at=1.0, ended_at=10.0, error=error))


def _answered(runs: Path, **fields: object) -> None:
    _ended(runs, dial_spec(ASKED), **fields)


ROWS = ["3f/segment-1", "9a/segment-2"]  # where the rows of a dial lie on the shelf


def _kept(runs: Path, folders: list[str] = ROWS) -> None:
    """An earlier dial about the images of `ASKED`, asked at another rate, whose rows lie in `folders`."""
    for name in folders:
        (activations_dir() / name).mkdir(parents=True)
    _ended(runs, dial_spec(ASKED.model_copy(update={"lr": 0.02, "batch_size": 8})), kept=folders)


def _asked_here(runs: Path) -> list[Run]:
    """The dials about what stands in the form: those that `_kept` made were asked at another rate."""
    dials = [run for run in all_runs(runs) if isinstance(run.spec(), DialSpec)]
    return [run for run in dials if run.spec().run.lr == ASKED.lr]


def _says(app: AppTest, words: str) -> bool:
    """Whether the page says `words`, which may stand there with Markdown's signs escaped."""
    return any(words in element.value.replace("\\", "") for element in (*app.caption, *app.markdown))


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


def test_a_pull_is_asked_with_and_stays_with_the_level_that_is_taken_over(runs: Path) -> None:
    pulled = ASKED.model_copy(update={"strategy": preset("l2-sp")})
    wanted = dial_spec(pulled)
    assert (wanted.run.strategy.pull, wanted.run.strategy.scope.kind) == (L2SP(), "all")
    assert wanted == dial_spec(pulled.model_copy(update={"strategy": preset("l2-sp").model_copy(update={"phases": Gradual()})}))
    weaker = preset("l2-sp").model_copy(update={"pull": L2SP(strength=1)})
    assert wanted != dial_spec(pulled.model_copy(update={"strategy": weaker}))
    _ended(runs, dial_spec(ASKED.model_copy(update={"strategy": weaker})))
    app = _page(dataset="digits", image_size="64", strategy="l2-sp", **{"pull.strength": "1"})
    assert _says(app, "It asks with this run's pull. Each weight is pulled back")
    _button(app, "Use this level").click().run()
    assert not app.exception
    assert (app.session_state["train-strategy"], app.session_state["train-pull"]) == ("custom", "l2-sp")
    assert app.session_state["train-settings"] == {"pull.strength": 1.0}


def test_rows_serve_every_head_but_attention_and_no_pull_that_looks_at_images(runs: Path) -> None:
    _kept(runs)
    assert holds_all(runs, dial_spec(ASKED))
    assert holds_all(runs, dial_spec(ASKED.model_copy(update={"head": "mlp"})))
    assert not holds_all(runs, dial_spec(ASKED.model_copy(update={"head": "attention"})))
    assert holds_all(runs, dial_spec(ASKED.model_copy(update={"strategy": preset("l2-sp")})))
    assert not holds_all(runs, dial_spec(ASKED.model_copy(update={"strategy": preset("replay")})))


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


def test_it_begins_by_itself_where_the_cache_holds_what_it_needs(runs: Path) -> None:
    _kept(runs)
    app = _page(dataset="digits", image_size="64")
    assert not app.exception
    (run,) = _asked_here(runs)
    assert run.spec() == dial_spec(ASKED).model_copy(update={"kept_only": True})
    assert _says(app, "The cache holds what it needs")
    app.run()  # and no second time
    assert len(_asked_here(runs)) == 1
    _button(app, "Cancel").click().run()
    assert run.status().state == "cancelled"
    app.run()
    assert len(_asked_here(runs)) == 1
    assert _says(app, "cancelled before every level had answered")


def test_one_that_was_deleted_does_not_begin_again_in_the_same_session(runs: Path) -> None:
    _kept(runs)
    app = _page(dataset="digits", image_size="64")
    (run,) = _asked_here(runs)
    shutil.rmtree(run.path)
    app.run()
    assert _asked_here(runs) == []
    assert _button(app, "Ask every level")


@pytest.mark.parametrize("lost", ROWS)
def test_rows_that_were_dropped_keep_it_from_beginning(runs: Path, lost: str) -> None:
    _kept(runs)
    (activations_dir() / lost).rmdir()
    app = _page(dataset="digits", image_size="64")
    assert _asked_here(runs) == []
    assert _button(app, "Ask every level")


@pytest.mark.parametrize(
    "query", [{"seed": "1"}, {"precision": "float32"}, {"backbone": "resnet18"}, {"images_per_class": "9"}]
)
def test_other_images_or_another_frozen_network_keep_it_from_beginning(runs: Path, query: dict[str, str]) -> None:
    _kept(runs)
    app = _page(**({"dataset": "digits", "image_size": "64"} | query))
    assert _asked_here(runs) == []
    assert _button(app, "Ask every level")


def test_a_dial_that_kept_nothing_lets_none_begin(runs: Path) -> None:
    _ended(runs, dial_spec(ASKED.model_copy(update={"lr": 0.02})), kept=None)
    _page(dataset="digits", image_size="64")
    assert _asked_here(runs) == []


def test_one_that_was_refused_may_be_asked_for_in_earnest(runs: Path) -> None:
    _kept(runs)
    error = {"type": "AssetError", "message": "The cache no longer holds it.", "next_step": "Ask every level."}
    _ended(runs, dial_spec(ASKED).model_copy(update={"kept_only": True}), "failed", error)
    app = _page(dataset="digits", image_size="64")
    assert len(_asked_here(runs)) == 1
    assert _says(app, "began by itself and could not answer. The cache no longer holds it.")
    assert not app.error
    _button(app, "Ask again").click().run()
    assert [run.spec().kept_only for run in _asked_here(runs)].count(False) == 1


def test_an_answer_that_came_by_itself_is_shown(runs: Path) -> None:
    _ended(runs, dial_spec(ASKED).model_copy(update={"kept_only": True}), kept=[])
    app = _page(dataset="digits", image_size="64")
    assert _button(app, "Use this level")


def test_moving_the_level_moves_the_sentence(runs: Path) -> None:
    _answered(runs)
    app = _page(dataset="digits", image_size="64")
    assert _says(app, "The choice above, training from stage 7 up, gets 86.0 % (81.0 to 91.0), 4.0 points less than the best")
    app.selectbox(key="train-strategy").select("linear-probe").run()
    assert _says(app, "The choice above, training the head alone, gets 85.0 %")
    assert not _says(app, "training from stage 7 up")


def test_notices_are_shown_with_the_answer(runs: Path) -> None:
    _answered(runs, notices=["No room in this cache."])
    app = _page(dataset="digits", image_size="64")
    assert _says(app, "No room in this cache.")


def test_notices_are_shown_while_it_runs(runs: Path) -> None:
    run = create(runs, dial_spec(ASKED))
    with closing(EventWriter(run)) as events:
        events.write("notice", level="info", text="No room in the cache.")
    app = _page(dataset="digits", image_size="64")
    assert _says(app, "No room in the cache.")
    assert not _says(app, "began by itself")
