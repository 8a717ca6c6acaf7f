"""A person's own picture: what the networks answer, how far that can be trusted, and where they look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from tlcore.data.arriving import kept
from tlcore.data.catalogue import dataset_card
from tlcore.data.framing import frame
from tlcore.errors import Cancelled, ThawError
from tlcore.explain.calibrate import softmax
from tlcore.explain.evidence import Evidence
from tlcore.explain.looks import RUN, Look
from tlcore.explain.maps import Maps
from tlcore.explain.networks import network_of
from tlcore.explain.ready import look_at, ready
from tlcore.files import replacing, write_atomically
from tlcore.models.describe import describe
from tlcore.models.network import Network
from tlcore.runs import Run
from tlcore.spec import ExplainSpec, RunSpec
from tlcore.training.job import load_data
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter

FILE = "picture.png"

MapsOf = Callable[[Network, np.ndarray, np.ndarray], list[Maps]]  # network, pictures (1, S, S, 3), targets (1,)
TargetsOf = Callable[[np.ndarray], np.ndarray]  # probabilities (1, C) -> the class to explain (1,)


@dataclass
class Pictured:
    """What was found for one picture."""

    told: dict[str, Any]
    maps: list[tuple[Look, Maps]] = field(default_factory=list)
    belief: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)


def answer_picture(
    run: Run,
    spec: ExplainSpec,
    looks: Sequence[Look],
    machine: Machine,
    report: Reporter,
    *,
    targets_of: TargetsOf,
    maps_of: MapsOf,
    evidence: Evidence,
) -> Pictured:
    """Ask every network of `looks`, the run's own first; the picture as it was seen is written to the job's folder.

    Where the run cannot be calibrated (its dataset is gone, or has changed) the answer comes without, and `why` says so.
    Raises `DataError` where the picture is not kept any more, and what building the run's network raises.
    """
    assert spec.picture is not None
    with Image.open(kept(spec.picture)) as opened:
        whole = opened.convert("RGB")
    found = Pictured({"sha256": spec.picture, "file": FILE, "pixels": list(whole.size), "answers": {}})
    targets = None
    for look in looks:
        try:
            network = _network(look, machine, report)
            seen = _framed(whole, look.spec)
            features, logits = look_at(network, machine, seen)
            targets = targets_of(softmax(logits)) if targets is None else targets
            maps = maps_of(network, seen, targets)
            found.maps += [(look, one) for one in maps]
        except Cancelled:
            raise
        except ThawError as error:
            if look.key == RUN:
                raise
            found.why[look.key] = error.message
            continue
        shares = softmax(logits[0])
        found.told["answers"][look.key] = {
            "predicted": look.classes[int(shares.argmax())],
            "probabilities": [float(share) for share in shares],
        }
        if look.key == RUN:
            with replacing(run.path / FILE) as file:
                Image.fromarray(seen[0]).save(file, "PNG")
            found.told["target"] = look.classes[int(targets[0])]
            _trust(found, run, spec, look, network, machine, report, features[0], logits[0])
            found.belief = evidence.of_picture(network, seen, maps[-1])
    found.why |= evidence.why
    return found


def _network(look: Look, machine: Machine, report: Reporter) -> Network:
    """The network; only that of a start needs the dataset, for its probe."""
    data = load_data(look.spec, report) if look.is_start else None
    return network_of(look, data, machine, report)[0]


def _framed(whole: Image.Image, spec: RunSpec) -> np.ndarray:
    """The picture as the run's own images are framed: uint8 (1, S, S, 3)."""
    framing = dataset_card(spec.dataset).framing
    return np.asarray(frame(whole, spec.image_size, framing, describe(spec.backbone).preprocessing.interpolation))[None]


def _trust(
    found: Pictured,
    run: Run,
    spec: ExplainSpec,
    look: Look,
    network: Network,
    machine: Machine,
    report: Reporter,
    features: np.ndarray,
    logits: np.ndarray,
) -> None:
    """What calibration, the prediction set, the distances and the nearest training images say; or why they cannot."""
    shares = softmax(logits)
    best = int(shares.argmax())
    unknown = dict.fromkeys(("calibrated", "probabilities", "prediction_set", "out_of_distribution", "measured"))
    found.told |= {"prediction": look.classes[best], "probability": float(shares[best]), **unknown, "nearest": []}
    try:
        known = ready(look.run, network, machine, progress=report.progress)
    except Cancelled:
        raise
    except ThawError as error:
        found.why["calibrated"] = f"{error.message} {error.next_step}".strip()
        return
    found.told |= known.answer(features, logits, confidence=spec.confidence) | {"measured": known.told}
    for place, near in enumerate(found.told["nearest"]):
        near["file"] = f"nearest-{place}.jpg"
        write_atomically(run.path / near["file"], known.thumbnails[near["row"]])
