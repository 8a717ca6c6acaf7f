"""What the groups of a run's test images come to, as text: a table for each column, and how far its groups are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.cli.report import plain, table
from tlcore.cli.shares import difference, share


def text(groups: Mapping[str, Any]) -> list[str]:
    """The lines of every column; none where there are none."""
    lines: list[str] = []
    for column, one in groups.items():
        heads = (plain(column), "images", "accuracy before (a probe)", "accuracy after")
        rows = [
            [
                plain(name),
                f"{told['images']:,}",
                share(one["before"] and one["before"][name]["accuracy"]),
                share(told["accuracy"]),
            ]
            for name, told in one["after"].items()
        ]
        lines += [table(rows, heads), ""]
        gap = one["gap"]
        if gap is not None:
            before, after, change = (difference(gap[when]) for when in ("before", "after", "change"))
            pair = f"{plain(gap['highest'])} minus {plain(gap['lowest'])}"
            lines.append(f"Gap in accuracy, {pair}: before {before}, after {after}, changed by {change}.")
        lines += [*(plain(note) for note in one["notes"]), ""]
    return lines
