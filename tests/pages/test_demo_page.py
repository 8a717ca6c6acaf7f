"""The demo: what a link to it means, what it is given to show, and the rules of the game."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pages.parts.demo_pictures import opponent, scenes
from tests.figures.explain_made import CLASSES, explanation
from tests.pages.driving import opened, press, said
from tests.pages.explaining import explained, jobs, links
from tlcore.runs import Run
from tlcore.spec import ExplainSpec

PAGE = "demo.py"
BANNER = "For teaching and research, not for clinical decisions."
PARTS = Path(__file__).parents[2] / "pages" / "parts"


@pytest.fixture
def run(fabricated: Any) -> Run:
    return fabricated(done=True, strategy="full").run


def test_without_runs_it_says_what_to_do(runs: Path) -> None:
    app = opened(PAGE)
    assert "No run has finished here yet." in said(app)
    assert "Train a network" in links(app)


def test_it_is_not_in_the_navigation_and_carries_the_banner(runs: Path, run: Run) -> None:
    app = opened(PAGE)
    assert BANNER in said(app)
    assert "Make one" in said(app)


def test_a_run_without_an_explanation_is_asked_first(runs: Path, run: Run) -> None:
    app = press(opened(PAGE, run=run.id), "Make the demo")
    assert jobs(runs) == [ExplainSpec(run_id=run.id, each=6)]
    assert "The demo begins here as soon as its images are drawn." in said(app)


def test_two_runs_in_the_link_are_asked_together(runs: Path, run: Run, fabricated: Any) -> None:
    other = fabricated(done=True, strategy="linear-probe").run
    explained(runs, run)  # of the run alone: no answer to the link
    app = press(opened(PAGE, run=run.id, beside=other.id), "Make the demo")
    assert ExplainSpec(run_id=run.id, beside=(other.id,), each=6) in jobs(runs)
    assert not app.exception


def test_a_run_that_was_explained_opens_at_once(runs: Path, run: Run) -> None:
    job = explained(runs, run)
    for query in ({"explain": job.id}, {"run": run.id}, {"run": run.id, "beside": "start"}):
        app = opened(PAGE, **query)
        assert "The demo is open over this page." in said(app)
        assert f"run={job.id}" in links(app)["Back to the explanation"]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_one_that_ended_without_an_answer_says_so(runs: Path, run: Run, state: str) -> None:
    error = {"type": "SpecError", "message": "Its images have changed.", "next_step": "Put them back."}
    job = explained(runs, run, state, error=error if state == "failed" else None)
    words = said(opened(PAGE, explain=job.id))
    assert ("Its images have changed." if state == "failed" else "ended before it had answered") in words


@pytest.mark.parametrize("query", [{"explain": "../../etc/passwd"}, {"explain": "20260101T000000-x-0000"}, {"run": "nonsense"}])
def test_a_wrong_link_is_a_sentence(runs: Path, query: dict[str, str]) -> None:
    app = opened(PAGE, **query)
    assert len(app.error) == 1
    assert "Choose a run" in links(app)


def test_a_training_runs_id_is_no_explanation(runs: Path, run: Run) -> None:
    assert "explains no images of a dataset" in said(opened(PAGE, explain=run.id))


def _pixels(uri: str) -> Image.Image:
    head, _, content = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_what_it_shows_is_what_the_explanation_found(runs: Path, run: Run) -> None:
    job = explained(runs, run)
    shown = scenes(job, job.result() or {}, "start")
    assert [one["name"] for one in shown["models"]] == ["Full fine-tuning", "Before training"]
    assert shown["classes"] == list(CLASSES)
    assert shown["banner"] == BANNER
    # Shuffled the same way each time, each image with its own truth: films 0 and 2 are normal, 1 and 3 are not.
    answers = {round(one["answers"][0]["probabilities"][0], 2): one for one in shown["images"]}
    assert {key: one["truth"] for key, one in answers.items()} == {0.9: 0, 0.2: 1, 0.3: 0, 0.45: 1}
    wrong = answers[0.3]
    assert [one["predicted"] for one in wrong["answers"]] == [1, 1]
    assert wrong["maps"][0]["words"] == "Evidence for pneumonia."
    assert answers[0.9]["maps"][0]["words"] == "Nothing in this map speaks for the class."
    assert _pixels(wrong["picture"]).size == _pixels(wrong["maps"][0]["drawn"]).size == (32, 32)
    corner = _pixels(answers[0.45]["maps"][0]["drawn"])
    assert corner.getpixel((2, 2)) != pytest.approx(corner.getpixel((30, 30)), abs=30)  # the evidence is at the top left
    assert "Of all 638 test images Full fine-tuning has 94.8 % (92.9 to 96.4) right." in shown["telling"]
    assert "Before training has" not in shown["telling"]
    assert scenes(job, job.result() or {}, "start")["images"] == shown["images"]


def test_two_runs_of_one_strategy_are_told_apart(runs: Path, run: Run, fabricated: Any) -> None:
    other = fabricated(done=True, strategy="full", seed=1).run
    job = explained(runs, run, beside=[other.id], asked={"beside": (other.id,)})
    shown = scenes(job, job.result() or {}, None)
    assert [one["name"] for one in shown["models"]] == [f"Full fine-tuning {one.id[-4:]}" for one in (run, other)]


def test_against_whom() -> None:
    made = explanation(beside=["20261121T120000-a-0001", "20261121T120000-b-0002"])
    assert opponent(made, None) == "run:20261121T120000-a-0001"
    assert opponent(made, "20261121T120000-b-0002") == "run:20261121T120000-b-0002"
    assert opponent(made, "start") == "start"
    assert opponent(made, "20261121T120000-c-0003") == "run:20261121T120000-a-0001"  # that one is not there
    assert opponent(explanation(), None) is None
    assert opponent(explanation(images=[]), "start") is None


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_rules_of_the_game(tmp_path: Path) -> None:
    (tmp_path / "game.mjs").write_text((PARTS / "demo_game.js").read_text())
    answers = [[0, 1], [1, 1], [1, 0]]  # of two models, for each image
    images = [{"truth": t, "answers": [{"predicted": p} for p in row]} for t, row in zip([0, 1, 1], answers, strict=True)]
    game = {"at": 2, "guesses": [0, 0, None], "shown": [True, True, True]}
    kept = [json.dumps(game), json.dumps(game | {"guesses": [0, 9, None]}), json.dumps(game | {"at": 7}), "{", None]
    script = tmp_path / "run.mjs"
    script.write_text(
        "import { newGame, keptGame, score, classKeys } from './game.mjs';\n"
        f"const images = {json.dumps(images)}, game = {json.dumps(game)}, kept = {json.dumps(kept)};\n"
        "console.log(JSON.stringify({ fresh: newGame(2), score: score(game, images, [{}, {}]),\n"
        "  none: score(newGame(3), images, [{}]), kept: kept.map((text) => keptGame(text, 3, 2)),\n"
        "  keys: [['a', 'b'], ['3', '1'], [...'abcdefghijkl']].map(classKeys) }));"
    )
    told = json.loads(subprocess.run(["node", script], capture_output=True, text=True, check=True, timeout=60).stdout)
    assert told["fresh"] == {"at": 0, "guesses": [None, None], "shown": [False, False]}
    # The third image was not guessed, so it counts for nobody.
    assert told["score"] == {"of": 2, "room": 1, "models": [2, 1]}
    assert told["none"] == {"of": 0, "room": 0, "models": [0]}
    assert told["kept"] == [game, None, None, None, None]
    assert told["keys"] == [["1", "2"], ["3", "1"], ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", None, None]]
