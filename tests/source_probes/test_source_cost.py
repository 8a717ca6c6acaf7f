"""How many images a look asks, by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tlcore.data.catalogue import DATASETS
from tlcore.errors import RunNotFound
from tlcore.models.ancestry import WEIGHTS
from tlcore.runs import create, delete
from tlcore.source_probes.catalogue import PHOTOGRAPHS
from tlcore.source_probes.cost import images_asked
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.start import FromRun, Random


def test_each_source_asks_as_many_as_it_has_and_each_earlier_task_its_own(tmp_path: Path) -> None:
    plain = RunSpec(dataset="digits", strategy=Strategy())
    assert images_asked(("imagenet-cifar10", "natural-photos", "earlier-tasks"), 1000, plain, tmp_path) == {
        "imagenet-cifar10": 1000,
        "natural-photos": 459,
    }
    assert f"{PHOTOGRAPHS} images" in DATASETS["natural-photos"].size
    assert images_asked(("natural-photos",), 300, plain, tmp_path) == {"natural-photos": 300}
    assert images_asked(("natural-photos",), 300, RunSpec(dataset="digits", strategy=Strategy(start=Random())), tmp_path) == {}
    first = create(tmp_path, plain)
    first.write_result({"classes": ["0", "1"], "test": {"n": 40}})
    (first.path / WEIGHTS).touch()
    first.write_status(replace(first.written_status(), state="done"))
    second = RunSpec(dataset="digits", strategy=Strategy(start=FromRun(run_id=first.id)))
    assert images_asked(("earlier-tasks",), 300, second, tmp_path) == {f"task:{first.id}": 40}
    delete(tmp_path, first.id)
    assert images_asked((), 300, second, tmp_path) == {}, "nothing is asked, so nothing is looked for"
    with pytest.raises(RunNotFound):
        images_asked(("earlier-tasks",), 300, second, tmp_path)
