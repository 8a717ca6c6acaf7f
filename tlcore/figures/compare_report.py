"""A comparison as one HTML file that needs nothing else: figures, table, readings, specs and versions; it prints on paper.

The figures are Plotly's own, whose script is in the file once: no browser is needed to make it and no network to read it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from typing import Any

import plotly.graph_objects as go
import plotly.io
import plotly.offline

from tlcore.compare.folder import Comparison
from tlcore.compare.outcomes import Filled, fill
from tlcore.compare.spec import Setting
from tlcore.compare.table import Majority, Row, majorities, rows
from tlcore.figures.compare_cost import made_words
from tlcore.figures.compare_curves import curves
from tlcore.figures.compare_heat import heat_map
from tlcore.figures.compare_labels import by_labels
from tlcore.figures.compare_legend import OWN_LEGEND, legend
from tlcore.figures.compare_names import Names
from tlcore.figures.compare_pareto import COSTS, costs_known, pareto
from tlcore.figures.compare_table import table_lines
from tlcore.figures.compare_told import lines, versions
from tlcore.figures.compare_words import (
    by_setting,
    headline,
    how_sure,
    metric_title,
    transfer_words,
    without_words,
)
from tlcore.figures.plan_words import meant_with
from tlcore.figures.words import is_share, times

_STYLE = """
:root { color-scheme: light; }
body { font: 1rem/1.5 system-ui, Arial, Helvetica, sans-serif; color: #1b2130; background: #fff; max-width: 1060px;
  margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; } h3 { font-size: 1.02rem; }
