"""A run that was killed goes on from its checkpoint with the same numbers, bit for bit."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tlcore.errors import ThawError
from tlcore.strategies import Strategy, preset
from tlcore.strategies.phases import Gradual, HeadThenBody, OnePhase, Phases
from tlcore.strategies.rates import AutoRGN, AutoSNR, Rates
from tlcore.strategies.scope import All, LoRA
from tlcore.training.checkpoint import Identity, Timer, load_checkpoint, save_checkpoint
from tlcore.training.fit import fit

IDENTITY = Identity(spec="s", data="d", weights="w")
CLOCK = {"seconds", "images_per_second", "seconds_left"}
TRAINED = preset("gradual").model_copy(update={"scope": preset("full").scope.model_copy(update={"batchnorm": "trained"})})


def _whole(rates: Rates, phases: Phases | None = None) -> Strategy:
    return Strategy(scope=All(), rates=rates, phases=phases or OnePhase())


CASES = {  # dropout and augmentation are on in all of them
    "lp-ft": {"strategy": "lp-ft", "epochs": 4},
    "gradual, BatchNorm trained": {"strategy": TRAINED, "epochs": 4},
    "sgd, class weights": {"strategy": "full", "epochs": 3, "optimizer": "sgd", "class_weights": True, "lr": 0.05},
    "LoRA, with dropout and in phases": {"strategy": Strategy(scope=LoRA(rank=2, dropout=0.3), phases=Gradual()), "epochs": 4},
    "early stopping": {"strategy": "lp-ft", "epochs": 14, "lr": 0.3, "patience": 2},
    "rates measured by gradient norm": {"strategy": _whole(AutoRGN(batches=2)), "epochs": 3},
    "rates measured by signal to noise, in phases": {
        "strategy": _whole(AutoSNR(batches=3, threshold=0.4), HeadThenBody()),
        "epochs": 4,
    },
    "phases until validation stalls": {
        "strategy": _whole(AutoRGN(batches=2), Gradual(until="stalled", patience=1)),
        "epochs": 12,
        "lr": 0.3,
    },
}
EARLY = {"early stopping", "phases until validation stalls"}


def _numbers(events: list[dict]) -> list[dict]:
    return [{name: value for name, value in event.items() if name not in CLOCK} for event in events]


def _finish(training) -> tuple[list[dict], dict[str, torch.Tensor]]:
    for _ in fit(training.state, training.setup):
        pass
    return _numbers(training.state.history), training.state.network.module.state_dict()


@pytest.mark.parametrize("case", CASES)
def test_stopped_anywhere_and_resumed_gives_the_same_numbers(training, tmp_path: Path, case: str):
    fields = dict(CASES[case])
    strategy = fields.pop("strategy")
    reference = training(strategy, **fields)
    kinds = [event["type"] for event in fit(reference.state, reference.setup)]
    history, tensors = _numbers(reference.state.history), reference.state.network.module.state_dict()
    assert reference.state.stopped_early == (case in EARLY)
    epoch_ends = [i for i, kind in enumerate(kinds) if kind == "epoch"]
    # The first event, the middle of the second epoch, before and at a phase's border, and the last event of all.
    border = next(i for i in epoch_ends if history[epoch_ends.index(i)]["phase"] == 0)
    for stop in sorted({0, epoch_ends[0] + 3, epoch_ends[1] - 1, border, *epoch_ends[1:3], len(kinds) - 1}):
        killed, resumed = training(strategy, **fields), training(strategy, **fields)
        for i, _ in enumerate(fit(killed.state, killed.setup)):
            if i == stop:
                save_checkpoint(tmp_path / "state.safetensors", killed.state, IDENTITY)
                break
        torch.manual_seed(stop)  # torch's own state must not matter
        load_checkpoint(tmp_path / "state.safetensors", resumed.state, resumed.setup, IDENTITY)
        again, resumed_tensors = _finish(resumed)
        assert again == history, stop
        assert resumed.state.best.epoch == reference.state.best.epoch
        assert all(torch.equal(resumed_tensors[name], tensor) for name, tensor in tensors.items()), stop


SCRIPT = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import tiny
from tlcore.strategies import compile_plan, preset
from tlcore.training.checkpoint import Identity, save_checkpoint
from tlcore.training.fit import fit
from tlcore.training.setup import Setup
from tlcore.training.machine import choose
from tlcore.training.state import State
network = tiny.tiny_network()
plan = compile_plan(preset("lp-ft"), network.groups, epochs=4, lr=1e-2)
setup = Setup(plan=plan, train=tiny.tiny_split(37, 1), val=tiny.tiny_split(20, 2), classes=tiny.CLASSES,
              machine=choose("cpu", "float32"), seed=3, batch_size=8, flips=True)
state = State.fresh(network, plan)
for event in fit(state, setup):
    if event["type"] == "step":
        save_checkpoint(Path(sys.argv[2]), state, Identity("s", "d", "w"))
        if event["step"] == int(sys.argv[3]):
            os._exit(9)
"""


