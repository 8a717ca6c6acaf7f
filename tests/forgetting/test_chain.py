"""Chains of tasks: their specs, and the matrix of a tiny one that is trained here, beside what its runs measured themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcore import run as run_now
from tlcore.errors import RunNotFound, SpecError
from tlcore.forgetting.chain import queue_chain, refuse_chain, task_of
from tlcore.forgetting.chain_matrix import chain_matrix
from tlcore.runs import EventWriter, create, delete, open_run
from tlcore.spec import CheckSpec, RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.scope import All, Bottleneck
from tlcore.strategies.start import FromRun, Random
from tlcore.training.machine import choose
from tlcore.training.report import Reporter

IMAGES = 400  # more than any test split has
BASE = RunSpec(
    backbone="mobilenetv3_small_100",
    dataset="digits",
    strategy=Strategy(name="mine", scope=All(batchnorm="trained"), start=Random()),
    image_size=32,
    images_per_class=4,
    epochs=1,
    batch_size=16,
    lr=0.01,
    augment=False,
    device="cpu",
    precision="float32",
    source_images=IMAGES,
)
FIRST = "20261121T120000-a-b-0000"


def test_each_task_starts_from_the_run_before_and_is_asked_for_the_earlier_ones() -> None:
    first, second = task_of(BASE, "digits", None), task_of(BASE, "traffic-lights", FIRST)
    assert first == BASE
    assert second.strategy.start == FromRun(run_id=FIRST)
    assert second.strategy.name == "mine"
    assert (second.dataset, second.source_probes) == ("traffic-lights", ("earlier-tasks",))
    assert second.model_copy(update={"dataset": "digits", "strategy": BASE.strategy, "source_probes": ()}) == BASE


def test_the_runs_of_a_chain_are_queued_in_order_each_naming_the_one_before(tmp_path: Path) -> None:
    runs = queue_chain(BASE, ["digits", "traffic-lights", "digits"], lambda spec: create(tmp_path, spec))
    starts = [run.spec().strategy.start for run in runs]
    assert starts == [Random(), FromRun(run_id=runs[0].id), FromRun(run_id=runs[1].id)]
    assert [run.spec().dataset for run in runs] == ["digits", "traffic-lights", "digits"]


@pytest.mark.parametrize(
    ("change", "datasets", "says"),
    [
        ({}, ["digits"], "2 to 20 tasks, and 1 was named"),
        ({}, ["digits"] * 21, "21 were named"),
        ({"strategy": Strategy(scope=Bottleneck())}, ["digits", "digits"], "Bottleneck adapters"),
        ({"labels": "labels.csv"}, ["digits", "digits"], "table of labels"),
    ],
)
def test_what_no_chain_can_be_is_refused(change: dict, datasets: list[str], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        refuse_chain(BASE.model_copy(update=change), datasets)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """Digits, then reds and greens, then digits again: three trained runs and their results."""
    folder = tmp_path_factory.mktemp("chain")
    colours, rng = folder / "colours", np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4), ("test", 10)):
        for name, channel in (("red", 0), ("green", 1)):
            (colours / split / name).mkdir(parents=True)
            for i in range(count):
                picture = rng.integers(0, 160, (32, 32, 3), dtype=np.uint8)
                picture[..., channel] += 60
                Image.fromarray(picture).save(colours / split / name / f"{i}.png")
    runs, results = folder / "runs", []
    for dataset in ("digits", str(colours), "digits"):
        spec = task_of(BASE, dataset, results[-1]["run_id"] if results else None)
        results.append(run_now(spec, runs_dir=runs, progress=False))
    return runs, results


def measured(runs: Path, run_id: str) -> dict:
    asking = create(runs, CheckSpec(dataset="digits"))
    events = EventWriter(asking)
    try:
        return chain_matrix(open_run(runs, run_id), choose("cpu", "float32"), Reporter(asking, events), images=IMAGES)
    finally:
        events.close()


@pytest.fixture(scope="module")
def matrix(chain: tuple[Path, list[dict]]) -> dict:
    runs, results = chain
    return measured(runs, results[-1]["run_id"])


@pytest.mark.slow
def test_the_matrix_is_what_the_runs_measured(chain: tuple[Path, list[dict]], matrix: dict) -> None:
    (_, results), found = chain, matrix
    assert found["runs"] == [result["run_id"] for result in results]
    assert found["tasks"] == ["Handwritten digits", "colours", "Handwritten digits"]
    assert found["images"] == [361, 20, 361]
    for place, result in enumerate(results):  # each task by its own head, right after it was learned
        assert found["R"][place][place] == pytest.approx(result["test"]["accuracy"]["value"], abs=1e-9)
    for place in (1, 2):
        assert found["R"][place - 1][place] is not None
        assert found["cells"][place - 1][place]["how"] == "probe"
    assert found["R"][0][2] is None
    assert None not in found["baselines"]
    assert found["bwt"]["value"] == pytest.approx(np.mean([found["R"][2][j] - found["R"][j][j] for j in (0, 1)]), abs=1e-9)
    assert found["fwt"]["value"] == pytest.approx(
        np.mean([found["R"][j - 1][j] - found["baselines"][j]["value"] for j in (1, 2)]), abs=1e-9
    )


@pytest.mark.slow
def test_what_a_run_says_of_an_earlier_task_is_in_the_matrix(chain: tuple[Path, list[dict]], matrix: dict) -> None:
    (_, results), found = chain, matrix
    for learned in (1, 2):
        for place in range(learned):
            told = results[learned]["source"][f"task:{results[place]['run_id']}"]
            assert told["after"]["value"] == pytest.approx(found["R"][learned][place], abs=1e-9)


@pytest.mark.slow
def test_a_single_run_is_a_chain_of_one(chain: tuple[Path, list[dict]]) -> None:
    runs, results = chain
    found = measured(runs, results[0]["run_id"])
    assert found["acc"]["value"] == pytest.approx(results[0]["test"]["accuracy"]["value"], abs=1e-9)
    assert found["bwt"] == found["forgetting"] == found["fwt"]
    assert "One task" in found["bwt"]["reason"]


@pytest.mark.slow
def test_a_chain_whose_first_run_was_deleted_is_refused_in_words(chain: tuple[Path, list[dict]]) -> None:
    runs, results = chain
    delete(runs, results[0]["run_id"])
    with pytest.raises(RunNotFound, match="is not here any more"):
        measured(runs, results[-1]["run_id"])
