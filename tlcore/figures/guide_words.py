"""The guide's sentences: what was counted and measured, what a probe says about unfreezing, how good the advice has been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from tlcore.advice.kept import Kept
from tlcore.advice.plateau import Plateau
from tlcore.advice.regret import ENOUGH_SEEDS
from tlcore.advice.situation import FAR, FEW_CORES, LANDMARKS, LARGE, SMALL, Shift, landmark
from tlcore.data.catalogue import DATASETS
from tlcore.figures.words import interval, listing, percent, points, times
from tlcore.models.catalogue import BACKBONES

ALL_LEARNT = 0.98  # of its training images: a probe that names so many rightly is not short of features


def size_sentence(images: int) -> str:
    """What a number of training images is, and where the borders lie."""
    return f"{times(images, 'labelled training image')}. Small is below {SMALL:,}, large from {LARGE:,}."


def shift_sentence(result: Mapping[str, Any], dataset: str) -> str:
    """The measured shift with its interval, a dataset about as far, and where high begins."""
    shift = result["shift"]
    text = f"{decimals(shift)} ({decimals(result['low'])} to {decimals(result['high'])}), where 0 is no distance at all"
    if shift <= result["floor"]:
        return f"{text}: no further than photographs are from one another."
    near = landmark(shift, besides=dataset)
    title = DATASETS[near].title
    like = f"{title} for EfficientNet-Lite0 at 128 px ({decimals(LANDMARKS[near])})"
    return f"{text}. About as far as {like}; high is from {FAR:g} on."


def compute_sentence(cores: int, gpu: str | None) -> str:
    """What the machine has, and where the borders lie."""
    if gpu is not None:
        return f"{gpu}: a GPU counts as high."
    return f"{times(cores, 'core')} and no GPU. Up to {FEW_CORES} cores is low, more is medium, a GPU is high."


def decimals(value: float) -> str:
    """A shift in two decimals, and never -0.00."""
    return f"{value + 0.0:.2f}".replace("-0.00", "0.00")


def lost(value: float) -> str:
    """A regret in words: 'lost 1.2 points', 'lost nothing', 'gained 0.4 points'."""
    if abs(value) < 5e-4:
        return "lost nothing"
    return f"{'lost' if value > 0 else 'gained'} {points(value)}"


def record_sentences(kept: Kept) -> list[str]:
    """How often the advice was right, what it lost, beside the two simple rules; where, when and on what."""
    answer, rules = kept.answer, kept.answer["summary"]
    own = rules["advice"]
    first = (
        f"Within noise of the best strategy in {own['right']} of {times(own['of'], 'situation')}, the best itself in "
        f"{own['best'] or 'none'}; on average it "
        f"{lost(own['mean_regret'])} of test accuracy against the best found, at worst it {lost(own['worst_regret'])}."
    )
    names = {"linear-probe": "always probing", "full": "always full fine-tuning"}
    others = [
        f"{names[rule]} {lost(found['mean_regret'])} (within noise in {found['right']} of {found['of']})"
        for rule, found in rules.items()
        if rule != "advice"
    ]
    datasets = list(dict.fromkeys(one["dataset"] for one in answer["situations"]))
    titles = listing([DATASETS[name].title if name in DATASETS else name for name in datasets])
    backbone = BACKBONES[answer["backbone"]].title if answer["backbone"] in BACKBONES else answer["backbone"]
    where = "on a machine like this one" if kept.from_here else f"on another machine ({answer['machine']['processor']})"
    what = (
        f"Measured {answer['made']} {where}: {titles}, {backbone} at {answer['image_size']} px, "
        f"{times(answer['epochs'], 'epoch')}, {times(answer['seeds'], 'seed')}."
    )
    if answer["seeds"] < ENOUGH_SEEDS:
        what += " With so few seeds noise is that of the test images alone, and wide: being within it is no proof."
    return [first, *([f"On the same situations {listing(others)}."] if others else []), what + _unchecked(answer["situations"])]


def _unchecked(situations: Sequence[Mapping[str, Any]]) -> str:
    """Which sizes and shifts no situation had."""
    asked = [("size", size, f"{size} data") for size in ("small", "medium", "large")]
    asked += [("shift", shift, f"a {shift} shift") for shift in get_args(Shift)]
    missing = [words for axis, value, words in asked if all(one["situation"][axis] != value for one in situations)]
    return f" None of them had {' or '.join(missing)}: what is advised there is unchecked." if missing else ""


def plateau_sentences(found: Plateau, images: int) -> list[str]:
    """What the probe reached, what unfreezing is known to add, and what follows; `images` are the validation images."""
    reached = f"The probe names {interval(found.reached)} of {times(images, 'validation image')} rightly."
    if found.verdict == "no signal":
        return [
            reached,
            "Counting every class alike that is no better than guessing: the frozen features hold nothing for these classes, "
            "so unfreeze more, or look at the data first.",
        ]
    if found.deeper is not None and found.gain is not None:
        return [reached, _gained(found)]
    left = f"At most {points(found.left)} are left to win"
    if found.verdict == "enough":
        return [reached, f"{left}: unfreezing can add little here."]
    return [reached, f"{left}, and no deeper run on the same images has shown yet whether unfreezing wins them.", *_why(found)]


def _gained(found: Plateau) -> str:
    assert found.deeper is not None
    assert found.gain is not None
    value, low, high = (100 * number for number in found.gain)
    between = f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"
    best = f", the best of {found.tried} tried, which flatters it" if found.tried > 1 else ""
    title = f"{found.deeper.title} reaches {percent(found.deeper.accuracy['value'])}"
    if found.verdict == "unfreeze":
        return f"{title}, {between} against the probe{best}: the plateau calls for unfreezing more."
    if found.verdict == "enough":
        return f"{title}, {between} against the probe{best}: unfreezing lost here, stay with the head."
    return f"{title}, {between} against the probe{best}: these images cannot tell them apart, so the cheaper one will do."


def _why(found: Plateau) -> list[str]:
    """Whether the features or the labels are what is short, by the probe's own training images."""
    if found.trained is None:
        return []
    own = f"Of its own training images it names {percent(found.trained)} rightly:"
    if found.trained >= ALL_LEARNT:
        return [f"{own} the features hold what it has seen, so more labels may help as much as unfreezing."]
    return [f"{own} the frozen features do not part even those, which speaks for unfreezing."]
