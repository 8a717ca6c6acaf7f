"""One run by its link, from what it gained and lost down to what brings it back."""

from __future__ import annotations

import streamlit as st

from pages.parts.figures import as_format, shown
from pages.parts.forgetting_bias import bias
from pages.parts.forgetting_chain import chain_of
from pages.parts.forgetting_images import images
from pages.parts.forgetting_known import Looked, looked
from pages.parts.forgetting_measure import measure
from pages.parts.forgetting_numbers import numbers
from pages.parts.forgetting_path import along_the_path
from pages.parts.forgetting_relearn import relearning
from pages.parts.forgetting_trade_off import trade_off_of
from pages.parts.forgetting_where import where
from pages.parts.layers_table import numbers as table
from pages.parts.medical import medical_note
from pages.parts.session import put_in_view, told
from pages.parts.statewords import backbone_name, dataset_name
from pages.parts.text import plain
from tlcore.figures.forgetting_epochs import line_of, source_curve
from tlcore.figures.forgetting_words import by_loss
from tlcore.figures.words import count, duration, settings, strategy_title
from tlcore.runs import open_run
from tlcore.settings import runs_dir
from tlcore.spec import BlendSpec, ForgettingSpec


def view(run_id: str) -> None:
    """Draw it, or say that there is no such run that is done."""
    with told():
        here = looked(*_meant(run_id))
        put_in_view(here.run.id)
        _view(here)
        return
    st.page_link("forgetting.py", label="Choose a run", icon=":material/history:")


def _meant(run_id: str) -> tuple[str, str | None]:
    """The training run that a link means, and the analysis of it: a job about a run leads to the run."""
    run = open_run(runs_dir(), run_id)
    spec = run.spec()
    if not isinstance(spec, ForgettingSpec | BlendSpec):
        return run_id, None
    # One that has not answered yet stands beside the others, which is where its answer is waited for.
    return spec.run_id, run_id if isinstance(spec, ForgettingSpec) and run.status().state == "done" else None


def _view(here: Looked) -> None:
    spec = here.spec
    st.title("Forgetting")
    st.markdown(f"#### {plain(strategy_title(spec.strategy))}")
    where_words = f"{backbone_name(spec.backbone)} on {dataset_name(spec.dataset)}"
    st.markdown(plain(f"{where_words} · {settings(spec, ' · ')}"))
    medical_note(spec.dataset)
    line = st.container(horizontal=True)
    line.page_link("forgetting.py", label="All runs", icon=":material/history:")
    line.page_link("train.py", label="How it trained", icon=":material/layers:", query_params={"run": here.run.id})
    name = _source(here)
    if name is not None:
        here = here.about(name)
    _which(here)
    numbers(here, name)
    measure(here)
    for notice in (here.found or {}).get("notices", []):  # what could not be asked, and why
        st.caption(f":material/info: {plain(notice)}")
    if name is not None:
        _curve(here, name)
        st.header("The trade-off of all runs")
        trade_off_of(spec, name, here.run.id)
        along_the_path(here, name)
        where(here, name)
        images(here, name)
    relearning(here.having("relearn"))
    chain_of(here.having("matrix"))
    bias(here.having("groups"))
    as_format()
    _provenance(here)


def _which(here: Looked) -> None:
    """Which analysis is read, where there is more than one; one that a link names stands alone."""
    if here.done is None:
        return
    if here.alone:
        st.caption(plain(f"What one analysis found: {here.done.id}."))
        st.page_link(
            "forgetting.py", label="All that is known of the run", icon=":material/history:", query_params={"run": here.run.id}
        )
    elif len(here.answers) > 1:
        st.caption(
            "This run was analysed more than once: each section shows the fullest answer, of the most images, then the newest."
        )
        with st.expander("Each analysis alone", icon=":material/history:"):
            for answer in here.answers:
                images = [f"{count(one['images'])} images" for one in answer.sources.values()][:1]
                words = ", ".join([answer.run.id[-4:], *images, *(one["title"] for one in answer.sources.values())])
                st.page_link("forgetting.py", label=plain(words), icon=":material/link:", query_params={"run": answer.run.id})


def _source(here: Looked) -> str | None:
    """The source that the page is about, at first the one that lost most; kept in the link where there is a choice."""
    known = here.measured
    if len(known) < 2:
        return next(iter(known), None)
    linked = st.query_params.get("source")
    chosen = st.segmented_control(
        "Old knowledge",
        by_loss(known),
        default=linked if linked in known else by_loss(known)[0],
        required=True,
        format_func=lambda name: known[name]["title"],
        key=f"forgetting-source-{here.run.id}",
    )
    st.query_params["source"] = chosen
    return chosen


def _curve(here: Looked, name: str) -> None:
    """The source beside the target over the epochs, where the run looked."""
    st.header("When it was forgotten")
    own = here.carried
    figure, reading = source_curve(own, here.result["history"], name)
    if figure is None:
        st.caption(plain(f"{reading} Repeat it with What it still knows turned on to have the curve."))
        st.page_link("train.py", label="Repeat it with probes", icon=":material/edit:", query_params={"from": here.run.id})
        return
    shown("source-curve", here.run, figure, reading)
    known = {name: line_of(one) for name, one in own.items() if one.get("by_epoch")}
    longest = max(map(len, known.values()))
    rows = [
        {"epoch": at} | {name: line[at] if at < len(line) else None for name, line in known.items()} for at in range(longest)
    ]
    table(here.run, "source-curve", rows)


def _provenance(here: Looked) -> None:
    with st.expander("Where the numbers come from", icon=":material/verified:"):
        if here.found is not None:
            st.markdown(plain(here.found.get("weights") or ""))
            looked_at = count(here.found["images_looked_at"])
            st.markdown(plain(f"{looked_at} images in {duration(here.found['seconds'])} on {here.found['device']}."))
        st.markdown(f"Run `{here.run.id}`")
        st.code(f"python -m tlcore forgetting --run {here.run.id} --json", language="bash")
