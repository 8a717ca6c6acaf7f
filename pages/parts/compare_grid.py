"""The grid of a comparison filling in: where every run stands, how far all of it is, cancel, and run what is missing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from html import escape

import streamlit as st

from pages.parts.session import engine, told
from pages.parts.text import plain
from tlcore.compare.folder import Comparison, Contents
from tlcore.compare.outcomes import Filled, fill
from tlcore.figures.compare_names import Names
from tlcore.figures.palette import TEST, VALIDATION, rgba
from tlcore.figures.words import count, duration, percent, times
from tlcore.runs import open_run
from tlcore.settings import runs_dir

TICK_SECONDS = 2.0
_SHOWN_ERRORS = 5
_TAIL_BYTES = 8192
_WORDS = {
    "queued": "waits",
    "running": "runs",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "lost": "lost",
    "missing": "not run",
}
_SIGNS = {"queued": "·", "failed": "×", "cancelled": "–", "lost": "?", "missing": " "}
_STYLE = f"""<style>
.cmp-scroll {{ overflow-x: auto; padding-bottom: .3rem; }}
table.cmp {{ border-collapse: separate; border-spacing: 3px; font-size: .84rem; font-variant-numeric: tabular-nums; }}
table.cmp th {{ font-weight: 500; text-align: center; padding: 0 .35rem; white-space: nowrap; border: none; }}
table.cmp th.name {{ text-align: right; position: sticky; left: 0; max-width: 13rem; overflow: hidden; text-overflow: ellipsis;
  background: PAPER; }}
table.cmp td {{ min-width: 2.9rem; height: 1.75rem; text-align: center; border-radius: 5px; padding: 0 .3rem;
  border: 1px solid rgba(128, 136, 150, .35); }}
