"""How often the recommended level was right: this machine's own record before the one that comes with Thaw."""

from __future__ import annotations

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.figures.layers_made import result
from tests.pages.driving import opened, said
from tlcore.advice.kept import LEVEL_FILE
from tlcore.advice.level_regret import RULES
from tlcore.files import write_json
from tlcore.runs import Status, create
from tlcore.spec import LayersSpec, RunSpec

COMMAND = "python -m tlcore layers --check --dataset digits"


def _page(runs: Path) -> AppTest:
    run = create(runs, LayersSpec(run=RunSpec(dataset="chest-xray")))
    write_json(run.path / "result.json", result())
    run.write_status(Status("done", run.status().queued_at, started_at=1.0, ended_at=10.0))
    return opened("layers.py", run=run.id)


def test_the_record_of_this_machine_wins_over_the_shipped_one(runs: Path) -> None:
    lost = {"right": 7, "best": 2, "of": 9, "mean_regret": 0.012, "worst_regret": 0.063, "mean_auroc_regret": None}
    rule = lost | {"mean_most_lost": 0.02}
    answer = {
        "made": "2026-11-21",
        "command": COMMAND,
        "machine": {"processor": "Another CPU", "threads": 99, "gpu": None},
        "backbone": "tf_efficientnet_lite0",
        "image_size": 64,
        "epochs": 5,
        "seeds": 1,
        "situations": [{"dataset": "digits", "images_per_class": 20}],
        "summary": {name: rule | {"mean_regret": 0.001 * place} for place, name in enumerate(RULES)} | {"advice": rule},
        "summary_apart": dict.fromkeys(RULES, rule | {"of": 4, "right": 3, "mean_regret": 0.013}),
    }
    runs.mkdir(parents=True, exist_ok=True)
    (runs / LEVEL_FILE).write_text(json.dumps(answer))
    app = _page(runs)
    words = said(app)
    assert "Within noise of the best level in 7 of 9 situations where every level was trained" in words
    assert "it lost 1.2 points of test accuracy against the best, at worst it lost 6.3 points" in words
    assert "all groups lost 0.3 points" in words
    assert "the rule was not made with the recommendation lost 1.3 points (within noise in 3 of 4), the probe's curve" in words
    assert "on another machine (Another CPU): Handwritten digits with 20 images per class; EfficientNet" in words
    assert COMMAND in [code.value for code in app.code]


def test_the_shipped_record_is_shown_below_the_recommendation(runs: Path) -> None:
    words = said(_page(runs))
    assert "How often is this right?" in words
    assert words.index("The probe reads best off stage 1.") < words.index("How often is this right?")
