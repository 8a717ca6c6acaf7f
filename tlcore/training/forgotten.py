"""What a run's result says of its source probes: before, after, and what was lost, image by image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tlcore.source_probes.look import Look, Probe
from tlcore.training.intervals import mean_interval, share_interval
from tlcore.training.remembered import Looks, Remembered
from tlcore.training.result import clusters_of
from tlcore.training.state import State


def forgotten(remembered: Remembered, last: Looks, state: State) -> dict[str, Any]:
    """The result's fields `source`, `forgetting` and `source_seconds`; `last` is the look at the weights kept."""
    sources = {
        name: _account(probe, remembered.first[name], last[name], state.history)
        for name, probe in remembered.probes.probes.items()
    }
    return {"source": sources, "forgetting": _forgetting(sources), "source_seconds": state.source_seconds}


def _account(probe: Probe, before: Look, after: Look, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    clusters = clusters_of(probe)

    def pair(first: np.ndarray, last: np.ndarray) -> dict[str, Any]:
        """Shares at both ends and, image by image, what was lost."""
        return {
            "before": share_interval(first, seed=0, clusters=clusters),
            "after": share_interval(last, seed=0, clusters=clusters),
            "lost": mean_interval(first.astype(np.float64) - last, seed=0, clusters=clusters),
        }

    knn = before.knn_correct is not None and after.knn_correct is not None
    return {
        "title": probe.title,
        "measure": probe.measure,
        "images": len(probe),
        "chance": probe.chance,
        **pair(before.correct, after.correct),
        "knn": pair(before.knn_correct, after.knn_correct) if knn else None,
        "kl": after.kl,
        "by_epoch": [event.get("source", {}).get(probe.name, {}).get("value") for event in history],
        "lost_classes": _lost_classes(probe, before, after),
    }


def _lost_classes(probe: Probe, before: Look, after: Look) -> list[dict[str, Any]] | None:
    """Of each class with images the share that was named rightly, before and after; the most lost first."""
    if probe.labels is None:
        return None
    rows = [
        {
            "class": name,
            "images": int(of.sum()),
            "before": float(before.correct[of].mean()),
            "after": float(after.correct[of].mean()),
        }
        for place, name in enumerate(probe.classes)
        if (of := probe.labels == place).any()
    ]
    return sorted(rows, key=lambda row: row["after"] - row["before"])


def _forgetting(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """What the run lost of the first source with labels, else of agreement: {lost, low, high, source}."""
    names = sorted(sources, key=lambda name: sources[name]["measure"] != "accuracy")
    if not names:
        return None
    lost = sources[names[0]]["lost"]
    return {"lost": lost["value"], "low": lost["low"], "high": lost["high"], "source": names[0]}
