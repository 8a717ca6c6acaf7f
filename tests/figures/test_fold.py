import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest

from tlcore.figures.fold import fold, in_epochs, smooth, source_line, thin, training_loss

PARTS = Path(__file__).parents[2] / "pages" / "parts"


def joined(*names: str) -> str:
    """Scripts of a component as one, as pages/parts/script.py joins them."""
    return "\n".join((PARTS / name).read_text() for name in names)


def step(number: int, loss: float | None, epoch: int = 0) -> dict:
    return {"type": "step", "step": number, "epoch": epoch, "loss": loss}


def epoch(number: int, at: int, loss: float) -> dict:
    return {"type": "epoch", "epoch": number, "step": at, "val": {"loss": loss}}


RESUMED = [
    {"type": "plan", "plan": {}},
    step(1, 1.0),
    step(2, 0.9),
    epoch(0, 2, 0.8),
    step(3, 0.7, 1),
    step(4, 0.6, 1),
    epoch(1, 4, 0.5),
    step(5, 0.4, 2),
    {"type": "notice", "level": "info", "text": "once"},
    {"type": "resumed", "step": 2, "epoch": 1},
    {"type": "notice", "level": "info", "text": "once"},
    step(3, 0.71, 1),
    step(4, 0.61, 1),
    epoch(1, 4, 0.51),
]


def test_what_a_resumed_run_repeats_replaces_what_it_said_before():
    run = fold(RESUMED)
    assert run.steps == [(1, 1.0), (2, 0.9), (3, 0.71), (4, 0.61)]
    assert [(event["epoch"], event["val"]["loss"]) for event in run.epochs] == [(0, 0.8), (1, 0.51)]
    assert run.resumed == 1
    assert len(run.notices) == 1


def test_steps_that_start_again_replace_earlier_ones_even_unannounced():
    run = fold([step(1, 1.0), step(2, 2.0), epoch(0, 2, 3.0), step(1, 4.0)])
    assert run.steps == [(1, 4.0)]
    assert run.epochs == []


def test_thinning_keeps_means_and_leaves_out_what_is_no_number():
    points = [(1, 2.0), (2, 4.0), (3, math.nan), (4, 6.0), (5, 8.0)]
    assert thin(points, 2) == [(1.5, 3.0), (4.5, 7.0)]
    assert len(thin([(float(i), 1.0) for i in range(2500)])) == 834  # threes, the last one alone
    assert thin([(1, 2.0)]) == [(1, 2.0)]


def test_smoothing_a_constant_gives_the_constant_from_the_first_point_on():
    assert [y for _, y in smooth([(x, 3.0) for x in range(5)])] == pytest.approx([3.0] * 5)
    keep = math.exp(-1 / 12)
    assert smooth([(0, 0.0), (1, 1.0)])[1][1] == pytest.approx(1 / (1 + keep))  # weights keep and 1, normed


def solved_then_trained() -> list[dict]:
    """Two rounds of L-BFGS, an epoch each, then an epoch of four steps that ended and one that is in its first half."""
    ways = [{"kind": "kept", "solver": "lbfgs"}, {"kind": "whole", "solver": "steps"}]
    plan = {"type": "plan", "plan": {"phases": [{"epochs": 2}, {"epochs": 2}]}, "steps": 10, "cut": {"phases": ways}}
    ended = [{**epoch(i, i + 1, 0.5), "phase": 0, "train": {"loss": 1.0 - i / 2}} for i in range(2)]
    third = {**epoch(2, 6, 0.4), "phase": 1, "train": {"loss": 0.3}}
    losses = (0.48, 0.44, 0.4, 0.36)
    steps = [step(n, loss, 2) for n, loss in zip((3, 4, 5, 6), losses, strict=True)]
    return [plan, step(1, 1.0), ended[0], ended[1], *steps, third, step(7, 0.3, 3), step(8, 0.2, 3)]


def test_an_epoch_of_one_step_is_as_wide_as_one_of_many():
    run = fold(solved_then_trained())
    at = in_epochs(run)
    assert [at(number) for number in range(9)] == [0, 1, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5]
    each, averaged = training_loss(run)
    assert each[:3] == [(1.0, 1.0), (2.0, 0.5), (2.25, 0.48)]
    assert averaged[:3] == [(1.0, 1.0), (2.0, 0.5), (2.25, pytest.approx(0.48))]  # rounds are no part of the average


