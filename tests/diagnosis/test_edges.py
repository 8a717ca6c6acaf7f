"""The edges: few images, one epoch, no validation split, numbers that are none, resumed runs, solved heads. Events by hand."""

from __future__ import annotations

import json
import math

import pytest

from tests.diagnosis.by_hand import asked, epoch, names, plan, step
from tlcore.diagnosis import DETECTORS, Diagnosis, diagnose
from tlcore.diagnosis.finding import Remedy, first_that_changes
from tlcore.diagnosis.noise import at_least, at_most, loss_wobble
from tlcore.strategies import preset


def test_noise_by_hand():
    # Wilson for 18 of 20: (0.9 + 1.9207/20 +- 1.96 sqrt(0.9*0.1/20 + 3.8415/1600)) / (1 + 3.8415/20)
    assert at_least(0.9, 20) == pytest.approx(0.699, abs=1e-3)
    assert at_most(0.9, 20) == pytest.approx(0.972, abs=1e-3)
    assert (at_least(0.9, 0), at_most(0.1, 0)) == (0.0, 1.0)
    assert loss_wobble(400) == 0.1
    assert loss_wobble(0) == math.inf


def test_a_run_that_has_not_begun_is_not_judged():
    assert diagnose(asked(), []) == Diagnosis((), (), {})
    assert diagnose(asked(), [{"type": "state", "state": "running"}]) == Diagnosis((), (), {})


def test_detectors_have_names_of_their_own_and_all_are_asked():
    assert len({detector.name for detector in DETECTORS}) == len({detector.title for detector in DETECTORS}) == len(DETECTORS)
    spec = asked("lp-ft")
    trained = spec.strategy.model_copy(update={"scope": spec.strategy.scope.model_copy(update={"batchnorm": "trained"})})
    spec = asked(strategy=trained.model_dump())
    told = diagnose(spec, [plan(spec)])
    no_question = {"The frozen features fall short", "First steps that overshoot"}  # more than the head moves, but not at once
    assert {*told.clear, *told.cannot_tell} == {detector.title for detector in DETECTORS} - no_question
    assert not told.findings


# --- noise: the same curves on few images and on many

OVERFIT = [(0.6, 0.50, 0.85), (0.4, 0.40, 0.85), (0.2, 0.45, 0.85), (0.1, 0.50, 0.84), (0.05, 0.52, 0.84)]


@pytest.mark.parametrize(("images", "severity"), [(400, "warning"), (100, "warning"), (20, "info"), (0, None)])
def test_over_fitting_takes_enough_images_to_be_seen(images: int, severity: str | None):
    spec = asked()
    curves = [epoch(i, *(values if images else (values[0], None, None))) for i, values in enumerate(OVERFIT)]
    answer = diagnose(spec, [plan(spec, val=images), *curves])
    assert [finding.severity for finding in answer.findings] == ([severity] if severity else [])
    if not images:
        assert answer.cannot_tell["Over-fitting"] == "there are no validation images"
        assert answer.cannot_tell["One class for every image"] == "there are no validation images"


@pytest.mark.parametrize(
    ("curves", "severity"),
    [
        (OVERFIT, "warning"),
        (OVERFIT[:4], "warning"),
        (OVERFIT[:3], None),  # one epoch above the best may be a spike
        ([*OVERFIT[:4], (0.05, 0.41, 0.85)], "info"),  # back to where it was: a standstill, no rise
        ([(train + 0.5, *rest) for train, *rest in reversed(OVERFIT)], None),  # the training loss rises too
        ([(0.4, 0.40, 0.97), (0.39, 0.5, 0.99), (0.2, 0.6, 0.99), (0.1, 0.7, 0.99)], None),  # new images are named as well
        ([(0.6, 0.5, 0.85), (0.4, 0.4, 0.85), (0.19, 0.4, 0.85), (0.1, 0.42, 0.85), (0.05, 0.41, 0.85)], "info"),
    ],
)
def test_over_fitting_is_a_rise_and_a_standstill_is_worth_knowing(curves: list, severity: str | None):
    spec = asked()
    told = diagnose(spec, [plan(spec), *(epoch(i, *values) for i, values in enumerate(curves))])
    assert [finding.severity for finding in told.findings if finding.name == "over-fitting"] == ([severity] if severity else [])


