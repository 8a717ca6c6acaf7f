"""Results made by hand in which every number is known: a forgetting job's, and what a training run says of its sources."""

from __future__ import annotations

from typing import Any

RUN = "20261121T120000-tf-efficientnet-lite0-chest-xray-full-0abc"
POINTS = [0.0, 0.25, 0.5, 0.75, 1.0]
GROUPS = ("stem", "stage 1", "stage 2")


def metric(value: float, reach: float | None = 0.04) -> dict[str, Any]:
    if reach is None:
        return {"value": value, "low": None, "high": None, "method": None}
    return {"value": value, "low": max(0.0, value - reach), "high": min(1.0, value + reach), "method": "wilson"}


def lost(value: float, reach: float = 0.03) -> dict[str, Any]:
    return {"value": value, "low": value - reach, "high": value + reach, "method": "bootstrap"}


def put_back(returned: float, paid: float | None) -> dict[str, Any]:
    """Of 40 % of the source and 94 % of the target."""
    target = {"target": None, "paid": None} if paid is None else {"target": metric(0.94 - paid), "paid": lost(paid)}
    return {"source": metric(0.40 + returned), "returned": lost(returned)} | target


def labelled(**changes: Any) -> dict[str, Any]:
    """ImageNet's knowledge on CIFAR-10: 60 % before, 40 % after, and half of that loss is in the features too."""
    return {
        "title": "ImageNet, on CIFAR-10",
        "measure": "accuracy",
        "images": 500,
        "chance": 0.1,
        "before": metric(0.60),
        "after": metric(0.40),
        "lost": lost(0.20),
        "knn": {"before": metric(0.50), "after": metric(0.45), "lost": lost(0.05)},
        "kl": 0.8,
        "by_epoch": [0.52, 0.40],
        "restore": {
            "stem": put_back(0.01, 0.01),
            "stage 1": put_back(0.04, 0.04),
            "stage 2": put_back(0.12, 0.24),
            "batchnorm": put_back(0.16, 0.02),
        },
        "path": {"interpolated": [0.60, 0.58, 0.55, 0.48, 0.40], "recomputed": [0.50, 0.50, 0.50, 0.45, 0.40]},
        "lost_images": [
            {"id": "1", "file": "lost-0/000.png", "truth": "cat", "before": "cat", "now": "dog", "confidence": 0.9},
            {"id": "2", "file": "lost-0/001.png", "truth": "cat", "before": "cat", "now": "frog", "confidence": 0.6},
        ],
        "classes": [
            {"name": "cat", "images": 50, "before": 0.6, "after": 0.2},
            {"name": "dog", "images": 50, "before": 0.5, "after": 0.5},
            {"name": "frog", "images": 50, "before": 0.4, "after": 0.6},
        ],
        "changed": {"lost": 120, "gained": 20},
        "why": {},
    } | changes


def agreement(**changes: Any) -> dict[str, Any]:
    """The pretrained network's own answers on photographs: of 459 it now repeats 70 %."""
    return (
        labelled(
            title="Natural photographs",
            measure="agreement",
            images=459,
            chance=0.001,
            before=metric(1.0, None),
            after=metric(0.70),
            lost=lost(0.30),
            knn=None,
            by_epoch=[0.8, 0.7],
            restore={},
            path={},
            lost_images=[],
            classes=[],
        )
        | changes
    )


def result(**changes: Any) -> dict[str, Any]:
    """The whole result of a forgetting job; `changes` replace its fields."""
    return {
        "run": RUN,
        "strategy": "full",
        "backbone": "tf_efficientnet_lite0",
        "dataset": "chest-xray",
        "sources": {"imagenet-cifar10": labelled(), "natural-photos": agreement()},
        "target": {
            "before": metric(0.62),
            "after": metric(0.94, 0.02),
            "images": 500,
            "path": {"interpolated": [0.62, 0.80, 0.92, 0.94, 0.94], "recomputed": [0.62, 0.85, 0.93, 0.94, 0.94]},
        },
        "points": POINTS,
        "path_best": None,
        "relearn": None,
        "matrix": None,
        "moved": list(GROUPS),
        "unavailable": {"earlier-tasks": "The run starts from no other."},
        "weights": "From ImageNet.",
        "images_looked_at": 30_000,
        "why": {"relearn": "No steps of relearning were asked for."},
        "device": "CPU",
        "notices": ["Photographs are judged without labels."],
        "seconds": 40.0,
    } | changes
