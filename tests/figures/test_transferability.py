"""The transferability curve: its numbers by hand, its sentences, its picture."""

from __future__ import annotations

from typing import Any

import pytest

from tlcore.analysis.transferability_plan import CUTS, FORMS
from tlcore.figures.palette import ICE, WARM
from tlcore.figures.transfer_curve import PAPER, as_data, base, bases_apart, comparisons, curve, in_the_paper
from tlcore.figures.transferability import transferability_figure
from tlcore.figures.transferability_words import beside, gap, readings

OWN = (0.80, 0.80, 0.76, 0.76, 0.76, 0.80, 0.80)  # BnB: dips in the middle
OTHERS = (0.80, 0.78, 0.76, 0.74, 0.72, 0.70, 0.60)  # AnB: falls
CURVES = {"BnB": OWN, "AnB": OTHERS, "BnB+": (0.80,) * 7, "AnB+": (0.82,) * 7, "random": (0.5,) * 7}


def _network(seed: int, form: str, cut: int, value: float) -> dict[str, Any]:
    value += 0.001 * seed  # its half is a little easier: nothing that a paired difference would see
    accuracy = {"value": value, "low": value - 0.02, "high": value + 0.02, "method": "wilson"}
    return {"seed": seed, "form": form, "cut": cut, "accuracy": accuracy, "loss": 0.5, "train_loss": 0.4, "seconds": 1.0}


def _networks(*shifts: float) -> list[dict[str, Any]]:
    """For each seed all of `CURVES`, the deeper half of AnB and the middle of BnB moved by its shift; base is 0.80."""
    found = []
    for seed, shift in enumerate(shifts):
        found += [_network(seed, "A", 0, 0.9), _network(seed, "B", 0, 0.81), _network(seed, "again", 0, 0.79)]
        for form in FORMS:
            for cut in CUTS:
                moved = shift if (form == "AnB" and cut >= 4) or (form == "BnB" and cut in (3, 4, 5)) else 0.0
                found.append(_network(seed, form, cut, CURVES[form][cut - 1] + moved))
    return found


def _result(*shifts: float, kinds: list[str] | None = None) -> dict[str, Any]:
    halves = [
        {"seed": seed, "a": list("abcde"), "b": list("fghij"), "kinds": kinds, "majority_baseline": 0.2}
        for seed in range(len(shifts))
    ]
    return {"title": "Ten letters", "halves": halves, "networks": _networks(*shifts)}


def test_base_is_the_mean_of_two_networks_and_they_tell_the_noise() -> None:
    networks = _networks(0.0, 0.01)
    assert base(networks).mean == pytest.approx(0.8005)
    assert bases_apart(networks) == pytest.approx(0.02)
    assert base(networks[:2]) is None
    assert bases_apart(networks[:2]) is None


def test_points_are_compared_with_the_base_of_their_own_seed() -> None:
    networks = _networks(0.0, 0.02)
    for network in networks:
        if network["seed"] == 1:  # a harder half: everything lower, the differences the same
            network["accuracy"] = {"value": network["accuracy"]["value"] - 0.3}
    (point,) = [point for point in curve(networks) if (point.form, point.cut) == ("AnB", 7)]
    assert point.by_seed == pytest.approx((0.60, 0.321))
    assert point.apart_by_seed == pytest.approx((-0.20, -0.18))
    assert point.from_base.mean == pytest.approx(-0.19)
    assert point.from_base.low == pytest.approx(-0.19 - 12.706 * 0.01, abs=1e-4)  # t(1) sd / sqrt 2 = 12.706 * 0.01


