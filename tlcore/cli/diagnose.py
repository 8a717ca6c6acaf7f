"""The command diagnose: what went wrong in a run, as far as it has come, and what to change."""

from __future__ import annotations

import argparse
import json

from tlcore.cli.report import plain, table
from tlcore.cli.runs import named_run
from tlcore.diagnosis import Diagnosis, Finding, diagnose, probe_beside, runs_in
from tlcore.diagnosis.finding import within
from tlcore.errors import SpecError
from tlcore.figures.words import listing
from tlcore.runs import Run
from tlcore.spec import RunSpec


def diagnose_run(given: argparse.Namespace) -> None:
    run = named_run(given)
    spec = run.spec()
    if not isinstance(spec, RunSpec):
        raise SpecError(f"Run {run.id} trains nothing: it is of kind {spec.kind!r}.", next_step="Name a training run.")
    events, _ = run.events()
    result = run.result()
    told = diagnose(spec, events, result, probe_beside(spec, result, runs_in(run.path.parent)))
    if given.json:
        print(json.dumps({"run_id": run.id, "state": run.status().state, **told.as_dict()}))
    else:
        print(_text(told) or _nothing(run))


def _nothing(run: Run) -> str:
    """Why there is nothing to judge."""
    error = run.status().error
    if error is None:
        return "The run has not begun to train: there is nothing to judge yet."
    return plain(f"The run failed before it trained. {error['message']} {error.get('next_step') or ''}".rstrip())


def _text(told: Diagnosis) -> str:
    lines = []
    if told.findings:
        rows = [[found.severity, found.title, found.remedy.words if found.remedy else "-"] for found in told.findings]
        lines = [table(rows, ("severity", "found", "remedy")), ""]
        lines += [line for found in told.findings for line in _about(found)]
    elif told.clear:
        lines = ["Nothing looks wrong."]
    if told.clear:
        lines.append(f"Looked for and not seen: {listing([within(title) for title in told.clear])}.")
    lines += [f"{title}: cannot be told, {why}." for title, why in told.cannot_tell.items()]
    return "\n".join(lines)


def _about(found: Finding) -> list[str]:
    lines = [f"{found.title}:", f"  {plain(found.seen)}", f"  {plain(found.means)}"]
    if found.remedy:
        fields = " ".join(f"{name}={json.dumps(value)}" for name, value in found.remedy.change.items())
        lines.append(f"  {found.remedy.words}: {fields}")
    return [*lines, ""]