@pytest.mark.parametrize(("images", "told"), [(2000, True), (400, True), (20, False)])
def test_a_drop_counts_only_beyond_the_interval(images: int, told: bool):
    spec = asked("lp-ft")
    curves = [epoch(0, 0.4, 0.4, 0.9), epoch(1, 0.3, 0.35, 0.9), epoch(2, 0.3, 0.34, 0.9), epoch(3, 0.4, 0.6, 0.8, phase=1)]
    answer = diagnose(spec, [plan(spec, val=images), *curves])
    assert ("drop-after-unfreezing" in names(answer)) is told
    if told:
        (finding,) = answer.findings
        assert "from 90.0 % to 80.0 %" in finding.seen
        assert finding.seen.startswith("Epoch 4 is the first in which bottom, middle and top train, at up to 3e-5.")
        assert finding.remedy.applied(spec).strategy.rates.body_lr_mult == 0.1


def test_a_drop_within_a_phase_is_no_unfreezing():
    spec = asked("lp-ft")
    curves = [epoch(0, 0.4, 0.4, 0.9), epoch(1, 0.3, 0.6, 0.7)]
    told = diagnose(spec, [plan(spec), *curves])
    assert not told.findings
    assert told.cannot_tell["A drop after unfreezing"] == "no epoch has ended after an unfreezing"


@pytest.mark.parametrize(("others", "told"), [(2, False), (3, False), (4, True), (40, True)])
def test_a_collapse_takes_enough_images_of_the_other_classes(others: int, told: bool):
    spec, images = asked(), 100
    share = 1 - others / images
    one = {"recall": {"class 0": 1.0, "class 1": 0.0}}
    curves = [epoch(i, 0.3, 0.4, share, trained=share, **one) for i in range(3)]
    answer = diagnose(spec, [plan(spec, val=images, majority=share), *curves])
    assert ("collapse" in names(answer)) is told
    first = diagnose(spec, [plan(spec, val=images, majority=share), curves[0]])
    assert first.cannot_tell["One class for every image"] == "that takes 2 epochs"


def test_a_collapse_is_read_from_the_test_split_where_there_is_one():
    spec = asked(class_weights=True)
    one = {"recall": {"class 0": 1.0, "class 1": 0.0}}
    curves = [epoch(i, 0.3, 0.4, 0.8, trained=0.8, **one) for i in range(3)]
    result = {"confusion": [[90, 10], [5, 35]], "classes": ["class 0", "class 1"], "majority_baseline": 0.7}
    assert "collapse" not in names(diagnose(spec, [plan(spec), *curves], result))  # the best epoch was another one
    (finding,) = diagnose(spec, [plan(spec), *curves], result | {"confusion": [[100, 0], [39, 1]]}).findings
    assert "'class 0' for almost every test image: 100 are of that class, and of the 40 others it finds 1." in finding.seen
    assert finding.remedy.change == {"lr": 1e-4}  # weighed already, in batches of the usual size
    empty = {"confusion": [[0, 0], [0, 0]], "classes": ["class 0", "class 1"], "majority_baseline": None}
    assert "collapse" in names(diagnose(spec, [plan(spec), *curves], empty))  # no test images: the validation split


# --- one epoch, solved heads, failures, resumed runs


def test_one_epoch_says_what_it_cannot_tell():
    spec = asked("linear-probe", epochs=1)
    told = diagnose(spec, [plan(spec), step(1, 0.7), epoch(0, 0.5, 0.5, 0.8)])
    assert not told.findings
    untold = {"One class for every image", "Over-fitting", "The frozen features fall short", "Under-fitting"}
    assert set(told.cannot_tell) == untold