def looked() -> list[dict]:
    """A run that asks a source before training and after each of two epochs, lost after the second and gone on with."""
    known = [{"photos": {"value": value, "knn": None, "kl": 0.1}} for value in (1.0, 0.8, 0.7, 0.75)]
    ended = [{**epoch(i, i + 1, 0.5), "source": known[i + 1]} for i in range(2)]
    again = [{"type": "resumed", "step": 1, "epoch": 1}, {**epoch(1, 2, 0.5), "source": known[3]}, epoch(2, 3, 0.4)]
    return [{"type": "source", "sources": known[0], "seconds": 1.0}, *ended, *again]


def test_a_source_is_a_line_from_before_training_on():
    assert source_line(fold(looked()), "photos") == [(0, 1.0), (1, 0.8), (2, 0.75)]
    assert source_line(fold(looked()), "digits") == source_line(fold([epoch(0, 1, 0.5)]), "photos") == []


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_live_view_draws_a_source_alike(tmp_path):
    (tmp_path / "fold.mjs").write_text(joined("cut.js", "fold.js"))
    script = tmp_path / "run.mjs"
    script.write_text(
        "import { emptyRun, fold, sourceLine } from './fold.mjs';\n"
        f"const run = fold(emptyRun(), {json.dumps(looked())});\n"
        "console.log(JSON.stringify(['photos', 'digits'].map((name) => sourceLine(run, name))));"
    )
    told = json.loads(subprocess.run(["node", script], capture_output=True, text=True, check=True, timeout=60).stdout)
    assert [[tuple(point) for point in line] for line in told] == [source_line(fold(looked()), "photos"), []]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_live_view_lays_steps_out_alike(tmp_path):
    (tmp_path / "fold.mjs").write_text(joined("cut.js", "fold.js"))
    script = tmp_path / "run.mjs"
    script.write_text(
        "import { emptyRun, fold, inEpochs, trainingLoss } from './fold.mjs';\n"
        f"const run = fold(emptyRun(), {json.dumps(solved_then_trained())});\n"
        "console.log(JSON.stringify({ at: [...Array(10).keys()].map(inEpochs(run)), ...trainingLoss(run) }));"
    )
    told = json.loads(subprocess.run(["node", script], capture_output=True, text=True, check=True, timeout=60).stdout)
    run = fold(solved_then_trained())
    each, averaged = training_loss(run)
    assert told["at"] == [in_epochs(run)(number) for number in range(10)]
    assert [tuple(point) for point in told["each"]] == each
    assert [y for _, y in told["averaged"]] == pytest.approx([y for _, y in averaged], abs=1e-12)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed; the browser test covers the live view")
def test_the_live_view_folds_thins_and_smooths_alike(tmp_path):
    module = tmp_path / "fold.mjs"
    module.write_text(joined("cut.js", "fold.js"))
    script = tmp_path / "run.mjs"
    script.write_text(
        "import { emptyRun, fold, smooth, thin, ticks } from './fold.mjs';\n"
        f"const run = fold(emptyRun(), {json.dumps(RESUMED)});\n"
        "const points = Array.from({ length: 2500 }, (_, i) => [i, Math.sin(i)]);\n"
        "console.log(JSON.stringify({ steps: run.steps, losses: run.epochs.map((e) => e.val.loss), notices: run.notices.length,"
        " resumed: run.resumed, thin: thin(points), smooth: smooth(points), ticks: ticks(0, 1), none: thin([[1, null]]) }));"
    )
    told = json.loads(subprocess.run(["node", script], capture_output=True, text=True, check=True, timeout=60).stdout)
    run = fold(RESUMED)
    points = [(float(i), math.sin(i)) for i in range(2500)]
    assert [tuple(point) for point in told["steps"]] == run.steps
    assert told["losses"] == [event["val"]["loss"] for event in run.epochs]
    assert (told["notices"], told["resumed"], told["none"]) == (1, 1, [])
    for name, ours in (("thin", thin(points)), ("smooth", smooth(points))):
        assert [y for _, y in told[name]] == pytest.approx([y for _, y in ours], abs=1e-12)
    assert told["ticks"] == [0, 0.5, 1] or told["ticks"] == [0, 0.2, 0.4, 0.6, 0.8, 1]