.lead { font-size: 1.1rem; font-weight: 600; } .about, figcaption { color: #4c5566; font-size: .9rem; }
figure { margin: 1rem 0; break-inside: avoid; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: left; padding: .28rem .5rem; border-bottom: 1px solid #dfe3ea; } th { font-weight: 600; }
td:nth-child(3) { white-space: nowrap; } .scroll { overflow-x: auto; }
pre { background: #f4f6f9; padding: .8rem; font-size: .78rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@page { size: A4; margin: 13mm; }
@media print {
  html { font-size: 12.5px; } body { margin: 0; padding: 0; max-width: none; } .modebar { display: none; }
  h2 { margin-top: 1.5rem; } h1, h2, h3, .lead { break-after: avoid; } p, tr { break-inside: avoid; }
  figure { margin: .3rem 0; } figure > div { height: auto !important; }
  th, td { padding: .15rem .35rem; } .scroll { overflow: visible; }
  .apart { break-before: page; } pre { font-size: .6rem; columns: 3; } summary { list-style: none; font-weight: 600; }
}
"""
# Plotly measures the screen: on paper each figure is as wide as the sheet's text and lower, and what is folded is opened.
_PRINT = """
const drawn = () => document.querySelectorAll(".js-plotly-plot");
const lay = (figure, height, size) => {
  figure.style.height = `${height}px`;
  Plotly.relayout(figure, {height, ...size});
};
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not([open])")) folded.open = folded.onPaper = true;
  for (const figure of drawn()) {
    figure.tall = figure.layout.height;
    lay(figure, Math.max(0.84 * figure.tall, 200), {autosize: false, width: 690});
  }
});
addEventListener("afterprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open &&= !folded.onPaper;
  for (const figure of drawn()) lay(figure, figure.tall, {autosize: true, width: null});
});
"""


def report(comparison: Comparison, metric: str, names: Names | None = None) -> str:
    """The page as text. Everything that a person wrote in it is escaped, in the figures too."""
    contents = comparison.read()
    names = names or Names(contents.spec)
    filled = fill(contents, comparison.runs_dir)
    found, known = rows(contents, filled, metric), majorities(filled)
    done = sum(one.state == "done" for one in filled)
    budget = f"{contents.spec.budget.amount:g} {contents.spec.budget.unit}"
    about = (
        f"{done} of {times(len(filled), 'run')} done; {times(len(contents.spec.seeds), 'seed')}; a budget of {budget} "
        f"for each; written on {datetime.now(UTC).strftime('%d %B %Y, %H:%M UTC')}. Comparison {comparison.id}."
    )
    body = [f"<h1>{escape(names.title())}</h1>", f'<p class="about">{escape(about)}</p>']
    for setting, here in by_setting(found).items():
        body += _setting(setting, here, known.get(setting), names, metric)
    for (dataset, backbone), line in lines(found).items():
        where = f"{names.dataset(dataset)}, {names.backbone(backbone)}"
        body += [
            f"<h2>With more labels: {escape(where)}</h2>",
            _figure(*by_labels(line, names, metric, known.get(line[0].setting))),
        ]
    if len(by_setting(found)) > 1:
        body += ["<h2>Everywhere at a glance</h2>", _figure(*heat_map(found, names, metric))]
    body += [
        "<h2>The table</h2>",
        _table(found, known, names, metric),
        f'<p class="about">{escape(" ".join([how_sure(found, names), *without_words(contents.spec.names)]))}</p>',
    ]
    if own := {name: fields for name in contents.spec.names if (fields := contents.spec.own(name))}:
        each = [f"{names.strategy(name)}. {meant_with(fields)}" for name, fields in own.items()]
        body += ["<h2>Settings of their own</h2>", *(f"<p>{escape(text)}</p>" for text in each)]
    if contents.left_out:
        each = dict.fromkeys(f"{names.strategy(one.strategy)}: {one.reason}" for one in contents.left_out)
        body += ["<h2>Left out</h2>", *(f"<p>{escape(text)}</p>" for text in each)]
    body += _provenance(contents.spec.model_dump(mode="json"), filled)
    title = escape(f"Thaw: {names.title()}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><script>{plotly.offline.get_plotlyjs()}</script></head>"
        f"<body>{''.join(body)}<script>{_PRINT}</script></body></html>"
    )


def _setting(setting: Setting, here: Sequence[Row], majority: Majority | None, names: Names, metric: str) -> list[str]:
    pictures = []
    for cost in costs_known(here):
        drawn = _figure(*pareto(here, cost, names, metric, majority))
        pictures.append(f"<h3>Against {escape(COSTS[cost].title.lower())}</h3>{drawn}")
    return [
        f"<h2>{escape(names.setting(setting))}</h2>",
        f'<p class="lead">{escape(headline(here, majority, names, metric))}</p>',
        *(f"<p>{escape(sentence)}</p>" for sentence in transfer_words(here, names, metric)),
        *pictures,
        legend([row.strategy for row in here], names) if len(here) > OWN_LEGEND else "",
        "<h3>How they trained</h3>",
        _figure(*curves(here, names, metric)),
    ]


def _figure(chart: go.Figure, reading: str) -> str:
    chart.update_layout(template="plotly_white", autosize=True)
    config = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
    drawn = plotly.io.to_html(chart, include_plotlyjs=False, full_html=False, config=config)
    return f"<figure>{drawn}<figcaption>{escape(reading)}</figcaption></figure>"


def _table(found: Sequence[Row], known: dict[Setting, Majority], names: Names, metric: str) -> str:
    heads = ["Strategy", metric_title(metric), "95 % interval", "sd", f"minus {names.strategy(names.spec.baseline)}", "verdict"]
    heads += ["p (Holm)", "p (sign flip)", "seeds", "parameters", "time"]
    digits = 1 if is_share(metric) else 3
    body = ""
    for setting, here in groupby(table_lines(found, known, names, metric), key=lambda line: line.setting):
        body += f'<tr><th colspan="{len(heads)}" scope="rowgroup">{escape(names.setting(setting))}</th></tr>'
        for line in here:
            cells = [line.strategy, f"{line.mean:.{digits}f}", line.interval, line.sd, line.difference, line.verdict]
            cells += [line.p, line.flip, line.seeds, line.moves, line.time]
            body += f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _provenance(spec: dict[str, Any], filled: Sequence[Filled]) -> list[str]:
    made = ", ".join(f"{name} {number}" for name, number in versions().items())
    runs = "\n".join(one.entry.run_id for one in filled if one.entry.run_id)
    return [
        '<h2 class="apart">How it was made</h2>',
        f"<p>{escape(made)}. {escape(made_words(filled) or 'The same spec on the same machine gives the same numbers.')}</p>",
        f"<details><summary>The spec of the comparison</summary><pre>{escape(json.dumps(spec, indent=1))}</pre></details>",
        f"<details><summary>The runs</summary><pre>{escape(runs)}</pre></details>",
    ]
