"""A comparison as plain data: its cells, its table, its differences and its sentences, for JSON, CSV and the terminal."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import tlcore
from tlcore.compare.folder import Comparison, Contents
from tlcore.compare.outcomes import METRICS, Filled, fill
from tlcore.compare.spec import Setting
from tlcore.compare.table import Gap, Majority, Row, majorities, rows
from tlcore.figures.baseline import baseline
from tlcore.figures.compare_cost import made_words
from tlcore.figures.compare_curves import curves_reading
from tlcore.figures.compare_heat import heat_reading
from tlcore.figures.compare_labels import labels_reading
from tlcore.figures.compare_names import Names
from tlcore.figures.compare_pareto import COSTS, costs_known, pareto_reading
from tlcore.figures.compare_words import by_setting, headline, how_sure, transfer_words, without_words
from tlcore.made_with import MADE_WITH

MAJORITY = "majority-baseline"
PACKAGES = ("torch", "timm", "numpy", "scikit-learn")


def told(comparison: Comparison, metric: str = "accuracy", names: Names | None = None) -> dict[str, Any]:
    """Everything about a comparison as it stands now."""
    contents = comparison.read()
    filled = fill(contents, comparison.runs_dir)
    names = names or Names(contents.spec)
    found = rows(contents, filled, metric)
    known = majorities(filled)
    return {
        "comparison": comparison.id,
        "metric": metric,
        "baseline": contents.spec.baseline,
        "cells": [_cell(one) for one in filled],
        "table": table(found, known, metric),
        "differences": [_difference(row) for row in found if row.gap is not None],
        "sentences": [*sentences(found, known, names, metric), *filter(None, [made_words(filled)])],
        "left_out": [
            one.setting._asdict() | {"strategy": one.strategy, "reason": one.reason, "next_step": one.next_step}
            for one in contents.left_out
        ],
        "spec": contents.spec.model_dump(mode="json"),
        "versions": versions(),
    }


def sentences(found: Sequence[Row], known: dict[Setting, Majority], names: Names, metric: str) -> list[str]:
    """All that there is to say, setting by setting, then over them."""
    said = []
    settings = by_setting(found)
    for setting, here in settings.items():
        where = f"{names.setting(setting)}: " if len(settings) > 1 else ""
        parts = [headline(here, known.get(setting), names, metric), *transfer_words(here, names, metric)]
        parts += [pareto_words(here, cost, names, metric) for cost in costs_known(here)] if len(here) > 1 else []
        parts.append(curves_reading(here, names, metric))
        said += [where + part for part in parts]
    for here in lines(found).values():
        said.append(labels_reading(here, names, metric))
    if len(settings) > 1:
        said.append(heat_reading(found, names, metric))
    return [*said, how_sure(found, names), *without_words(names.spec.names)] if found else ["Nothing has finished here yet."]


def pareto_words(here: Sequence[Row], cost: str, names: Names, metric: str) -> str:
    """The front against one cost, in words."""
    priced = [(row, value) for row in here if (value := COSTS[cost].of(row)) is not None]
    return f"{COSTS[cost].title}. {pareto_reading(priced, COSTS[cost], names, metric)}"


def lines(found: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Rows that differ in strategy and number of labels alone, by dataset and backbone, where there are several numbers."""
    together: dict[tuple[str, str], list[Row]] = {}
    for row in found:
        together.setdefault((row.setting.dataset, row.setting.backbone), []).append(row)
    return {where: here for where, here in together.items() if len({row.setting.images_per_class for row in here}) > 1}


def table(found: Sequence[Row], known: dict[Setting, Majority], metric: str) -> list[dict[str, Any]]:
    """A record for each row, and for each setting one for the majority baseline."""
    records = []
    for setting, here in by_setting(found).items():
        records += [_row(row, metric) for row in here]
        if setting in known:
            value = baseline(metric, known[setting].value, known[setting].classes)
            same = {"seeds": None, "sd": None, "low": None, "high": None, "interval_over": None}
            records.append(
                setting._asdict()
                | {"strategy": MAJORITY, "metric": metric, "mean": value}
                | same
                | {"trainable_params": 0, "seconds": 0.0, "difference": None}
            )
    return records


def as_csv(contents: Contents, filled: Sequence[Filled]) -> str:
    """Every run's numbers, a line each, all metrics: what any other tool needs to draw its own conclusions."""
    text = io.StringIO()
    fields = ["dataset", "backbone", "images_per_class", "strategy", "seed", "epochs", "state", "run_id"]
    fields += [f"{name}{end}" for name in METRICS for end in ("", "_low", "_high")]
    fields += ["majority_baseline", "test_images", "trainable_params", "seconds", *MADE_WITH]
    writer = csv.DictWriter(text, fieldnames=fields, lineterminator="\n")
    writer.writeheader()
    for one in filled:
        record = _cell(one)
        numbers: dict[str, Any] = {}
        if one.outcome is not None:
            for name in METRICS:
                value = one.outcome.test[name]
                numbers |= {name: value["value"], f"{name}_low": value.get("low"), f"{name}_high": value.get("high")}
            numbers |= {"majority_baseline": one.outcome.majority, "test_images": one.outcome.images}
            numbers |= {"trainable_params": one.outcome.trainable_params, "seconds": round(one.outcome.seconds, 3)}
            numbers |= {name: (one.outcome.made_with or {}).get(name) for name in MADE_WITH}
        writer.writerow(
            {name: _safe(value) for name, value in ({k: record[k] for k in fields if k in record} | numbers).items()}
        )
    return text.getvalue()


def _safe(value: Any) -> Any:
    """A spreadsheet takes a cell that begins like this for a formula; a dataset's name may."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def versions() -> dict[str, str]:
    """What stands here now: what made the numbers, but for those of which `made_words` tells."""
    found = {"thaw": tlcore.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cell(one: Filled) -> dict[str, Any]:
    cell = one.entry.cell
    values = {} if one.outcome is None else {name: one.outcome.value(name) for name in METRICS}
    return (
        cell.setting._asdict()
        | {"strategy": cell.strategy, "seed": cell.seed, "epochs": cell.epochs, "run_id": one.entry.run_id, "state": one.state}
        | ({"error": one.error} if one.error else {})
        | ({} if one.outcome is None else {"made_with": one.outcome.made_with})
        | values
    )


def _row(row: Row, metric: str) -> dict[str, Any]:
    span = row.interval
    return row.setting._asdict() | {
        "strategy": row.strategy,
        "metric": metric,
        "mean": row.estimate.mean,
        "seeds": list(row.seeds),
        "sd": row.estimate.sd,
        "low": None if span is None else span[0],
        "high": None if span is None else span[1],
        "interval_over": None if span is None else "seeds" if row.estimate.low is not None else "test images",
        "trainable_params": row.trainable_params,
        "seconds": row.seconds,
        "difference": None if row.gap is None else row.gap.mean,
    }


def _difference(row: Row) -> dict[str, Any]:
    assert row.gap is not None
    return row.setting._asdict() | {"strategy": row.strategy} | _gap(row.gap)


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "mean": gap.mean,
        "low": gap.low,
        "high": gap.high,
        "over": gap.over,
        "seeds": gap.seeds,
        "p": gap.p,
        "p_holm": gap.p_holm,
        "p_sign_flip": gap.p_flip,
        "p_sign_flip_least": gap.p_flip_least,
        "within_noise": gap.within_noise,
    }
