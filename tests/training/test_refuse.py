"""What cannot work is refused by name and size alone, in a notebook as on the command line, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tlcore import RunSpec, run
from tlcore.errors import DataError, SpecError, ThawError, UnknownName
from tlcore.spec import AnySpec, CheckSpec, MeasureSpec
from tlcore.training.refuse import refuse_early

DIGITS = RunSpec(dataset="digits", backbone="mobilenetv3_small_100", image_size=32)


def but(**fields: object) -> RunSpec:
    return RunSpec(**DIGITS.model_dump() | fields)


def measured(run_spec: RunSpec) -> MeasureSpec:
    return MeasureSpec(run=run_spec, train_images=1, val_images=0, test_images=0, classes=2)


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        (but(dataset="nope"), UnknownName, "no dataset named 'nope'"),
        (but(dataset="nowhere/photos"), ThawError, "nowhere/photos"),
        (but(dataset="natural-photos"), DataError, "has no labels"),
        (but(dataset="chestmnist"), DataError, "cannot be trained on"),
        (but(backbone="nope"), UnknownName, "no backbone named 'nope'"),
        (but(strategy="two-stage", epochs=1), SpecError, "at least 2 epochs"),
        (but(backbone="vit_tiny_patch16_224", image_size=40), SpecError, "multiples of 16 pixels"),
        (CheckSpec(dataset="nope"), UnknownName, "no dataset named 'nope'"),
        (measured(but(dataset="nope")), UnknownName, "no dataset named 'nope'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_notebook_is_refused_before_the_run_has_a_folder(
    tmp_path: Path, spec: AnySpec, error: type[ThawError], words: str
) -> None:
    with pytest.raises(error, match=words) as refusal:
        run(spec, runs_dir=tmp_path / "runs", progress=False)
    assert refusal.value.next_step
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spec", [DIGITS, CheckSpec(dataset="natural-photos"), measured(DIGITS)], ids=lambda spec: spec.kind)
def test_what_can_work_is_let_through(spec: AnySpec) -> None:
    refuse_early(spec)


def test_a_wrong_name_costs_no_torch() -> None:
    script = (
        "import sys; from tlcore import RunSpec, run; from tlcore.errors import UnknownName\n"
        "try: run(RunSpec(dataset='nope'))\n"
        "except UnknownName: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
