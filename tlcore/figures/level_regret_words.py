"""How often the recommended level was right, and what it lost: in words, for the terminal and the Layers page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlcore.advice.kept import Kept
from tlcore.advice.regret import ENOUGH_SEEDS
from tlcore.data.catalogue import DATASETS
from tlcore.figures.guide_words import lost
from tlcore.figures.words import listing, times
from tlcore.models.catalogue import BACKBONES

RULE_NAMES = {
    "advice": "the recommendation",
    "curve": "the probe's curve alone",
    "head": "the head alone",
    "all": "all groups",
}


def lost_interval(found: Mapping[str, Any]) -> str:
    """A regret in points with its interval: '1.2 (-0.8 to 3.1)'; 'none, the best' where the choice is the best itself."""
    if found["value"] == found["low"] == found["high"] == 0:
        return "none, the best"
    between = "" if found["low"] is None else f" ({100 * found['low']:.1f} to {100 * found['high']:.1f})"
    return f"{100 * found['value']:.1f}{between}"


def rule_sentence(rule: str, found: Mapping[str, Any]) -> str:
    """How often a rule chose the best level, or one within noise of it, and what it lost."""
    name = RULE_NAMES[rule]
    auroc = "" if found["mean_auroc_regret"] is None else f" ({_auroc(found['mean_auroc_regret'])} AUROC)"
    return (
        f"{name[0].upper()}{name[1:]}: within noise of the best level in {found['right']} of "
        f"{times(found['of'], 'situation')}, the best itself in {found['best'] or 'none'}; it {lost(found['mean_regret'])} of "
        f"test accuracy on average{auroc}, "
        f"{_worst(found['worst_regret'])}. Beside the level that the test images themselves like best, it "
        f"{lost(found['mean_most_lost'])}."
    )


def level_record(kept: Kept) -> list[str]:
    """How often this recommendation was right and what it lost, the other rules beside it; where it was measured."""
    answer = kept.answer
    rules = answer["summary"]
    own = rules["advice"]
    first = (
        f"Within noise of the best level in {own['right']} of {times(own['of'], 'situation')} where every level was trained, "
        f"the best itself in {own['best'] or 'none'}; on average it {lost(own['mean_regret'])} of test accuracy against the "
        f"best, {_worst(own['worst_regret'])}."
    )
    return [first, f"In the same situations {_others(rules)}.", *_apart(answer), _measured(kept)]


def _others(rules: Mapping[str, Any]) -> str:
    return listing(
        [
            f"{name} {lost(rules[rule]['mean_regret'])} (within noise in {rules[rule]['right']})"
            for rule, name in RULE_NAMES.items()
            if rule != "advice"
        ]
    )


def _apart(answer: Mapping[str, Any]) -> list[str]:
    rules = answer["summary_apart"]
    if not rules or rules["advice"]["of"] == answer["summary"]["advice"]["of"]:
        return []
    own = rules["advice"]
    return [
        f"On the data that the rule was not made with the recommendation {lost(own['mean_regret'])} (within noise in "
        f"{own['right']} of {own['of']}), {_others(rules)}."
    ]


def _measured(kept: Kept) -> str:
    answer = kept.answer
    counts: dict[str, list[str]] = {}
    for one in answer["situations"]:
        counts.setdefault(one["dataset"], []).append(str(one["images_per_class"] or "all"))
    alike: dict[str, list[str]] = {}
    for name, many in counts.items():
        alike.setdefault(listing(many), []).append(DATASETS[name].title if name in DATASETS else Path(name).name)
    data = "; ".join(f"{listing(titles)} with {many} images per class" for many, titles in alike.items())
    backbone = BACKBONES[answer["backbone"]].title if answer["backbone"] in BACKBONES else answer["backbone"]
    where = "on a machine like this one" if kept.from_here else f"on another machine ({answer['machine']['processor']})"
    text = (
        f"Measured {answer['made']} {where}: {data}; {backbone} at {answer['image_size']} px, "
        f"{times(answer['epochs'], 'epoch')}, {times(answer['seeds'], 'seed')}."
    )
    text += " The probes are judged on some of the same test images, which flatters the recommendation a little."
    if answer["seeds"] < ENOUGH_SEEDS:
        text += " With so few seeds noise is that of the test images alone, and wide: being within it is no proof."
    return text


def _worst(value: float) -> str:
    return f"at worst it {lost(value)}"


def _auroc(value: float) -> str:
    return f"{abs(value):.3f}" if abs(value) < 5e-4 else f"{'lost' if value > 0 else 'gained'} {abs(value):.3f}"
