"""An explanation made by hand, in which every number is known: four images in a run, its start, and what else is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tlcore.explain.inside import AREAS
from tlcore.explain.looks import FORMAT
from tlcore.made_with import MADE_WITH

RUN = "20261121T120000-tf-efficientnet-lite0-chest-xray-full-0abc"
CLASSES = ("normal", "pneumonia")
SIDE = 32
_TRUTHS = (0, 1, 0, 1)
_RUN = ((0.9, 0.1), (0.2, 0.8), (0.3, 0.7), (0.45, 0.55))  # wrong about the third
_START = ((0.8, 0.2), (0.6, 0.4), (0.3, 0.7), (0.5, 0.5))  # wrong about the second and third, and undecided about the fourth


def metric(value: float, reach: float = 0.02) -> dict[str, Any]:
    return {"value": value, "low": value - reach, "high": value + reach, "method": "bootstrap"}


def maps(keys: Sequence[str]) -> dict[str, np.ndarray]:
    """For each key float32 (4, 2, 2): image i has i times the key's place, all of it at the top left; the first is silent."""
    corner = np.zeros((4, 2, 2), np.float32)
    corner[:, 0, 0] = np.arange(4)
    return {key: corner * (place + 1) for place, key in enumerate(keys)}


def explanation(
    *,
    run: str = RUN,
    beside: Sequence[str] = (),
    layers: Sequence[str | None] = ("stage 7",),
    epochs: Sequence[int] = (),
    start: bool = True,
    dataset: str = "chest-xray",
    method: str = "gradcam",
    **changes: Any,
) -> dict[str, Any]:
    """The result of an explain job; its maps are `maps` of the keys in its `maps`."""
    looks = [{"key": "run", "title": "Run 0abc: full of tf_efficientnet_lite0", "run": run, "epoch": None}]
    if start:
        looks.append({"key": "start", "title": "Pretrained, with a linear probe as its head", "run": run, "epoch": None})
    looks += [{"key": f"epoch:{at}", "title": f"After epoch {at}", "run": run, "epoch": at} for at in epochs]
    looks += [{"key": f"run:{one}", "title": f"Run {one[-4:]}", "run": one, "epoch": None} for one in beside]
    told = [
        {"key": f"map-{place}", "look": look["key"], "layer": layer}
        for place, (look, layer) in enumerate((look, layer) for look in looks for layer in layers)
    ]
    values = maps([one["key"] for one in told])
    for one in told:
        one |= {
            "side": 2,
            "peaks": values[one["key"]].max((1, 2)).tolist(),
            "silent": [not each.any() for each in values[one["key"]]],
        }
    return {
        "format": FORMAT,
        "run": run,
        "backbone": "tf_efficientnet_lite0",
        "dataset": dataset,
        "strategy": "full",
        "image_size": SIDE,
        "classes": list(CLASSES),
        "split": "test",
        "method": method,
        "against": None,
        "confidence": 0.9,
        "sentence": "Shows where channels that raise the class respond.",
        "weights": "made up",
        "made_with": dict(MADE_WITH),
        "looks": looks,
        "maps": told,
        "file": "maps.npz",
        "notices": [],
        "device": "cpu",
        "seconds": 12.0,
        "picture": None,
        "images": [_image(place, [look["key"] for look in looks]) for place in range(4)],
        "galleries": {"right": [1, 0], "wrong": [2], "unsure": [3], "changed": [1]},
        "belief": {},
        "why": {},
    } | changes


def _image(place: int, looks: Sequence[str]) -> dict[str, Any]:
    galleries = {0: ["right"], 1: ["right", "changed"], 2: ["wrong"], 3: ["unsure"]}

    def answer(shares: tuple[float, float]) -> dict[str, Any]:
        return {"predicted": CLASSES[int(shares[1] > shares[0])], "probabilities": list(shares)}

    return {
        "id": f"film-{place}.png",
        "file": f"images/{place:03d}.png",
        "truth": CLASSES[_TRUTHS[place]],
        "target": answer(_RUN[place])["predicted"],
        "galleries": galleries[place],
        "columns": {"sex": "F" if place < 3 else "M"},
        "answers": {key: answer(_START[place] if key == "start" else _RUN[place]) for key in looks},
    }


# --- evidence


def curves(*, better: float = -0.1, reach: float = 0.02) -> dict[str, Any]:
    """Two steps; the maps' area is `better` than random places' for deletion, and as much larger for insertion."""

    def direction(sign: int, ends: tuple[float, float]) -> dict[str, Any]:
        middle = {"map": 0.6 + sign * better, "random": 0.6, "centre": 0.6}
        return {
            **{order: metric(value) for order, value in middle.items()},
            "less_random": metric(sign * better, reach),
            "less_centre": metric(0.0, reach),
            "curves": {order: [ends[0], value, ends[1]] for order, value in middle.items()},
        }

    return {
        "images": 40,
        "silent": 8,
        "fractions": [0.0, 0.5, 1.0],
        "whole": 0.9,
        "blurred": 0.5,
        "deletion": direction(1, (0.9, 0.5)),
        "insertion": direction(-1, (0.5, 0.9)),
    }


def randomization(last: float = 0.1) -> list[dict[str, Any]]:
    one = {"images": 40, "silent": 2}
    return [
        {"group": "head", "spearman": metric(0.8), "ssim": metric(0.7), **one},
        {"group": "stage 7", "spearman": metric(last), "ssim": metric(0.2), **one},
    ]


def stability() -> list[dict[str, Any]]:
    one = {"images": 40, "silent": 0, "same_answer": metric(0.95)}
    return [
        {"kind": "shift", "size": 2, "spearman": metric(0.9), "ssim": metric(0.8), **one},
        {"kind": "noise", "size": 5.1, "spearman": metric(0.7), "ssim": metric(0.6), **one},
    ]


def within(*, masked: bool = True, share: float = 0.45, fires: bool = False) -> dict[str, Any]:
    """Evidence in the lungs, by chance 30 %, and in the nine parts of the picture as spread evenly."""
    regions = {name: {**metric(area, 0.01), "area": area, "there": metric(area)} for name, area in AREAS.items()}
    exchanged = {
        name: {
            **metric(0.3 if name == "top left corner" else 0.05),
            "drop": metric(0.1),
            "area": area,
            "lead": metric(0.25 if name == "top left corner" else 0.0) if name.endswith("corner") else None,
        }
        for name, area in AREAS.items()
    }
    sentence = "Shortcut alarm: the model looks at the top left corner." if fires else "No sign of a shortcut."
    found: dict[str, Any] = {
        "masked": masked,
        "where": {"images": 40, "silent": 0, "regions": regions},
        "exchanged": {"images": 40, "alone": 0, "regions": exchanged},
        "alarm": {"fires": fires, "regions": ["top left corner"] if fires else [], "sentences": [sentence]},
    }
    if masked:
        found |= {
            "images": 105,
            "silent": 2,
            "grid": [2, 2],
            "share": metric(share),
            "pointing": metric(0.5),
            "chance": 0.3,
            "share_over_chance": metric(share - 0.3),
            "there": metric(0.71),
            "there_by_chance": 0.25,
            "there_at_most": 0.9,
            "trained_on": 0,
            "of": "the lungs",
            "centre": 0.39,
            "perfect": 0.57,
            "lowest": 0.1,
            "highest": 0.7,
        }
    return found
