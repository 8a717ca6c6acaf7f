"""What went wrong in a run, what it means, and a button that opens the form with the remedy."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.refill import refill
from pages.parts.session import engine
from pages.parts.summary import summaries
from pages.parts.text import plain
from tlcore.diagnosis import Diagnosis, Finding, Remedy, diagnose, probe_beside
from tlcore.diagnosis.finding import Severity, within
from tlcore.figures.words import listing
from tlcore.runs import Run
from tlcore.spec import RunSpec

SECONDS = 3  # between two looks at a run that lives: an epoch rarely takes less
_SEEN = "diagnosis-events"
_JUDGED = ("plan", "step", "epoch", "resumed", "state")
_ICONS: dict[Severity, str] = {
    "problem": ":material/error:",
    "warning": ":material/warning:",
    "info": ":material/info:",
}


def show_diagnosis(run: Run, spec: RunSpec, result: dict[str, Any] | None) -> Diagnosis:
    """Draw what was found, or that nothing was and what was looked for."""
    probe = probe_beside(spec, result, ((other.run, other.spec) for other in summaries()))
    known = diagnose(spec, run.events()[0], result, probe)
    if result is None and not known.findings:
        return known  # a run without results says itself why it ended
    st.subheader("Diagnosis")
    for finding in known.findings:
        if remedy := _draw(finding):
            refill(remedy.applied(spec))
    _looked_for(known)
    return known


@st.fragment(run_every=SECONDS)
def watch_health(run: Run, spec: RunSpec) -> None:
    """While a run lives: what makes it useless already, with the way out. Nothing where nothing does."""
    known = diagnose(spec, _events(run))
    for finding in known.findings:
        if finding.severity == "problem" and (remedy := _draw(finding, live=True)):
            refill(remedy.applied(spec), first=lambda: engine().cancel(run.id))


def _draw(finding: Finding, *, live: bool = False) -> Remedy | None:
    """Draw a finding; returns its remedy where the button was pressed just now."""
    with st.container(border=True):
        st.markdown(f"{_ICONS[finding.severity]} **{plain(finding.title)}**  \n{plain(finding.seen)}")
        st.markdown(plain(finding.means))
        remedy = finding.remedy
        if remedy is None:
            return None
        words = f"Stop and apply: {within(remedy.words)}" if live else remedy.words
        does = "Cancels this run and opens the form" if live else "Opens the form"
        pressed = st.button(
            words,
            key=f"remedy-{finding.name}",
            icon=":material/build:",
            help=f"{does} with this change. Nothing starts by itself.",
        )
        return remedy if pressed else None


def _looked_for(known: Diagnosis) -> None:
    clear = listing([within(title) for title in known.clear])
    if known.findings:
        if known.clear:
            st.caption(f":material/check_circle: Also looked for, and not seen: {plain(clear)}.")
    else:
        st.markdown(f":material/check_circle: Nothing looks wrong. Looked for: {plain(clear)}.")
    if known.cannot_tell:
        why = "; ".join(f"{within(title)} ({why})" for title, why in known.cannot_tell.items())
        st.caption(f":material/help: Cannot be told: {plain(why)}.")


def _events(run: Run) -> list[dict[str, Any]]:
    """The run's events that a diagnosis reads; each look takes up where the last one of this session ended."""
    known = st.session_state.get(_SEEN)
    if known is None or known["run"] != run.id:
        known = st.session_state[_SEEN] = {"run": run.id, "next": 0, "events": []}
    news, known["next"] = run.events(known["next"])
    known["events"] += [event for event in news if event["type"] in _JUDGED]
    return known["events"]
