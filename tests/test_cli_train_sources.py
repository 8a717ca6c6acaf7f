"""What `train` prints of the sources: their intervals are told apart from those of the run's own test images."""

from __future__ import annotations

from typing import Any

from tlcore.cli.report import training


def _metric(value: float, method: str | None) -> dict[str, Any]:
    ends = {"low": value - 0.1, "high": value + 0.1} if method else {"low": None, "high": None}
    return {"value": value, "method": method, **ends}


def _source(after: str | None, lost: str | None) -> dict[str, Any]:
    return {"title": "Old photographs", "measure": "accuracy", "images": 100, "chance": 0.1} | {
        "before": _metric(0.6, after),
        "after": _metric(0.4, after),
        "lost": _metric(0.2, lost),
    }


def _said(source: dict[str, Any] | None) -> list[str]:
    result = {
        "run_id": "X", "backbone": "b", "dataset": "d", "strategy": "full", "test": {"accuracy": _metric(0.8, "bootstrap")},
        "majority_baseline": 0.5, "trainable_params": 1, "total_params": 1, "best_epoch": 1, "epochs_run": 1, "seconds": 1.0,
        "images_per_second": 1.0, "intervals_over": "patients", "source": source,
    }  # fmt: skip
    return training(result).splitlines()


def test_the_sources_intervals_are_said_apart_from_the_tests() -> None:
    lines = _said({"a": _source("wilson", "bootstrap")})
    own = lines.index("95 % intervals: bootstrap over the test patients.")
    assert lines[own + 1].startswith("Old photographs: 60.0 % before, 40.0 % (30.0 to 50.0) after")
    assert lines[own + 2] == (
        "95 % intervals of what is left of a source, Wilson score over its images; of what was lost, bootstrap over the same "
        "images before and after."
    )
    both = _said({"a": _source("wilson", None), "b": _source("bootstrap", None)})
    words = "95 % intervals of what is left of a source, Wilson score over its images or bootstrap over its patients."
    assert words in both
    assert sum("intervals" in line for line in _said({"a": _source(None, None)})) == 1
    assert _said(None)[-2:] == ["95 % intervals: bootstrap over the test patients.", "Run X."]
