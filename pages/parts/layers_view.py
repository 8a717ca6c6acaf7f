"""One analysis by its link: under way, ended without an answer, or read from top to bottom."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.coming import until_it_ends
from pages.parts.figures import as_format
from pages.parts.layers_advice import advice
from pages.parts.layers_closer import closer
from pages.parts.layers_cost import look_at
from pages.parts.layers_drawn import drawn
from pages.parts.layers_list import title_of
from pages.parts.layers_table import numbers
from pages.parts.medical import medical_note
from pages.parts.session import engine, put_in_view, say, told
from pages.parts.statewords import STATE_ICONS, STATE_WORDS, backbone_name, dataset_name
from pages.parts.summary import summaries
from pages.parts.text import plain
from tlcore.errors import SpecError
from tlcore.figures.layer_seen import source_title
from tlcore.figures.layer_words import SCORES
from tlcore.figures.layers_probe import PROBED, has_intervals, intervals_words, judged_by, probe_by_depth, probe_table
from tlcore.figures.words import METRICS, count, duration, times
from tlcore.runs import Run, open_run
from tlcore.settings import runs_dir
from tlcore.spec import LayersSpec


def view(run_id: str) -> None:
    """Draw it, or say that there is none of that id."""
    with told():
        run = open_run(runs_dir(), run_id)
        spec = run.spec()
        if not isinstance(spec, LayersSpec):
            raise SpecError("That run did not ask the layers.", next_step="Its results are on the page that asked for it.")
        put_in_view(run.id)
        _view(run, spec)
        return
    st.page_link("layers.py", label="Ask the layers", icon=":material/stacks:")


def _view(run: Run, spec: LayersSpec) -> None:
    title = title_of(spec, backbone_name(spec.run.backbone), dataset_name(spec.run.dataset))
    st.title(plain(title))
    st.caption(plain(f"Up to {count(spec.images)} images, {spec.run.image_size} px, seed {spec.run.seed}."))
    medical_note(spec.run.dataset)
    line = st.container(horizontal=True)
    line.page_link("layers.py", label="All analyses, or a new one", icon=":material/stacks:")
    line.page_link("layers.py", label="Ask again with changes", icon=":material/edit:", query_params={"from": run.id})
    status = run.status()
    if status.state in ("queued", "running"):
        until_it_ends(run, key="layers", words="It goes on if you leave this page, and its link leads back here.")
        return
    result = run.result() if status.state == "done" else None
    if result is None:
        _ended(run, spec)
    else:
        _found(run, spec, result)


def _ended(run: Run, spec: LayersSpec) -> None:
    status = run.status()
    st.markdown(f"{STATE_ICONS[status.state]} **{STATE_WORDS[status.state]}**")
    if status.state == "failed" and status.error:
        say(status.error["message"], status.error.get("next_step") or "")
    else:
        st.caption(f"It was {status.state} before the layers had answered.")
    if st.button("Ask again", type="primary", icon=":material/refresh:"):
        with told():
            look_at(engine().submit(spec))


def _found(run: Run, spec: LayersSpec, result: dict[str, Any]) -> None:
    advice(run, spec, result)
    _probe(run, spec, result)
    closer(run, result)
    as_format()
    _provenance(run, result)


def _probe(run: Run, spec: LayersSpec, result: dict[str, Any]) -> None:
    st.header("The probe by depth")
    st.caption(plain(SCORES["probe"][1]))
    usual = judged_by(result)
    metric = st.segmented_control(
        "Judged by",
        PROBED,
        default=usual,
        required=True,
        format_func=lambda name: METRICS[name][0],
        key="layers-metric",
        help=" ".join(f"{METRICS[name][0]}: {METRICS[name][1]}" for name in PROBED),
    )
    drawn("probe", run, *probe_by_depth(result, metric or usual))
    images = result["images"]
    way_out = ""
    if not has_intervals(result, metric or usual) and spec.images < LayersSpec.model_fields["images"].default:
        way_out = " To have them, ask again with changes, and with more images under More settings."
    st.caption(
        plain(
            f"Fitted on {count(images['train'])} training images, the penalty chosen on {count(images['val'])} validation "
            f"images, judged on {count(images['test'])} test images; {intervals_words(result, metric or usual)}.{way_out} Ice "
            "stays frozen at the recommended level, warm thaws."
        )
    )
    _beside(spec)
    for entry in result["groups"]:
        if why := entry["why"].get("probe"):
            st.caption(f":material/info: {plain(entry['name'])}: {plain(why)}")
    numbers(run, "probe", probe_table(result))


def _beside(spec: LayersSpec) -> None:
    """What the runs in the figures are, each with its link."""
    known = {summary.id: summary for summary in summaries()}
    for run_id in spec.runs:
        if (summary := known.get(run_id)) is None:
            st.caption(plain(f"{source_title(run_id)} is not here any more."))
            continue
        link, about = st.columns([1, 4], vertical_alignment="center")
        link.page_link(
            "train.py", label=plain(source_title(run_id)), icon=STATE_ICONS[summary.state], query_params={"run": run_id}
        )
        about.caption(plain(f"{summary.title}, {summary.settings}"))


def _provenance(run: Run, result: dict[str, Any]) -> None:
    with st.expander("Where the weights come from, and what it took", icon=":material/verified:"):
        for source, words in result["weights"].items():
            st.markdown(f"**{plain(source_title(source))}**: {plain(words)}")
        for notice in result["notices"]:
            st.caption(f":material/info: {plain(notice)}")
        st.markdown(
            plain(
                f"{duration(result['seconds'])} in all on {result['device']}, {duration(result['forward_seconds'])} of it for "
                f"the images' passes through {times(len(result['passes']), 'network')}."
            )
        )
        st.markdown(f"Run `{run.id}`")
        st.code(f"python -m tlcore show {run.id} --json", language="bash")
