"""The report of a look at a dataset: what was found, samples by class, balance and split."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.figures import shown
from pages.parts.findings import findings
from pages.parts.text import plain
from tlcore.figures.data import TITLES, class_balance
from tlcore.figures.words import count, listing, times
from tlcore.runs import Run

_SAMPLES_OF = 12  # samples shown of each class
_WIDTH = 104  # of a sample, in pixels: three side by side on a phone
_CLASSES_AT_ONCE = 5
_MANY_CLASSES = 40  # more bars than this say nothing


def report(run: Run) -> None:
    """Draw the report of a finished check."""
    result = run.result()
    if result is None:
        return
    st.markdown(plain(_in_short(result)))
    for notice in result["notices"]:
        st.caption(f":material/info: {plain(notice)}")
    findings(run.id, result["findings"])
    _samples(run, result)
    _balance(run, result)


def _in_short(result: dict[str, Any]) -> str:
    total = sum(sum(numbers.values()) for numbers in result["counts"].values())
    text = times(total, "image")
    if result["classes"]:
        text += f" in {times(len(result['classes']), 'class', 'classes')}"
    if result["patients"]:
        text += f", of {times(sum(result['patients'].values()), 'patient')}"
    return f"{text}. {_sizes(result['image_sizes'])}".strip()


def _sizes(sizes: dict[str, Any] | None) -> str:
    if sizes is None:
        return ""
    (low_w, mid_w, high_w), (low_h, mid_h, high_h) = sizes["width"], sizes["height"]
    if (low_w, low_h) == (high_w, high_h):
        text = f"Each is {mid_w} × {mid_h} px"
    else:
        text = f"They are {low_w} to {high_w} px wide and {low_h} to {high_h} px high, typically {mid_w} × {mid_h}"
    return f"{text} ({listing(list(sizes['formats']))})."


def _samples(run: Run, result: dict[str, Any]) -> None:
    by_class: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for sample in result["samples"]:
        if _inside(sample["file"]) and (run.path / sample["file"]).is_file():
            by_class[sample["class"]].append(sample)
    if not by_class:
        return
    st.subheader("Samples by class" if result["classes"] else "Samples")
    names = list(by_class)
    if len(names) > _CLASSES_AT_ONCE:
        chosen = st.multiselect(
            "Classes", names, default=names[:_CLASSES_AT_ONCE], key=f"samples-{run.id}", help="Choose which to see."
        )
        names = [name for name in names if name in chosen]
    for name in names:
        samples = by_class[name][:_SAMPLES_OF]
        if name is not None:
            st.markdown(f"**{plain(name)}**")
        row = st.container(horizontal=True, gap="small")
        for sample in samples:
            picture = (run.path / sample["file"]).read_bytes()
            row.image(picture, caption=plain(_short(sample["id"])), width=_WIDTH)


def _balance(run: Run, result: dict[str, Any]) -> None:
    if not result["classes"]:
        return
    st.subheader("Balance and split")
    counts = result["counts"]
    if len(result["classes"]) <= _MANY_CLASSES:
        shown("balance", run, *class_balance(result["classes"], counts))
    table = pd.DataFrame({"Class": result["classes"]})
    for split, numbers in counts.items():
        table[TITLES.get(split, split).capitalize()] = [numbers.get(name, 0) for name in result["classes"]]
    table["All"] = table.iloc[:, 1:].sum(axis=1)
    st.dataframe(table, hide_index=True)
    st.caption(plain(f"{result['split_rule']} {_patients(result)}".strip()))
    st.download_button(
        "Download the table",
        table.to_csv(index=False),
        file_name=f"{run.id}-split.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _patients(result: dict[str, Any]) -> str:
    if not result["patients"]:
        return ""
    each = [f"{count(number)} in {TITLES.get(split, split)}" for split, number in result["patients"].items()]
    return f"Patients: {listing(each)}."


def _short(identifier: str) -> str:
    name = PurePosixPath(identifier).name
    return name if len(name) <= 18 else f"{name[:8]}…{name[-9:]}"


def _inside(file: str) -> bool:
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts
