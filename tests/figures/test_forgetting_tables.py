"""The matrix of a chain, and a run split into groups of images: numbers that can be checked."""

from __future__ import annotations

import pytest

from tests.figures.forgetting_made import lost, metric
from tlcore.figures.forgetting_groups import by_group, group_reading, group_table, shares
from tlcore.figures.forgetting_matrix import matrix, matrix_reading, matrix_table, measures

# --- the chain


def cells(values: list[list[float | None]]) -> list[list[dict | None]]:
    return [
        [None if value is None else metric(value) | {"how": "head" if at <= row else "probe"} for at, value in enumerate(line)]
        for row, line in enumerate(values)
    ]


R = [[0.9, 0.3, None], [0.6, 0.95, 0.2], [0.5, 0.97, 0.99]]
CHAIN = {
    "tasks": ["chest X-rays", "signs", "digits"],
    "R": R,
    "cells": cells(R),
    "baselines": [None, metric(0.25), metric(0.3)],
    "acc": metric(0.82),
    "bwt": lost(-0.19),
    "forgetting": lost(0.19),
    "fwt": {"value": None, "low": None, "high": None, "method": None, "reason": "Some of its accuracies could not be had."},
    "notes": [],
}


def test_the_matrix_says_who_lost_most_and_who_improved() -> None:
    assert matrix_reading(CHAIN) == (
        "chest X-rays lost the most: 40.0 points since it was learned. signs is known better than when it was learned, by 2.0 "
        "points."
    )
    told = CHAIN | {"by_task": {"bwt": [lost(-0.4), lost(0.02), {"value": None, "low": None, "high": None}]}}
    assert matrix_reading(told) == (
        "chest X-rays lost the most: 40.0 points since it was learned (−43.0 to −37.0). signs is known better than when it was "
        "learned, by 2.0 points (−1.0 to +5.0, within noise)."
    )
    values = {name: (value, span) for name, value, span, *_ in measures(CHAIN)}
    assert values["ACC"] == ("82.0 %", "78.0 % to 86.0 %")
    assert values["BWT"] == ("−19.0 points", "−22.0 to −16.0")
    assert values["Forgetting"] == ("+19.0 points", "+16.0 to +22.0")
    assert values["FWT"] == ("not defined", "Some of its accuracies could not be had.")
    alone = CHAIN | {"tasks": ["a"], "R": [[0.9]], "cells": cells([[0.9]])}
    assert matrix_reading(alone) == "One task has nothing behind it to forget."
    better = [[0.9, None, None], [0.9, 0.9, None], [0.95, 0.9, 0.9]]
    assert matrix_reading(CHAIN | {"R": better, "cells": cells(better)}).startswith("No earlier task is known worse")
    chart, _ = matrix(CHAIN)
    assert [note.text for note in chart.layout.annotations][:4] == ["90.0", "<i>30.0</i>", "–", "60.0"]
    assert matrix_table(CHAIN)[1] == {"after learning": "signs", "1. chest X-rays": 0.6, "2. signs": 0.95, "3. digits": 0.2}
    assert matrix_table(CHAIN)[-1] == {"after learning": "nothing", "1. chest X-rays": None, "2. signs": 0.25, "3. digits": 0.3}


# --- groups


def told(*values: float) -> dict:
    return {
        name: {"images": 100, "accuracy": metric(value), "recall": {"sick": metric(value)}, "answered": {}}
        for name, value in zip(("bacterial", "viral"), values, strict=True)
    }


def column(before: float | None, after: float, change: float) -> dict:
    nothing = {"value": None, "reason": "Nothing is known of the time before."}
    pair = {"highest": "bacterial", "lowest": "viral"}
    was, moved = (nothing, nothing) if before is None else (lost(before), lost(change))
    gap = pair | {"before": was, "after": lost(after), "change": moved}
    return {
        "groups": ["bacterial", "viral"],
        "unknown": 3,
        "before": None if before is None else told(0.9, 0.8),
        "after": told(0.95, 0.85),
        "gap": gap,
        "gaps": {"accuracy": gap, "recall: sick": gap},
        "notes": [],
    }


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            column(0.10, 0.10, 0.0),
            ["bacterial is done better than viral by 10.0 points (+7.0 to +13.0), more than noise.", "noise"],
        ),
        (column(0.10, 0.20, 0.10), ["done better", "+10.0 points (+7.0 to +13.0); with the training it grew (+10.0 points"]),
        (
            column(0.20, 0.10, -0.10),
            ["done better", "with the training it shrank (−10.0 points, −13.0 to −7.0), more than noise."],
        ),
        (
            column(0.01, 0.02, 0.01),
            ["are 2.0 points (−1.0 to +5.0) apart after training, within noise", "within noise (+1.0 point"],
        ),
        (column(None, 0.20, 0.0), ["done better", "Nothing is known of the time before."]),
    ],
)
def test_a_gap_between_groups_is_read_before_and_after(one: dict, words: list[str]) -> None:
    for part, sentence in zip(words, group_reading(one), strict=True):
        assert part in sentence


def test_groups_are_drawn_with_both_times_and_told_in_a_table() -> None:
    one = column(0.1, 0.1, 0.0)
    chart, _ = by_group(one, "recall: sick")
    assert [list(line.x) for line in chart.data] == [pytest.approx([90, 80]), pytest.approx([95, 85])]
    assert len(by_group(column(None, 0.1, 0.0))[0].data) == 1
    assert shares(one) == ["accuracy", "recall: sick"]
    assert len(group_table(one)) == 8
    assert group_reading(one | {"gaps": {"accuracy": None}})[0].startswith("Fewer than two groups")
