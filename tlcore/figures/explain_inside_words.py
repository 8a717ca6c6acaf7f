"""Where the evidence lies, in words: inside what was marked or not, in which corner, and what the answers hang on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.data.masks import MASKS_OF
from tlcore.explain.alarm import FEWEST
from tlcore.explain.region import LUNGS
from tlcore.figures.words import interval, percent, points, times

Found = Mapping[str, Any]


def inside_words(found: Found, title: str) -> str:
    """How much of the evidence is inside what was marked, and whether that is more than a map that knows nothing would have."""
    share, over = found["share"], found["share_over_chance"]
    if share["value"] is None:
        return f"{title}: no map of these images has positive evidence."
    text = (
        f"{title}: {interval(share)} of the positive evidence is inside {found['of']}, on {_whose(found)}; "
        f"spread evenly it would be {percent(found['chance'])}"
    )
    if over["low"] is None or over["low"] <= 0 <= over["high"]:
        return f"{text}, which is within noise of it."
    return f"{text}: {points(over['value'])} {'more' if over['value'] > 0 else 'less'} than that."


def counted_words(found: Found) -> str:
    """On which images the evidence inside was counted, and what a map that knows nothing would have."""
    reach = (
        "" if found["perfect"] is None else f"; a map as coarse as this one of {found['of']} has {percent(found['perfect'], 0)}"
    )
    return f"Counted on {_whose(found)}. Spread evenly {percent(found['chance'], 0)} would be inside{reach}."


def _whose(found: Found) -> str:
    whose = [f"{MASKS_OF}: no other has a mask"] if found["of"] == LUNGS else []
    whose += [f"it was trained on {found['trained_on']} of them"] if found["trained_on"] else []
    return times(found["images"], "image") + (f" ({'; '.join(whose)})" if whose else "")


def there_words(one: Found, name: str) -> str:
    """In how many images the strongest place is inside what was marked, against places strewn evenly."""
    there = one["there"]
    if one["images"] < FEWEST:
        return f"{name}: {times(one['images'], 'image')} with evidence, too few to say where it looks first."
    text = (
        f"{name} looks at {one['of']} first in {interval(there)} of {times(one['images'], 'image')}: there the strongest place "
        f"is mostly inside. Of places strewn evenly {percent(one['there_by_chance'], 0)} are"
    )
    if one["there_at_most"] < 1:
        text += f", and only {percent(one['there_at_most'], 0)} of the images have such a place on a map this coarse"
    if there["low"] <= one["there_by_chance"] <= there["high"]:
        return f"{text}: within noise of chance."
    return f"{text}: {'more' if there['value'] > one['there_by_chance'] else 'less'} than chance."


def corner_words(one: Found, name: str) -> str:
    """In how many images the strongest place is in a corner, of the corner that has the most."""
    corners = {place: region["there"] for place, region in one["where"]["regions"].items() if place.endswith("corner")}
    most = max(corners, key=lambda place: corners[place]["value"] or 0)
    if not corners[most]["value"]:
        return ""
    return (
        f"{name} looks at the {most} first in {interval(corners[most])} of {times(one['where']['images'], 'image')}; "
        f"by chance {percent(one['where']['regions'][most]['area'], 0)}."
    )


def exchanged_words(one: Found) -> str:
    """What the answers hang on where parts of pictures are exchanged, to follow a network's name."""
    found = one["exchanged"]
    if found is None:
        return "hardly any picture is answered otherwise than the rest, so there was none to exchange parts with."
    corners = {name: region for name, region in found["regions"].items() if name.endswith("corner")}
    worst = max(corners, key=lambda name: corners[name]["value"])
    middle = found["regions"]["middle"]
    left_out = f"; {times(found['alone'], 'picture')} without enough to exchange with left out" if found["alone"] else ""
    return (
        f"exchanged with a picture that is answered otherwise, the {worst} changes {interval(corners[worst])} of "
        f"{times(found['images'], 'answer')}, the middle {interval(middle)}{left_out}."
    )
