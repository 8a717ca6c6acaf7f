"""What is kept of a finished run so that a new picture is answered at once: in the run's folder, `explain/`. No torch.

`ready.npz` holds the arrays and `ready.json` what is told of them, with the key of the network that they are of. Each is
replaced in one step and both hold the key: a reader sees what belongs together, or nothing.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from tlcore.explain.calibrate import Temperature, softmax
from tlcore.explain.conformal import CONFIDENCE, PredictionSets, SetMethod
from tlcore.explain.nearest import NEIGHBOURS, nearest
from tlcore.explain.unlike import Unlike
from tlcore.files import replacing, write_json
from tlcore.models.ancestry import WEIGHTS
from tlcore.runs import Run

VERSION: Final = 2  # to be raised when the same run would leave something else here
FOLDER: Final = "explain"
_ARRAYS: Final = ("bank", "means", "root", "knn", "mahalanobis", "lac", "aps", "labels", "test_logits", "test_labels")


@dataclass(frozen=True)
class Ready:
    """A finished run, ready to answer about a picture that it has never seen."""

    classes: tuple[str, ...]
    temperature: Temperature
    sets: PredictionSets
    unlike: Unlike
    ids: tuple[str, ...] = field(repr=False)  # of the bank's training images
    labels: np.ndarray = field(repr=False)  # int64 (N,), theirs
    thumbnails: tuple[bytes, ...] = field(repr=False)  # JPEG, of each
    test_logits: np.ndarray = field(repr=False)  # float32 (n, C): of the test images looked at, for the reliability diagram
    test_labels: np.ndarray = field(repr=False)
    told: dict[str, Any] = field(repr=False)  # for JSON: how well all this holds on the test split (`ready.measured`)

    def answer(
        self,
        features: np.ndarray,
        logits: np.ndarray,
        *,
        confidence: float = CONFIDENCE,
        method: SetMethod = "lac",
        neighbours: int = NEIGHBOURS,
    ) -> dict[str, Any]:
        """What is said about one picture, from what the network's head sees of it (D,) and answers (C,).

        {prediction, probability (as the network says it), calibrated, probabilities {class: calibrated}, confidence,
        prediction_set [classes, the most probable first], set_method, out_of_distribution (`Unlike.judge`), nearest [{row, id,
        class, similarity}]}. `row` is the place of its thumbnail. Raises `SpecError` for a confidence or a method that is none.
        """
        plain, calibrated = softmax(logits), self.temperature.probabilities(logits)
        order = np.argsort(-calibrated, kind="stable")
        members = self.sets.of(calibrated[None], confidence, method)[0]
        found = nearest(self.unlike.bank, features, ids=self.ids, labels=self.labels, neighbours=neighbours)
        best = int(order[0])
        return {
            "prediction": self.classes[best],
            "probability": float(plain[best]),
            "calibrated": float(calibrated[best]),
            "probabilities": {name: float(value) for name, value in zip(self.classes, calibrated, strict=True)},
            "confidence": confidence,
            "prediction_set": [self.classes[i] for i in order if members[i]],
            "set_method": method,
            "out_of_distribution": self.unlike.judge(features),
            "nearest": [
                {"row": each.row, "id": each.id, "class": self.classes[each.label], "similarity": each.similarity}
                for each in found
            ],
        }


def key_of(run: Run, start_sha256: str | None) -> str:
    """What tells the run's network from any other: a digest of its own weights, and of those that it started from."""
    with open(run.path / WEIGHTS, "rb") as file:
        own = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(f"{VERSION} {own} {start_sha256}".encode()).hexdigest()


def read(run: Run, key: str | None = None) -> Ready | None:
    """What is kept of a run, or None where nothing whole is, or it is of another network than `key` says."""
    folder = run.path / FOLDER
    try:
        told = json.loads((folder / "ready.json").read_bytes())
        # opened here: of a file that is damaged numpy would leave its own open
        with open(folder / "ready.npz", "rb") as opened, np.load(opened, allow_pickle=False) as file:
            if str(file["key"]) != told["key"] or told["key"] != (key or told["key"]):
                return None
            arrays = {name: file[name] for name in _ARRAYS}
            ids, thumbnails, ends = tuple(file["ids"].tolist()), file["thumbnails"].tobytes(), file["thumbnail_ends"].tolist()
        classes, measured = tuple(told["classes"]), told["told"]
        temperature = Temperature(**measured["temperature"])
    except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile):  # nothing there, or a damaged file
        return None
    return Ready(
        classes=classes,
        temperature=temperature,
        sets=PredictionSets(arrays["lac"], arrays["aps"]),
        unlike=Unlike(arrays["bank"], arrays["means"], arrays["root"], arrays["knn"], arrays["mahalanobis"]),
        ids=ids,
        labels=arrays["labels"],
        thumbnails=tuple(thumbnails[first:last] for first, last in zip([0, *ends], ends, strict=False)),
        test_logits=arrays["test_logits"],
        test_labels=arrays["test_labels"],
        told=measured,
    )


def write(run: Run, key: str, kept: Ready) -> None:
    """Keep `kept` in the run's folder, in place of what was there."""
    folder: Path = run.path / FOLDER
    unlike, sets = kept.unlike, kept.sets
    arrays = {
        "key": np.array(key),
        "ids": np.array(kept.ids, dtype=str),
        "thumbnails": np.frombuffer(b"".join(kept.thumbnails), dtype=np.uint8),
        "thumbnail_ends": np.cumsum([len(each) for each in kept.thumbnails], dtype=np.int64),
    }
    for name in _ARRAYS:
        owner = next(each for each in (unlike, sets, kept) if hasattr(each, name))
        arrays[name] = getattr(owner, name)
    with replacing(folder / "ready.npz") as file:
        np.savez(file, **arrays)
    write_json(folder / "ready.json", {"key": key, "classes": list(kept.classes), "told": kept.told})
