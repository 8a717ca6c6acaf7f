"""What a transferability experiment has found, or found so far: the curve, its reading, and the tables to take away."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.figures import shown
from pages.parts.text import plain
from tlcore.figures.transfer_curve import curve
from tlcore.figures.transferability import mean_majority, transferability_figure
from tlcore.figures.transferability_words import beside, readings
from tlcore.figures.words import duration
from tlcore.runs import Event, Run

_SHOWN = {True: "Against the base network", False: "Accuracy"}


def said_so_far(events: list[Event]) -> dict[str, Any]:
    """Halves and networks that the events tell of; what came twice, after a lost run went on, counts once."""
    halves = {event["seed"]: event for event in events if event["type"] == "halves"}
    networks = {(one["seed"], one["form"], one["cut"]): one for one in events if one["type"] == "network"}
    return {"halves": list(halves.values()), "networks": list(networks.values())}


def show_picture(run: Run, said: dict[str, Any], other_halves: dict[str, Any] | None = None) -> None:
    """The curve with what was done under it, then what it says, sentence by sentence, also beside the other kind of halves."""
    how, control = st.columns([3, 2], vertical_alignment="center")
    against_base = how.segmented_control(
        "Shown as",
        list(_SHOWN),
        default=True,
        required=True,
        format_func=_SHOWN.__getitem__,
        key="transferability-shown",
        label_visibility="collapsed",
    )
    with_random = control.toggle(
        "Show random layers",
        key="transferability-random",
        help="The control: layers that learnt nothing, frozen. They are often far below the others.",
    )
    chart = transferability_figure(
        said["networks"],
        against_base=bool(against_base),
        hide=() if with_random else ("random",),
        majority_baseline=mean_majority(said["halves"]),
    )
    first, *others = readings(said)
    others += [beside(said, other_halves)] if other_halves else []
    shown("transferability", run, chart, first)
    st.markdown("\n".join(f"- {_with_head(sentence)}" for sentence in others if sentence))


def _with_head(sentence: str) -> str:
    """What it comes to, before the colon, in bold."""
    head, colon, rest = sentence.partition(": ")
    return f"**{plain(head)}:** {plain(rest)}" if colon else plain(sentence)


def show_tables(run: Run, result: dict[str, Any]) -> None:
    """The numbers as files, and which classes were in which half."""
    every, means, _ = st.columns([2, 2, 3])
    for place, words, name, content in (
        (every, "CSV of every network", "networks", networks_csv(result)),
        (means, "CSV of the curve", "curve", curve_csv(result)),
    ):
        file = f"{run.id}-{name}.csv"
        place.download_button(words, content, file_name=file, mime="text/csv", icon=":material/download:", width="stretch")
    with st.expander("Which classes were in which half"):
        st.dataframe(pd.DataFrame([_half_row(one) for one in result["halves"]]), hide_index=True)
        st.caption(plain(f"{duration(result['seconds'])} in all, on {result['device']}."))


def _half_row(one: dict[str, Any]) -> dict[str, Any]:
    images = one["images"]
    return {
        "Seed": one["seed"],
        "A": ", ".join(one["a"]),
        "B": ", ".join(one["b"]),
        "Training images of A": images["train"]["A"],
        "Training images of B": images["train"]["B"],
        "Test images of B": images["test"]["B"],
    }


def networks_csv(result: dict[str, Any]) -> bytes:
    """A row for each network."""
    rows = [
        {name: network[name] for name in ("seed", "form", "cut")}
        | {"accuracy": network["accuracy"]["value"], "low": network["accuracy"]["low"], "high": network["accuracy"]["high"]}
        | {"loss": network["loss"], "training loss": network["train_loss"], "seconds": network["seconds"]}
        for network in result["networks"]
    ]
    return pd.DataFrame(rows).to_csv(index=False).encode()


def curve_csv(result: dict[str, Any]) -> bytes:
    """A row for each form at each cut: means over the seeds with their 95 % intervals."""
    rows = []
    for point in curve(result["networks"]):
        own, apart = point.accuracy, point.from_base
        row = {"form": point.form, "cut": point.cut, "seeds": own.n}
        row |= {"accuracy": own.mean, "low": own.low, "high": own.high}
        row |= {"from base": apart.mean, "from base low": apart.low, "from base high": apart.high}
        rows.append(row)
    return pd.DataFrame(rows).to_csv(index=False).encode()
