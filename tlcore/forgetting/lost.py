"""Which classes and which images of a source were lost: right before, wrong now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tlcore.analysis.thumbnails import SIDE
from tlcore.files import replacing
from tlcore.source_probes.look import Look, Probe

MOST = 24  # images that are shown of a source


def classes(probe: Probe, before: Look, after: Look) -> list[dict[str, Any]]:
    """[{name, images, before, after}] of each class with images: the shares that are named rightly. Empty without labels."""
    if probe.labels is None:
        return []
    found = []
    for label, name in enumerate(probe.classes):
        own = probe.labels == label
        if own.any():
            shares = {"before": float(before.correct[own].mean()), "after": float(after.correct[own].mean())}
            found.append({"name": name, "images": int(own.sum()), **shares})
    return found


def images(probe: Probe, before: Look, after: Look, folder: Path, *, most: int = MOST) -> list[dict[str, Any]]:
    """The images that were right before and are wrong now, those first that it is surest of now, each with a small copy.

    Each is {id, file, truth (null where nobody knows it), before (what it said), now, confidence (in what it says now)}. `file`
    is relative to the folder above `folder`, where a copy of at most 96 pixels is written.
    """
    lost = np.flatnonzero(before.correct & ~after.correct)
    chosen = lost[np.argsort(-after.confidence[lost], kind="stable")][:most]
    found = []
    for place, row in enumerate(chosen):
        small = Image.fromarray(np.asarray(probe.images[row]))
        small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        with replacing(folder / f"{place:03d}.png") as file:
            small.save(file, "PNG")
        found.append(
            {
                "id": probe.ids[row],
                "file": f"{folder.name}/{place:03d}.png",
                "truth": None if probe.labels is None else probe.classes[probe.labels[row]],
                "before": probe.classes[before.answers[row]],
                "now": probe.classes[after.answers[row]],
                "confidence": float(np.nan_to_num(after.confidence[row])),
            }
        )
    return found
