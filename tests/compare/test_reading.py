"""What a comparison says about its numbers: the table, the sentences in and out of noise, the figures."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.compare.made import done, expanded, filled, spec_of
from tlcore.compare.folder import Comparison, create
from tlcore.compare.images import paired_over_images
from tlcore.compare.outcomes import fair_seconds, fill
from tlcore.compare.spec import Budget
from tlcore.compare.table import Row, majorities, rows
from tlcore.figures.compare_curves import curves
from tlcore.figures.compare_heat import heat_map
from tlcore.figures.compare_labels import by_labels
from tlcore.figures.compare_names import Names, looks
from tlcore.figures.compare_pareto import costs_known, pareto
from tlcore.figures.compare_table import table_lines
from tlcore.figures.compare_told import MAJORITY, as_csv, told
from tlcore.figures.compare_words import WITHIN, headline, how_sure, p_words, signed, transfer_words
from tlcore.strategies import STRATEGIES

CLEAR = {"linear-probe": (0.80, 0.81, 0.82), "full": (0.90, 0.91, 0.93)}
NOISE = {"linear-probe": (0.80, 0.81, 0.82), "full": (0.82, 0.80, 0.83)}


def read(comparison: Comparison) -> tuple[tuple[Row, ...], Names]:
    contents = comparison.read()
    return rows(contents, fill(contents, comparison.runs_dir), "accuracy"), Names(contents.spec)


def test_the_table_has_means_and_paired_differences(tmp_path: Path) -> None:
    found, _ = read(filled(tmp_path, CLEAR))
    probe, full = found
    assert (probe.estimate.mean, probe.gap) == (pytest.approx(0.81), None)
    assert full.gap is not None
    assert full.gap.mean == pytest.approx((0.10 + 0.10 + 0.11) / 3)
    assert (full.gap.over, full.gap.seeds, full.gap.p_flip, full.gap.p_flip_least) == ("seeds", 3, 0.25, 0.25)
    assert full.gap.within_noise is False


def test_out_of_noise_is_said_with_the_interval(tmp_path: Path) -> None:
    comparison = filled(tmp_path, CLEAR)
    found, names = read(comparison)
    said = headline(found, majorities(fill(comparison.read(), tmp_path))[found[0].setting], names, "accuracy")
    assert said.startswith("Full fine-tuning is best with 91.3 % (")
    assert "10.3 points more than Linear probe (+8.9 to +11.8 over 3 seeds)" in said
    assert "Every other strategy is behind by more than noise" in said
    assert "within noise" not in said
    assert said.endswith("Always naming the largest class gets 10.0 %.")


def test_within_noise_is_said_so(tmp_path: Path) -> None:
    found, names = read(filled(tmp_path, NOISE))
    said = headline(found, None, names, "accuracy")
    assert "0.7 points more than Linear probe (−3.1 to +4.5 over 3 seeds): within noise" in said
    assert "None of the others can be told from it" in said


def test_one_seed_without_predictions_says_that_nothing_tells_it_from_chance(tmp_path: Path) -> None:
    found, names = read(filled(tmp_path, {"linear-probe": (0.8,), "full": (0.9,)}))
    said = headline(found, None, names, "accuracy")
    assert "over its test images" in said
    assert "on 1 seed, without an interval: nothing tells it from chance" in said
    assert "one seed" in how_sure(found, names)


def test_one_seed_with_predictions_is_paired_image_by_image(tmp_path: Path) -> None:
    spec = spec_of(seeds=[0])
    rng = np.random.default_rng(0)
    probe = (rng.random(400) < 0.8).astype(float)
    better = np.maximum(probe, rng.random(400) < 0.5)
    for cell, right in zip(expanded(spec).cells, (probe, better), strict=True):
        done(tmp_path, spec.run_of(cell), float(right.mean()), right=right)
    comparison = create(tmp_path, spec, expanded(spec))
    comparison.adopt()
    found, _ = read(comparison)
    gap = found[1].gap
    assert gap is not None
    assert gap.over == "images"
    assert gap.mean == pytest.approx(better.mean() - probe.mean())
    assert gap.p == pytest.approx(2 * 0.5 ** (better - probe).sum())  # all that differ do so in one direction
    assert gap.within_noise is False


def test_patients_are_what_is_independent_where_they_are_told(tmp_path: Path) -> None:
    spec = spec_of(seeds=[0])
    probe, full = np.zeros(40), np.r_[np.ones(10), np.zeros(30)]
    owners = [f"patient {i // 10}" for i in range(40)]  # 4 patients; one of them is all the difference
    paths = [
        done(tmp_path, spec.run_of(cell), 0.5, right=right, clusters=owners).path
        for cell, right in zip(expanded(spec).cells, (probe, full), strict=True)
    ]
    by_image = paired_over_images([paths[1]], [paths[0]], over="images")
    by_patient = paired_over_images([paths[1]], [paths[0]], over="patients")
    assert by_image is not None
    assert by_patient is not None
    assert by_image.low > 0 > by_patient.low
    # By hand: patients' means are 1 0 0 0, their mean .25, sd .5, t(3) = 3.182.
    assert by_patient.high - by_patient.mean == pytest.approx(3.182446 * 0.5 / 2, abs=1e-5)
    assert by_patient.p == pytest.approx(stats.ttest_1samp([1, 0, 0, 0], 0).pvalue)  # the ratio's, with patients of one size


def test_negative_transfer_is_named_with_its_numbers(tmp_path: Path) -> None:
    values = {"linear-probe": (0.60, 0.61, 0.62), "full": (0.90, 0.91, 0.92), "from-scratch": (0.80, 0.81, 0.83)}
    found, names = read(filled(tmp_path, values))
    hurt, helped = transfer_words(found, names, "accuracy")
    assert hurt.startswith("Negative transfer: against training from scratch, Linear probe gets 20.3 points less (")
    assert helped.startswith("Pretraining helped: Full fine-tuning gets 9.7 points more than training from scratch (")
    assert "1 of 2 pretrained strategies is ahead" in helped


def test_what_one_of_many_loses_to_scratch_is_held_to_the_correction(tmp_path: Path) -> None:
    """By hand: -.02, -.022, -.028 are t = 9.7 and p = .0105 with 2 degrees of freedom; five times that is above .05."""
    lost = {"linear-probe": (0.78, 0.778, 0.772), "from-scratch": (0.80, 0.80, 0.80)}
    found, names = read(filled(tmp_path / "alone", lost))
    (said,) = transfer_words(found, names, "accuracy")
    assert said.startswith("Negative transfer: against training from scratch, Linear probe gets 2.3 points less (")
    noise = dict.fromkeys(("last-group", "top-two-groups", "full", "lp-ft"), (0.80, 0.81, 0.79))
    found, names = read(filled(tmp_path / "among", lost | noise))
    (said,) = transfer_words(found, names, "accuracy")
    assert said.startswith("Whether pretraining helped Linear probe, Last group, ")


def test_every_reading_calls_the_same_things_noise(tmp_path: Path) -> None:
    """Full fine-tuning is ahead of each by t = 9.7 over 3 seeds, p = .0104: noise among five, more than noise alone."""
    values = {"full": (0.80, 0.80, 0.80), "linear-probe": (0.78, 0.778, 0.772)}
    many = values | dict.fromkeys(("last-group", "top-two-groups", "gradual", "lp-ft"), (0.78, 0.778, 0.772))

    def said(values: dict, folder: str) -> tuple[tuple[Row, ...], str]:
        comparison = filled(tmp_path / folder, values, baseline="full", images_per_class=[10, None])
        found, names = read(comparison)
        here = [row for row in found if row.setting.images_per_class == 10]
        figure, heat = heat_map(found, names, "accuracy")
        notes = " ".join(note.text for note in figure.layout.annotations)
        _, labels = by_labels(found, names, "accuracy")
        _, front = pareto(here, "parameters", names, "accuracy")
        verdicts = [line.verdict for line in table_lines(found, {}, names, "accuracy")]
        return found, "\n".join([headline(here, None, names, "accuracy"), heat, notes, labels, front, *verdicts])

    found, alone = said(values, "alone")
    assert WITHIN not in alone.replace(f"≈ is {WITHIN} of it", "")
    assert "≈" not in alone.replace("≈ is", "")
    found, among = said(many, "among")
    gaps = [row.gap for row in found if row.gap is not None]
    assert {round(gap.p, 4) for gap in gaps} == {0.0104}
    assert {round(gap.p_holm, 3) for gap in gaps} == {0.052}
    assert all(gap.high < 0 and gap.within_noise for gap in gaps)
    assert "None of the others can be told from it: all differences are within noise." in among
    assert f"Best, or {WITHIN} of the best, everywhere: Linear probe, Last group, " in among
    assert among.count("77.7 ≈") == 10
    assert among.count("but every other strategy is within noise of it.") == 2
    assert "Nothing here shows that paying more buys more." in among
    assert len(re.findall(r"^within noise, corrected$", among, re.MULTILINE)) == 10


def test_seeds_that_all_gave_the_same_have_the_interval_of_their_test_images(tmp_path: Path) -> None:
    found, names = read(filled(tmp_path, {"linear-probe": (0.8, 0.8, 0.8), "full": (0.9, 0.91, 0.93)}))
    probe, _ = found
    assert (probe.estimate.sd, probe.estimate.low) == (0.0, None)
    assert probe.interval == pytest.approx((0.78, 0.82))
    assert "Where all seeds gave the same, or only one is done, the interval is over the test images." in how_sure(found, names)


def test_a_pair_has_one_verdict_wherever_it_is_spoken_of(tmp_path: Path) -> None:
    """The best against the baseline is in two families of pairs: it belongs to the baseline's, and to no other."""
    values = {"linear-probe": (0.78, 0.778, 0.772), "full": (0.80, 0.80, 0.80), "from-scratch": (0.60, 0.62, 0.61)}
    found, _ = read(filled(tmp_path, values))
    probe, full, scratch = found
    assert full.gap == full.against["linear-probe"] == probe.against["full"].turned()
    assert full.against["from-scratch"].p_holm == full.against["from-scratch"].p  # alone in the best one's family
    low, high = sorted([full.gap.p, scratch.gap.p])
    assert sorted([full.gap.p_holm, scratch.gap.p_holm]) == [pytest.approx(2 * low), pytest.approx(max(2 * low, high))]


