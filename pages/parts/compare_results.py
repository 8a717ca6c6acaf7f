"""What a comparison says: the pictures with their readings, the table with intervals and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from pages.parts.figures import as_format, shown
from pages.parts.text import plain
from tlcore.compare.folder import Comparison, Contents
from tlcore.compare.outcomes import METRICS, Filled
from tlcore.compare.spec import Setting
from tlcore.compare.table import Majority, Row, best_of, majorities, rows
from tlcore.figures.compare_curves import curves
from tlcore.figures.compare_heat import heat_map
from tlcore.figures.compare_labels import by_labels
from tlcore.figures.compare_legend import OWN_LEGEND, legend
from tlcore.figures.compare_names import Names, is_control
from tlcore.figures.compare_pareto import COSTS, costs_known, pareto
from tlcore.figures.compare_table import table_lines
from tlcore.figures.compare_told import lines
from tlcore.figures.compare_words import (
    by_setting,
    headline,
    how_sure,
    metric_title,
    rule_words,
    transfer_words,
    without_words,
)
from tlcore.figures.words import METRICS as SAID
from tlcore.figures.words import is_share

_FIELDS = {  # column -> what of a line is in it
    "Strategy": "strategy",
    "Mean": "mean",
    "Interval": "interval",
    "SD": "sd",
    "Difference": "difference",
    "Verdict": "verdict",
    "p": "p",
    "Flip": "flip",
    "Seeds": "seeds",
    "Moves": "moves",
    "Time": "time",
}


def results(comparison: Comparison, contents: Contents, filled: Sequence[Filled], names: Names) -> str:
    """Draw all there is so far; returns the metric that is looked at."""
    if not any(one.outcome is not None for one in filled):
        st.caption("The pictures and the table appear with the first run that is done.")
        return METRICS[0]
    judged, looked = st.columns([4, 5], vertical_alignment="bottom")
    metric = judged.segmented_control(
        "Judged by",
        METRICS,
        default=METRICS[0],
        required=True,
        format_func=_short_title,
        key="compare-metric",
        wrap=True,
        help=" ".join(f"{SAID[name][0]}: {SAID[name][1]}" for name in METRICS),
    )
    found, known = rows(contents, filled, metric), majorities(filled)
    settings = by_setting(found)
    if not settings:
        st.caption(f"{plain(metric_title(metric))} is not defined on this test split.")
        return metric
    with looked:
        setting = _setting(list(settings), names)
    here = settings[setting]
    st.markdown(f"#### {plain(headline(here, known.get(setting), names, metric))}")
    for sentence in transfer_words(here, names, metric):
        st.markdown(plain(sentence))

    if len(here) > 1:
        st.header("What it costs")
        _pareto(comparison, here, names, metric, known.get(setting))
    _labels(comparison, found, setting, names, metric, known)
    if len(settings) > 1:
        st.header("Everywhere at a glance")
        shown("heat", comparison, *heat_map(found, names, metric))
    st.header("The table")
    _table(here, known, names, metric)
    st.caption(plain(" ".join([how_sure(found, names), *without_words(names.spec.names)])))
    st.header("How they trained")
    shown("curves", comparison, *curves(here, names, metric))
    as_format()
    return metric


def _short_title(metric: str) -> str:
    """A title that leaves room for the others in a line of a phone."""
    return metric_title(metric).replace("Balanced accuracy", "Balanced acc.")


def _setting(settings: list[Setting], names: Names) -> Setting:
    if len(settings) == 1:
        return settings[0]
    return st.selectbox("Look at", settings, format_func=names.setting, key="compare-setting")


def _pareto(comparison: Comparison, here: list[Row], names: Names, metric: str, majority: Majority | None) -> None:
    costs = costs_known(here)
    cost = st.segmented_control(
        "Against",
        costs,
        default=costs[0],
        required=True,
        format_func=lambda name: COSTS[name].title,
        label_visibility="collapsed",
        key="compare-cost",
        wrap=True,
    )
    shown(f"pareto-{cost}", comparison, *pareto(here, cost, names, metric, majority))
    _marks(here, names)
    st.caption(
        "Time is that of the epochs and of the frozen layers, as though nothing had been kept from another run: the order "
        "in which the runs went plays no part. Larger markers with a name are the front: no other is cheaper and better."
    )
    for title in (COSTS[name].title.lower() for name in COSTS if name not in costs):
        st.caption(f":material/info: There is no picture of {title}: not every run here has measured it.")


def _marks(here: Sequence[Row], names: Names) -> None:
    """The legend of figures that have no room for one of their own."""
    strategies = dict.fromkeys(row.strategy for row in here)
    if len(strategies) > OWN_LEGEND:
        st.html(legend(strategies, names))


def _labels(
    comparison: Comparison,
    found: Sequence[Row],
    setting: Setting,
    names: Names,
    metric: str,
    known: Mapping[Setting, Majority],
) -> None:
    line = lines(found).get((setting.dataset, setting.backbone))
    if line is not None:
        st.header("With more labels")
        chosen = _some_of(line, names)
        shown("labels", comparison, *by_labels(line, names, metric, known.get(setting), shown=chosen))
        _marks([row for row in line if row.strategy in chosen], names)


def _some_of(line: Sequence[Row], names: Names) -> list[str]:
    """So many strategies as can be told apart: at first the baseline, the controls, and the best at each number of labels."""
    here = [name for name in names.spec.names if any(row.strategy == name for row in line)]
    if len(here) <= OWN_LEGEND:
        return here
    best = {best_of(rows).strategy for rows in by_setting(line).values()}
    first = [n for n in here if n in best or n == names.spec.baseline or is_control(names.spec, n)]
    return st.multiselect("Lines", here, default=first, format_func=names.strategy, key="compare-lines", wrap=True) or first


def _table(found: Sequence[Row], known: Mapping[Setting, Majority], names: Names, metric: str) -> None:
    base = names.strategy(names.spec.baseline)
    frame = table(found, known, names, metric)
    st.dataframe(
        frame,
        hide_index=True,
        column_config={  # in pixels: a phone shows the first three columns, a wide screen all of them
            "Strategy": st.column_config.TextColumn(width=140),
            "Mean": st.column_config.NumberColumn(
                metric_title(metric),
                format="%.1f" if is_share(metric) else "%.3f",
                help="Mean over the seeds, test split.",
                width=76,
            ),
            "Interval": st.column_config.TextColumn(
                "95 % interval", help="Of the mean. One seed: over its test images.", width=100
            ),
            "Verdict": st.column_config.TextColumn(help=rule_words(found), width=92),
            "Moves": st.column_config.TextColumn("Parameters", help="Those that train.", width=90),
            "SD": st.column_config.TextColumn(help="Standard deviation over the seeds: their spread.", width=50),
            "Difference": st.column_config.TextColumn(
                f"Minus {base}", help="Paired by seed, with its 95 % interval.", width=148
            ),
            "p": st.column_config.TextColumn(
                "p (Holm)", help="Paired t-test, corrected for the number of strategies.", width=76
            ),
            "Flip": st.column_config.TextColumn(
                "p (sign flip)", help="Exact permutation of signs: few seeds show little.", width=80
            ),
            "Seeds": st.column_config.TextColumn(width=52),
            "Time": st.column_config.TextColumn(width=72),
        },
    )


def table(found: Sequence[Row], known: Mapping[Setting, Majority], names: Names, metric: str) -> pd.DataFrame:
    """The table as people read it: a row for each strategy of a setting, and one for the majority baseline."""
    lines = table_lines(found, known, names, metric)
    return pd.DataFrame({column: [getattr(line, field) for line in lines] for column, field in _FIELDS.items()})