def test_a_solved_head_has_no_rate_to_be_wrong_and_has_settled_at_once():
    spec = asked("linear-probe")
    told = diagnose(spec, [plan(spec, solver="lbfgs"), step(1, 0.6), epoch(0, 0.6, 0.6, 0.7, trained=0.72, head=0.0)])
    assert names(told) == {"head-plateau"}
    assert not {"Exploding loss", "Nothing moves"} & {*told.clear, *told.cannot_tell}
    well = diagnose(spec, [plan(spec, solver="lbfgs"), step(1, 0.2), epoch(0, 0.2, 0.6, 0.7, trained=0.98)])
    assert not well.findings  # it explains its own images: more labels would help it, not other features


@pytest.mark.parametrize(("trained", "images", "validation", "told"), [
    (0.86, 400, 0.86, True),
    (0.88, 400, 0.86, False),  # within the interval of nine in ten
    (0.86, 400, 0.92, False),  # crops are harder than whole pictures: the head does well on those
    (0.80, 400, None, True),
])  # fmt: skip
def test_a_plateau_is_read_from_the_images_that_the_head_trains_on(trained, images, validation, told):
    spec = asked("linear-probe")
    event = epoch(0, 0.5, 0.5 if validation else None, validation, trained=trained)
    answer = diagnose(spec, [plan(spec, solver="lbfgs", val=images if validation else 0), step(1, 0.5), event])
    assert ("head-plateau" in names(answer)) is told


def test_random_features_have_no_domain_to_be_shifted_from_and_nothing_to_forget():
    spec = asked("random-features")
    curves = [epoch(i, 0.6, 0.6, 0.7, trained=0.72) for i in range(6)]
    assert not diagnose(spec, [plan(spec), *curves]).findings
    spec = asked("from-scratch")
    told = diagnose(spec, [plan(spec), *(epoch(i, 0.6 - i / 20, 0.6 - i / 20, 0.9, moved=2.0) for i in range(4))])
    assert not told.findings


def test_a_loss_that_is_no_number_is_an_explosion():
    spec = asked()
    told = diagnose(spec, [plan(spec), step(1, 0.69), step(2, 12.25), step(3, None)])
    (finding,) = told.findings
    assert finding.seen == (
        "The training loss of a step is no longer a number. The training loss began at 0.690 and was 12.250 when last "
        "reported; guessing gives 0.693. The peak rate was 1e-3."
    )
    assert finding.remedy.change == {"lr": 1e-4}
    failed = {"type": "state", "state": "failed", "error": {"type": "Diverged", "message": "It diverged.", "next_step": ""}}
    (finding,) = diagnose(spec, [plan(spec), failed]).findings
    assert finding.seen == "It diverged. The peak rate was 1e-3."
    other = {"type": "state", "state": "failed", "error": {"type": "OutOfMemory", "message": "Full.", "next_step": ""}}
    assert not diagnose(spec, [plan(spec), other]).findings


def test_what_a_resumed_run_repeats_counts_once():
    spec = asked()
    curves = [epoch(i, *values) for i, values in enumerate(OVERFIT)]
    resumed = {"type": "resumed", "step": 20, "epoch": 2}
    again = [plan(spec), *curves[:4], resumed, plan(spec), *curves[2:]]
    assert diagnose(spec, again) == diagnose(spec, [plan(spec), *curves])
    assert "over-fitting" not in names(diagnose(spec, [plan(spec), *curves[:4], resumed]))  # those epochs never were


def test_distance_speaks_of_forgetting_at_its_two_ends_only():
    spec = asked()
    far, between, near = (diagnose(spec, [plan(spec), epoch(0, 0.4, 0.4, 0.9, moved=moved)]) for moved in (0.02, 0.01, 0.001))
    assert names(far) == {"forgetting"}
    assert "not measured here" in far.findings[0].means
    assert "Forgetting" in between.cannot_tell
    assert "Forgetting" in near.clear
    spec = asked("bitfit")
    beside = diagnose(spec, [plan(spec), epoch(0, 0.4, 0.4, 0.9, moved=0.0)])
    assert "new ones beside them" in beside.cannot_tell["Forgetting"]