def test_the_comparisons_by_hand() -> None:
    found = comparisons(_networks(0.0, 0.01, -0.01))
    assert found["dip"].mean == pytest.approx(-0.04)
    assert found["dip"].low == pytest.approx(-0.04 - 4.3027 * 0.01 / 3**0.5, abs=1e-5)
    assert found["decline"].mean == pytest.approx(-0.20)
    assert found["co_adapted"].mean == pytest.approx(0.0)
    assert found["about_a"].mean == pytest.approx(-0.20)
    assert found["thawed_b"].mean == pytest.approx(0.0)
    assert found["thawed_a"].mean == pytest.approx(0.02)
    assert found["others"].mean == pytest.approx(0.02)
    assert found["learnt"].mean == pytest.approx(0.10)
    assert found["dip"].n == 3


def test_a_seed_that_is_not_complete_does_not_count_where_something_is_missing() -> None:
    networks = [n for n in _networks(0.0, 0.01) if not (n["seed"] == 1 and n["cut"] > 5)]
    found = comparisons(networks)
    assert found["decline"].n == 1
    assert {point.cut: point.accuracy.n for point in curve(networks) if point.form == "AnB"} == dict(
        zip(CUTS, (2, 2, 2, 2, 2, 1, 1), strict=True)
    )
    assert comparisons(networks[:3]) == {}


def test_the_papers_own_numbers_by_the_same_rules() -> None:
    assert in_the_paper("dip") == pytest.approx((0.621 + 0.605 + 0.594) / 3 - (0.627 + 0.623) / 2)
    assert in_the_paper("decline") == pytest.approx(0.543 - 0.628)
    assert in_the_paper("co_adapted") == pytest.approx(0.623 - 0.625)
    assert in_the_paper("about_a") == pytest.approx(0.543 - 0.623)
    assert all(len(line) == len(CUTS) for line in PAPER.values())


def test_what_appears_is_said_with_its_interval_and_the_papers_number() -> None:
    said = " ".join(readings(_result(0.0, 0.01, -0.01)))
    assert "3 seeds, random halves of 5 and 5 classes of Ten letters" in said
    assert "names 80.1 % (79.9 to 80.3) of B's test images rightly; always naming the largest class gets 20.0 %" in said
    assert "The BnB dip appears: B's own layers, frozen, give 4.0 points less (1.5 to 6.5) at cuts 3, 4 and 5 than" in said
    assert "In the paper: 1.8 points less." in said
    assert "The AnB decline appears: A's layers, frozen, give 20.0 points less (17.5 to 22.5) at cut 7 than at cut 1" in said
    assert "Thawed, AnB+ is above the base network beyond noise: on average over the cuts" in said
    assert "AnB+ 2.0 points more; AnB+ gets 2.0 points more than BnB+, which trained as long." in said
    assert "A's layers are worth more than random ones: at cut 7, frozen, they give 10.0 points more (7.5 to 12.5)" in said
    assert "2.0 points apart on average" in said
    assert "halves, starts and orders" in said


def test_what_does_not_appear_is_said_so_too() -> None:
    noisy = _result(0.06, 0.0, 0.04)
    said = " ".join(readings(noisy))
    assert "No BnB dip beyond noise: B's own layers, frozen, give 0.7 points less (from 8.3 less to 6.9 more)" in said
    assert "Thawed, neither form differs from the base network beyond noise" in " ".join(readings(_result(0.0)))
    upside = _result(0.06, 0.07, 0.08)
    assert "The opposite of a BnB dip: B's own layers, frozen, give 3.0 points more (0.5 to 5.5)" in " ".join(readings(upside))


def test_one_seed_says_that_it_cannot_tell() -> None:
    said = readings(_result(0.0, kinds=["animals", "vehicles"]))
    assert said[0].startswith("1 seed, A is animals, B is vehicles (5 and 5 classes of Ten letters)")
    assert "No BnB dip beyond noise: B's own layers, frozen, give 4.0 points less at cuts" in " ".join(said)
    assert "One seed tells nothing of chance" in said[-1]


def test_before_the_base_networks_there_is_one_sentence() -> None:
    result = _result(0.0)
    assert len(readings(result | {"networks": result["networks"][:2]})) == 1
    assert len(readings(result | {"networks": result["networks"][:3]})) == 2


