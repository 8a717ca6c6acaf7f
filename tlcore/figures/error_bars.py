"""Intervals as Plotly's error bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def bars(values: Sequence[Mapping[str, Any]], *, turned: bool = False) -> dict[str, object]:
    """The error bars, in %, of shares that each have `value`, `low` and `high`; no bar where an end is null.

    `turned` is for values that are drawn with the other sign.
    """
    up, down = ("low", "high") if turned else ("high", "low")
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if one.get(up) is None else 100 * abs(one[up] - one["value"]) for one in values],
        "arrayminus": [0.0 if one.get(down) is None else 100 * abs(one["value"] - one[down]) for one in values],
        "thickness": 1.5,
        "width": 4,
    }
