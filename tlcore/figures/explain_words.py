"""What an explanation says, in words: what a map shows and whose, and whether the evidence speaks for believing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.data.catalogue import DATASETS
from tlcore.explain.methods import METHODS
from tlcore.explain.scale import scale_of
from tlcore.figures.words import interval, percent, times

Result = Mapping[str, Any]  # of an explain job: tlcore/README.md
NOT_CLINICAL = "For teaching and research, not for clinical decisions."
SILENT = "Nothing in this map speaks for the class."
ALIKE = 0.5  # rank correlation with a random network's maps from which the trained weights hardly matter to them


def is_medical(result: Result) -> bool:
    """Whether that must be said: of medical images, of a person's own data and of a picture that a person brought."""
    dataset = result["dataset"]
    return dataset not in DATASETS or DATASETS[dataset].medical or bool(result["picture"])


def scales(result: Result) -> dict[str, float]:
    """Map key -> the value that has the strongest colour, the same for all maps that may be compared (`scale_of`).

    Networks share it. Different layers have values of different kinds: where several were asked each has its own. A person's
    own picture is drawn on the scale of the run's test images, where that is known (`own_scale`).
    """
    several = len({one["layer"] for one in result["maps"] if one["look"] == "run"}) > 1
    found: dict[str | None, list[float]] = {}
    for one in result["maps"]:
        found.setdefault(one["layer"] if several else None, []).extend(one["peaks"])
    scale = {layer: scale_of(of_all) for layer, of_all in found.items()}
    known = own_scale(result)
    return {one["key"]: known or scale[one["layer"] if several else None] for one in result["maps"]}


def own_scale(result: Result) -> float | None:
    """The scale of the run's test images for the map of a person's own picture; None where it was measured otherwise.

    It is of one method at one layer, for the class that is answered: maps of anything else are on a scale of their own.
    """
    known = ((result["picture"] or {}).get("measured") or {}).get("map_scale")
    own = next((one for one in result["maps"] if one["look"] == "run"), None)
    if known is None or own is None or result["against"] is not None:
        return None
    if result["picture"]["target"] != result["picture"]["prediction"]:
        return None
    same = (result["method"], own["layer"], own["side"]) == (known["method"], known["layer"], known["side"])
    return (known["value"] or None) if same and len({one["layer"] for one in result["maps"]}) == 1 else None


def look_title(result: Result, key: str) -> str:
    return next(look["title"] for look in result["looks"] if look["key"] == key)


def asked_words(result: Result, told: Mapping[str, Any]) -> str:
    """'Evidence for pneumonia rather than normal.'"""
    against = f" rather than {result['against']}" if result["against"] is not None else ""
    if not METHODS[result["method"]].by_class:
        return "The same for every class."
    return f"Evidence for {told['target']}{against}."


def answer_words(told: Mapping[str, Any], look: str) -> str:
    """'It answers pneumonia (97.0 %).'"""
    answer = told["answers"].get(look)
    return "" if answer is None else f"It answers {answer['predicted']} ({percent(max(answer['probabilities']))})."


def caption(result: Result, one: Mapping[str, Any], place: int) -> list[str]:
    """The lines under a drawn map; `one` is its entry in `maps`, `place` the picture's."""
    told = result["picture"] or result["images"][place]
    layer = f" of {one['layer']}" if one["layer"] else ""
    truth = f" The truth: {told['truth']}." if told.get("truth") else ""
    lines = [
        f"{look_title(result, one['look'])}. {METHODS[result['method']].title}{layer}.",
        f"{asked_words(result, told)} {answer_words(told, one['look'])}{truth}".strip(),
    ]
    silent = one["silent"][place] and METHODS[result["method"]].by_class
    scale = scales(result)[one["key"]]
    lines.append(SILENT if silent else f"Strongest place: {one['peaks'][place]:.3g}; strongest colour: {scale:.3g} and above.")
    return lines + ([NOT_CLINICAL] if is_medical(result) else [])


def provenance(result: Result, one: Mapping[str, Any], place: int) -> str:
    """Where a drawn map comes from, so that it can be made again.

    It goes out with the picture: of a person's own data it has neither the folder's path nor a file's name, which may name
    somebody.
    """
    told = result["picture"] or result["images"][place]
    look = next(look for look in result["looks"] if look["key"] == one["look"])
    if result["picture"]:
        what = f"picture {told['sha256']}"
    elif result["dataset"] in DATASETS:
        what = f"{result['dataset']}, {result['split']} image {told['id']}"
    else:
        what = f"own data, {result['split']} image {place + 1} of this explanation"
    epoch = "" if look["epoch"] is None else f" after epoch {look['epoch']}"
    parts = [
        f"Thaw: {METHODS[result['method']].title} ({METHODS[result['method']].source})",
        f"layer {one['layer']}" if one["layer"] else "the whole network",
        f"class {told['target']}" + (f" against {result['against']}" if result["against"] else ""),
        f"network {one['look']} of run {look['run']}{epoch} ({result['backbone']}, {result['strategy']})",
        what,
        *(f"{name} {version}" for name, version in result["made_with"].items()),
    ]
    return "; ".join(parts) + "."