def test_two_kinds_of_halves_are_told_apart_where_their_intervals_are() -> None:
    near, far = _result(0.0, 0.01, -0.01), _result(-0.1, -0.11, -0.09, kinds=["animals", "vehicles"])
    said = beside(near, far)
    assert (
        "give 20.0 points less (17.5 to 22.5) with random halves, and 30.0 points less (27.5 to 32.5) with animals as A" in said
    )
    assert "The intervals do not overlap." in said
    assert "The intervals overlap" in beside(near, _result(0.0, 0.02, -0.02))
    assert "overlap" not in beside(near, _result(0.0))
    assert beside(near, {"networks": near["networks"][:5], "halves": near["halves"]}) == ""


@pytest.mark.parametrize(
    ("shifts", "words"),
    [
        ((0.0, 0.0), "20.0 points less"),  # the seeds agree: no interval
        ((0.0,), "20.0 points less"),
        ((0.0, 0.01, -0.01), "20.0 points less (17.5 to 22.5)"),
    ],
)
def test_a_difference_in_words(shifts: tuple[float, ...], words: str) -> None:
    assert gap(comparisons(_networks(*shifts))["decline"]) == words


def test_frozen_is_ice_and_thawed_is_warm() -> None:
    chart = transferability_figure(_networks(0.0, 0.01))
    colours = {trace.name.split(":")[0]: trace.line.color for trace in chart.data if trace.name and ":" in trace.name}
    assert colours == {"BnB": ICE, "AnB": ICE, "random": ICE, "BnB+": WARM, "AnB+": WARM}
    (line,) = [trace for trace in chart.data if trace.name and trace.name.startswith("AnB:")]
    assert list(line.y) == pytest.approx([0, -2, -4, -5.5, -7.5, -9.5, -19.5])
    assert line.error_y.array[6] == pytest.approx(100 * 12.706 * 0.005, abs=1e-3)


def test_the_accuracy_itself_can_be_drawn_and_forms_left_out() -> None:
    chart = transferability_figure(_networks(0.0), against_base=False, hide=("random",), majority_baseline=0.2)
    names = [trace.name for trace in chart.data if trace.name]
    assert "base network, 80.0 %" in names
    assert "largest class alone, 20.0 %" in names
    assert not [name for name in names if name.startswith("random")]
    (line,) = [trace for trace in chart.data if trace.name and trace.name.startswith("BnB:")]
    assert list(line.y) == pytest.approx([100 * one for one in OWN])


def test_what_two_seeds_leave_open_does_not_hide_what_they_show() -> None:
    low, high = transferability_figure(_networks(0.0, 0.06), hide=("random",)).layout.yaxis.range
    assert -22 < low < -20  # the lowest seed is at -20; the interval there reaches to -55
    assert 2 < high < 4
    low, _ = transferability_figure(_networks(0.0, 0.06, 0.03), hide=("random",)).layout.yaxis.range
    assert low < -24  # -17 - 2.48 * 3


def test_a_curve_that_has_just_begun_can_be_drawn() -> None:
    for many in (0, 1, 3, 5):
        transferability_figure(_networks(0.0)[:many])


def test_the_numbers_as_data() -> None:
    told = as_data(_networks(0.0, 0.01, -0.01))
    assert len(told["curve"]) == len(FORMS) * len(CUTS)
    assert told["comparisons"]["decline"]["value"] == pytest.approx(-0.2)
    assert told["comparisons"]["decline"]["within_noise"] is False
    near, half = pytest.approx, 4.30265 * 0.001 / 3**0.5
    assert told["curve"][0] == {
        "form": "BnB",
        "cut": 1,
        "accuracy": {"value": near(0.801), "low": near(0.801 - half), "high": near(0.801 + half), "seeds": 3},
        "from_base": {"value": near(0.0), "low": None, "high": None, "seeds": 3},  # the seeds agree
    }
