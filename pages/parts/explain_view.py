"""One run by its link, from the image in view down to whether its maps can be believed."""

from __future__ import annotations

import streamlit as st

from pages.parts.explain_known import Explained, explained
from pages.parts.medical import medical_banner
from pages.parts.session import put_in_view, told
from pages.parts.statewords import backbone_name, dataset_name
from pages.parts.text import plain
from tlcore.figures.words import settings, strategy_title
from tlcore.runs import open_run
from tlcore.settings import runs_dir
from tlcore.spec import ExplainSpec


def view(run_id: str) -> None:
    """Draw it, or say that there is no such run that is done."""
    with told():
        here = explained(*_meant(run_id))
        put_in_view(here.run.id)
        _view(here)
        return
    st.page_link("explain.py", label="Choose a run", icon=":material/visibility:")


def _meant(run_id: str) -> tuple[str, str | None]:
    """The training run that a link means, and the explain job: one about a run leads to the run."""
    run = open_run(runs_dir(), run_id)
    spec = run.spec()
    if not isinstance(spec, ExplainSpec):
        return run_id, None
    # One that has not answered yet stands beside the others, which is where its answer is waited for.
    return spec.run_id, run_id if spec.picture is None and run.status().state == "done" else None


def _view(here: Explained) -> None:
    spec = here.spec
    st.title("Explain")
    medical_banner(spec.dataset)
    st.markdown(f"#### {plain(strategy_title(spec.strategy))}")
    where = f"{backbone_name(spec.backbone)} on {dataset_name(spec.dataset)}"
    st.markdown(plain(f"{where} · {settings(spec, ' · ')}"))
    line = st.container(horizontal=True)
    line.page_link("explain.py", label="All runs", icon=":material/visibility:")
    line.page_link("train.py", label="How it trained", icon=":material/layers:", query_params={"run": here.run.id})
    if here.shown is None:
        st.info("No maps were asked of this run yet.", icon=":material/info:")