def test_the_rule_is_said_where_differences_are(tmp_path: Path) -> None:
    found, names = read(filled(tmp_path / "two", CLEAR))
    assert "corrected after Holm for those that are held against the same strategy" in how_sure(found, names)
    found, names = read(filled(tmp_path / "three", CLEAR | {"last-group": (0.8, 0.8, 0.8)}))
    assert "corrected after Holm for the 2 that are held against the same strategy" in how_sure(found, names)
    found, names = read(filled(tmp_path / "one", {"linear-probe": (0.8, 0.9)}))
    assert "corrected" not in how_sure(found, names)


def test_a_probe_is_read_against_random_features(tmp_path: Path) -> None:
    found, names = read(filled(tmp_path, {"linear-probe": (0.9, 0.91), "random-features": (0.5, 0.52)}))
    (said,) = transfer_words(found, names, "accuracy")
    assert said.startswith("Pretrained features against random ones, a head on each: 39.5 points more (")


def test_the_pareto_front_is_marked_and_read(tmp_path: Path) -> None:
    values = {"linear-probe": (0.80, 0.81, 0.82), "last-group": (0.90, 0.91, 0.92), "full": (0.85, 0.86, 0.88)}
    found, names = read(filled(tmp_path, values))
    assert costs_known(found) == ["parameters", "time"]  # nothing measured forgetting, so nothing is shown
    figure, reading = pareto(found, "parameters", names, "accuracy")
    assert list(figure.data[0].x) == [1000, 50_000]
    assert "Linear probe (1 k parameters, 81.0 %) and Last group (50 k parameters, 91.0 %)" in reading
    assert "All the way up it gains 10.0 points" in reading


