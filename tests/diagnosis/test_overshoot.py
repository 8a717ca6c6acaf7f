"""First steps that overshoot, by hand: how high is too high, which steps count, and when a run has got over it."""

from __future__ import annotations

import pytest

from tests.diagnosis.by_hand import asked, epoch, names, plan, step
from tlcore.diagnosis import Diagnosis, diagnose
from tlcore.spec import RunSpec

TITLE = "First steps that overshoot"


def told(spec: RunSpec, highest: float, mean: float, last: float) -> Diagnosis:
    """A run that began at 0.7, with these losses of its third step, its first and its last epoch; guessing gives 0.693."""
    steps = [step(1, 0.7), step(2, 0.6), step(3, highest), step(4, 0.6)]
    ends = [epoch(0, mean, 0.5, 0.8, trained=0.7), epoch(1, last, 0.5, 0.8, trained=0.9)]
    return diagnose(spec, [plan(spec), *steps, *ends])


@pytest.mark.parametrize(
    ("batch_size", "highest", "mean", "seen"),
    [
        (32, 1.88, 0.6, False),  # two standard errors of a batch of 32 are 0.3536: 2 x 1.3536 x 0.7 = 1.895
        (32, 1.91, 0.6, True),
        (200, 1.59, 0.6, False),  # 2 x 1.1414 x 0.7 = 1.598
        (200, 1.61, 0.6, True),
        (32, 0.7, 0.94, False),  # 1.3536 x 0.7 = 0.9475
        (32, 0.7, 0.96, True),
        (200, 0.7, 0.87, False),  # a quarter above, at the least: 0.875
        (200, 0.7, 0.88, True),
    ],
)
def test_a_step_or_an_epoch_far_above_the_start(batch_size: int, highest: float, mean: float, seen: bool):
    spec = asked(batch_size=batch_size)
    answer = told(spec, highest, mean, 0.5)
    assert ("overshoot" in names(answer)) is seen
    assert (TITLE in answer.clear) is not seen


def test_it_says_what_jumped_and_offers_a_slower_backbone():
    (finding,) = told(asked(), 2.5, 0.8, 0.5).findings
    assert finding.severity == "warning"
    assert finding.seen == (
        "Within the first epoch the training loss jumps from 0.700 to 2.500; guessing gives 0.693. The peak rate is 1e-3. In "
        "epoch 2 it is 0.500."
    )
    assert finding.remedy.applied(asked()).strategy.rates.body_lr_mult == 0.01
    (finding,) = told(asked(), 0.8, 1.2, 0.5).findings
    assert finding.seen.startswith(
        "The training loss began at 0.700, and its mean over epoch 1 is 1.200; guessing gives 0.693."
    )


@pytest.mark.parametrize(("last", "severity"), [(0.28, "warning"), (0.27, "info")])  # 0.4 of ln 2 is 0.277
def test_a_run_that_got_over_it_is_only_told(last: float, severity: str):
    (finding,) = told(asked(), 2.5, 0.8, last).findings
    assert finding.severity == severity


def test_as_many_images_named_as_by_a_probe_says_so_too():
    probe = {"val": {"accuracy": 0.8}, "history": [{"train": {"accuracy": 1.0}}]}
    for accuracy, beside, severity in [
        (0.79, probe, "warning"),
        (0.8, probe, "info"),
        (0.89, None, "warning"),
        (0.9, None, "info"),
    ]:
        events = [step(1, 0.7), step(2, 2.5), epoch(0, 0.9, 0.5, accuracy, trained=0.7)]
        (finding,) = diagnose(asked(), [plan(asked()), *events], None, beside).findings
        assert finding.severity == severity


def test_what_comes_later_is_another_detectors():
    spec = asked()
    later = [step(1, 0.7), epoch(0, 0.6, 0.5, 0.8), step(11, 9.0), epoch(1, 0.9, 0.5, 0.8)]
    assert "overshoot" not in names(diagnose(spec, [plan(spec), *later]))


@pytest.mark.parametrize("strategy", ["linear-probe", "lp-ft", "gradual"])
def test_a_head_alone_has_nothing_to_break(strategy: str):
    answer = told(asked(strategy), 1.8, 0.9, 0.5)
    assert not {TITLE} & {*answer.clear, *answer.cannot_tell, *(finding.title for finding in answer.findings)}


def test_before_the_first_step_it_cannot_be_told():
    assert diagnose(asked(), [plan(asked())]).cannot_tell[TITLE] == "no step has been taken"
