"""The playbook's rules, in its order, and the ranked list that they give.

The first six are the practitioner's playbook's. It is silent about some situations (small data near the source on a strong
machine, large data on a middling one); the rules after those fill the gaps, and say so. Whether the advice is any good is
measured: `python -m tlcore advice-regret`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from tlcore.advice.situation import Compute, Shift, Situation, Size

ANY_SIZE: tuple[Size, ...] = ("small", "medium", "large")
ANY_SHIFT = get_args(Shift)
ANY_COMPUTE = get_args(Compute)


@dataclass(frozen=True)
class Rule:
    """Where it holds, what it says to try (the first choice first), and why, as a sentence."""

    sizes: tuple[Size, ...]
    shifts: tuple[Shift, ...]
    computes: tuple[Compute, ...]
    strategies: tuple[str, ...]  # names of presets
    why: str
    from_playbook: bool = True

    def holds(self, situation: Situation) -> bool:
        return situation.size in self.sizes and situation.shift in self.shifts and situation.compute in self.computes


@dataclass(frozen=True)
class Advice:
    """One strategy to try, and the rule that names it."""

    strategy: str
    rule: Rule


RULES: tuple[Rule, ...] = (
    Rule(
        ("small",),
        ("low",),
        ("low",),
        ("linear-probe",),
        "Few images of a kind that the backbone knows: its features will do, and more would only be memorised.",
    ),
    Rule(
        ("small",),
        ("high",),
        ANY_COMPUTE,
        ("gradual",),
        "Few images of a foreign kind: the features have to move, but one group at a time and at small rates.",
    ),
    Rule(
        ("medium",),
        ANY_SHIFT,
        ANY_COMPUTE,
        ("top-two-groups", "last-group"),
        "Enough images for the groups nearest to the head, and not for all: unfreeze two to four blocks.",
    ),
    Rule(
        ("large",),
        ANY_SHIFT,
        ("high",),
        ("full", "lp-ft"),
        "Many images and a machine for them: everything may move.",
    ),
    Rule(
        ANY_SIZE,
        ANY_SHIFT,
        ("low",),
        ("lora", "adapters"),
        "Little to compute with: adapters move a few percent of the weights, which saves memory and disk more than time.",
    ),
    Rule(
        ("small",),
        ("low",),
        ("medium", "high"),
        ("linear-probe", "last-group"),
        "Few images of a kind that the backbone knows: a stronger machine does not make them more.",
        from_playbook=False,
    ),
    Rule(
        ("large",),
        ANY_SHIFT,
        ("medium",),
        ("lp-ft", "top-two-groups"),
        "Many images on a middling machine: the head first, so that the epochs in which everything moves can be few.",
        from_playbook=False,
    ),
    Rule(
        ANY_SIZE,
        ANY_SHIFT,
        ANY_COMPUTE,
        ("linear-probe",),
        "The probe costs seconds, and everything else is measured against it.",
        from_playbook=False,
    ),
)


def advise(situation: Situation) -> tuple[Advice, ...]:
    """Strategies to try, the best guess first, each once; none without labels, where self-supervision would come first."""
    named: dict[str, Rule] = {}
    for rule in RULES:
        if rule.holds(situation):
            for strategy in rule.strategies:
                named.setdefault(strategy, rule)
    return tuple(Advice(strategy, rule) for strategy, rule in named.items())
