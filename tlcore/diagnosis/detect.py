"""All detectors, and what they say about a run: finished, failed, or as far as it has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from tlcore.diagnosis.batchnorm import trains_batchnorm, unstable_batchnorm
from tlcore.diagnosis.better_alone import head_alone_better, moves_features
from tlcore.diagnosis.collapse import collapse
from tlcore.diagnosis.evidence import gather
from tlcore.diagnosis.finding import CannotTell, Detector, Finding, Severity
from tlcore.diagnosis.forgetting import forgot, may_forget
from tlcore.diagnosis.overfitting import over_fitting
from tlcore.diagnosis.overshoot import moves_at_once, overshoot
from tlcore.diagnosis.plateau import head_alone, head_plateau
from tlcore.diagnosis.rates import dead_rate, exploding_rate, steps_taken
from tlcore.diagnosis.underfitting import under_fitting
from tlcore.diagnosis.unfreezing import drop_after_unfreezing, unfreezes
from tlcore.figures.fold import Event
from tlcore.spec import RunSpec

# A new detector is a function in a file of its own, and its record here.
DETECTORS: tuple[Detector, ...] = (
    Detector("exploding-rate", "Exploding loss", exploding_rate, steps_taken),
    Detector("dead-rate", "Nothing moves", dead_rate, steps_taken),
    Detector("overshoot", "First steps that overshoot", overshoot, moves_at_once),
    Detector("collapse", "One class for every image", collapse),
    Detector("drop-after-unfreezing", "A drop after unfreezing", drop_after_unfreezing, unfreezes),
    Detector("unstable-batchnorm", "Unstable BatchNorm", unstable_batchnorm, trains_batchnorm),
    Detector("over-fitting", "Over-fitting", over_fitting),
    Detector("under-fitting", "Under-fitting", under_fitting, steps_taken),
    Detector("head-plateau", "The frozen features fall short", head_plateau, head_alone),
    Detector("better-alone", "The head alone does better", head_alone_better, moves_features),
    Detector("forgetting", "Forgetting", forgot, may_forget),
)

# What a finding explains is not said as well: it has the same cause and the same remedy.
EXPLAINS: Mapping[str, tuple[str, ...]] = {
    "exploding-rate": (
        *("overshoot", "collapse", "drop-after-unfreezing", "unstable-batchnorm", "forgetting", "over-fitting", "head-plateau"),
        *("under-fitting", "better-alone"),
    ),
    "dead-rate": (
        *("exploding-rate", "overshoot", "collapse", "head-plateau", "unstable-batchnorm"),
        *("under-fitting", "better-alone"),
    ),
    "overshoot": ("collapse", "under-fitting", "better-alone", "forgetting"),
    "collapse": ("under-fitting", "head-plateau", "better-alone"),
    "drop-after-unfreezing": ("collapse", "forgetting", "under-fitting", "better-alone"),
    "unstable-batchnorm": ("under-fitting",),
    "over-fitting": ("under-fitting", "better-alone"),
    "better-alone": ("under-fitting",),  # which says more: that the features as they came do better
}


@dataclass(frozen=True)
class Diagnosis:
    """What was found, the worst first; the pitfalls that were looked for and not seen; and those that cannot be told, with why.

    A pitfall that the run cannot fall into (BatchNorm that is frozen, say) is in none of them.
    """

    findings: tuple[Finding, ...]
    clear: tuple[str, ...]  # titles
    cannot_tell: Mapping[str, str]  # title -> why

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def diagnose(
    spec: RunSpec,
    events: Iterable[Event],
    result: Mapping[str, Any] | None = None,
    probe: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """Look at what a run has reported so far (in order, as its folder has it), and at its result, if it has one.

    `probe` is the result of a probe of the same data (`probe_beside`), to hold the run against.
    """
    seen = gather(spec, events, result, probe)
    if seen is None:
        return Diagnosis((), (), {})
    findings: list[Finding] = []
    clear: list[str] = []
    cannot_tell: dict[str, str] = {}
    for detector in DETECTORS:
        if not detector.concerns(seen):
            continue
        answer = detector.look(seen)
        if isinstance(answer, Finding):
            findings.append(replace(answer, name=detector.name, title=detector.title))
        elif isinstance(answer, CannotTell):
            cannot_tell[detector.title] = answer.why
        else:
            clear.append(detector.title)
    return Diagnosis(_without_the_explained(findings), tuple(clear), cannot_tell)


def _without_the_explained(findings: list[Finding]) -> tuple[Finding, ...]:
    """The worst first. A cause is as bad as what it explains; one that is only worth knowing explains nothing."""
    known = {finding.name: finding for finding in findings}
    explained: set[str] = set()
    for name in [finding.name for finding in findings if finding.severity != "info"]:
        effects = [known[effect] for effect in EXPLAINS.get(name, ()) if effect in known]
        explained |= {effect.name for effect in effects}
        worst = min((known[name], *effects), key=_rank)
        known[name] = replace(known[name], severity=worst.severity)
    return tuple(sorted((finding for name, finding in known.items() if name not in explained), key=_rank))


def _rank(finding: Finding) -> int:
    return get_args(Severity).index(finding.severity)
