"""A region drawn on one image, asked of many: how much of every network's evidence lies in it, with intervals."""

from __future__ import annotations

import streamlit as st

from pages.parts.coming import until_it_ends
from pages.parts.explain_cost import cost_words
from pages.parts.explain_drawn import Sheet, name_of
from pages.parts.explain_known import jobs_about, result_of
from pages.parts.explain_measure import ended_badly
from pages.parts.explain_test_spec import spec_to_test
from pages.parts.session import engine, told
from pages.parts.text import plain
from tlcore.explain.looks import FORMAT
from tlcore.explain.region import Region
from tlcore.figures.explain_inside_words import inside_words, there_words
from tlcore.runs import open_run


def over_images(sheet: Sheet, region: Region) -> None:
    """What was found, the job under way, or the button that starts it."""
    spec = spec_to_test(sheet.answer.spec, "inside", region=region)
    job = next((job for job in jobs_about(spec.run_id) if job.spec == spec), None)
    found = result_of(job.run) if job is not None and job.state == "done" else None
    if found is not None and found.get("format") == FORMAT:
        for key, one in found["belief"].get("inside", {}).items():
            words = [inside_words(one, name_of(found, key)), there_words(one, name_of(found, key))]
            st.markdown("\n".join(f"- {plain(line)}" for line in words if line))
        for why in found["why"].values():
            st.caption(f":material/info: {plain(why)}")
        return
    if job is not None and job.state in ("queued", "running"):
        until_it_ends(job.run, key="explain-region", words="It goes on if you leave this page.")
        return
    if job is not None and job.state != "done":
        ended_badly(job, "This test")
    words = f"Measure it on {spec.belief_images} images"
    pressed = st.button(words, icon=":material/science:", key=f"explain-region-ask-{sheet.answer.run.id}")
    with told():
        about = open_run(sheet.answer.run.path.parent, spec.run_id)
        st.caption(plain(cost_words(spec, about, about.spec())))
        if pressed:
            engine().submit(spec)
            st.rerun()
