"""The explain job on a real run on handwritten digits, trained from random weights: nothing is fetched."""

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcore.errors import RunNotFound, SpecError, UnknownName
from tlcore.explain.job import explain
from tlcore.explain.looks import looks
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import ExplainSpec, RunSpec, make
from tlcore.training.job import train

ASKED = RunSpec(
    backbone="mobilenetv3_small_100",
    dataset="digits",
    strategy="from-scratch",
    epochs=2,
    image_size=64,
    images_per_class=6,
    batch_size=32,
    lr=0.01,
    device="cpu",
    keep_epochs=True,
)


def _done(folder: Path, spec: RunSpec) -> Run:
    run = create(folder, spec, state="running")
    with closing(EventWriter(run)) as events:
        run.write_result(train(run, events))
    run.write_status(type(run.written_status())(state="done", queued_at=0.0))
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """A run that kept its epochs and another one of the same classes, of another size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "thaw-cache"))
        folder = tmp_path_factory.mktemp("runs")
        other = ASKED.model_copy(update={"seed": 1, "image_size": 96, "keep_epochs": False, "epochs": 1})
        yield _done(folder, ASKED), _done(folder, other)


def _explained(run: Run, **fields: object) -> tuple[Run, dict]:
    job = create(run.path.parent, make(ExplainSpec, run_id=run.id, **fields))
    with closing(EventWriter(job)) as events:
        result = explain(job, events)
    json.dumps(result, allow_nan=False)  # what goes to result.json
    return job, result


@pytest.fixture(scope="module")
def explained(runs) -> tuple[Run, dict]:
    return _explained(runs[0], beside=[runs[1].id], epochs=True, each=2)


def test_every_network_has_a_map_of_every_image_and_explains_the_same_class(explained):
    job, result = explained
    assert [look["key"] for look in result["looks"]][:4] == ["run", "start", "epoch:1", "epoch:2"]
    assert result["looks"][4]["key"].startswith("run:")
    with np.load(job.path / result["file"]) as maps:
        for one in result["maps"]:
            values = maps[one["key"]]
            assert values.shape == (len(result["images"]), one["side"], one["side"])
            assert (values >= 0).all()
            assert one["silent"] == (values.max((1, 2)) == 0).tolist()
            assert np.allclose(one["peaks"], values.max((1, 2)))
    assert {one["look"] for one in result["maps"]} == {look["key"] for look in result["looks"]}
    for told in result["images"]:
        assert told["target"] == told["answers"]["run"]["predicted"]
        assert told["answers"].keys() == {look["key"] for look in result["looks"]}
        with Image.open(job.path / told["file"]) as picture:
            assert picture.size == (64, 64)


def test_the_best_epoch_looks_where_the_run_does(runs, explained):
    job, result = explained
    best = f"epoch:{runs[0].result()['best_epoch']}"
    keys = {one["look"]: one["key"] for one in result["maps"]}
    with np.load(job.path / result["file"]) as maps:
        assert np.array_equal(maps[keys["run"]], maps[keys[best]])
        assert not np.array_equal(maps[keys["run"]], maps[keys["start"]])


def test_galleries_are_what_the_runs_own_answers_say(explained):
    _, result = explained
    for place in result["galleries"]["wrong"]:
        told = result["images"][place]
        assert told["answers"]["run"]["predicted"] != told["truth"]
        assert "wrong" in told["galleries"]
    for place in result["galleries"]["changed"]:
        told = result["images"][place]
        assert told["answers"]["run"]["predicted"] != told["answers"]["start"]["predicted"]


def test_one_class_against_another_on_named_images_at_every_layer(runs):
    split = runs[0].path / "predictions.npz"
    with np.load(split) as kept:
        ids = [str(name) for name in kept["ids"][:3]]
    _, result = _explained(runs[0], ids=ids, against="3", layer="all", start=False)
    assert [told["id"] for told in result["images"]] == ids
    assert result["galleries"] == {}
    assert all(told["target"] != "3" for told in result["images"])  # the likeliest other class where 3 is predicted
    layers = [one["layer"] for one in result["maps"]]
    assert len(layers) == len(set(layers)) > 1
    sides = [one["side"] for one in result["maps"]]
    assert sides == sorted(sides, reverse=True)


def test_the_evidence_that_is_asked_for_comes_and_the_rest_says_why(runs):
    _, result = _explained(
        runs[0], each=1, start=False, belief=["deletion", "randomization", "stability", "inside"], belief_images=8
    )
    assert result["belief"].keys() == {"deletion", "randomization", "stability", "inside"}
    assert not result["belief"]["inside"]["run"]["masked"]
    assert "share" not in result["belief"]["inside"]["run"]
    assert result["belief"]["inside"]["run"]["alarm"]["sentences"]
    assert result["belief"]["randomization"][0]["group"] == "head"
    assert "Nobody drew" in result["why"]["inside"]


def test_what_cannot_be_asked_is_refused_in_words(runs):
    run, other = runs
    with pytest.raises(UnknownName, match="no class of this run named 'cat'"):
        _explained(run, target="cat")
    with pytest.raises(UnknownName, match="no image of the test split named 'nobody'"):
        _explained(run, ids=["nobody"])
    with pytest.raises(SpecError, match="kept the weights of its best epoch alone"):
        _explained(other, epochs=True)
    with pytest.raises(SpecError, match="not laid beside itself"):
        make(ExplainSpec, run_id=run.id, beside=[run.id])


def test_a_run_beside_that_is_gone_or_knows_other_classes_is_refused(runs):
    run, other = runs
    spec = make(ExplainSpec, run_id=run.id, beside=[other.id])
    result = other.result()
    (other.path / "result.json").write_text(json.dumps(result | {"classes": ["cat", "dog"]}))
    try:
        with pytest.raises(SpecError, match="other classes"):
            looks(spec, run.path.parent)
    finally:
        (other.path / "result.json").write_text(json.dumps(result))
    gone = make(ExplainSpec, run_id=run.id, beside=["20250101T000000-mobilenet-digits-full-0000"])
    with pytest.raises(RunNotFound, match="laid beside"):
        looks(gone, run.path.parent)
