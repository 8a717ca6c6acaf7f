"""Scores beside the probe: how often chance agrees as well is counted, and by hand for three groups."""

from __future__ import annotations

import itertools

import pytest
from scipy.stats import spearmanr

from tests.figures.layers_made import result
from tlcore.figures.layers_scores import scores_by_depth, scores_reading, scores_table, share_of_orders


def test_of_the_six_orders_of_three_one_agrees_wholly_and_three_by_half() -> None:
    # Correlations of the six orders with 1 2 3: 1, .5, .5, -.5, -.5, -1
    assert share_of_orders(3, 1.0) == pytest.approx(1 / 6)
    assert share_of_orders(3, 0.5) == pytest.approx(3 / 6)
    assert share_of_orders(3, -1.0) == 1


def test_it_counts_as_scipy_correlates() -> None:
    orders = list(itertools.permutations(range(5)))
    correlations = [spearmanr(order, range(5)).statistic for order in orders]
    share = sum(value >= 0.7 - 1e-9 for value in correlations) / len(orders)
    assert share_of_orders(5, 0.7) == pytest.approx(share)


def test_many_orders_are_drawn_and_come_close() -> None:
    assert share_of_orders(12, 0.0) == pytest.approx(0.5, abs=0.02)
    assert share_of_orders(12, 0.9) < 0.001


def test_the_reading_says_what_may_be_chance() -> None:
    logme, hscore, width = scores_reading(result())
    assert "LogME goes with the probe's (AUROC, Pretrained): rank correlation +1.00 over 3 groups" in logme
    assert "17 % of all orders agree as well, so it may be chance" in logme
    assert "50 % of all orders agree as well" in hscore
    assert width == "With shuffled labels the H-score would still be 0.05 at stem and 0.45 at stage 2."


def test_with_enough_groups_it_can_be_more_than_chance() -> None:
    rank = {"logme": 0.95, "hscore": -0.9, "source": "pretrained", "with": "auroc", "groups": 7}
    logme, hscore, _ = scores_reading(result(rank=rank))
    assert "more than chance" in logme
    assert "H-score goes against the probe's" in hscore


def test_an_order_of_too_few_is_not_judged() -> None:
    rank = {"logme": None, "hscore": None, "source": "pretrained", "with": "auroc", "groups": 2}
    assert scores_reading(result(rank=rank))[0].endswith("cannot be said: too few have a value, or all have the same.")


def test_three_panels_share_the_stack_and_chance_is_dotted() -> None:
    chart, _ = scores_by_depth(result())
    assert {trace.yaxis or "y" for trace in chart.data} == {"y", "y2", "y3"}
    dotted = [trace for trace in chart.data if trace.line.dash == "dot" and trace.yaxis == "y3"]
    assert tuple(dotted[0].y) == pytest.approx((0.05, 0.25, 0.45))
    assert chart.layout.yaxis2.title.text == "LogME"


def test_a_result_from_before_scores_by_chance_is_shown_without_them() -> None:
    old = result()
    for entry in old["groups"]:
        del entry["hscore_by_chance"]
    chart, reading = scores_by_depth(old)
    assert "shuffled" not in " ".join(reading)
    assert not [trace for trace in chart.data if trace.line.dash == "dot"]


def test_leep_belongs_to_the_pretrained_network_alone() -> None:
    rows = scores_table(result())
    assert [row["LEEP"] for row in rows] == [None, None, -0.4] + [None] * 6
    assert rows[2]["H-score by chance"] == pytest.approx(0.45)
