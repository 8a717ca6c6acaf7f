"""The guide's sentences, against numbers that are known."""

from __future__ import annotations

from typing import Any

import pytest

from tlcore.advice import regret
from tlcore.advice.kept import Kept
from tlcore.advice.plateau import Deeper, Plateau
from tlcore.figures.guide_words import (
    compute_sentence,
    decimals,
    lost,
    plateau_sentences,
    record_sentences,
    shift_sentence,
    size_sentence,
)

EVERYWHERE = (("small", "low"), ("medium", "high"), ("large", "high"))
REACHED = {"value": 0.85, "low": 0.81, "high": 0.88}


def test_size_and_compute_say_the_number_and_the_borders() -> None:
    assert size_sentence(2144) == "2,144 labelled training images. Small is below 500, large from 5,000."
    assert size_sentence(1).startswith("1 labelled training image.")
    assert compute_sentence(2, None) == "2 cores and no GPU. Up to 4 cores is low, more is medium, a GPU is high."
    assert compute_sentence(2, "NVIDIA T4") == "NVIDIA T4: a GPU counts as high."


def test_a_shift_is_told_with_its_interval_and_a_neighbour_other_than_itself() -> None:
    measured = {"shift": 0.348, "low": 0.34, "high": 0.357, "floor": 0.002}
    text = shift_sentence(measured, "chest-xray")
    assert text.startswith("0.35 (0.34 to 0.36), where 0 is no distance at all")
    assert "About as far as Handwritten digits for EfficientNet-Lite0 at 128 px (0.33)" in text
    near = shift_sentence({"shift": -0.001, "low": -0.002, "high": 0.001, "floor": 0.002}, "x")
    assert near.startswith("0.00 (0.00 to 0.00)")
    assert near.endswith("no further than photographs are from one another.")


@pytest.mark.parametrize(("value", "text"), [(-0.001, "0.00"), (0.2, "0.20"), (-0.02, "-0.02"), (1.0, "1.00")])
def test_no_distance_is_never_minus_nothing(value: float, text: str) -> None:
    assert decimals(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012, "lost 1.2 points"), (-0.004, "gained 0.4 points"), (0.0, "lost nothing"), (0.01, "lost 1.0 point")],
)
def test_a_regret_in_words(value: float, text: str) -> None:
    assert lost(value) == text


def test_the_probe_is_read_with_what_speaks_for_unfreezing() -> None:
    deeper = Deeper("Full fine-tuning", {"value": 0.95, "low": 0.92, "high": 0.97})
    text = " ".join(plateau_sentences(Plateau("unfreeze", REACHED, 0.15, deeper, 1, (0.1, 0.06, 0.14)), 375))
    assert text == (
        "The probe names 85.0 % (81.0 to 88.0) of 375 validation images rightly. Full fine-tuning reaches 95.0 %, +10.0 points "
        "(+6.0 to +14.0) against the probe: the plateau calls for unfreezing more."
    )
    of_three = " ".join(plateau_sentences(Plateau("unclear", REACHED, 0.15, deeper, 3, (0.01, -0.02, 0.04)), 375))
    assert "the best of 3 tried, which flatters it" in of_three
    assert "cannot tell them apart" in of_three
    assert "stay with the head" in " ".join(
        plateau_sentences(Plateau("enough", REACHED, 0.15, deeper, 1, (-0.1, -0.2, -0.1)), 9)
    )


def test_alone_it_says_what_is_left_and_whether_features_or_labels_are_short() -> None:
    short = " ".join(plateau_sentences(Plateau("open", REACHED, 0.15, trained=0.88), 375))
    assert "At most 15.0 points are left to win" in short
    assert "Of its own training images it names 88.0 % rightly: the frozen features do not part even those" in short
    learnt = " ".join(plateau_sentences(Plateau("open", REACHED, 0.15, trained=1.0), 375))
    assert "more labels may help as much" in learnt
    assert "can add little" in " ".join(plateau_sentences(Plateau("enough", REACHED, 0.01), 375))
    assert "no better than guessing" in " ".join(plateau_sentences(Plateau("no signal", REACHED, 0.15), 375))


def test_the_record_says_how_often_how_much_where_and_when() -> None:
    rule = {"right": 3, "best": 1, "of": 4, "mean_regret": 0.008, "worst_regret": 0.021, "mean_auroc_regret": None}
    answer: dict[str, Any] = {
        "made": "2026-11-21",
        "backbone": "tf_efficientnet_lite0",
        "image_size": 64,
        "epochs": 8,
        "seeds": 1,
        "machine": {"processor": "Some CPU", "threads": 1, "gpu": None},
        "situations": [
            {"dataset": name, "situation": {"size": size, "shift": "high", "compute": "low"}}
            for name, size in (("digits", "small"), ("digits", "medium"), ("chest-xray", "small"))
        ],
        "summary": {"advice": rule, "linear-probe": rule | {"mean_regret": 0.03}, "full": rule | {"mean_regret": -0.002}},
    }
    first, second, third = record_sentences(Kept(answer, from_here=False))
    assert first == (
        "Within noise of the best strategy in 3 of 4 situations, the best itself in 1; on average it lost 0.8 points of test "
        "accuracy against the best found, at worst it lost 2.1 points."
    )
    assert "always probing lost 3.0 points (within noise in 3 of 4)" in second
    assert "always full fine-tuning gained 0.2 points" in second
    assert "on another machine (Some CPU)" in third
    assert "Handwritten digits and Chest X-rays: pneumonia or not" in third
    assert "1 seed. With so few seeds noise is that of the test images alone" in third
    assert third.endswith("None of them had large data or a low shift: what is advised there is unchecked.")
    everywhere = [{"dataset": "digits", "situation": dict(zip(("size", "shift"), two, strict=True))} for two in EVERYWHERE]
    assert "unchecked" not in record_sentences(Kept(answer | {"situations": everywhere}, from_here=True))[2]
    never = {"summary": answer["summary"] | {"advice": rule | {"best": 0}}}
    assert "the best itself in none;" in record_sentences(Kept(answer | never, from_here=True))[0]
    assert "few seeds" not in record_sentences(Kept(answer | {"seeds": regret.ENOUGH_SEEDS}, from_here=False))[2]
    assert "a machine like this one" in record_sentences(Kept(answer, from_here=True))[2]
