"""What can be taken along: the maps as numbers, the answers as a table, the command that makes them again."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.as_csv import as_csv
from pages.parts.explain_drawn import Sheet
from pages.parts.explain_known import Explained
from pages.parts.text import plain
from tlcore.figures.words import duration
from tlcore.spec import ExplainSpec


def take(sheet: Sheet) -> None:
    """The maps and the answers as files, and the link."""
    run, found = sheet.answer.run, sheet.found
    file = run.path / "maps.npz"
    line = st.container(horizontal=True, vertical_alignment="center")
    line.download_button(
        "All maps as numbers",
        lambda: file.read_bytes(),
        f"{run.id}-maps.npz",
        "application/octet-stream",
        icon=":material/download:",
        key=f"explain-npz-{run.id}",
        on_click="ignore",
        help="NumPy arrays (images, height, width) in the method's own numbers; the keys are in the table of maps.",
    )
    line.download_button(
        "The answers as CSV",
        lambda: as_csv(answer_rows(found)),
        f"{run.id}-answers.csv",
        "text/csv",
        icon=":material/download:",
        key=f"explain-csv-{run.id}",
        on_click="ignore",
    )
    line.page_link("explain.py", label="Link to this explanation", icon=":material/link:", query_params={"run": run.id})


def where_from(here: Explained, sheet: Sheet) -> None:
    """The provenance of the maps, and the command that makes them again."""
    run, found = sheet.answer.run, sheet.found
    with st.expander("Where the maps come from", icon=":material/verified:"):
        st.markdown(plain(found["sentence"]))
        st.markdown(plain(found["weights"]))
        st.markdown(plain(f"{duration(found['seconds'])} on {found['device']}. Made with {_versions(found)}."))
        st.markdown(f"Run `{here.run.id}`, explanation `{run.id}`")
        st.code(command(sheet.answer.spec), language="bash")


def answer_rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line for each image and network."""
    silent = {one["look"]: one["silent"] for one in found["maps"]}  # of the last layer, which stands last
    return [
        {
            "image": told["id"],
            "truth": told["truth"],
            "explained class": told["target"],
            "galleries": " ".join(told["galleries"]),
            "network": key,
            "predicted": answer["predicted"],
            "no evidence": silent[key][place] if key in silent else None,
        }
        | {f"p {name}": share for name, share in zip(found["classes"], answer["probabilities"], strict=True)}
        for place, told in enumerate(found["images"])
        for key, answer in told["answers"].items()
    ]


def command(spec: ExplainSpec) -> str:
    """The command line that asks the same: every field that is not what the command takes for granted."""
    words = ["python -m tlcore explain", f"--run {spec.run_id}"]
    for name, field in ExplainSpec.model_fields.items():
        value = getattr(spec, name)
        if name in ("kind", "run_id", "picture", "belief") or value == field.default:
            continue
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words.append(f"--{option}={_quoted(_joined(value) if isinstance(value, tuple) else value)}")
    return " ".join([*words, f"--belief={_quoted(','.join(spec.belief))}", "--json"])


def _joined(values: tuple[object, ...]) -> str:
    """As the command line reads several: with commas between them, in double quotes where one has a comma itself."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


def _quoted(value: object) -> str:
    return shlex.quote(str(value))


def _versions(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found["made_with"].items())
