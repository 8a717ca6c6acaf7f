"""What the demo shows, made from a finished explain job: every picture and map as a data URI, the classes, the answers."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import streamlit as st
from PIL import Image

from pages.parts.layer_files import arrays, picture_in
from pages.parts.statewords import dataset_name
from tlcore.errors import ThawError
from tlcore.explain.grid import enlarged
from tlcore.explain.looks import RUN, START
from tlcore.explain.methods import METHODS
from tlcore.figures.explain_overlay import EVIDENCE, SIGNED, colours, overlay
from tlcore.figures.explain_words import NOT_CLINICAL, SILENT, asked_words, look_title, scales
from tlcore.figures.words import count, interval, strategy_title
from tlcore.runs import Run, finished_training
from tlcore.settings import runs_dir

BESIDE_START: Final = START  # the word in a link for the network as it was before training
MOST: Final = 60  # images: more than any lesson shows
QUALITY: Final = 92  # of JPEG


def scenes(job: Run, result: Mapping[str, Any], beside: str | None) -> Mapping[str, Any]:
    """What the component `thaw_demo` shows of the job; `beside` names the network to set against the run's own.

    {key, title, classes [name], models [{name}], images, scale, telling, banner}; an image is {picture, truth, answers, maps},
    with an answer {predicted, probabilities} and a map {drawn, words}, or null, of each model. Pictures are data URIs. The
    images come in an order that tells nothing of the gallery that they are from, the same each time.
    """
    return _scenes(str(job.path), (job.path / "result.json").stat().st_mtime_ns, opponent(result, beside))


def opponent(result: Mapping[str, Any], beside: str | None) -> str | None:
    """The look that is set against the run's own: the one that is asked for, else another run that lies beside."""
    answered = set(result["images"][0]["answers"]) if result["images"] else set()
    asked = beside if beside in (None, BESIDE_START) else f"run:{beside}"
    others = [look["key"] for look in result["looks"] if look["key"].startswith("run:")]
    return next((key for key in (asked, *others) if key in answered), None)


@st.cache_resource(show_spinner="Drawing the maps…", max_entries=4)
def _scenes(path: str, _changed: int, other: str | None) -> Mapping[str, Any]:
    job = Run(Path(path))
    result = job.result() or {}
    keys = [RUN, *([other] if other else [])]
    classes = result["classes"]
    names = _names(result, keys)
    saved = arrays(job, result["file"])
    shared, signed = scales(result), METHODS[result["method"]].signed
    last = {one["look"]: one for one in result["maps"]}  # of several layers the last one
    images = []
    for place in np.random.default_rng(0).permutation(len(result["images"]))[:MOST].tolist():
        told = result["images"][place]
        picture = picture_in(job, told["file"])
        if picture is None:
            continue
        maps: list[dict[str, str] | None] = []
        for key in keys:
            one = last.get(key)
            if one is None or saved is None:
                maps.append(None)
                continue
            values = enlarged(saved[one["key"]][place : place + 1], len(picture))[0]
            silent = one["silent"][place] and METHODS[result["method"]].by_class
            drawn = overlay(picture, values, scale=shared[one["key"]], signed=signed)
            maps.append({"drawn": _uri(drawn), "words": SILENT if silent else asked_words(result, told)})
        images.append(
            {
                "picture": _uri(picture),
                "truth": classes.index(told["truth"]),
                "answers": [_answer(told["answers"][key], classes) for key in keys],
                "maps": maps,
            }
        )
    return {
        "key": f"{job.id}-{other or 'alone'}",
        "title": f"{dataset_name(result['dataset'])}: guess first",
        "classes": classes,
        "models": [{"name": name} for name in names],
        "images": images,
        "scale": _scale(signed),
        "telling": _telling(result, keys, names),
        "banner": NOT_CLINICAL,
    }


def _scale(signed: bool) -> dict[str, Any]:
    """The bar under a map: its colours, and what stands at its ends. All maps share one scale, so a room needs no numbers."""
    table = [f"rgb({red}, {green}, {blue})" for red, green, blue in colours(SIGNED if signed else EVIDENCE)[::17].tolist()]
    low, high = ("against", "for it") if signed else ("little", "much evidence")
    return {"colours": table, "low": low, "high": high}


def _answer(told: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    return {"predicted": classes.index(told["predicted"]), "probabilities": told["probabilities"]}


def _names(result: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """What the networks are called before a room: by their strategies, with the end of a run's id where these are the same."""
    runs = {look["key"]: look["run"] for look in result["looks"]}
    names = []
    for key in keys:
        try:
            _, spec, _ = finished_training(runs_dir(), runs[key])
            names.append("Before training" if key == START else strategy_title(spec.strategy))
        except ThawError:  # deleted meanwhile: its answers are here all the same
            names.append(look_title(result, key))
    if len(set(names)) < len(names):
        return [f"{name} {runs[key][-4:]}" for name, key in zip(names, keys, strict=True)]
    return names


def _telling(result: Mapping[str, Any], keys: Sequence[str], names: Sequence[str]) -> str:
    """Why the score is no accuracy, and what that is."""
    words = (
        "These images were chosen by the network's own answers, its surest, its mistakes and its doubts among them: "
        "the score says who did better here, and nothing about images in general."
        if result["galleries"]
        else "These images were chosen by hand: the score says nothing about images in general."
    )
    runs = {look["key"]: look["run"] for look in result["looks"]}
    for key, name in zip(keys, names, strict=True):
        if key == START:
            continue
        try:
            _, _, found = finished_training(runs_dir(), runs[key])
        except ThawError:
            continue
        words += f" Of all {count(found['test']['n'])} test images {name} has {interval(found['test']['accuracy'])} right."
    return words


def _uri(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
