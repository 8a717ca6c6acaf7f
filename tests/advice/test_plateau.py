"""What a probe says about unfreezing more: the verdicts, and the interval of a difference against a published example."""

from __future__ import annotations

from typing import Any

import pytest

from tlcore.advice.plateau import difference, plateau


def _result(accuracy: float, *, balanced: float | None = None, trained: float | None = 0.97) -> dict[str, Any]:
    """A result on 400 validation images of two classes, 60 % of one."""
    val = {"n": 400, "accuracy": accuracy, "balanced_accuracy": accuracy if balanced is None else balanced}
    return {"val": val, "classes": ["a", "b"], "majority_baseline": 0.6, "history": [{"train": {"accuracy": trained}}]}


def test_newcombes_own_example() -> None:
    """Newcombe 1998, table II, (a): 56/70 minus 48/80, method 10: .2000 (.0524 to .3339)."""
    one = {"value": 56 / 70, "low": 0.69174, "high": 0.87688}  # Wilson
    other = {"value": 48 / 80, "low": 0.49041, "high": 0.70035}
    value, low, high = difference(one, other)
    assert (value, low, high) == pytest.approx((0.2, 0.0524, 0.3339), abs=2e-4)


@pytest.mark.parametrize(
    ("deeper", "verdict"),
    [
        ((0.95,), "unfreeze"),
        ((0.86,), "unclear"),
        ((0.75,), "enough"),
        ((0.75, 0.95, 0.86), "unfreeze"),
    ],
)
def test_against_deeper_runs_the_interval_decides(deeper: tuple[float, ...], verdict: str) -> None:
    found = plateau(_result(0.85), [(str(value), _result(value)) for value in deeper])
    assert found.verdict == verdict
    assert found.deeper is not None
    assert found.deeper.title == str(max(deeper))
    assert found.tried == len(deeper)
    assert found.gain is not None
    assert found.gain[0] == pytest.approx(max(deeper) - 0.85)


def test_alone_it_is_held_against_the_most_there_is_to_win() -> None:
    assert plateau(_result(0.85), []).verdict == "open"
    assert plateau(_result(0.985), []).verdict == "enough"
    assert plateau(_result(0.985), []).left == pytest.approx(0.015)
    assert plateau(_result(0.6, balanced=0.5), []).verdict == "no signal"  # the larger class named, and nothing else
    assert plateau(_result(0.6, balanced=0.7), []).verdict == "open"  # no more right than that, but of both classes
    assert plateau(_result(0.85, trained=None), []).trained is None


def test_the_interval_is_wilsons() -> None:
    reached = plateau(_result(0.85), []).reached
    assert (reached["low"], reached["high"]) == pytest.approx((0.81172, 0.88164), abs=1e-4)
