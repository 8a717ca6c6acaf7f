"""A probe of the same data beside a deeper run: which one is found, and when it is better beyond chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.diagnosis.by_hand import asked, epoch, names, plan
from tlcore.diagnosis import Diagnosis, diagnose, probe_beside, runs_in
from tlcore.runs import create
from tlcore.spec import CheckSpec, RunSpec

TITLE = "The head alone does better"
RESULT = {"confusion": [[0]], "classes": ["class 0"], "majority_baseline": None}  # no test images


def probed(accuracy: float, trained: float = 1.0) -> dict[str, Any]:
    return {"val": {"accuracy": accuracy}, "history": [{"train": {"accuracy": trained}}]}


def told(spec: RunSpec, accuracy: float, probe: dict[str, Any] | None, *, images: int = 400, trained: float = 0.8) -> Diagnosis:
    curves = [epoch(i, 0.6 - i / 10, 0.6 - i / 20, accuracy, trained=trained, moved=0.001) for i in range(3)]
    return diagnose(spec, [plan(spec, val=images), *curves], RESULT, probe)


@pytest.mark.parametrize(
    ("accuracy", "images", "seen"),
    [
        (0.80, 400, True),  # Wilson: 75.8 to 83.6 against 86.7 to 92.6 %. -10 + root(3.6^2 + 3.3^2) = -5.1 points at best
        (0.85, 400, True),  # -5 + root(3.17^2 + 3.32^2) = -0.4
        (0.86, 400, False),  # -4 + root(3.06^2 + 3.32^2) = +0.5
        (0.80, 40, False),
        (0.90, 400, False),
        (0.95, 400, False),
    ],
)
def test_only_what_chance_does_not_explain(accuracy: float, images: int, seen: bool):
    answer = told(asked(), accuracy, probed(0.90), images=images)
    assert ("better-alone" in names(answer)) is seen
    assert (TITLE in answer.clear) is not seen


def test_it_says_both_numbers_and_tells_the_reasons_apart():
    (finding,) = told(asked(), 0.80, probed(0.90)).findings
    assert finding.seen == (
        "Of the 400 validation images this run names 80.0 % rightly, and a probe, the head alone on frozen features, 90.0 %: "
        "-10.0 points (-14.9 to -5.1). Of the training images the run names 80.0 % at the end, the probe 100.0 %."
    )
    assert finding.remedy.applied(asked()).strategy.name == "lp-ft"
    (finding,) = told(asked(), 0.80, probed(0.90), trained=0.97).findings
    assert "holds for the training images alone" in finding.means
    assert finding.remedy.applied(asked()).strategy.name == "last-group"


def test_without_a_probe_it_says_what_is_missing():
    assert "has been run here" in told(asked(), 0.8, None).cannot_tell[TITLE]
    unfinished = diagnose(asked(), [plan(asked()), epoch(0, 0.5, 0.5, 0.5)], None, probed(0.9))
    assert unfinished.cannot_tell[TITLE] == "the run has no result"
    blind = diagnose(asked(), [plan(asked(), val=0), epoch(0, 0.5, None, None)], RESULT, probed(0.9))
    assert blind.cannot_tell[TITLE] == "no epoch has validation images"


@pytest.mark.parametrize("strategy", ["linear-probe", "random-features", "from-scratch"])
def test_it_is_no_question_of_a_head_alone_or_of_random_weights(strategy: str):
    answer = told(asked(strategy), 0.8, probed(0.9))
    assert not {TITLE} & {*answer.clear, *answer.cannot_tell, *(finding.title for finding in answer.findings)}


def ended(folder: Path, digest: str = "a", **fields: Any) -> str:
    run = create(folder, RunSpec(**({"dataset": "digits", "strategy": "linear-probe", "images_per_class": 20} | fields)))
    run.write_result(probed(0.9) | {"run_id": run.id, "data": {"digest": digest}})
    return run.id


def beside(folder: Path, **fields: Any) -> str | None:
    spec = RunSpec(**({"dataset": "digits", "strategy": "full", "images_per_class": 20} | fields))
    found = probe_beside(spec, {"data": {"digest": "a"}}, runs_in(folder))
    return None if found is None else found["run_id"]


def test_the_probe_is_of_the_same_data_and_backbone(tmp_path: Path):
    for other in (
        {"digest": "b"},
        {"backbone": "resnet18"},
        {"image_size": 64},
        {"images_per_class": 10},
        {"dataset": "chest-xray"},
        {"strategy": "random-features"},
        {"strategy": "last-group"},
    ):
        ended(tmp_path, **other)
    create(tmp_path, RunSpec(dataset="digits", strategy="linear-probe", images_per_class=20))  # without a result
    create(tmp_path, CheckSpec(dataset="digits"))
    assert beside(tmp_path) is None
    right = ended(tmp_path, seed=3, lr=0.1, augment=False)
    assert beside(tmp_path) == right
    assert beside(tmp_path, backbone="resnet18") is not None
    assert probe_beside(RunSpec(dataset="digits", images_per_class=20), None, runs_in(tmp_path)) is None


def test_what_another_version_wrote_is_left_out(tmp_path: Path):
    run = create(tmp_path, RunSpec(dataset="digits", strategy="linear-probe", images_per_class=20))
    run.write_result({"test": {}})
    broken = create(tmp_path, RunSpec(dataset="digits", strategy="linear-probe", images_per_class=20))
    (broken.path / "spec.json").write_text('{"kind": "unheard of"}')
    assert beside(tmp_path) is None
    assert [found.id for found, _ in runs_in(tmp_path)] == [run.id]
