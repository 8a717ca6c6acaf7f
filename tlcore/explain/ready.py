"""Making a finished run ready for new pictures: its validation, training and test images pass through its network once.

Temperature, prediction sets and thresholds come from the validation split, the neighbours from the training split, and how well
all of it holds is measured on the test split. The validation split also chose the best epoch, so the network is a little surer
and a little closer to right on it than on new pictures; what that costs shows on the test split. What is found is kept
(`kept.py`), so a later picture waits for its own pass alone.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from PIL import Image

from tlcore.data.load import Dataset, Split, load
from tlcore.errors import DataError, SpecError, ThawError
from tlcore.explain.calibrate import before_and_after, fit_temperature
from tlcore.explain.conformal import METHODS, coverage, fit_sets
from tlcore.explain.kept import FOLDER, Ready, key_of, read, write
from tlcore.explain.maps import explain
from tlcore.explain.methods import method_named
from tlcore.explain.scale import peaks, scale_of
from tlcore.explain.unlike import FALSE_ALARMS, alarm_rate, fit_unlike
from tlcore.files import Lock
from tlcore.models.describe import describe
from tlcore.models.network import Network
from tlcore.progress import Progress, silent
from tlcore.runs import Run, finished_training
from tlcore.source_probes.look import read as pass_through
from tlcore.training.machine import Machine
from tlcore.training.result import clusters_of

MOST: Final = {"train": 1500, "val": 1000, "test": 1000}  # images that are looked at, drawn by the run's seed
MAPPED: Final = 48  # test images whose maps are made, for the scale of those of new pictures ...
MAPPED_BY: Final = "gradcam"  # ... by this method, at its last layer
CONFIDENCES: Final = (0.8, 0.9, 0.95)  # at which coverage is measured
THUMBNAIL: Final = 96  # pixels
WHAT: Final = "Getting the run ready for new pictures"


def ready(
    run: Run,
    network: Network,
    machine: Machine,
    *,
    data: Callable[[], Dataset] | None = None,
    progress: Progress = silent,
) -> Ready:
    """What the finished training run needs to answer about a new picture: as it is kept, or made now.

    `network` is the one that the run ended with, on `machine`; it is passed through where nothing is kept, or what is kept is
    of other weights. `data` gives the run's dataset, by default loaded as the run did. Raises `RunNotFound` and `SpecError` as
    `finished_training` does, what `load` raises, and `DataError` where the dataset is no longer what the run was trained on:
    its validation images might then be some that the network has learnt.
    """
    key = key_of(run, network.provenance["sha256"])
    found = read(run, key)
    if found is not None:
        return found
    with _alone(run, progress):
        found = read(run, key)  # somebody else may have made it meanwhile
        if found is None:
            found = make_ready(run, network, machine, (data or _data_of(run, progress))(), progress=progress)
            write(run, key, found)
    return found


def look_at(network: Network, machine: Machine, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the head sees of each of `images`, uint8 (N, S, S, 3), float32 (N, D), and what it answers, logits (N, C)."""
    parts = [(features.numpy(), logits.numpy()) for features, logits in pass_through(network, machine, images, network.head)]
    return np.concatenate([part for part, _ in parts]), np.concatenate([part for _, part in parts])


