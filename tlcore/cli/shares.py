"""Shares and differences with intervals, as the pages write them: '40.0 % (30.9 to 49.8)', '36.0 points (27.0 to 45.0)'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.figures.forgetting_words import span
from tlcore.figures.words import interval, points

Metric = Mapping[str, Any]  # {value, low, high, method}


def share(metric: Metric | None) -> str:
    """A share in percent; 'unknown' where there is none."""
    return "unknown" if metric is None or metric["value"] is None else interval(metric)


def difference(metric: Metric | None) -> str:
    """A difference of shares in points, below 0 with a minus sign; 'unknown' where there is none."""
    if metric is None or metric["value"] is None:
        return "unknown"
    value = points(metric["value"])
    minus = "−" if metric["value"] < 0 and float(value.split()[0]) else ""
    ends = span(metric)
    return f"{minus}{value} ({ends})" if ends else f"{minus}{value}"
