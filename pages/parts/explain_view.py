"""One run by its link, from the image in view down to whether its maps can be believed."""

from __future__ import annotations

import streamlit as st

from pages.parts.explain_belief import belief
from pages.parts.explain_drawn import Sheet, sheet
from pages.parts.explain_export import export
from pages.parts.explain_gallery import VIEWER, galleries
from pages.parts.explain_known import Answer, Explained, explained
from pages.parts.explain_measure import measure
from pages.parts.explain_own import LINK, own_picture
from pages.parts.explain_side import side_by_side
from pages.parts.explain_step import Step
from pages.parts.explain_take import take, where_from
from pages.parts.figures import as_format
from pages.parts.medical import medical_banner
from pages.parts.scroll import scroll_to
from pages.parts.session import put_in_view, told
from pages.parts.statewords import backbone_name, dataset_name
from pages.parts.text import plain
from tlcore.explain.methods import METHODS
from tlcore.figures.words import count, settings, strategy_title, times
from tlcore.made_with import made_how
from tlcore.runs import open_run
from tlcore.settings import runs_dir
from tlcore.spec import ExplainSpec

DATASET, OWN = "dataset", "own"


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
    if spec.picture is not None:
        st.query_params["view"] = OWN
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
    line.page_link("demo.py", label="Demo mode", icon=":material/co_present:", query_params=_demo(here))
    if _part(here) == OWN:
        own_picture(here.run)
        return
    measure(here)
    _which(here)
    _stale(here)
    drawn = None if here.shown is None else sheet(here.shown)
    if drawn is not None:
        _images(drawn)
        belief(here)
    elif here.shown is not None:
        st.info("The maps of this explanation are not here any more. Explain the run again above.", icon=":material/info:")
    st.header("Take it along")
    if drawn is not None:
        take(drawn)
    export(here.run)
    if drawn is not None:
        as_format()
        where_from(here, drawn)


def _images(drawn: Sheet) -> None:
    st.header("Where it looks")
    with st.container(key=VIEWER):
        side_by_side(drawn)
    galleries(drawn)
    pressed = Step(drawn).pressed_far
    scroll_to(VIEWER, f"{drawn.answer.run.id}-{pressed}" if pressed else "")


def _part(here: Explained) -> str:
    """Images of the dataset or a person's own picture; kept in the link."""
    linked = OWN if LINK in st.query_params else st.query_params.get("view")
    chosen = st.segmented_control(
        "What is looked at",
        [DATASET, OWN],
        default=OWN if linked == OWN else DATASET,
        required=True,
        format_func={DATASET: "Images of the dataset", OWN: "Your own picture"}.__getitem__,
        key=f"explain-part-{here.run.id}",
        label_visibility="collapsed",
    )
    if chosen == OWN:
        st.query_params["view"] = OWN
    else:
        for word in {"view", LINK} & st.query_params.to_dict().keys():
            del st.query_params[word]
    return chosen


def _demo(here: Explained) -> dict[str, str]:
    return {"run": here.run.id} if here.shown is None else {"explain": here.shown.run.id}


def _which(here: Explained) -> None:
    """Which explanation is read, where there is more than one; one that a link names stands alone."""
    if here.shown is None:
        return
    if here.alone:
        st.caption(plain(f"One explanation: {words_of(here.shown)}."))
        st.page_link(
            "explain.py", label="All explanations of the run", icon=":material/visibility:", query_params={"run": here.run.id}
        )
    elif len(here.galleries) > 1:
        with st.expander(f"The newest of {count(len(here.galleries))} explanations is shown", icon=":material/history:"):
            for answer in here.galleries:
                st.page_link(
                    "explain.py", label=plain(words_of(answer)), icon=":material/link:", query_params={"run": answer.run.id}
                )


def words_of(answer: Answer) -> str:
    """What tells one explanation of a run from another: 'Grad-CAM, last layer, 24 images, 3 networks, d943'."""
    found, spec = answer.found, answer.spec
    layer = {"last": "last layer", "all": "all layers"}.get(spec.layer, spec.layer)
    parts = [METHODS[found["method"]].title, layer, times(len(found["images"]), "image"), times(len(found["looks"]), "network")]
    parts += [f"for {spec.target}"] if spec.target else []
    parts += [f"rather than {spec.against}"] if spec.against else []
    parts += [f"only {' and '.join(spec.only)}"] if spec.only else []
    return ", ".join([*parts, answer.run.id[-4:]])


def _stale(here: Explained) -> None:
    """What the job noticed, and whether the same would be answered today."""
    if here.outdated:
        words = f"{times(here.outdated, 'explanation')} of another version of Thaw left out: ask again to see the same."
        st.caption(f":material/info: {plain(words)}")
    if here.shown is None:
        return
    if how := made_how(here.shown.found["made_with"]):
        st.caption(f":material/info: {plain(f'These maps were made {how}: asked again, they may be others.')}")
    for notice in here.shown.found["notices"]:
        st.caption(f":material/info: {plain(notice)}")
