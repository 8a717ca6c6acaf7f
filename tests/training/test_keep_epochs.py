"""A run that keeps every epoch: its weights at each are there, the best one's are those it ends with, and no number changes."""

from contextlib import closing
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tlcore.errors import RunNotFound
from tlcore.models.ended import ended
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import RunSpec
from tlcore.training.job import train

ASKED = RunSpec(
    backbone="mobilenetv3_small_100",
    dataset="digits",
    strategy="from-scratch",
    epochs=3,
    image_size=32,
    images_per_class=6,
    batch_size=32,
    lr=0.01,
    device="cpu",
)


def _trained(folder: Path, spec: RunSpec) -> tuple[Run, dict]:
    run = create(folder, spec)
    with closing(EventWriter(run)) as events:
        return run, train(run, events)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "thaw-cache"))
        yield _trained(tmp_path_factory.mktemp("kept"), ASKED.model_copy(update={"keep_epochs": True}))


def test_the_best_epochs_weights_are_those_that_the_run_ends_with(kept):
    run, result = kept
    assert run.kept_epochs() == (1, 2, 3)
    best, final = load_file(run.epoch_file(result["best_epoch"])), load_file(run.path / "weights.safetensors")
    assert best.keys() == final.keys()
    assert all(torch.equal(best[name], final[name]) for name in best)
    first, last = (load_file(run.epoch_file(epoch)) for epoch in (1, 3))
    assert any(not torch.equal(first[name], last[name]) for name in first.keys() & last.keys())


def test_keeping_them_changes_no_number(kept, tmp_path):
    _, result = kept
    _, plain = _trained(tmp_path, ASKED)
    assert [epoch["val"] for epoch in plain["history"]] == [epoch["val"] for epoch in result["history"]]
    assert plain["test"] == result["test"]


def test_the_network_of_an_epoch_has_its_weights(kept):
    run, result = kept
    network = ended(run, run.spec(), tuple(result["classes"]), epoch=2)
    own = network.module.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in load_file(run.epoch_file(2)).items())


def test_an_epoch_that_was_not_kept_is_told_with_those_that_were(kept):
    run, result = kept
    with pytest.raises(RunNotFound, match="did not keep the weights of epoch 9") as refused:
        ended(run, run.spec(), tuple(result["classes"]), epoch=9)
    assert refused.value.next_step == "It kept epochs 1 to 3."