def test_labels_heat_map_and_curves_read_themselves(tmp_path: Path) -> None:
    comparison = filled(tmp_path, CLEAR, images_per_class=[10, None], budget=Budget(amount=2))
    found, names = read(comparison)
    figure, reading = by_labels(found, names, "accuracy")
    assert [round(x, 1) for x in figure.data[1].x] == [10.0, 125.7]
    assert reading.startswith("With 10 per class, Full fine-tuning leads with 91.3 %")
    _, reading = heat_map(found, names, "accuracy")
    assert reading.startswith("Full fine-tuning has the highest mean in both settings.")
    _, reading = curves([row for row in found if row.setting.images_per_class is None], names, "accuracy")
    assert (
        "After the first epoch Full fine-tuning (81.3 %) is ahead on the validation split, at the end still (86.3 %)."
        in reading
    )
    assert "Still rising when the budget ended: Linear probe and Full fine-tuning" in reading


def test_all_presets_have_looks_of_their_own() -> None:
    spec = spec_of(list(STRATEGIES))
    known = looks(spec)
    assert len({(look.colour, look.marker) for look in known.values()}) == len(STRATEGIES)
    less = looks(spec_of(list(STRATEGIES)[:4]))
    assert all(known[name] == look for name, look in less.items())  # adding more changes none