def make_ready(run: Run, network: Network, machine: Machine, data: Dataset, *, progress: Progress = silent) -> Ready:
    """Pass the images through the network, fit, and measure. Raises as `ready` does where the data are not the run's."""
    began = time.monotonic()
    _, spec, result = finished_training(run.path.parent, run.id)
    if data.digest != result["data"]["digest"] or data.classes != tuple(result["classes"]):
        raise DataError(
            f"The dataset is no longer the one that run {run.id} was trained on: its images or its split have changed.",
            next_step="Put its images back, or repeat the run on them as they are now.",
        )
    splits = {name: _some(getattr(data, name), most, spec.seed) for name, most in MOST.items()}
    rows, logits = _pass(network, machine, splits, progress)
    if not all(np.isfinite(array).all() for array in (*rows.values(), *logits.values())):
        raise ThawError(
            f"The network of run {run.id} answers with something that is no number, so nothing about it can be calibrated.",
            next_step="Train it again at a smaller rate.",
        )
    train, val, test = splits.values()
    temperature = fit_temperature(logits["val"], val.labels, clusters=clusters_of(val), seed=spec.seed)
    sets = fit_sets(temperature.probabilities(logits["val"]), val.labels)
    unlike = fit_unlike(rows["train"], train.labels, rows["val"])
    whose, calibrated = clusters_of(test), temperature.probabilities(logits["test"])
    told: dict[str, Any] = {
        "images": {name: len(split) for name, split in splits.items()},
        "intervals_over": "images" if whose is None else "patients",
        "temperature": temperature.as_data(),
        "calibration": before_and_after(temperature, logits["test"], test.labels, clusters=whose, seed=spec.seed),
        "coverage": [
            coverage(sets, calibrated, test.labels, confidence=each, method=method, clusters=whose, seed=spec.seed)
            for method in METHODS
            for each in CONFIDENCES
        ],
        "unlike": {
            "false_alarms": FALSE_ALARMS,
            "on_test": alarm_rate(unlike, rows["test"], clusters=whose, seed=spec.seed),
        },
        "map_scale": _map_scale(network, machine, _some(test, MAPPED, spec.seed), progress),
        "seconds": time.monotonic() - began,
    }
    thumbnails = tuple(_thumbnail(image) for image in train.images)
    return Ready(
        data.classes, temperature, sets, unlike, train.ids, train.labels, thumbnails, logits["test"], test.labels, told
    )


def _some(split: Split, most: int, seed: int) -> Split:
    """At most so many images of a split, drawn by `seed`, in their order."""
    rows = np.random.default_rng(np.random.SeedSequence([seed, 19])).permutation(len(split))[:most]
    return split.part(np.sort(rows))


def _pass(
    network: Network, machine: Machine, splits: dict[str, Split], progress: Progress
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Of every split what the head sees (N, D) and answers (N, C)."""
    rows: dict[str, np.ndarray] = {}
    logits: dict[str, np.ndarray] = {}
    done, total = 0, sum(map(len, splits.values()))
    for name, split in splits.items():
        seen, answered = [], []
        for features, answers in pass_through(network, machine, split.images, network.head):
            seen.append(features.numpy())
            answered.append(answers.numpy())
            done += len(features)
            progress(WHAT, done, total, "images")
        rows[name], logits[name] = np.concatenate(seen), np.concatenate(answered)
    return rows, logits


def _map_scale(network: Network, machine: Machine, images: Split, progress: Progress) -> dict[str, Any] | None:
    """The scale of new pictures' maps: {method, layer, side, value (`scale_of`)}; None where there are no maps."""
    if not len(images):
        return None
    try:
        maps = explain(network, machine, images.images, method=MAPPED_BY, progress=progress)
    except SpecError:  # no layer tells places apart
        return None
    layer = None if maps.place is None else maps.place.group
    value = scale_of(peaks(maps.values, signed=method_named(MAPPED_BY).signed).tolist())
    return {"method": MAPPED_BY, "layer": layer, "side": int(maps.values.shape[1]), "value": value}


def _thumbnail(image: np.ndarray) -> bytes:
    picture = Image.fromarray(np.asarray(image))
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _data_of(run: Run, progress: Progress) -> Callable[[], Dataset]:
    _, spec, _ = finished_training(run.path.parent, run.id)
    return lambda: load(
        spec.dataset,
        labels=spec.labels,
        image_size=spec.image_size,
        images_per_class=spec.images_per_class,
        seed=spec.seed,
        interpolation=describe(spec.backbone).preprocessing.interpolation,
        progress=progress,
    )


@contextlib.contextmanager
def _alone(run: Run, progress: Progress) -> Iterator[None]:
    """Hold the lock of what is kept; while another process makes it, `progress` may stop the wait."""
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(Lock(run.path / FOLDER / ".lock", timeout_seconds=0.25))
                break
            except TimeoutError:
                progress("Waiting for another process that gets the run ready", 0, 0, "")
        yield
