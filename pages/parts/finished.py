"""A finished run: the verdict, the numbers with intervals, the diagnosis, what to try next, and the figures with readings."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import streamlit as st

from pages.parts.diagnosis import show_diagnosis
from pages.parts.figures import as_format, shown
from pages.parts.forgotten import what_it_forgot
from pages.parts.frozen_words import how_it_went
from pages.parts.gallery import errors_gallery
from pages.parts.layers_beside import ask_its_layers
from pages.parts.next import next_steps
from pages.parts.stack import stack
from pages.parts.text import plain
from pages.parts.where_it_looks import where_it_looks
from tlcore.figures.calibration import calibration
from tlcore.figures.confusion import confusion_matrix
from tlcore.figures.curves import loss_curves, metric_curve
from tlcore.figures.cut_words import solved
from tlcore.figures.depth import drift_by_group
from tlcore.figures.fold import fold
from tlcore.figures.verdict import how_intervals, test_table, verdict
from tlcore.figures.words import METRICS, count, duration, measured, measured_interval, short_count
from tlcore.runs import Run
from tlcore.spec import RunSpec
from tlcore.strategies import Plan


def show_finished(run: Run, spec: RunSpec, result: dict[str, Any]) -> None:
    """Everything about a run that is done, from the sentence to the details."""
    plan = Plan.from_dict(result["plan"])
    words, tower = st.columns([3, 2], gap="large")
    with words:
        for sentence in verdict(result):
            st.markdown(f"#### {plain(sentence)}")
        for notice in result.get("notices", []):
            st.caption(f":material/info: {plain(notice['text'] if isinstance(notice, dict) else notice)}")
        how_it_went(result)
        _numbers(result)
        found = show_diagnosis(run, spec, result).findings
        next_steps(spec, result, offered=[finding.remedy.applied(spec) for finding in found if finding.remedy])
    with tower:
        stack(plan, key="finished-stack", image_size=spec.image_size, drift=result["drift"], cut=result.get("cut"))
    _training(run)

    st.header("The test split")
    table, matrix = st.columns([1, 1], gap="large")
    with table:
        _table(run, result)
    with matrix:
        shown("confusion", run, *confusion_matrix(result["confusion"], result["classes"]))
    errors_gallery(run, result)
    _calibration(run)

    st.header("What moved")
    figure, reading = drift_by_group(plan, result["drift"])
    if figure is None:
        st.markdown(plain(reading))
    else:
        shown("drift", run, figure, reading)
    ask_its_layers(run, spec)
    what_it_forgot(run, result)
    where_it_looks(run)
    as_format()
    _provenance(run, result)


def _training(run: Run) -> None:
    st.header("How it trained")
    known = fold(run.events()[0])
    if known.plan is not None and known.epochs:
        names = [name for name in METRICS if name not in ("ece", "loss")]
        name = st.selectbox("Measure on the validation split", names, format_func=lambda name: METRICS[name][0], width=300)
        loss, metric = st.columns(2, gap="large")
        with loss:
            shown("loss", run, *loss_curves(known))
        with metric:
            shown(f"validation-{name}", run, *metric_curve(known, name))


def _calibration(run: Run) -> None:
    file = run.path / "predictions.npz"
    if file.is_file():
        with np.load(file, allow_pickle=False) as saved:
            probabilities, labels = saved["probabilities"], saved["labels"]
        st.subheader("Is it right as often as it says?")
        shown("calibration", run, *calibration(probabilities, labels))


def _numbers(result: dict[str, Any]) -> None:
    test, how = result["test"], how_intervals(result)
    columns = (*st.columns(2), *st.columns(2))
    for column, name in zip(columns, ("accuracy", "auroc"), strict=False):
        title, what = METRICS[name]
        value, _, span = measured_interval(name, test[name]).partition(" (")
        column.metric(
            title,
            value,
            f"95 %: {span[:-1]}" if span else None,
            delta_color="off",
            delta_arrow="off",
            help=f"{what} On the test split. {how}",
        )
    trained = f"{short_count(result['trainable_params'])} of {short_count(result['total_params'])}"
    columns[2].metric("Parameters that moved", trained)
    where = f"On {result['device']}, {result['precision']}."
    if not any(solved(result.get("cut"), place) for place in range(len(result["plan"]["phases"]))):  # those look at features
        where = f"{count(result['images_per_second'])} images per second. {where}"
    columns[3].metric("Time", duration(result["seconds"]), help=where)


def _table(run: Run, result: dict[str, Any]) -> None:
    rows = test_table(result)
    st.dataframe(
        [{**row, **{name: _shown(row, name) for name in ("value", "low", "high", "baseline")}} for row in rows],
        hide_index=True,
        column_order=["metric", "value", "low", "high", "baseline"],
        column_config={
            "metric": st.column_config.TextColumn("Metric"),
            "value": st.column_config.TextColumn("Value"),
            "low": st.column_config.TextColumn("95 % from", help=how_intervals(result)),
            "high": st.column_config.TextColumn("to"),
            "baseline": st.column_config.TextColumn("Baseline", help="What always naming the largest class gets."),
        },
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    st.download_button("Download as CSV", text.getvalue(), f"{run.id}-test.csv", "text/csv", icon=":material/download:")


def _shown(row: dict[str, Any], name: str) -> str:
    value = row[name]
    if value is None:
        return "" if name != "value" else "not defined"
    metric = next((known for known, (title, _) in METRICS.items() if title == row["metric"]), "recall")
    return measured(metric, value)


def _provenance(run: Run, result: dict[str, Any]) -> None:
    with st.expander("Where the weights and the data come from", icon=":material/verified:"):
        weights, data = result["weights"], result["data"]
        st.markdown(plain(weights.get("text") or weights.get("source") or "Random weights."))
        if weights.get("sha256"):
            st.markdown(f"SHA-256 of the weights: `{weights['sha256']}`")
        st.markdown(plain(data.get("split_rule", "")))
        images = data.get("images") or {}
        st.markdown(plain(", ".join(f"{name}: {count(number)} images" for name, number in images.items())))
        st.markdown(f"Run `{run.id}`, seed {result['seed']}, batch size {result['batch_size']}")
