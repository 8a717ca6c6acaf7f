"""The path and its best point, the trade-off and its front, the matrix of a chain, relearning: numbers that can be checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.figures.forgetting_made import RUN, agreement, labelled, lost, metric, result
from tlcore.figures.forgetting_groups import by_group, group_reading, group_table, shares
from tlcore.figures.forgetting_matrix import matrix, matrix_reading, matrix_table, measures
from tlcore.figures.forgetting_path import bend_reading, best_reading, modes, path, path_reading, path_table
from tlcore.figures.forgetting_relearn import relearn, relearn_reading, relearn_table
from tlcore.figures.forgetting_trade_off import (
    Measured,
    apart,
    front_of,
    looks_of,
    remedy_readings,
    spots,
    trade_off,
    trade_off_reading,
    trade_off_table,
)

SOURCE = "imagenet-cifar10"


# --- the path


def test_a_point_is_held_against_the_fine_tuned_weights():
    assert modes(result(), SOURCE) == ["interpolated", "recomputed"]
    assert path_reading(result(), SOURCE, "interpolated", 2) == (
        "At a = 0.50: source 55.0 %, target 92.0 %. Against the fine-tuned weights the source has 15.0 points more and the "
        "target has 2.0 points less. By itself each source value is good to about ±4.3 points (500 images)."
    )
    assert path_reading(result(), SOURCE, "interpolated", 4).endswith("These are the fine-tuned weights.")
    chart, _ = path(result(), SOURCE, "interpolated", 2, 0.5)
    assert list(chart.data[0].y) == pytest.approx([60, 58, 55, 48, 40])
    assert chart.data[0].marker.size[2] == 15
    assert chart.layout.yaxis.title.text == "Accuracy (%)"
    agrees = result(sources={"natural-photos": agreement(path=labelled()["path"])})
    assert path(agrees, "natural-photos", "interpolated", 2)[0].layout.yaxis.title.text == "Share of images (%)"


def test_the_best_point_names_its_source_its_floor_and_how_sure_it_is() -> None:
    words = best_reading(result(), SOURCE, "interpolated", 2, 0.55)
    assert words.startswith(
        "ImageNet, on CIFAR-10: the best point that keeps 55.0 % of it (5.0 points under what it knew before, 60.0 %) is a = "
        "0.50: source 55.0 %, target 92.0 % ± 2.4 points (500 images)."  # Wilson: (.893 to .941)
    )
    assert "it flatters itself" in words
    assert "of it is a = " in best_reading(result(), SOURCE, "interpolated", 0, 0.6)


@pytest.mark.parametrize("ways", [("interpolated", "recomputed"), ("interpolated",)])
def test_recomputed_statistics_are_not_offered_where_batchnorm_kept_still(ways: tuple[str, ...]) -> None:
    still = labelled(why={"batchnorm": "BatchNorm kept still in this run: its running means are those that it started with."})
    still["path"] = {way: still["path"][way] for way in ways}
    assert modes(result(sources={SOURCE: still}), SOURCE) == ["interpolated"]
    assert {row["batchnorm"] for row in path_table(result(sources={SOURCE: still}), SOURCE)} == {"interpolated"}


def test_what_was_lost_for_nothing_is_told_from_noise():
    assert "At a = 0.75 the target is as good" in bend_reading(result(), SOURCE, "interpolated")
    assert bend_reading(result(), SOURCE, "interpolated").endswith("8.0 points more: that much was lost for nothing.")
    near = labelled(path={"interpolated": [0.6, 0.5, 0.45, 0.42, 0.40]})
    changed = result(sources={SOURCE: near})
    assert bend_reading(changed, SOURCE, "interpolated").endswith("2.0 points more, within noise.")
    target = result()["target"] | {"path": {"interpolated": [0.6, 0.7, 0.8, 0.9, 0.94]}}
    assert "here what is kept of the source is paid for" in bend_reading(result(target=target), SOURCE, "interpolated")


def test_the_table_of_the_path_has_every_point_of_both_ways():
    rows = path_table(result(), SOURCE)
    assert len(rows) == 10
    assert rows[2] == {"a": 0.5, "batchnorm": "interpolated", "source": 0.55, "target": 0.92}


# --- the trade-off


def made(title: str, accuracy: float, gone: float, *, seed: int = 0, reach: float = 0.02) -> Measured:
    return Measured(f"run-{title}-{seed}", title, title.split(",")[0], seed, metric(accuracy, reach), lost(gone, reach))


def three_seeds(title: str, accuracy: float, gone: float) -> list[Measured]:
    return [made(title, accuracy + 0.001 * seed, gone + 0.002 * seed, seed=seed) for seed in range(3)]


FULL = "Full fine-tuning"


def test_seeds_are_averaged_and_their_interval_is_over_seeds():
    (spot,) = spots(three_seeds(FULL, 0.94, 0.30))
    assert spot.accuracy["value"] == pytest.approx(0.941)
    assert spot.lost["value"] == pytest.approx(0.302)
    half = 4.302653 * 0.002 / 3**0.5  # t of 2 degrees of freedom
    assert spot.lost["high"] - spot.lost["value"] == pytest.approx(half, rel=1e-4)
    assert spots([made(FULL, 0.9, 0.3)])[0].lost["low"] == pytest.approx(0.28)  # one seed: its own images'


def test_the_front_is_what_nothing_beats_on_both():
    runs = [made(FULL, 0.95, 0.40), made("L2-SP", 0.94, 0.10), made("Replay", 0.93, 0.20), made("Linear probe", 0.90, 0.0)]
    found = spots(runs)
    assert [found[place].title for place in front_of(found)] == ["Linear probe", "L2-SP", FULL]
    reading = trade_off_reading(found)
    assert reading.startswith("On the front, from what forgets least: Linear probe (lost 0.0 points, 90.0 %), L2-SP")
    assert "Replay" not in reading
    chart, _ = trade_off(runs, here=runs[1].run_id)
    assert list(chart.data[0].x) == pytest.approx([0, 10, 40])
    assert trade_off([])[0] is None
    assert "is all there is so far" in trade_off_reading(spots(runs[:1]))


def test_strengths_of_one_setting_are_joined_and_other_forms_are_not() -> None:
    strengths = [made("L2-SP", 0.94, 0.1), made("L2-SP, strength 0.3", 0.95, 0.2), made("L2-SP, strength 30", 0.9, 0.0)]
    chart, _ = trade_off([*strengths, made(FULL, 0.95, 0.4), made(f"{FULL}, BatchNorm trained", 0.95, 0.5)], here="x")
    lines = [list(trace.x) for trace in chart.data if trace.mode == "lines" and trace.line.dash == "dot"]
    assert lines == [pytest.approx([0, 10, 20])]
    named, _ = trade_off(strengths, here=strengths[1].run_id)
    assert "this run" in [note.text for note in named.layout.annotations]


def test_remedies_are_what_keeps_more_than_noise_for_less_than_a_point():
    base = three_seeds(FULL, 0.94, 0.30)
    (words,) = remedy_readings(spots([*base, *three_seeds("L2-SP", 0.935, 0.10)]))
    assert words.startswith(f"Against {FULL}, more than noise: L2-SP keeps 20.0 points more (")
    assert words.endswith("with the target at −0.5 points.")
    assert "nothing here keeps more" in remedy_readings(spots([*base, *three_seeds("L2-SP", 0.90, 0.10)]))[0]  # too dear
    assert "nothing here keeps more" in remedy_readings(spots([made(FULL, 0.94, 0.30), made("L2-SP", 0.94, 0.29)]))[0]
    assert remedy_readings(spots(three_seeds("L2-SP", 0.9, 0.1))) == []


def test_what_lost_exactly_nothing_is_a_remedy_and_what_has_no_interval_is_said() -> None:
    nothing = {"value": 0.0, "low": None, "high": None, "method": None}
    probe = replace(made("Linear probe", 0.934, 0.0), lost=nothing)
    (words,) = remedy_readings(spots([made(FULL, 0.868, 0.36, reach=0.09), probe]))
    assert words == (
        f"Against {FULL}, more than noise: Linear probe keeps 36.0 points more (27.0 to 45.0) with the target at +6.6 points."
    )
    bare = replace(made("L2-SP", 0.93, 0.1), lost=nothing | {"value": 0.1})
    assert remedy_readings(spots([made(FULL, 0.868, 0.36), bare])) == [
        "Of L2-SP it cannot be told: there is no interval to judge by."
    ]


def test_a_remedy_is_held_against_the_same_length() -> None:
    def epochs(one: Measured, number: int) -> Measured:
        return replace(one, besides=f"{number} epochs")

    short = [epochs(one, 2) for one in three_seeds(FULL, 0.94, 0.05)]
    long = [epochs(one, 9) for one in three_seeds(FULL, 0.94, 0.40)]
    held = [epochs(one, 9) for one in three_seeds("L2-SP", 0.94, 0.10)]
    (words,) = remedy_readings(spots([*short, *long, *held]))
    assert "L2-SP, 9 epochs keeps 30.0 points more" in words
    assert remedy_readings(spots([*short, *held])) == []


def test_a_difference_is_paired_over_seeds_or_taken_from_both_intervals():
    one, other = spots([made(FULL, 0.9, 0.30), made("L2-SP", 0.9, 0.10)])
    gap = apart(one, other, "lost")
    assert gap["value"] == pytest.approx(0.2)
    assert gap["high"] - gap["low"] == pytest.approx(2 * (2 * 0.02**2) ** 0.5)
    noisy = [made("L2-SP", 0.9, 0.1 + 0.05 * seed, seed=seed) for seed in range(3)]
    one, other = spots([*three_seeds(FULL, 0.9, 0.30), *noisy])
    gap = apart(one, other, "lost")  # .200, .152, .104
    assert gap["value"] == pytest.approx(0.152)
    assert gap["high"] - gap["value"] == pytest.approx(4.302653 * 0.048 / 3**0.5, rel=1e-4)


def test_a_family_keeps_its_look_when_another_comes():
    few, many = looks_of(["a", "b"]), looks_of(["a", "b", "c", *map(str, range(20))])
    assert {name: many[name] for name in few} == few
    assert len({(look.colour, look.marker) for look in many.values()}) == len(many)
    assert len(trade_off_table(three_seeds(FULL, 0.9, 0.1))) == 3


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


# --- relearning


RELEARN = {
    "steps": [0, 10, 20],
    "curves": {"pretrained": [0.1, 0.6, 0.7], "run": [0.1, 0.5, 0.6], "random": [0.1, 0.2, 0.5]},
    "images": 500,
    "chance": 0.1,
}


def test_relearning_is_read_against_random_weights():
    assert "30.0 points ahead of random ones, more than noise. Those take 20 steps" in relearn_reading(RELEARN)
    few = RELEARN | {"images": 10}
    assert "Nothing shows that it learns the source faster" in relearn_reading(few)
    assert "Too few starts" in relearn_reading(RELEARN | {"curves": {"run": [0.1, 0.2, 0.3]}})
    chart, _ = relearn(RELEARN)
    assert len(chart.data) == 4  # and chance
    assert relearn_table(RELEARN)[1] == {"steps": 10, "pretrained": 0.6, "run": 0.5, "random": 0.2}
    assert RUN.endswith("0abc")


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
