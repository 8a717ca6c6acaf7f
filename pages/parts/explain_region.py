"""A region drawn on one image, asked of many: how much of every network's evidence lies in it, with intervals."""

from __future__ import annotations

import streamlit as st

from pages.parts.coming import until_it_ends
from pages.parts.explain_drawn import Sheet, name_of
from pages.parts.explain_known import jobs_about, result_of
from pages.parts.explain_measure import ended_badly
from pages.parts.explain_test_spec import spec_to_test
from pages.parts.session import engine, told
from pages.parts.text import plain
from tlcore.explain.region import Region
from tlcore.figures.explain_inside_words import inside_words, there_words


def over_images(sheet: Sheet, region: Region) -> None:
    """What was found, the job under way, or the button that starts it."""
    spec = spec_to_test(sheet.answer.spec, "inside", region=region)
    job = next((job for job in jobs_about(spec.run_id) if job.spec == spec), None)
    if job is not None and job.state == "done" and (found := result_of(job.run)) is not None:
        for key, one in found["belief"].get("inside", {}).items():
            words = [inside_words(one, name_of(found, key)), there_words(one, name_of(found, key))]
            st.markdown("\n".join(f"- {plain(line)}" for line in words if line))
        return
    if job is not None and job.state in ("queued", "running"):
        until_it_ends(job.run, key="explain-region", words="It goes on if you leave this page.")
        return
    if job is not None:
        ended_badly(job, "This test")
    words = f"Measure it on {spec.belief_images} images"
    if st.button(words, icon=":material/science:", key=f"explain-region-ask-{sheet.answer.run.id}"):
        with told():
            engine().submit(spec)
            st.rerun()
