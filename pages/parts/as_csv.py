"""Rows as the text of a CSV file that a spreadsheet reads as it is meant."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """A header of the first row's names, then a line for each row. No text in it is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = list(rows[0]) if rows else []
    writer.writerow([inert(name) for name in names])
    writer.writerows([inert(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def inert(value: Any) -> Any:
    """The value as it is, or after an apostrophe where a spreadsheet would reckon with it: names are a person's own."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