table.cmp td.gap {{ min-width: .6rem; border: none; }}
table.cmp td.done {{ background: {rgba(TEST, 0.20)}; border-color: {rgba(TEST, 0.55)}; }}
table.cmp td.outdated {{ border-style: dashed; background: none; }}
table.cmp td.running {{ background: {rgba(VALIDATION, 0.22)}; border-color: {VALIDATION}; }}
table.cmp td.failed, table.cmp td.lost {{ border: 2px solid currentColor; font-weight: 700; }}
table.cmp td.missing, table.cmp td.cancelled {{ border-style: dashed; opacity: .75; }}
table.cmp a {{ color: inherit; text-decoration: none; display: block; }}
table.cmp a:hover, table.cmp a:focus {{ text-decoration: underline; }}
</style>"""


def grid(comparison: Comparison, contents: Contents, filled: Sequence[Filled], names: Names) -> None:
    """Draw it; while anything runs it looks again every two seconds, and the whole page once a run has ended."""
    drawn = _ended(filled)

    @st.fragment(run_every=TICK_SECONDS if _active(filled) else None)
    def living() -> None:
        now = fill(contents, runs_dir())
        if _ended(now) != drawn:
            st.rerun()
        _progress(comparison, now)
        paper = "#10141c" if st.context.theme.type == "dark" else "#ffffff"  # as the theme's: names stay put over what scrolls
        st.html(_STYLE.replace("PAPER", paper) + table(now, contents, names))
        _errors(now, names)

    living()


def _ended(filled: Sequence[Filled]) -> Counter:
    return Counter(one.state for one in filled if one.state not in ("queued", "running"))


def _active(filled: Sequence[Filled]) -> bool:
    return any(one.state in ("queued", "running") for one in filled)


def _progress(comparison: Comparison, filled: Sequence[Filled]) -> None:
    states = Counter(one.state for one in filled)
    running, waiting, done = states["running"], states["queued"], states["done"]
    missing = len(filled) - running - waiting - done
    line = st.container(horizontal=True, vertical_alignment="center")
    text = f"{count(done)} of {times(len(filled), 'run')} done"
    if running or waiting:
        text += f"; {count(running)} running, {count(waiting)} waiting{_time_left(filled)}"
        line.progress(done / len(filled), text=plain(text))
        if line.button("Cancel the rest", icon=":material/stop_circle:"):
            with told():
                comparison.cancel(engine())
            st.rerun()
    else:
        line.markdown(f"{plain(text)}.")
    outdated = sum(one.outdated for one in filled)
    if missing or outdated:
        label = f"Run {_what(missing, outdated)} ({missing + outdated})"
        help_words = "Runs that failed or were cancelled are run again, and those that would give other numbers now."
        if line.button(label, icon=":material/play_arrow:", help=help_words):
            with told():
                comparison.begin(engine())
            st.rerun()


def _what(missing: int, outdated: int) -> str:
    if missing and outdated:
        return "what is missing and what is outdated"
    if missing:
        return "what is missing" if missing > 1 else "the missing one"
    return "the outdated ones again" if outdated > 1 else "the outdated one again"


def _time_left(filled: Sequence[Filled]) -> str:
    """About how long the rest takes, once each strategy, or any, has an example."""
    known: dict[str, list[float]] = {}
    for one in filled:
        if one.outcome is not None:
            known.setdefault(one.entry.cell.strategy, []).append(one.outcome.seconds)
    every = [seconds for each in known.values() for seconds in each]
    if not every:
        return ""
    to_come = [known.get(one.entry.cell.strategy, every) for one in filled if one.state in ("queued", "running")]
    return f"; about {duration(sum(sum(each) / len(each) for each in to_come))} of training left"


def table(filled: Sequence[Filled], contents: Contents, names: Names) -> str:
    """The grid as HTML: strategies down; settings, and in them seeds, across. All that people wrote in it is escaped."""
    spec = contents.spec
    by_place = {(one.entry.cell.setting, one.entry.cell.strategy, one.entry.cell.seed): one for one in filled}
    several = len(spec.settings) > 1
    heads = "".join(
        f'<th colspan="{len(spec.seeds)}" scope="colgroup">{escape(names.setting(setting))}</th><td class="gap"></td>'
        for setting in spec.settings
    )
    seeds = "".join(
        "".join(f'<th scope="col">{"seed " if len(spec.seeds) <= 4 else ""}{seed}</th>' for seed in spec.seeds)
        + '<td class="gap"></td>'
        for _ in spec.settings
    )
    lines = []
    for name in spec.names:
        cells = []
        for setting in spec.settings:
            cells += [_cell(by_place.get((setting, name, seed))) for seed in spec.seeds]
            cells.append('<td class="gap"></td>')
        title = escape(names.strategy(name))
        lines.append(f'<tr><th class="name" scope="row" title="{title}">{title}</th>{"".join(cells)}</tr>')
    top = f"<tr><th></th>{heads}</tr>" if several else ""
    return (
        f'<div class="cmp-scroll"><table class="cmp"><thead>{top}<tr><th></th>{seeds}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>{_key(filled)}"
    )


def _cell(one: Filled | None) -> str:
    if one is None:
        return '<td class="missing" title="left out">/</td>'
    words = _WORDS[one.state]
    if one.outcome is not None:
        value = one.outcome.value("accuracy")
        text, words = ("–", "done") if value is None else (f"{100 * value:.1f}", f"accuracy {percent(value)}")
    elif one.state == "running":
        text = _share(one)
    else:
        text = _SIGNS[one.state]
    if one.outdated:
        words += ", outdated"
    about = f"{one.entry.cell.strategy}, seed {one.entry.cell.seed}: {words}{'. ' + one.error if one.error else ''}"
    inside = text
    if one.entry.run_id is not None and one.state != "missing":
        inside = f'<a href="train?run={escape(one.entry.run_id)}" target="_self">{text}</a>'
    return f'<td class="{one.state}{" outdated" * one.outdated}" title="{escape(about)}">{inside}</td>'


def _share(one: Filled) -> str:
    """How far a run has come, from the end of its events."""
    try:
        with open(open_run(runs_dir(), one.entry.run_id or "").path / "events.jsonl", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return "…"
    for line in reversed(lines):
        if b'"type":"step"' in line:
            try:
                event = json.loads(line)
                return f"{100 * event['step'] // max(event['steps'], 1)} %"
            except (ValueError, KeyError):
                continue
    return "…"


def _key(filled: Sequence[Filled]) -> str:
    present = [state for state in _SIGNS if any(one.state == state for one in filled)]
    signs = [f"{_SIGNS[state].strip() or 'empty'} {_WORDS[state]}" for state in present]
    running = ["a share: runs"] if any(one.state == "running" for one in filled) else []
    outdated = ["dashed: outdated"] if any(one.outdated for one in filled) else []
    words = ", ".join(["a number: test accuracy in %, its run behind it", *outdated, *running, *signs])
    return f'<div style="font-size:.78rem;opacity:.75">{words}</div>'


def _errors(filled: Sequence[Filled], names: Names) -> None:
    failed: dict[str, list[str]] = {}
    for one in filled:
        if one.state == "failed":
            where = f"{names.strategy(one.entry.cell.strategy)}, seed {one.entry.cell.seed}"
            failed.setdefault(one.error, []).append(where)
    for error, where in list(failed.items())[:_SHOWN_ERRORS]:
        many = f" and {len(where) - 1} more" if len(where) > 1 else ""
        st.caption(f":material/error: {plain(f'{where[0]}{many} failed. {error}')}")