def _source(lost: float, measure: str = "accuracy") -> dict:
    """100 images, 5 points of noise to both sides."""
    span = {"low": lost - 0.05, "high": lost + 0.05}
    after = {"value": 0.8 - lost, "low": 0.75 - lost, "high": 0.85 - lost}
    title = "Old photographs" if measure == "accuracy" else "Old answers"
    return {"title": title, "measure": measure, "images": 100, "chance": 0.1, "before": {"value": 0.8}, "after": after} | {
        "lost": {"value": lost} | span
    }


@pytest.mark.parametrize(
    ("lost", "severity"),
    [
        ({"labels": 0.36}, "warning"),
        ({"labels": 0.03, "answers": 0.2}, "info"),
        ({"answers": 0.2}, "warning"),
        ({"labels": 0.03}, None),
        ({"labels": -0.2}, None),
    ],
)
@pytest.mark.parametrize("moved", [0.001, 0.5])
def test_what_the_run_measured_of_its_sources_decides_over_the_distance(lost: dict, severity: str | None, moved: float):
    spec = asked()
    measures = {"labels": "accuracy", "answers": "agreement"}
    result = {"confusion": [], "source": {name: _source(value, measures[name]) for name, value in lost.items()}}
    told = diagnose(spec, [plan(spec), epoch(0, 0.4, 0.4, 0.9, moved=moved)], result)
    found = [finding for finding in told.findings if finding.name == "forgetting"]
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert ("Forgetting" in told.clear) == (severity is None)
    if "labels" in lost and severity == "warning":
        assert "80.0 % before, 44.0 % (39.0 to 49.0) after" in found[0].seen
        assert "36.0 points lost, more than noise" in found[0].seen
        assert found[0].remedy is not None
        assert "gets wrong now" in found[0].means


# --- findings and remedies as data


def test_a_finding_hides_what_it_explains_unless_it_is_over():
    spec = asked("lp-ft")
    lost = [epoch(0, 0.3, 0.3, 0.9), epoch(3, 9.0, 0.9, 0.5, phase=1, moved=0.5)]
    assert names(diagnose(spec, [plan(spec), *lost])) == {"drop-after-unfreezing"}
    back = [*lost, epoch(4, 0.3, 0.3, 0.9, phase=1, moved=0.5)]
    told = diagnose(spec, [plan(spec), *back])
    assert {(finding.name, finding.severity) for finding in told.findings} == {
        ("forgetting", "info"),
        ("drop-after-unfreezing", "info"),
    }


def test_the_first_possible_remedy_that_changes_something_is_given():
    spec = asked(lr=10.0)
    out_of_range, nothing, good = Remedy("a", {"lr": 100.0}), Remedy("b", {"lr": 10.0}), Remedy("c", {"augment": False})
    assert first_that_changes(spec, None, out_of_range, nothing, good) is good
    assert first_that_changes(spec, out_of_range, nothing) is None
    assert good.applied(spec) == asked(lr=10.0, augment=False)


@pytest.mark.parametrize(
    "strategy", ["full", "last-group", "linear-probe", "lp-ft", "gradual", "discriminative", "from-scratch"]
)
def test_the_remedy_of_over_fitting_depends_on_what_was_done(strategy: str):
    spec = asked(strategy, augment=True)
    told = diagnose(spec, [plan(spec), *(epoch(i, *values, moved=0.0) for i, values in enumerate(OVERFIT))])
    (finding,) = [finding for finding in told.findings if finding.name == "over-fitting"]
    after = finding.remedy.applied(spec)
    assert json.loads(json.dumps(told.as_dict()))["findings"][0]["name"] == told.findings[0].name
    if strategy == "linear-probe":
        assert after.weight_decay == 0.1
    else:
        assert after.strategy == preset("linear-probe" if strategy == "last-group" else "last-group")
