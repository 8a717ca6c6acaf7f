"""How often the advice was right: this machine's own record, and the one that comes with Thaw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pages.guide_page import page, said
from tlcore.advice.kept import FILE, kept
from tlcore.advice.regret import summary


def test_the_record_of_this_machine_wins_over_the_shipped_one(runs):
    rule = {"right": 7, "best": 1, "of": 9, "mean_regret": 0.008, "worst_regret": 0.021, "mean_auroc_regret": None}
    answer = {
        "made": "2026-11-21",
        "command": "python -m tlcore advice-regret --datasets digits",
        "machine": {"processor": "Another CPU", "threads": 99, "gpu": None},
        "backbone": "tf_efficientnet_lite0",
        "image_size": 64,
        "epochs": 8,
        "seeds": 1,
        "situations": [{"dataset": "digits", "situation": {"size": "small", "shift": "high", "compute": "low"}}],
        "summary": {"advice": rule},
    }
    runs.mkdir(parents=True, exist_ok=True)
    (runs / FILE).write_text(json.dumps(answer))
    app = page()
    assert "in 7 of 9 situations" in said(app)
    assert "on another machine (Another CPU)" in said(app)
    assert [code.value for code in app.code] == [answer["command"]]


def test_the_shipped_record_is_whole():
    found = kept(Path("nowhere"))
    assert found is not None
    situations, rules = found.answer["situations"], found.answer["summary"]
    assert rules["advice"]["of"] == len(situations)
    lost = [one["regret"]["advice"]["accuracy"]["value"] for one in situations]
    assert rules["advice"]["mean_regret"] == pytest.approx(sum(lost) / len(lost))
    assert rules == summary(situations)
