"""A finished run in words: at most three sentences, each computed from its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tlcore.figures.baseline import baseline
from tlcore.figures.words import METRICS, count, interval, listing, percent, points

Result = Mapping[str, Any]
Diagnosis = Literal["over-fitting", "under-trained", "no better than the baseline", "nothing striking"]

# Over-fitting: the validation loss ends this much above its lowest value while the training loss fell.
LOSS_RISE = 0.10
# Fewer test images than this carry no claim: the share of the largest class among them is itself no more than a guess.
FEW_IMAGES = 30
# Under-trained: the best epoch is the last, and its loss is still this much below the one before.
STILL_FALLING = 0.02


def verdict(result: Result) -> list[str]:
    """Against the baseline; how it was trained; where it still errs."""
    return [_against_baseline(result), _training(result), _weakest(result)]


def _against_baseline(result: Result) -> str:
    accuracy, majority = result["test"]["accuracy"], result["majority_baseline"]
    if majority is None or accuracy["value"] is None:
        return "The test split has no images, so nothing is known about new ones."
    what = f"It names {interval(accuracy)} of {count(result['test']['n'])} test images rightly"
    always = f"always naming the largest class gets {percent(majority)}"
    gain = accuracy["value"] - majority
    if result["test"]["n"] < FEW_IMAGES:
        return f"{what}; {always}. So few test images cannot tell skill from luck: bring more."
    if accuracy.get("low") is not None and accuracy["low"] > majority:
        return f"{what}; {always}, so it is {points(gain)} better, more than chance explains."
    if accuracy.get("high") is not None and accuracy["high"] < majority:
        return f"{what}; {always}, so it is {points(gain)} worse than knowing nothing about the image."
    return f"{what}; {always}, and the interval holds that: nothing shows that it has learnt to look."


def _training(result: Result) -> str:
    best, run = result["best_epoch"], result["epochs_run"]
    kept = f"The weights kept are those of epoch {best} of {run}"
    match diagnosis(result):
        case "over-fitting":
            losses = _losses(result)
            return (
                f"{kept}: after it the validation loss rises from {min(losses):.3f} to {losses[-1]:.3f} while the training "
                "loss falls."  # what that means is the diagnosis's to say: it knows how much of it may be chance
            )
        case "under-trained":
            losses = _losses(result)
            fall = f"{losses[-2]:.3f} to {losses[-1]:.3f}"
            perfect = result["test"]["accuracy"]["value"] == 1
            more = "though no test image is left to win" if perfect else "more may help"
            return f"{kept}, the last: the validation loss was still falling ({fall}); {more}."
    early = ", stopped early" if result.get("stopped_early") else ""
    return f"{kept}{early}."


def _weakest(result: Result) -> str:
    recalls = {name: value for name, value in result["test"]["recall"].items() if value["value"] is not None}
    if not recalls:
        return "No class has test images of its own, so no recall can be given."
    worst = min(recalls, key=lambda name: recalls[name]["value"])
    if recalls[worst]["value"] == 1:
        return "On the test images it makes no error in any class."
    return f"It errs most on {worst!r}: of its images it finds {interval(recalls[worst])}."


def diagnosis(result: Result) -> Diagnosis:
    """What the curves show, if they show anything."""
    accuracy, majority = result["test"]["accuracy"], result["majority_baseline"]
    losses = _losses(result)
    trained = [event["train"]["loss"] for event in result["history"] if event["train"].get("loss") is not None]
    if len(losses) >= 3 and losses[-1] > min(losses) * (1 + LOSS_RISE) and trained and trained[-1] < trained[0]:
        return "over-fitting"
    if accuracy.get("low") is not None and majority is not None and accuracy["low"] <= majority:
        return "no better than the baseline"
    if len(losses) >= 2 and losses[-1] == min(losses) and losses[-1] < losses[-2] * (1 - STILL_FALLING):
        return "under-trained"
    return "nothing striking"


def _losses(result: Result) -> list[float]:
    return [event["val"]["loss"] for event in result["history"] if event["val"].get("loss") is not None]


def test_table(result: Result) -> list[dict[str, Any]]:
    """The test metrics as rows for a table and its CSV: shares from 0 to 1, with their 95 % intervals and baselines."""
    test, classes, majority = result["test"], len(result["classes"]), result["majority_baseline"]
    rows = []
    for name in ("accuracy", "balanced_accuracy", "auroc", "f1", "ece", "loss"):
        value = test[name]
        known = name in ("accuracy", "balanced_accuracy", "auroc", "f1")
        level = baseline(name, majority, classes) if known and majority is not None else None
        rows.append({"metric": METRICS[name][0], **_value(value), "baseline": level, "what it is": METRICS[name][1]})
    for name, value in test["recall"].items():
        rows.append(
            {"metric": f"Recall of {name}", **_value(value), "baseline": None, "what it is": "The share of its images found."}
        )
    return rows


def _value(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "value": value.get("value"),
        "low": value.get("low"),
        "high": value.get("high"),
        "interval": value.get("method") or (f"none: {value['reason']}" if value.get("reason") else ""),
    }


def how_intervals(result: Result) -> str:
    """Where the 95 % intervals of the test metrics come from, in one sentence; of a metric without one, why."""
    test, over = result["test"], result.get("intervals_over", "images")
    titles = {name: METRICS[name][0] for name in ("accuracy", "balanced_accuracy", "auroc", "f1") if name in test}
    known = {title if title.isupper() else title.lower(): test[name] for name, title in titles.items()}
    recalls = {f"recall of {name}": value for name, value in test.get("recall", {}).items() if value["value"] is not None}
    if recalls and all(value.get("method") == "wilson" for value in recalls.values()):
        recalls = {"recall": {"method": "wilson"}}
    every = known | recalls
    wilson = [name for name, value in every.items() if value.get("method") == "wilson"]
    how = f"Wilson score for {listing(wilson)}, bootstrap for the others," if wilson else "bootstrap"
    reasons: dict[str, list[str]] = {}
    for name, value in every.items():
        if value.get("reason"):
            reasons.setdefault(value["reason"], []).append(name)
    none = "".join(f" None for {listing(names)}: {reason}." for reason, names in reasons.items())
    return f"95 % intervals: {how} over the test {over}.{none}"
