"""Which sources a finished run can be asked about, as far as its spec alone tells. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

from tlcore.errors import SpecError, ThawError
from tlcore.models.ancestry import ancestry
from tlcore.source_probes.catalogue import SOURCES
from tlcore.spec import ForgettingSpec, RunSpec
from tlcore.spec.run import SourceName
from tlcore.strategies.start import FromRun

_ALL: Final = ForgettingSpec.model_fields["sources"].default


def askable(spec: RunSpec, runs_dir: Path) -> tuple[SourceName, ...]:
    """The sources that a run of `spec` has something to be asked of, in the catalogue's order.

    What its weights come without (a classifier of 1,000 classes) shows only when they are loaded. Raises as `ancestry` does.
    """
    start = spec.strategy.start
    chained = isinstance(start, FromRun)
    first = ancestry(start, runs_dir)[0].spec if isinstance(start, FromRun) else spec
    pretrained = first.strategy.start.kind == "pretrained" and spec.head != "attention"
    return tuple(cast(SourceName, name) for name in SOURCES if (chained if name == "earlier-tasks" else pretrained))


def refuse_sources(spec: ForgettingSpec, about: RunSpec, runs_dir: Path) -> None:
    """Raise `SpecError` where sources were chosen and the run that is asked about has nothing to say of any of them."""
    if chose_all(spec):
        return
    try:
        known = askable(about, runs_dir)
    except ThawError:  # a run behind it is gone: the job tells so, and what the run itself measured
        return
    if set(spec.sources) & set(known):
        return
    asked = ", ".join(spec.sources)
    if "earlier-tasks" not in spec.sources:
        why = "has no pretrained classifier behind it"
    else:
        why = "starts from no other run" if len(spec.sources) == 1 else "has neither earlier tasks nor a pretrained classifier"
    if known:
        next_step = f"Of this run can be asked: {', '.join(known)}."
    else:
        next_step = "None can be asked of it: name another run, or leave the sources out for what can be had without one."
    raise SpecError(f"Run {spec.run_id} {why}, so there is nothing to ask of: {asked}.", next_step=next_step)


def chose_all(spec: ForgettingSpec) -> bool:
    """Whether the sources are the usual ones, all there are: then what does not apply was not asked for by name."""
    return spec.sources == _ALL