@pytest.mark.slow
def test_a_killed_process_leaves_a_checkpoint_that_another_one_goes_on_from(training, tmp_path: Path):
    file = tmp_path / "checkpoint" / "state.safetensors"
    killed = subprocess.run([sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(file), "8"], env=os.environ)
    assert killed.returncode == 9
    resumed, reference = training("lp-ft", epochs=4), training("lp-ft", epochs=4)
    load_checkpoint(file, resumed.state, resumed.setup, IDENTITY)
    assert (resumed.state.step, resumed.state.epoch, resumed.state.step_in_epoch) == (8, 1, 3)
    history, tensors = _finish(resumed)
    expected, expected_tensors = _finish(reference)
    assert history == expected
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected_tensors.items())


def _saved(training, path: Path, steps: int = 1):
    run = training("linear-probe")
    for done, _ in enumerate(fit(run.state, run.setup), start=1):
        if done == steps:
            break
    save_checkpoint(path, run.state, IDENTITY)
    return run


def test_it_keeps_what_moves_and_nothing_else(training, tmp_path: Path):
    file = tmp_path / "state.safetensors"
    _saved(training, file)
    with safe_open(file, "pt") as content:
        names = set(content.keys())
        header = json.loads(content.metadata()["state"])
    assert {name for name in names if name.startswith("weights/")} == {"weights/head.weight", "weights/head.bias"}
    assert {name for name in names if name.startswith("optimizer/0/")} == {
        "optimizer/0/exp_avg",
        "optimizer/0/exp_avg_sq",
        "optimizer/0/step",
    }
    assert header["step"] == 1
    assert [leftover.name for leftover in tmp_path.iterdir()] == ["state.safetensors"]


@pytest.mark.parametrize(
    ("field", "words"), [("spec", "another spec"), ("data", "other images"), ("weights", "other pretrained weights")]
)
def test_a_checkpoint_of_something_else_is_refused(training, tmp_path: Path, field: str, words: str):
    file = tmp_path / "state.safetensors"
    _saved(training, file)
    fresh = training("linear-probe")
    with pytest.raises(ThawError, match=words):
        load_checkpoint(file, fresh.state, fresh.setup, replace(IDENTITY, **{field: "other"}))
    assert fresh.state.step == 0


def test_a_file_that_is_no_checkpoint_is_refused(training, tmp_path: Path):
    file = tmp_path / "state.safetensors"
    file.write_bytes(b"not a checkpoint")
    fresh = training("linear-probe")
    with pytest.raises(ThawError, match="cannot be read"):
        load_checkpoint(file, fresh.state, fresh.setup, IDENTITY)


def test_saving_within_an_epoch_is_due_after_a_while_and_less_often_where_it_is_slow(
    training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    now = [0.0]
    monkeypatch.setattr("tlcore.training.checkpoint.time.monotonic", lambda: now[0])
    timer = Timer()
    assert timer.due(epoch_ended=True)
    now[0] = 19.0
    assert not timer.due(epoch_ended=False)
    now[0] = 20.0
    assert timer.due(epoch_ended=False)

    def slow(*_: object) -> None:
        now[0] += 3.0

    monkeypatch.setattr("tlcore.training.checkpoint.save_checkpoint", slow)
    timer.save(tmp_path / "x", training("linear-probe").state, IDENTITY)
    now[0] += 59.0
    assert not timer.due(epoch_ended=False)
    assert not timer.due(epoch_ended=True)
    now[0] += 1.1
    assert timer.due(epoch_ended=False)
    assert timer.due(epoch_ended=True)


def test_a_quick_save_is_made_at_each_epochs_end(training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr("tlcore.training.checkpoint.time.monotonic", lambda: now[0])

    def quick(*_: object) -> None:
        now[0] += 0.05

    monkeypatch.setattr("tlcore.training.checkpoint.save_checkpoint", quick)
    timer = Timer()
    timer.save(tmp_path / "x", training("linear-probe").state, IDENTITY)
    now[0] += 0.9
    assert not timer.due(epoch_ended=True)
    now[0] += 0.2
    assert timer.due(epoch_ended=True)
    assert not timer.due(epoch_ended=False)
