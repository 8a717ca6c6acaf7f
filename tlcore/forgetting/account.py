"""What the looks come to for one source: shares, what was lost with its paired interval, what each restored part returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.forgetting import lost
from tlcore.forgetting.seen import Seen, Target
from tlcore.source_probes.look import Look, Probe
from tlcore.training.intervals import mean_interval, share_interval
from tlcore.training.result import clusters_of

Metric = dict[str, Any]  # {value, low, high, method}
NO_TARGET: Mapping[str, Any] = {"before": None, "after": None, "images": 0, "units": 0, "path": {}, "path_paid": {}}
NO_LABELS = "Nobody knows what is on these images, so there are no classes to count."
NOT_CARRIED = "The run carried no probe of this source while it trained."


def source_account(probe: Probe, before: Look, after: Look, carried: Mapping[str, Any] | None, folder: Path) -> dict[str, Any]:
    """What is known of a source from the looks at both ends; `carried` is what the training run's result says of it."""
    clusters = clusters_of(probe)

    def share(right: np.ndarray) -> Metric:
        return share_interval(right, seed=0, clusters=clusters)

    def gone(first: np.ndarray, last: np.ndarray) -> Metric:
        return apart(first, last, clusters)

    knn = None
    if before.knn_correct is not None and after.knn_correct is not None:
        knn = {
            "before": share(before.knn_correct),
            "after": share(after.knn_correct),
            "lost": gone(before.knn_correct, after.knn_correct),
        }
    by_epoch = (carried or {}).get("by_epoch")
    why = {} if by_epoch else {"by_epoch": NOT_CARRIED}
    return {
        "title": probe.title,
        "measure": probe.measure,
        "images": len(probe),
        "chance": probe.chance,
        "before": share(before.correct),
        "after": share(after.correct),
        "lost": gone(before.correct, after.correct),
        "changed": {
            "lost": int((before.correct & ~after.correct).sum()),
            "gained": int((~before.correct & after.correct).sum()),
        },
        "knn": knn,
        "kl": after.kl if after.kl is not None and np.isfinite(after.kl) else None,
        "by_epoch": by_epoch,
        "classes": lost.classes(probe, before, after),
        "lost_images": lost.images(probe, before, after, folder),
        "why": why | ({} if probe.labels is not None else {"classes": NO_LABELS, "knn": NO_LABELS}),
    }


def restored_account(name: str, probe: Probe, back: Seen, after: Seen, clusters: Sequence[str] | None) -> dict[str, Any]:
    """One part put back: {source, returned, target, paid}; the last two null without images of the target.

    `returned` is what more of the source is known than the run left, `paid` what less of the target, both paired by image.
    `clusters` are the target's.
    """
    source, own = back.sources[name].correct, clusters_of(probe)
    found = {
        "source": share_interval(source, seed=0, clusters=own),
        "returned": apart(source, after.sources[name].correct, own),
        "target": None,
        "paid": None,
    }
    if back.target is not None and after.target is not None:
        found["target"] = share_interval(back.target, seed=0, clusters=clusters)
        found["paid"] = apart(after.target, back.target, clusters)
    return found


def path_account(name: str, probe: Probe, paths: Mapping[str, Sequence[Seen]], after: Seen) -> dict[str, Any]:
    """What is known of a source at each point of each way: {path {MODE: [shares]}, path_back {MODE: [METRIC]}}.

    `path_back` is how much more is known there than the run left, paired by image.
    """
    last, own = after.sources[name].correct, clusters_of(probe)
    return {
        "path": {mode: [seen.sources[name].value for seen in path] for mode, path in paths.items()},
        "path_back": {mode: [apart(seen.sources[name].correct, last, own) for seen in path] for mode, path in paths.items()},
    }


def target_account(target: Target | None, before: Seen, after: Seen, paths: Mapping[str, Sequence[Seen]]) -> dict[str, Any]:
    """How well the target is done at both ends and along each way: {before, after, images, units, path, path_paid}.

    `units` are what the intervals count as independent: patients, else images. `path_paid` is how much less is named rightly
    at a point than by the run, paired by image.
    """
    if target is None or before.target is None or after.target is None:
        return dict(NO_TARGET)
    clusters, last = target.clusters, after.target
    return {
        "before": share_interval(before.target, seed=0, clusters=clusters),
        "after": share_interval(last, seed=0, clusters=clusters),
        "images": len(target.test),
        "units": len(set(clusters)) if clusters else len(target.test),
        "path": {mode: [float(seen.target.mean()) for seen in path] for mode, path in paths.items()},
        "path_paid": {mode: [apart(last, seen.target, clusters) for seen in path] for mode, path in paths.items()},
    }


def carried_account(carried: Mapping[str, Any], why: str) -> dict[str, Any]:
    """What the training run itself measured, where its weights can no longer be looked at: `why` says why not."""
    known = ("title", "measure", "images", "chance", "before", "after", "lost", "knn", "kl", "by_epoch")
    nothing = dict.fromkeys(("restore", "path", "lost_images", "classes", "changed"), why)
    return (
        {name: carried.get(name) for name in known}
        | {"changed": None, "classes": [], "lost_images": [], "restore": {}, "path": {}, "path_back": {}, "best": None}
        | {"why": nothing}
    )


def other_statistics(anew: Seen, after: Seen, clusters: Sequence[str] | None) -> list[str]:
    """What must be said where the run itself does worse on its target once BatchNorm's statistics are measured anew."""
    if anew.target is None or after.target is None:
        return []
    low = apart(after.target, anew.target, clusters)["low"]
    if low is None or low <= 0:
        return []
    return [
        "With BatchNorm's statistics measured anew on the target's images, the run itself (a = 1) names "
        f"{anew.target.mean():.1%} of its test images instead of {after.target.mean():.1%}: its weights go with the statistics "
        "that it was trained with. Read the interpolated curve."
    ]


def apart(first: np.ndarray, last: np.ndarray, clusters: Sequence[str] | None) -> Metric:
    """The share of `first` (N,) minus that of `last` on the same images, with the bootstrap's paired interval."""
    return mean_interval(first.astype(np.float64) - last, seed=0, clusters=clusters)
