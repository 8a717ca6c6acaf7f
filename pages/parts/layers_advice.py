"""What it comes to: the level that the layers' answers recommend, the evidence for it, and the buttons that go there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.form import CUSTOM, fields_of, to_link
from pages.parts.session import engine, put_in_view, told
from pages.parts.text import plain
from tlcore.advice.kept import kept_level
from tlcore.figures.layers_words import headline
from tlcore.figures.level_regret_words import level_record
from tlcore.groups import HEAD
from tlcore.models.catalogue import backbone_card
from tlcore.runs import Run
from tlcore.settings import runs_dir
from tlcore.spec import LayersSpec, RunSpec
from tlcore.strategies import Strategy, preset
from tlcore.strategies.scope import FromGroup


def advice(run: Run, spec: LayersSpec, result: dict[str, Any]) -> None:
    """The sentence, its evidence, and for a level of one's choice: the form filled in, or the run itself."""
    found = result["recommendation"]
    st.markdown(f"#### {plain(headline(found))}")
    if found is None:
        return
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in found["evidence"]))
    if "pretrained" not in spec.sources:
        st.caption("The pretrained weights were not asked, so this says nothing about how far to unfreeze those.")
        return
    levels = [*dict.fromkeys(entry["group"] for entry in result["groups"]), HEAD]
    choice, use, start = st.columns([3, 2, 2], vertical_alignment="bottom")
    group = choice.selectbox(
        "Level", levels, levels.index(found["group"]), format_func=level_name, key=f"layers-level-{run.id}"
    )
    use_it = use.button(
        "Use this level",
        type="primary",
        icon=":material/arrow_upward:",
        width="stretch",
        help="Opens the Train form with it. Nothing starts by itself.",
    )
    start_it = start.button(
        "Start it now",
        icon=":material/play_arrow:",
        width="stretch",
        help="Trains from there up, with the form's usual settings.",
    )
    if use_it:
        with told():
            wanted = run_of(spec, group)
            groups = backbone_card(wanted.backbone).groups_with_head(max(2, len(result["classes"])))
            link = to_link(fields_of(wanted, groups))
            st.switch_page("train.py", query_params=link)
    if start_it:
        with told():
            begun = engine().submit(run_of(spec, group))
            put_in_view(begun.id)
            st.switch_page("train.py", query_params={"run": begun.id})
    _record()


def _record() -> None:
    """How often such a recommendation was right, what it lost, and how to measure that again."""
    kept = kept_level(runs_dir())
    sentences = level_record(kept) if kept else ["Nobody has measured it yet."]
    st.markdown(f":material/fact_check: **How often is this right?** {plain(sentences[0])}")
    with st.expander("What else would have lost, and how it was measured", icon=":material/terminal:"):
        for sentence in sentences[1:]:
            st.caption(plain(sentence))
        st.caption(
            "This measures it on this machine. It trains from every level on several datasets, takes what has run here already "
            "as it is, and shows here."
        )
        st.code(kept.answer["command"] if kept else "python -m tlcore layers --check", language="bash", wrap_lines=True)


def run_of(spec: LayersSpec, group: str) -> RunSpec:
    """The run that trains from `group` up on the same data, with the form's own defaults for the rest."""
    strategy = preset("linear-probe") if group == HEAD else Strategy(name=CUSTOM, scope=FromGroup(group=group))
    return spec.run.model_copy(update={"strategy": strategy})


def level_name(group: str) -> str:
    """What people call the level that unfreezes from a group up."""
    return "the head alone" if group == HEAD else f"from {group} up"
