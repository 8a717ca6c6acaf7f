"""What fine-tuning gained and what it lost, in words: each number with its interval, hedged where noise explains it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlcore.figures.words import count, duration, interval, percent, points

Source = Mapping[str, Any]  # of a training run's or a forgetting job's result: tlcore/README.md
Metric = Mapping[str, Any]  # {value, low, high, method}

MEASURES = {
    "accuracy": "The share of the source's images that the old head names rightly.",
    "agreement": "The share of photographs on which the old head still gives the pretrained network's own answer.",
}
KNN = (
    "k-NN on its features: each image is named by its ten nearest neighbours among the others. It asks the features alone, so "
    "it tells whether the knowledge has gone, or only the way that the old head reads it."
)


@dataclass(frozen=True)
class Told:
    """A large number, its interval, and the sentence under it."""

    number: str
    interval: str
    sentence: str


def by_loss(sources: Mapping[str, Source]) -> list[str]:
    """The names of those that were measured, the one that lost most first."""
    known = [name for name, one in sources.items() if is_measured(one)]
    return sorted(known, key=lambda name: -sources[name]["lost"]["value"])


def is_measured(source: Source) -> bool:
    """Whether there is a number before and after."""
    return all((source.get(name) or {}).get("value") is not None for name in ("before", "after", "lost"))


def lost(source: Source) -> tuple[str, Told]:
    """Its title, and what of the source is lost, in points: a loss is a positive number; so is what is gained instead."""
    gone = source["lost"]
    if gone["value"] >= 0:
        return "Lost of the source", Told(points(gone["value"]), span(gone), lost_words(source))
    return "Gained on the source", Told(points(gone["value"]), span(gone, turned=True), lost_words(source))


def lost_briefly(gone: Metric) -> str:
    """'lost 36.0 points', or 'gained 3.0 points'."""
    return f"{'lost' if gone['value'] >= 0 else 'gained'} {points(gone['value'])}"


def lost_words(source: Source) -> str:
    """From what to what, whether that is more than noise, and whether anything is left of it."""
    gone, before, after = source["lost"], source["before"], source["after"]
    of = f"of the same {count(source['images'])} images"
    if source["measure"] == "agreement":
        text = f"{source['title']}: on {interval(after)} {of} it still answers as the network that it started from"
    else:
        text = f"{source['title']}: {percent(before['value'])} before, {interval(after)} after, {of}"
    if gone["value"] == 0 and gone.get("low") in (0, None) and gone.get("high") in (0, None):
        return f"{text}: nothing was lost."
    if within_noise(gone):
        return f"{text}: {points(gone['value'])} {_way(gone['value'])}, within noise."
    if gone["value"] < 0:
        return f"{text}: it knows {points(gone['value'])} more of it than before, which is more than noise."
    left = after.get("low")
    chance = source.get("chance") if source["measure"] == "accuracy" else None
    if chance is not None and left is not None and left <= chance:
        return f"{text}: {points(gone['value'])} lost. It cannot be told from chance ({percent(chance)}) any more."
    return f"{text}: {points(gone['value'])} lost, more than noise."


def knn_words(source: Source) -> str:
    """Whether the knowledge has gone, or only its read-out; '' where the features were not asked."""
    knn = source.get("knn")
    if not knn or knn.get("after") is None or knn["after"].get("value") is None:
        return ""
    before, after, gone = knn["before"], knn["after"], knn["lost"]
    how = "By each image's ten nearest neighbours (k-NN on the features)"
    text = f"{how}: {percent(before['value'])} before, {interval(after)} after"
    read_out = source["lost"]
    if within_noise(gone):
        kept = " Nothing shows that the features know less of it: what went is the way that the old head reads them."
        return f"{text}, within noise.{kept if not within_noise(read_out) and read_out['value'] > 0 else ''}"
    if gone["value"] < 0:
        return f"{text}: the features tell the old classes apart better than before."
    if not within_noise(read_out) and gone["high"] is not None and gone["high"] < (read_out.get("low") or 0):
        return f"{text}: {points(gone['value'])} lost, less than its old head lost. Part of it is only no longer read."
    return f"{text}: {points(gone['value'])} lost, so the features themselves know less of it."


def kl_words(source: Source) -> str:
    """How far the probabilities of the old answers went, and what that number means; '' where there is none."""
    if source.get("kl") is None:
        return ""
    return (
        f"The probabilities of its answers went {source['kl']:.2f} nats from those of the start (KL divergence, the mean over "
        f"the images: 0 is no change at all, {math.log(2):.2f} as if a sure answer had become a coin's toss)."
    )


def asked_words(result: Mapping[str, Any]) -> str:
    """What asking a training run took beside its training; '' where nothing was asked, or nobody timed it."""
    asked, seconds = result.get("source_seconds"), result.get("seconds")
    if not asked or not seconds:
        return ""
    return f"Asking what it still knows took {duration(asked)}, {percent(asked / seconds, 0)} of the run's {duration(seconds)}."


def gained(accuracy: Metric, majority: float | None, images: int) -> Told:
    """What the target gained over always naming its largest class, in points."""
    if accuracy.get("value") is None or majority is None:
        return Told("not defined", "", "The test split has no images, so nothing is known of what was gained.")
    apart = {name: None if accuracy.get(name) is None else accuracy[name] - majority for name in ("value", "low", "high")}
    text = (
        f"It names {interval(accuracy)} of {count(images)} test images rightly; always naming the largest class gets "
        f"{percent(majority)}"
    )
    if within_noise(apart):
        text += ", which the interval holds: nothing shows that anything was gained."
    else:
        text += f", so it is {points(apart['value'])} {'better' if apart['value'] > 0 else 'worse'}."
    return Told(signed_points(apart["value"]), signed_span(apart), text)


def over_probe_words(apart: Metric | None, name: str) -> str:
    """What moving the backbone added to a head on frozen features, from their paired difference; '' where there is none."""
    if apart is None:
        return ""
    span = signed_span(apart)
    text = f"Against {name} on the same test images: {signed_points(apart['value'])}{f' ({span})' if span else ''}"
    return f"{text}, within noise." if within_noise(apart) else f"{text}."


def balance_words(gain: Metric | None, gone: Metric) -> str:
    """What a point of target cost, or that it bought none; `gain` is over a linear probe. '' where no loss is to be seen."""
    if gain is None or gain.get("low") is None or within_noise(gone) or gone["value"] <= 0:
        return ""
    if within_noise(gain):
        return f"Moving the backbone cost {points(gone['value'])} of the source, and gained nothing that is more than noise."
    if gain["value"] < 0:
        return f"Moving the backbone cost {points(gone['value'])} of the source and {points(gain['value'])} of the target."
    each = gone["value"] / gain["value"]
    return f"Each point gained over the frozen backbone cost {each:.1f} points of the source."


def within_noise(apart: Metric) -> bool:
    """Whether the 95 % interval of a difference holds 0; without one only an exact 0 is."""
    low, high = apart.get("low"), apart.get("high")
    return apart["value"] == 0 if low is None or high is None else low <= 0 <= high


def signed_points(difference: float) -> str:
    """'+32.8 points', '−5.0 points'; 0 has no sign."""
    text = points(difference)
    return text if float(text.split()[0]) == 0 else f"{'+' if difference > 0 else '−'}{text}"


def signed_span(apart: Metric) -> str:
    """The 95 % interval of a difference in points, '+30.8 to +34.8'; '' where there is none."""
    low, high = apart.get("low"), apart.get("high")
    return "" if low is None or high is None else f"{_signed(low)} to {_signed(high)}"


def span(apart: Metric, *, turned: bool = False) -> str:
    """The 95 % interval of a loss in points, '27.0 to 45.0', only what is below 0 signed; '' without. Turned: of minus it."""
    low, high = apart.get("low"), apart.get("high")
    if low is None or high is None:
        return ""
    low, high = (-high, -low) if turned else (low, high)
    return f"{_signed(low)} to {_signed(high)}".replace("+", "")


def _signed(share: float) -> str:
    text = f"{abs(100 * share):.1f}"
    return text if float(text) == 0 else f"{'+' if share > 0 else '−'}{text}"


def _way(value: float) -> str:
    return "less" if value > 0 else "more"
