"""The job that tests the maps of an explanation. No Streamlit in here."""

from __future__ import annotations

from tlcore.explain.region import Region
from tlcore.spec import ExplainSpec, make
from tlcore.spec.explain import Belief


def spec_to_test(shown: ExplainSpec, kind: Belief, *, region: Region | None = None) -> ExplainSpec:
    """The spec of a test of the maps shown; only where evidence lies is compared between networks."""
    compared = kind == "inside"
    return make(
        ExplainSpec,
        run_id=shown.run_id,
        beside=shown.beside if compared else (),
        start=shown.start and compared,
        split=shown.split,
        each=1,
        method=shown.method,
        layer="last" if shown.layer == "all" else shown.layer,
        target=shown.target,
        against=shown.against,
        belief=(kind,),
        region=region,
        seed=shown.seed,
    )
