"""An explanation as text, and its first numbers under the names that scripts read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.cli.report import plain, table
from tlcore.explain.region import LUNGS, REGION
from tlcore.figures.explain_inside_words import corner_words, inside_words, there_words
from tlcore.figures.explain_words import (
    NOT_CLINICAL,
    SILENT,
    deletion_words,
    is_medical,
    look_title,
    picture_sentences,
    randomization_words,
    stability_words,
)
from tlcore.figures.words import percent

Result = Mapping[str, Any]


def numbers(result: Result) -> dict[str, Any]:
    """prediction, probability, calibrated, prediction_set, out_of_distribution of a picture; lung_share, region_share (of a
    region that was named), deletion_auc and insertion_auc as {value, low, high, method}. What was not asked, or cannot be had,
    is null.
    """
    picture, belief = result["picture"] or {}, result["belief"]
    within = belief.get("inside", {}).get("run", {})
    of_picture = ("prediction", "probability", "calibrated", "prediction_set", "out_of_distribution")
    return {name: picture.get(name) for name in of_picture} | {
        "lung_share": within.get("share") if within.get("of") == LUNGS else None,
        "region_share": within.get("share") if within.get("of") == REGION else None,
        "deletion_auc": belief.get("deletion", {}).get("deletion", {}).get("map"),
        "insertion_auc": belief.get("deletion", {}).get("insertion", {}).get("map"),
    }


def text(result: Result) -> str:
    """What was answered and why, and what speaks for believing it."""
    lines = [f"Run {result['run']}: {result['strategy']} of {result['backbone']} on {plain(result['dataset'])}", ""]
    lines += _picture(result) if result["picture"] else _images(result)
    lines += ["", result["sentence"], *_belief(result)]
    lines += [f"Without {plain(what)}: {plain(why)}" for what, why in result["why"].items()]
    lines += [f"Note: {plain(notice)}" for notice in result["notices"]]
    lines += [f"Written: {plain(file)}" for file in result.get("files", ())[:1]]
    if len(result.get("files", ())) > 1:
        lines.append(f"... and {len(result['files']) - 1} drawn maps beside it")
    return "\n".join(lines + ([NOT_CLINICAL] if is_medical(result) else []))


def _picture(result: Result) -> list[str]:
    told = result["picture"]
    return [plain(sentence) for sentence in picture_sentences(told)]


def _images(result: Result) -> list[str]:
    rows = []
    silent = {one["look"]: one["silent"] for one in result["maps"]}
    for place, told in enumerate(result["images"]):
        answer = told["answers"]["run"]
        rows.append(
            [
                f"{place:03d}",
                plain(told["id"]),
                plain(told["truth"]),
                f"{plain(answer['predicted'])} ({percent(max(answer['probabilities']), 0)})",
                ", ".join(told["galleries"]),
                SILENT if silent["run"][place] else "",
            ]
        )
    return [table(rows, ("map", "image", "truth", "answer", "why it is here", "its map"))]


def _belief(result: Result) -> list[str]:
    belief = result["belief"]
    lines = []
    if "deletion" in belief:
        lines.append(deletion_words(belief["deletion"]))
    if "randomization" in belief:
        lines.append(randomization_words(belief["randomization"]))
    if "stability" in belief:
        lines.append(stability_words(belief["stability"]))
    for key, found in belief.get("inside", {}).items():
        title = look_title(result, key)
        if found["masked"]:
            lines += [inside_words(found, title), there_words(found, title)]
        else:
            lines.append(f"{title}:")
        lines.append(corner_words(found, title))
        lines += found["alarm"]["sentences"]
    return ["", *(plain(line) for line in lines if line)] if lines else []
