"""The numbers of two small runs, held to what they were: a change of the maths must not go by unnoticed.

Where a change is meant, raise `MATHS` in `tlcore/made_with.py` and write the new numbers here: results of before are then
shown as outdated and run again where they are asked for. Machines and numbers of threads
differ in the last digits, of which training from nothing makes a hundredth and more: hence the tolerance of a tenth.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tlcore import RunSpec, run
from tlcore.made_with import MADE_WITH, MATHS
from tlcore.strategies import preset

NUMBERS = {  # of the maths' version: the last epoch's training loss, and how far a group moved
    2: {"random-features": (2.1714, "head", 3.3493), "from-scratch": (2.229, "stem", 0.3755)},
}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["random-features", "from-scratch"])
def test_the_same_spec_gives_the_same_numbers_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    spec = RunSpec(
        backbone="resnet18",
        dataset="digits",
        strategy=preset(strategy),
        epochs=2,
        image_size=32,
        images_per_class=8,
        batch_size=16,
        optimizer="sgd",  # AdamW's first steps are little but the gradients' signs, which the last digits may decide
        lr=0.02,
        precision="float32",
        device="cpu",
    )
    result = run(spec, runs_dir=tmp_path / "runs", progress=False)
    assert result["made_with"] == MADE_WITH
    loss, group, moved = NUMBERS[MATHS][strategy]
    assert result["history"][-1]["train"]["loss"] == pytest.approx(loss, rel=0.1)
    assert result["drift"][group] == pytest.approx(moved, rel=0.1)
