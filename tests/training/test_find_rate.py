"""The find-rate job on a small real backbone with random weights: the ramp, where it stops, and what it refuses."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tlcore import run as train
from tlcore.cli.report import rate_found
from tlcore.errors import SpecError
from tlcore.groups import Group
from tlcore.models.catalogue import backbone_card
from tlcore.runs import EventWriter, create
from tlcore.spec import FindRateSpec, RunSpec, parse
from tlcore.strategies import STRATEGIES, Strategy, compile_plan, preset
from tlcore.strategies.phases import Gradual, HeadThenBody
from tlcore.strategies.pull import L2SP
from tlcore.strategies.rates import Uniform
from tlcore.strategies.schedule import RAMP, share_of_peak
from tlcore.strategies.scope import All, Top
from tlcore.strategies.start import FromRun
from tlcore.training.find_rate import HIGHEST, WHY_NOT, find_rate, ramp

GROUPS = (Group("stem", "bottom", 1), Group("stage 1", "middle", 1), Group("stage 2", "top", 1), Group("head", "head", 1))
RUN = RunSpec(
    backbone="mobilenetv3_small_100",
    dataset="digits",
    image_size=32,
    device="cpu",
    batch_size=16,
    images_per_class=20,
    precision="float32",
    strategy=preset("from-scratch").model_copy(update={"scope": Top(count=2)}),
)


def _plan(**axes: object):
    return compile_plan(Strategy(scope=All(), **axes), GROUPS, epochs=8, lr=0.02)


def _ramp(**axes: object):
    return ramp(_plan(**axes), RUN.model_copy(update={"lr": 0.02}), 7)


def test_the_ramp_is_the_first_phase_in_which_the_backbone_moves() -> None:
    (phase,) = _ramp(phases=Gradual(until="stalled")).phases
    assert [group for group, rate in phase.rates.items() if rate] == ["stage 2", "head"]
    assert (phase.epochs, phase.schedule, phase.patience) == (7, RAMP, None)
    (alone,) = ramp(compile_plan(Strategy(), GROUPS, epochs=1, lr=0.02), RUN.model_copy(update={"lr": 0.02}), 7).phases
    assert [group for group, rate in alone.rates.items() if rate] == ["head"]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_preset_has_a_ramp(name: str) -> None:
    groups = backbone_card("tf_efficientnet_lite0").groups_with_head(2)
    run = RunSpec(dataset="digits", strategy=name, epochs=9)
    plan = compile_plan(run.strategy, groups, epochs=run.epochs, lr=run.lr)
    (phase,) = ramp(plan, run, 3).phases
    body = [group.name for group in groups[:-1] if phase.trains(group.name)]
    assert bool(body) == any(one.trains(group.name) for one in plan.phases for group in groups[:-1])
    assert max(rate for rate in phase.rates.values() if rate) <= HIGHEST


def test_its_rates_are_multiples_of_the_runs_with_the_phases_own_factor() -> None:
    rates = _ramp(phases=HeadThenBody(lr_mult=0.1), rates=Uniform(body_lr_mult=0.5)).phases[0].rates
    assert list(rates.values()) == pytest.approx([0.5, 0.5, 0.5, 1.0])  # times the highest rate, 10


def test_each_step_of_the_ramp_is_larger_by_the_same_factor() -> None:
    shares = [share_of_peak(RAMP, step, 8) for step in range(8)]
    assert shares == pytest.approx([10.0 ** (step - 7) for step in range(8)])


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))


def _ask(tmp_path: Path, run: RunSpec = RUN, steps: int = 40) -> tuple[dict, list[dict]]:
    job = create(tmp_path / "runs", FindRateSpec(run=run, steps=steps))
    with closing(EventWriter(job)) as events:
        return find_rate(job, events), job.events()[0]


@pytest.mark.slow
def test_it_climbs_until_the_loss_diverges_and_does_so_again_with_the_same_numbers(tmp_path: Path) -> None:
    result, events = _ask(tmp_path)
    steps = [event for event in events if event["type"] == "rate"]
    assert [event["rate"] for event in steps] == result["rates"]
    assert [event["loss"] for event in steps] == result["losses"]
    assert result["rates"][0] == pytest.approx(1e-6)
    assert result["rates"] == sorted(set(result["rates"]))
    assert result["stopped"] == "diverged"
    assert len(result["losses"]) < result["steps"]
    assert result["multiples"]["head"] == 1
    assert result["multiples"]["stem"] is None
    assert result["images"] == 200
    again, _ = _ask(tmp_path)
    assert again["losses"] == result["losses"]
    assert again["suggestion"] == result["suggestion"]
    assert rate_found(result)


@pytest.mark.slow
def test_kept_rows_and_the_whole_network_give_the_same_curve(tmp_path: Path) -> None:
    plain = RUN.model_copy(update={"augment": False, "optimizer": "sgd"})
    kept, _ = _ask(tmp_path, plain, steps=20)
    whole, _ = _ask(tmp_path, plain.model_copy(update={"cut": "off"}), steps=20)
    assert kept["losses"][:8] == pytest.approx(whole["losses"][:8], rel=1e-3)


@pytest.mark.slow
def test_a_head_that_is_solved_has_no_rate(tmp_path: Path) -> None:
    probe = RUN.model_copy(update={"strategy": preset("random-features")})
    with pytest.raises(SpecError, match="no learning rate to find"):
        _ask(tmp_path, probe)
    result, _ = _ask(tmp_path, probe.model_copy(update={"head_solver": "minibatch"}))
    assert len(result["losses"]) > 20
    assert (result["suggestion"] is None) == (result["why"] == WHY_NOT)


@pytest.mark.slow
def test_what_a_pull_adds_is_in_the_curve_and_told(tmp_path: Path) -> None:
    before = train(RUN.model_copy(update={"images_per_class": 6, "epochs": 1}), runs_dir=tmp_path / "runs", progress=False)
    start = FromRun(run_id=before["run_id"])
    free = RUN.model_copy(update={"strategy": Strategy(scope=Top(count=2), start=start)})
    pull = L2SP(strength=1e4, head_strength=0.0)
    held = RUN.model_copy(update={"strategy": Strategy(scope=Top(count=2), start=start, pull=pull)})
    plain, _ = _ask(tmp_path, free)
    pulled, _ = _ask(tmp_path, held)
    assert pulled["losses"][0] == pytest.approx(plain["losses"][0])  # nothing has moved yet
    assert pulled["stopped"] == "diverged"
    assert pulled["rates"][-1] < plain["rates"][-1]  # what it adds grows with the square of how far the weights have gone
    assert any("what the pull l2-sp adds" in notice for notice in pulled["notices"])
    assert not any("pull" in notice for notice in plain["notices"])


def test_it_goes_to_json_and_back_and_waits_behind_no_training() -> None:
    spec = FindRateSpec(run=RUN)
    assert parse(spec.model_dump_json()) == spec
    assert (spec.lane, spec.subject) == ("quick", RUN)


def test_a_spec_of_another_kind_is_refused(tmp_path: Path) -> None:
    job = create(tmp_path, RUN)
    with closing(EventWriter(job)) as events, pytest.raises(SpecError, match="not a rate finder"):
        find_rate(job, events)
