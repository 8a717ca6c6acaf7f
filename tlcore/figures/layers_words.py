"""What a layers run recommends, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.analysis.layers_time import Estimate
from tlcore.figures.words import duration
from tlcore.groups import HEAD

ABOUT = 1.2  # times the lower end of an estimate, up to which the upper alone is said


def level_words(advice: Mapping[str, Any]) -> str:
    """'Unfreeze from stage 6 up', 'Train the head alone'; with 'Perhaps' where the difference may be noise."""
    level = "train the head alone" if advice["group"] == HEAD else f"unfreeze from {advice['group']} up"
    hedged = not advice["more_than_noise"] and advice["group"] != HEAD
    return f"Perhaps {level}" if hedged else f"{level[0].upper()}{level[1:]}"


def headline(advice: Mapping[str, Any] | None) -> str:
    """The recommendation in one sentence, saying whether it is more than noise."""
    if advice is None:
        return "No level can be recommended: some group shows numbers that are not finite."
    best, other = advice["best"], advice["lead"]["over"]
    alike = advice.get("alike")  # an earlier result does not say
    reads = f"{alike} read alike, and best" if alike else f"{best} reads best"
    unknown = "the images are too few, or too alike, to tell whether"
    if advice.get("why") == "few":
        return f"Train the head alone: {advice['labelled']:,} labels are mostly too few to move more, though {reads}."
    if advice["group"] == HEAD:
        sure = "more than noise" if advice["more_than_noise"] else f"though {other} serves as well within noise"
        if advice["lead"]["low"] is None:
            sure = f"and next off {other}; {unknown} that is noise"
        if alike:
            tail = f", though {unknown} that is noise" if advice["lead"]["low"] is None else ""
            return f"Train the head alone: {alike} read the task alike, and nothing below the top reads it better{tail}."
        return f"Train the head alone: the task reads best off the top, {best}, {sure}."
    if advice["more_than_noise"]:
        better = f"{alike} read" if alike else f"{best} reads"
        return f"Unfreeze from {advice['group']} up: {better} the task better than the top, beyond noise."
    level = f"Perhaps unfreeze from {advice['group']} up: {reads}"
    if advice["lead"]["low"] is None:
        return f"{level}, but {unknown} the lead over {other} is noise."
    return f"{level}, though the lead over {other} may be noise."


def time_words(found: Estimate) -> str:
    """How long it takes, and what that is judged by."""
    close = found.high <= ABOUT * found.low
    took = f"About {duration(found.high)}" if close else f"Between {duration(found.low)} and {duration(found.high)}"
    other = "" if found.alike else ", which did other things besides, so this is rough"
    return f"{took}, judged by an earlier time that this backbone was asked here at this size{other}."
