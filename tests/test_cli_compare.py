"""The command `compare`, for real, on a network that needs nothing fetched: runs, reuse, adding to it, refusals."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tlcore.cli.compare import compare_spec
from tlcore.cli.main import build_parser, main
from tlcore.compare.folder import all_comparisons
from tlcore.runs import all_runs
from tlcore.strategies import STRATEGIES

TINY = "--dataset digits --backbones mobilenetv3_small_100 --image-size 32 --images-per-class 4 --budget-epochs 1"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache of the command line"))
    monkeypatch.setenv("THAW_OFFLINE", "1")


def asked(arguments: str):
    return compare_spec(build_parser().parse_args(["compare", *arguments.split(" ")]))


@pytest.mark.slow
def test_it_runs_reuses_and_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", *TINY.split(" "), "--strategies", "from-scratch,random-features", "--seeds", "2"]
    assert main([*arguments, "--json"]) == 0
    out = capsys.readouterr()
    first = json.loads(out.out.splitlines()[-1])
    assert {"cells", "table", "differences", "sentences"} <= first.keys()
    assert [(one["strategy"], one["seed"], one["state"]) for one in first["cells"]] == [
        (name, seed, "done") for seed in (0, 1) for name in ("random-features", "from-scratch")
    ]
    assert [one["strategy"] for one in first["table"]] == ["from-scratch", "random-features", "majority-baseline"]
    (gap,) = first["differences"]
    mine = {(one["strategy"], one["seed"]): one["accuracy"] for one in first["cells"]}
    by_hand = [mine["random-features", seed] - mine["from-scratch", seed] for seed in (0, 1)]
    assert gap["mean"] == pytest.approx(sum(by_hand) / 2)
    assert "Run 4 of 4" in out.err
    assert main([*arguments[:-1], "3"]) == 0  # one seed more: four runs are there
    out = capsys.readouterr()
    assert "6 runs: 4 are there already and taken as they are; 2 to run." in out.err
    assert "Run 2 of 2" in out.err
    assert "majority-baseline" in out.out
    assert main(["show", next(all_comparisons(tmp_path / "runs")).id]) == 0
    assert capsys.readouterr().out == out.out  # opened again, it says the same
    assert len(list(all_runs(tmp_path / "runs"))) == 6
    assert len(list(all_comparisons(tmp_path / "runs"))) == 2


@pytest.mark.slow
def test_two_at_once_tell_the_same_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", *TINY.split(" "), "--strategies", "from-scratch,random-features", "--seeds", "1", "--at-once", "2"]
    if (os.cpu_count() or 1) < 2:
        assert main(arguments) == 2
        return
    assert main([*arguments, "--json"]) == 0
    out = capsys.readouterr()
    cells = json.loads(out.out.splitlines()[-1])["cells"]
    assert [one["state"] for one in cells] == ["done", "done"]
    assert "2 of 2 ended" in out.err
    assert main(arguments) == 0
    assert "2 are there already" in capsys.readouterr().err


@pytest.mark.parametrize("many", ["0", "two", "100000", "-1", "1.5"])
def test_at_once_takes_as_many_as_there_are_cores(capsys: pytest.CaptureFixture[str], many: str) -> None:
    assert main(["compare", "--dataset", "digits", f"--at-once={many}"]) == 2
    assert "--at-once takes a whole number from 1" in capsys.readouterr().err


def test_options_become_the_grid() -> None:
    spec = asked("--dataset digits,chest-xray --strategies full,lp-ft --images-per-class 10,50,all --seeds 1,5 --lr 3e-4")
    assert (spec.datasets, spec.images_per_class, spec.seeds) == (("digits", "chest-xray"), (10, 50, None), (1, 5))
    assert spec.names == ("full", "lp-ft", "random-features")  # the control that every table has
    assert (spec.baseline, spec.run.lr, spec.budget.amount) == ("full", 3e-4, 5)
    assert asked("--dataset digits --strategies linear-probe --no-random-features").names == ("linear-probe",)
    steps = asked("--dataset digits --budget-steps 300 --baseline last-group")
    assert (steps.budget.unit, steps.budget.amount, steps.baseline) == ("steps", 300, "last-group")


def test_all_is_every_preset() -> None:
    assert set(asked("--dataset digits --strategies all").names) == set(STRATEGIES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--dataset digits --strategies no-such", "There is no strategy named 'no-such'"),
        ("--dataset digits --seeds zero", "--seeds takes whole numbers, not 'zero'"),
        ("--dataset digits --seeds 0", "at least 1 seed"),
        ("--dataset digits --images-per-class 0", "above 0, or the word all"),
        ("--dataset digits --budget-epochs x", "amount"),
        ("--dataset , --seeds 1", "--dataset names nothing"),
        ("--dataset no-such-dataset", "There is no dataset named 'no-such-dataset'"),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_exit_code_2(
    arguments: str, words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["compare", *arguments.split(" "), "--json"]) == 2
    out = capsys.readouterr()
    assert words in json.loads(out.out)["error"]["message"]
    assert "Traceback" not in out.err
    assert not (tmp_path / "runs").exists()


def test_a_preset_that_cannot_run_is_left_out_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", *TINY.split(" "), "--strategies", "lp-ft", "--baseline", "lp-ft", "--no-random-features", "--json"]
    assert main(arguments) != 0
    out = capsys.readouterr()
    assert "Left out: lp-ft. " in out.err
    assert "Nothing of this comparison can run." in out.err
