"""The shortcut alarm: does the network look where nobody should? In words, from what was measured. No torch.

It goes off where one of two things is more than chance, by 95 % intervals:

- The maps: the evidence avoids the masks (less of it inside than spread evenly), and one corner or edge holds more than `DENSE`
  times what its area would. Evidence spread over any half of the picture is twice as dense there as spread evenly, so beyond
  that a map has singled the region out. Where the masks are not avoided, or there are none, a region must be `DENSE_ALONE`
  times as dense, which a whole quarter of the picture would be: there are pictures whose subject is at an edge.
- The answers: one corner, exchanged for that of a picture which is answered otherwise, changes the answer in `HANGS` of the
  pictures more than another corner does (the median of the other three). That any corner changes some is no sign:
  answers near the decision change with little, and all of a picture may tell its class, as of a cloth or a solar cell. Edges
  are not asked: the subject itself may begin there (of the clean X-rays a third are answered otherwise with another top edge).

An alarm says where to look; it is no proof, and silence is none either. How far runs with a marker painted into one class and
clean ones are apart in both is in `tests/explain/test_alarm_on_runs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

DENSE: Final = 2.0
DENSE_ALONE: Final = 4.0
HANGS: Final = 0.1
FEWEST: Final = 10  # pictures with a map, or exchanged, below which nothing is said

Numbers = Mapping[str, Any]
_NO_PROOF: Final = "That is no proof that there is none."


def alarm(inside: Numbers | None, where: Numbers, exchanged: Numbers | None = None) -> dict[str, Any]:
    """{fires: bool or None (too little to say), regions [names that it points at], sentences [str]}.

    `inside` is what `inside.inside` found on masked pictures (None without masks), `where` what `inside.where` did on the same
    pictures or on any, `exchanged` what `exchanged.exchanged` did.
    """
    if where["images"] < FEWEST and exchanged is None:
        count = _pictures(where["images"])
        return {"fires": None, "regions": [], "sentences": [f"Only {count} with evidence in the map: too little to say."]}
    enough = inside is not None and inside["images"] >= FEWEST
    sentences = [_inside(inside)] if enough and inside is not None else []
    avoided = enough and inside is not None and _surely(inside["share_over_chance"], "high", 0.0)
    dense = _dense(where, DENSE if avoided else DENSE_ALONE)
    corners = [] if exchanged is None or exchanged["images"] < FEWEST else _corners(exchanged)
    hanging = [name for name in corners if exchanged and _above(exchanged["regions"][name]["lead"], HANGS)]
    for name in dense:
        region = where["regions"][name]
        of_all = f"{_percent(region['area'])} of the picture"
        sentences.append(f"{_percent(region['value'])} of the evidence lies in the {name}, which is {of_all}.")
    for name in hanging:
        region = exchanged["regions"][name] if exchanged else {}
        sentences.append(
            f"With the {name} of a picture that is answered otherwise, {_percent(region['value'])} of the answers change, "
            f"though everything else stays: {100 * region['lead']['value']:.0f} points more than with another corner."
        )
    fires: bool | None = bool(dense or hanging)
    named = list(dict.fromkeys([*hanging, *dense]))
    if not fires and where["images"] < FEWEST:  # the maps say nothing, and exchanged corners alone clear nobody
        count = _pictures(where["images"])
        verdict = f"Only {count} with evidence in the map, so the maps say too little; exchanging corners gave no sign."
        return {"fires": None, "regions": [], "sentences": [f"{verdict} {_NO_PROOF}", *sentences]}
    return {"fires": fires, "regions": named, "sentences": [_verdict(named, avoided), *sentences]}


def _verdict(named: list[str], avoided: bool) -> str:
    if named:
        return (
            f"Shortcut alarm: the model looks at the {_and(named)}. Look there for what gives the class away: a marker, "
            "a letter, a tube, a border."
        )
    if avoided:
        return f"The model looks away from the marked region, but at no single corner or edge. {_NO_PROOF}"
    return f"No sign of a shortcut. {_NO_PROOF}"


def _inside(inside: Numbers) -> str:
    share, chance, over = inside["share"]["value"], inside["chance"], inside["share_over_chance"]
    if _surely(over, "high", 0.0):
        word = "less than chance"
    elif _surely(over, "low", 0.0):
        word = "more than chance"
    else:
        word = "no more and no less than chance, as far as these pictures tell"
    rows, columns = inside["grid"]
    marked = inside.get("of", "the marked region")
    text = f"{_percent(share, 1)} of the positive evidence is inside {marked}, {_percent(chance, 1)} of the picture"
    if inside["perfect"] is None:
        return f"{text}: {word}."
    reach = f"A map of just that, drawn on the map's {rows} x {columns} cells, would reach {_percent(inside['perfect'])}."
    return f"{text}: {word}. {reach}"


def _surely(metric: Numbers, end: str, bound: float) -> bool:
    """Whether a metric's interval is wholly above (`low`) or below (`high`) the bound."""
    value = metric[end]
    return value is not None and (value > bound if end == "low" else value < bound)


def _above(metric: Numbers, bound: float) -> bool:
    return _surely(metric, "low", bound)


def _dense(where: Numbers, times: float) -> list[str]:
    """The corners and edges that hold surely more than `times` their area of the evidence, the densest first."""
    outer = {name: region for name, region in where["regions"].items() if name != "middle"}
    found = [name for name, region in outer.items() if _above(region, times * region["area"])]
    return sorted(found, key=lambda name: -outer[name]["value"] / outer[name]["area"])


def _corners(exchanged: Numbers) -> list[str]:
    corners = {name: region["value"] for name, region in exchanged["regions"].items() if name.endswith("corner")}
    return sorted(corners, key=lambda name: -corners[name])


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _percent(share: float | None, digits: int = 0) -> str:
    return "None" if share is None else f"{100 * share:.{digits}f} %"


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