# --- a person's own picture


def picture_sentences(told: Mapping[str, Any]) -> list[str]:
    """What is answered about a picture, how sure that is, and whether the network has any business answering."""
    sure = f"{percent(told['probability'])} as the network says"
    if told["calibrated"] is None:
        return [f"It answers {told['prediction']}: {sure}. How often it is right when it says so is not known."]
    answer = f"It answers {told['prediction']}: {percent(told['calibrated'])} calibrated, {sure}."
    unlike = unlike_words(told["out_of_distribution"], told["measured"]["unlike"]["on_test"])
    if told["out_of_distribution"]["unlike"]:  # no promise is made about such a picture
        return [unlike, answer]
    members = told["prediction_set"]
    promise = f"Over all pictures like its own, {percent(told['confidence'], 0)} of the sets made this way hold the truth"
    if len(members) == len(told["probabilities"]):
        return [answer, f"{promise}. This one has every class: the network cannot tell.", unlike]
    return [answer, f"{promise}. This one: {', '.join(members)}.", unlike]


def unlike_words(judged: Mapping[str, Any], on_test: Mapping[str, Any] | None = None) -> str:
    """Whether the picture is unlike anything that the network was trained on, and how often that is a false alarm.

    `on_test` (METRIC) is how often it was one on the run's test images; without it the rate that was aimed for is told.
    """
    if not judged["can_tell"] and not judged["unlike"]:
        return "There are too few validation images to tell whether this picture is of the kind that it was trained on."
    measured = on_test is not None and on_test["value"] is not None
    rate = f"{interval(on_test)} of test images" if measured and on_test else f"{percent(judged['false_alarms'], 0)} by design"
    if judged["unlike"]:
        return (
            "This picture is unlike anything that the network was trained on, so its answer means nothing. "
            f"Of pictures of the right kind this is said of {rate}."
        )
    return f"It is not unlike the images that the network was trained on (the alarm is wrong for {rate})."


# --- whether to believe it


def deletion_words(found: Mapping[str, Any]) -> str:
    """Whether the answer hangs on what the maps point at, more than on places that know nothing of the network."""
    better = found["deletion"]["less_random"]
    if better["value"] is None:
        return "No map has an order of places, so nothing could be taken away."
    what = "share of the two classes" if found.get("of_two") else "probability"
    ends = f"Of {times(found['images'], 'image')}, the target's {what} goes from {percent(found['whole'])} to "
    ends += f"{percent(found['blurred'])} as everything is blurred."
    if found["images"] == 1:
        one = found["deletion"]
        areas = f"{one['map']['value']:.3f}, and {one['random']['value']:.3f} where random places are"
        return f"{ends} Blurring first what the map points at, the area is {areas}: one picture has no interval."
    if _crosses_zero(better):
        return f"{ends} Blurring first what the maps point at lowers it no sooner than random places: within noise."
    if better["value"] > 0:
        return f"{ends} Blurring what the maps point at lowers it later than random places would: do not trust these maps."
    return f"{ends} Blurring first what the maps point at lowers it sooner than random places: the answer hangs on them."


def randomization_words(rows: list[Mapping[str, Any]]) -> str:
    """Whether the maps change once the weights are random, as they must if they tell of what was learned."""
    last = rows[-1]["spearman"]
    if last["value"] is None:
        return "Once all weights are random the maps show no evidence at all, so they do depend on what was learned."
    alike = f"Once all weights are random the maps' rank correlation with the trained ones is {last['value']:.2f}"
    if (between := rows[-1].get("between")) is not None:
        alike += f" (maps of different pictures: {between:.2f})"
    if last["low"] is None:
        return f"{alike}, of too few images to tell whether they depend on what was learned."
    if last["low"] > ALIKE:
        return f"{alike}: they mostly outline the image, and tell little of what was learned."
    if last["high"] > ALIKE:
        return f"{alike} ({last['low']:.2f} to {last['high']:.2f}): whether they depend on what was learned cannot be told."
    return f"{alike}: they depend on what was learned."


def stability_words(rows: list[Mapping[str, Any]]) -> str:
    """How much a map changes where the picture hardly does."""
    told = [row for row in rows if row["spearman"]["value"] is not None]
    if not told:
        return "No map has any order of places, so there is nothing to compare."
    worst = min(told, key=lambda row: row["spearman"]["value"])
    unit = "pixel" if worst["kind"] == "shift" else "gray level"
    size = f"{worst['size']:.3g} {unit}{'' if worst['size'] == 1 else 's'}"
    what = f"a shift by {size}" if worst["kind"] == "shift" else f"noise of {size}"
    return (
        f"The largest change is by {what}: the maps then agree by {worst['spearman']['value']:.2f} (rank correlation), and "
        f"{percent(worst['same_answer']['value'])} of the answers stay."
    )


def _crosses_zero(metric: Mapping[str, Any]) -> bool:
    low, high = metric.get("low"), metric.get("high")
    return low is None or high is None or low <= 0 <= high
