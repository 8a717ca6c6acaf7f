"""An answer about a person's own picture, made by hand as the job leaves it, and what its run keeps for new pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.data.hostile import encoded
from tests.figures.explain_made import CLASSES, SIDE, explanation
from tlcore.data.arriving import arrive
from tlcore.explain.calibrate import Temperature, before_and_after, softmax
from tlcore.explain.conformal import coverage, fit_sets
from tlcore.explain.kept import Ready, write
from tlcore.explain.unlike import fit_unlike
from tlcore.files import write_json
from tlcore.runs import Run, Status, create
from tlcore.spec import ExplainSpec

LOGITS = np.log([[0.1, 0.9]])  # what the run answers about the picture


def film() -> bytes:
    """A gray picture as a PNG file."""
    return encoded(Image.new("L", (40, 30), 120), "PNG")


def make_ready(run: Run) -> Ready:
    """Keep what the run needs: 40 validation images, of which the network is too sure, and features in two clouds."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    right = np.arange(40) % 5 > 0  # four in five
    logits = np.log(np.where((np.eye(2)[labels] == 1) == right[:, None], 0.97, 0.03))
    temperature = Temperature(
        2.0, 2.0, 0.7, 0.5, None, "Dividing the logits by 2.00 takes back confidence and lowers the loss."
    )
    sets = fit_sets(temperature.probabilities(logits), labels)
    rows = rng.normal(0, 0.1, (40, 4)) + np.eye(4)[labels]
    unlike = fit_unlike(rows, labels, rows + rng.normal(0, 0.05, rows.shape))
    calibrated = temperature.probabilities(logits)
    told = {
        "images": {"train": 40, "val": 40, "test": 40},
        "intervals_over": "images",
        "temperature": temperature.as_data(),
        "calibration": before_and_after(temperature, logits, labels),
        "coverage": [coverage(sets, calibrated, labels, confidence=each) for each in (0.8, 0.9, 0.95)],
        "unlike": {"false_alarms": 0.05, "on_test": {"value": 0.04, "low": 0.01, "high": 0.1, "method": "wilson"}},
        "seconds": 1.0,
    }
    ids = tuple(f"film-{place}" for place in range(40))
    found = Ready(CLASSES, temperature, sets, unlike, ids, labels, (b"",) * 40, logits.astype(np.float32), labels, told)
    write(run, "key", found)
    return found


def answered(runs: Path, run: Run, *, unlike: bool = False, state: str = "done", error: Any = None, **asked: Any) -> Run:
    """An explain job about the picture of `film`; `unlike` has it far from everything, and no `ready` no calibration."""
    arrived = arrive(film())
    job = create(runs, ExplainSpec(run_id=run.id, picture=arrived.sha256, start=False, **asked))
    if state == "done":
        ready = make_ready(run)
        _write(job, run, arrived.sha256, ready.answer(np.array([0, 1, 9, 9] if unlike else [0, 1, 0, 0.0]), LOGITS[0]), ready)
    job.write_status(Status(state, job.status().queued_at, started_at=1.0, ended_at=2.0, error=error))
    return job


def _write(job: Run, run: Run, digest: str, found: dict[str, Any], ready: Ready) -> None:
    for place, near in enumerate(found["nearest"]):
        near["file"] = f"nearest-{place}.jpg"
        Image.new("RGB", (16, 16), (90, 90, 90)).save(job.path / near["file"])
    shares = softmax(LOGITS[0]).tolist()
    picture = found | {
        "sha256": digest,
        "file": "picture.png",
        "pixels": [40, 30],
        "target": "pneumonia",
        "answers": {"run": {"predicted": "pneumonia", "probabilities": shares}},
        "measured": ready.told,
    }
    told = explanation(run=run.id, start=False, picture=picture, images=[], galleries={})
    for one in told["maps"]:
        one |= {"peaks": [1.0], "silent": [False]}
    write_json(job.path / "result.json", told)
    Image.new("RGB", (SIDE, SIDE), (120, 120, 120)).save(job.path / "picture.png")
    corner = np.zeros((1, 2, 2), np.float32)
    corner[0, 0, 0] = 1
    np.savez_compressed(job.path / "maps.npz", **{one["key"]: corner for one in told["maps"]})