def test_time_is_charged_as_though_nothing_had_been_kept() -> None:
    history = [{"seconds": 2.0}, {"seconds": 2.0}]
    prefix = {"precision": "float32", "seconds": {"float32": 0.01}}

    def cut(needed: int, computed: int, seconds: float) -> dict:
        return {"passes": {"needed": needed, "computed": computed, "seconds": seconds}, "prefix": prefix}

    assert fair_seconds({"history": history}) == 4.0
    assert fair_seconds({"history": history, "cut": cut(500, 500, 6.0)}) == 10.0
    assert fair_seconds({"history": history, "cut": cut(500, 250, 3.0)}) == 10.0
    assert fair_seconds({"history": history, "cut": cut(500, 0, 0.0)}) == 9.0


def test_json_and_csv_hold_all_of_it(tmp_path: Path) -> None:
    comparison = filled(tmp_path, CLEAR)
    answer = json.loads(json.dumps(told(comparison), allow_nan=False))
    assert {"cells", "table", "differences", "sentences", "spec", "versions"} <= answer.keys()
    assert [row["strategy"] for row in answer["table"]] == ["linear-probe", "full", MAJORITY]
    assert answer["table"][-1]["mean"] == 0.1
    contents = comparison.read()
    lines = list(csv.DictReader(io.StringIO(as_csv(contents, fill(contents, tmp_path)))))
    assert len(lines) == 6
    assert {line["state"] for line in lines} == {"done"}


def test_an_empty_comparison_says_that_nothing_has_finished(tmp_path: Path) -> None:
    spec = spec_of()
    answer = told(create(tmp_path, spec, expanded(spec)))
    assert answer["sentences"] == ["Nothing has finished here yet."]
    assert answer["table"] == []


@pytest.mark.parametrize(("p", "words"), [(0.0004, "below .001"), (0.036, ".036"), (0.25, ".25"), (1.0, "1"), (None, "")])
def test_p_values_read_as_people_write_them(p: float | None, words: str) -> None:
    assert p_words(p) == words


def test_signs() -> None:
    assert [signed("accuracy", value) for value in (0.021, -0.012, 0.0001)] == ["+2.1", "−1.2", "0.0"]
    assert signed("auroc", -0.0123) == "−0.012"
