"""The detectors on real runs of real backbones: what went wrong is told, and what went well is left in peace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.diagnosis.recorded import Recorded, recorded

RUNS = recorded()
LITE0 = "of tf_efficientnet_lite0 on chest-xray"
SHORT = "200 images at 128 px, 3 epochs"


def beside_the_probe(run: Recorded) -> float:
    """What it gained on the test split over the head alone."""
    return run.accuracy - run.probe["accuracy"]


HELD = {name: run for name, run in RUNS.items() if run.probe is not None}
GOOD = [name for name, run in HELD.items() if beside_the_probe(run) >= -0.02]
LOST = [name for name, run in HELD.items() if beside_the_probe(run) < -0.09]


def test_the_record_has_enough_of_both():
    assert len(GOOD) >= 25
    assert len(LOST) >= 9
    assert {RUNS[name].spec.dataset for name in GOOD} == {"chest-xray", "digits", "traffic-lights"}
    for names in (GOOD, LOST):
        assert len({RUNS[name].spec.backbone for name in names}) >= 2


@pytest.mark.parametrize("name", GOOD)
def test_a_run_that_did_as_well_as_the_probe_or_better_is_no_problem(name: str):
    """What an unfreezing broke is told all the same where the weights of an earlier epoch saved the run."""
    found = RUNS[name].found
    assert "problem" not in found.values()
    assert {one for one, severity in found.items() if severity == "warning"} <= {"drop-after-unfreezing"}


@pytest.mark.parametrize("name", LOST)
def test_a_run_that_lost_nine_points_is_told_so(name: str):
    assert {"problem", "warning"} & set(RUNS[name].found.values())


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        (f"layer-wise-decay {LITE0}, {SHORT}, 0.001, seed 0", "warning"),  # 83.9 % where a probe has 93.4 %
        (f"layer-wise-decay {LITE0}, {SHORT}, 0.001, seed 2", "warning"),
        (f"auto-snr {LITE0}, {SHORT}, 0.001, seed 0", "warning"),
        (f"auto-snr {LITE0}, {SHORT}, 0.001, seed 1", "warning"),
        (f"auto-snr {LITE0}, {SHORT}, 0.001, seed 2", "problem"),  # and names one class for every image
        (f"full {LITE0}, 80 images at 96 px, 4 epochs, 0.003, seed 0", "warning"),  # 78.8 %, and 89.8 % at a third of the rate
        ("full of resnet50 on chest-xray, 80 images at 64 px, 5 epochs, 0.001, seed 0", "info"),  # a little above its probe
        (f"layer-wise-decay {LITE0}, {SHORT}, 0.001, seed 1", "info"),  # it came back: 93.4 %
    ],
)
def test_first_steps_that_overshot(name: str, severity: str):
    assert RUNS[name].found == {"overshoot": severity}


def test_without_a_probe_the_first_steps_are_all_there_is_to_go_by():
    alone = [run for run in RUNS.values() if run.probe is None]
    assert len(alone) >= 2
    for run in alone:
        assert "The head alone does better" in run.diagnosis.cannot_tell
        assert bool(run.found) is (run.accuracy < 0.85)


FIVE_A_CLASS = "lora of tf_efficientnet_lite0 on digits, 50 images at 128 px"
TOO_SHORT, LONG_ENOUGH, TOO_SLOW = (
    RUNS[f"{FIVE_A_CLASS}, {how}, seed 0"] for how in ("2 epochs, 0.001", "10 epochs, 0.001", "10 epochs, 0.0001")
)


@pytest.mark.parametrize("run", [TOO_SHORT, TOO_SLOW], ids=["too short", "too slow"])
def test_a_run_that_ends_before_it_has_learnt_and_the_one_that_its_remedy_makes(run: Recorded):
    """33.5 % after two epochs and 18.0 % at a tenth of the rate; the remedy of both is the run with 83.7 %."""
    alone = replace(run, probe=None)
    assert alone.found == {"under-fitting": "warning"}
    assert run.found == {"better-alone": "warning"}  # beside a probe that says more
    assert alone.diagnosis.findings[0].remedy.applied(run.spec) == LONG_ENOUGH.spec
    assert LONG_ENOUGH.found == replace(LONG_ENOUGH, probe=None).found == {}
    assert LONG_ENOUGH.accuracy > run.accuracy + 0.5


@pytest.mark.parametrize("name", [name for name in HELD if name not in LOST])
def test_no_run_that_came_near_its_probe_is_called_under_fitted(name: str):
    assert "under-fitting" not in replace(RUNS[name], probe=None).found


def test_most_runs_that_lost_nine_points_need_no_probe_to_be_told():
    assert sum(bool(replace(RUNS[name], probe=None).found) for name in LOST) >= 0.8 * len(LOST)


def test_a_collapse_that_another_fault_explains_makes_that_one_a_problem():
    for backbone, scale in (("mobilenetv2_100", "80 images at 64 px, 5 epochs"), ("tf_efficientnet_lite0", SHORT)):
        run = RUNS[f"full of {backbone} on chest-xray, {scale}, 0.01, seed 0"]
        assert run.accuracy == pytest.approx(0.503, abs=1e-3)
        assert run.found == {"exploding-rate": "problem"}
