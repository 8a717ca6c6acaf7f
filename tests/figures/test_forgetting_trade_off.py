"""All runs side by side: seeds averaged, the front, and which remedies are more than noise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import norm, ttest_rel

from tests.figures.forgetting_made import lost, metric
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


def test_several_remedies_are_corrected_for_their_number() -> None:
    base = three_seeds(FULL, 0.94, 0.30)
    near = [made("EWC", 0.94, 0.3 + 0.002 * seed - apart, seed=seed) for seed, apart in enumerate((0.02, 0.024, 0.036))]
    sure = [made("L2-SP", 0.94, 0.1 + 0.0021 * seed, seed=seed) for seed in range(3)]
    found = spots([*base, *near, *sure])
    plain = next(spot for spot in found if spot.title == FULL)
    ps = [apart(plain, spot, "lost")["p"] for spot in found if spot is not plain]
    assert ps[0] == pytest.approx(ttest_rel([0.30, 0.302, 0.304], [0.28, 0.278, 0.268]).pvalue)
    assert 0.025 < ps[0] < 0.05
    assert ps[1] < 0.001
    words, together = remedy_readings(found)
    assert words.startswith(f"Against {FULL}, more than noise each by itself: L2-SP keeps")
    assert "EWC keeps 2.7 points more" in words
    assert together == "All of that stands corrected for 2 comparisons (Holm).", "the larger p is not multiplied"
    other = [made("LwF", 0.94, run.lost["value"] + 0.001, seed=run.seed) for run in near]
    _, together = remedy_readings(spots([*base, *near, *other, *sure]))
    assert together == "Corrected for 3 comparisons (Holm), L2-SP stands."
    _, together = remedy_readings(spots([*base, *near, *other]))
    assert together == "Corrected for 2 comparisons (Holm), none of them stands."


def test_the_p_of_one_seed_is_that_of_its_interval() -> None:
    one, other = spots([made(FULL, 0.9, 0.30), made("L2-SP", 0.9, 0.10)])
    assert apart(one, other, "lost")["p"] == pytest.approx(2 * norm.sf(0.2 / (0.02 * 2**0.5 / 1.959964)), rel=1e-4)
    assert apart(one, one, "lost")["p"] == 1.0


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
