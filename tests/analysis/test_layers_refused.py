"""What the layers job and its spec refuse, and the spec to JSON and back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.analysis.small_layers import RUN, SPEC, do
from tlcore.analysis import layers as job
from tlcore.data.load import load
from tlcore.errors import Cancelled, DataError, RunNotFound, SpecError
from tlcore.runs import EventWriter, create
from tlcore.spec import LayersSpec, parse

pytestmark = pytest.mark.usefixtures("small_layers")


def test_what_is_refused(layers_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(layers_runs, RUN)
    with closing(EventWriter(run)) as events, pytest.raises(SpecError, match="does not ask what layers know"):
        job.layers(run, events)
    gone = "20250101T000000-nothing-0000"
    with pytest.raises(RunNotFound, match="is not here any more"):
        do(layers_runs, SPEC.model_copy(update={"runs": (gone,)}))
    cancelled = create(layers_runs, SPEC)
    cancelled.request_cancel()
    with closing(EventWriter(cancelled)) as events, pytest.raises(Cancelled):
        job.layers(cancelled, events)
    whole = load("digits", image_size=32, seed=3)
    with pytest.raises(DataError, match="The val split has only 3 images"):
        job._few(replace(whole, val=whole.val.part(np.arange(3))), SPEC)


def test_the_spec_goes_to_json_and_back_and_refuses_what_makes_no_sense() -> None:
    name = "20261120T224500-lite0-chest-xray-lp-ft-7f3a"
    spec = LayersSpec(run=RUN, runs=(name, name), embed=("pca", "tsne"))
    assert spec.runs == (name,)
    assert parse(spec.model_dump_json()) == spec
    assert (spec.lane, spec.slug()) == ("quick", "layers-mobilenetv3-small-100-digits")
    assert spec.started_from(name).strategy.start.run_id == name
    wrong: list[Callable[[], LayersSpec]] = [
        lambda: LayersSpec(run=RUN, runs=("../outside",)),
        lambda: LayersSpec(run=RUN, sources=()),
        lambda: LayersSpec(run=RUN, sources=("imagenet",)),
        lambda: LayersSpec(run=RUN, images=3),
    ]
    for make in wrong:
        with pytest.raises(SpecError, match="Correct the fields named"):
            make()
