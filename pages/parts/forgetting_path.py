"""The interpolation slider: every point was measured by the job, so that moving it waits for nothing."""

from __future__ import annotations

import streamlit as st

from pages.parts.figures import shown
from pages.parts.forgetting_blend import save_point
from pages.parts.forgetting_known import Looked, probe_of
from pages.parts.layers_table import numbers
from pages.parts.text import plain
from tlcore.figures.forgetting_path import (
    BATCHNORM,
    FORMULA,
    KEPT_STILL,
    bend_reading,
    best_reading,
    kept_still,
    modes,
    path,
    path_table,
)
from tlcore.figures.words import interval, points
from tlcore.forgetting.best import FLOOR, best_point


def along_the_path(here: Looked, source: str) -> None:
    """The slider with its figure, the best point for a floor, and the button that saves it; or why there is no path.

    The floor is for `source` at first, and for any other that was measured on the same way, by a choice.
    """
    st.header("Between the start and the run")
    found = here.found
    if found is None or source not in found["sources"]:
        st.caption("Measure the run above: it is then looked at on the way from its start to its end, and back is a slider.")
        return
    known = modes(found, source)
    if not known:
        why = found["why"].get("path") or found["why"].get("target") or found["sources"][source]["why"].get("path")
        st.caption(plain(why or "This measurement has no path."))
        return
    st.caption(
        plain(
            f"{FORMULA}: the backbone's weights on the straight line from the start to the run, the run's head throughout "
            "(WiSE-FT, Wortsman et al. 2022)."
        )
    )
    source = _kept(here, source)
    _slider(here, source)
    numbers(here.run, "path", path_table(found, source))


def _kept(here: Looked, source: str) -> str:
    """The source that the best point is to keep, by a choice where the way was measured for more than one."""
    assert here.found is not None
    sources = here.found["sources"]
    names = [name for name in sources if modes(here.found, name)]
    if len(names) < 2:
        return source
    return st.segmented_control(
        "Old knowledge to keep",
        names,
        default=source,
        required=True,
        format_func=lambda name: sources[name]["title"],
        key=f"forgetting-kept-{source}-{here.run.id}",
        help="The slider, its floor and the best point are about this one. Each has a best point of its own.",
    )


@st.fragment
def _slider(here: Looked, source: str) -> None:
    found = here.found
    assert found is not None
    one, steps, run_id = found["sources"][source], found["points"], here.run.id
    known = modes(found, source)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    mode = known[0]
    if len(known) > 1:
        mode = left.segmented_control(
            "BatchNorm statistics",
            known,
            default=known[0],
            required=True,
            format_func=lambda mode: BATCHNORM[mode][0],
            key=f"forgetting-batchnorm-{run_id}",
            help=" ".join(f"{BATCHNORM[mode][0]}: {BATCHNORM[mode][1]}" for mode in known),
        )
    elif kept_still(found, source):
        left.caption(KEPT_STILL)
    lowest = max(0.0, one["before"]["value"] - FLOOR)
    floor = right.number_input(
        "Keep at least, % of the source",
        0.0,
        100.0,
        round(100 * lowest, 1),
        1.0,
        format="%.1f",
        key=f"forgetting-floor-{source}-{run_id}",
        help=(
            "The floor: the best point has the most of the target among those that keep this much of the source. It begins "
            f"{points(FLOOR)} under what was known before."
        ),
    )
    best = best_point(one["path"][mode], found["target"]["path"][mode], floor / 100)
    spot = f"forgetting-a-{run_id}"
    line = st.columns([5, 2], vertical_alignment="bottom")
    if best is None:
        line[1].button("Best point", disabled=True, width="stretch", help="No point keeps that much of the source.")
    elif line[1].button("Best point", icon=":material/adjust:", width="stretch", help=f"a = {steps[best]:.2f}"):
        st.session_state[spot] = steps[best]
    if st.session_state.get(spot) not in steps:
        st.session_state[spot] = steps[-1 if best is None else best]
    chosen = line[0].select_slider("a", steps, format_func=lambda a: f"{a:.2f}", key=spot, help="0: the start; 1: the run.")
    place = steps.index(chosen)
    shown("path", here.run, *path(found, source, mode, place, floor / 100))
    if best is None:
        st.caption(plain(f"No point on this path keeps {floor:.1f} % of the source: lower the floor."))
    else:
        st.markdown(plain(best_reading(found, source, mode, best, floor / 100)))
        if (probe := probe_of(here)) is not None and probe.accuracy:
            st.markdown(
                plain(
                    f"A linear probe of the same data loses nothing of the source, and gets {interval(probe.accuracy)} on the "
                    "whole test split."
                )
            )
    st.markdown(plain(bend_reading(found, source, mode)))
    if (why := one["why"].get("recomputed")) and not kept_still(found, source):
        st.caption(f":material/info: {plain(why)}")
    save_point(here, chosen, mode)
