"""Schedules step by step, against a table worked out by hand and against fastai's own values."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tlcore.strategies.schedule import share_of_peak

# Howard & Ruder 2018 with T = 20: cut = 2, p = t / 2 before it and 1 - (t - 2) / 18 from there, rate = (1 + 31 p) / 32.
# By hand, in 64ths up to the cut and in 576ths (32 x 18) from there: 18 + 31 (20 - t).
SLANTED_20 = [
    Fraction(2, 64),
    Fraction(33, 64),
    *(Fraction(n, 576) for n in (576, 545, 514, 483, 452, 421, 390, 359, 328, 297, 266, 235, 204, 173, 142, 111, 80, 49)),
]

# fastai 2.8.12: combined_cos(0.25, 1/25, 1, 1e-5) at step / steps, as fit_one_cycle asks for it before each batch.
ONE_CYCLE_20 = [
    0.04, 0.131671845, 0.371671851, 0.668328191, 0.908328168, 1.0, 0.989073904, 0.956773166, 0.904509449, 0.834566976,
    0.750002486, 0.654511943, 0.552268659, 0.447741341, 0.345498101, 0.250007473, 0.165443024, 0.095500537, 0.043236872,
    0.010936089,
]  # fmt: skip
ONE_CYCLE_7 = [0.04, 0.626810086, 0.994415465, 0.86652727, 0.611264302, 0.317336281, 0.086889734]


def test_slanted_triangular_step_by_step() -> None:
    assert [share_of_peak("slanted-triangular", step, 20) for step in range(20)] == pytest.approx(list(map(float, SLANTED_20)))


@pytest.mark.parametrize("steps", [10, 50, 100, 1000])
def test_slanted_triangular_is_the_papers_formula_where_ten_divides_the_steps(steps: int) -> None:
    cut = int(steps * 0.1)
    for t in range(steps):
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / 0.1 - 1))
        assert share_of_peak("slanted-triangular", t, steps) == pytest.approx((1 + p * 31) / 32)


@pytest.mark.parametrize("steps", [2, 3, 9, 11, 19, 25, 199])
def test_slanted_triangular_rises_to_the_peak_and_falls_to_the_end_and_never_below_a_32nd(steps: int) -> None:
    shares = [share_of_peak("slanted-triangular", step, steps) for step in range(steps)]
    cut = max(1, steps // 10)
    assert shares.index(1.0) == cut
    assert shares[: cut + 1] == sorted(shares[: cut + 1])
    assert shares[cut:] == sorted(shares[cut:], reverse=True)
    assert shares[0] == 1 / 32
    assert min(shares) == 1 / 32
    assert len(set(shares[cut:])) == steps - cut  # a copy of the formula with a slip rises, or stands still


@pytest.mark.parametrize("expected", [ONE_CYCLE_20, ONE_CYCLE_7], ids=len)
def test_one_cycle_is_fastais_step_by_step(expected: list[float]) -> None:
    found = [share_of_peak("one-cycle", step, len(expected)) for step in range(len(expected))]
    assert found == pytest.approx(expected, abs=2e-7)  # fastai's positions are float32
