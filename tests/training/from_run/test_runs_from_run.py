"""Runs that started from another run: what they report, what they keep in the cache, and that a killed one goes on."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tests.training.from_run.chains import follow, moved, train
from tlcore.models.chain import source_of_run
from tlcore.runs import EventWriter, create
from tlcore.spec import RunSpec
from tlcore.strategies.scope import Top
from tlcore.training import job


def test_the_result_says_the_chain_in_words(chain) -> None:
    _, (first, second, _), results = chain
    said = results[2]["weights"]["text"]
    assert said.startswith(f"The weights of your run {second.id} (custom on squares), which started from your run {first.id} ")
    assert said.endswith(
        "with a fresh head. The first one started from: Random weights drawn from seed 5: nothing was learned before."
    )
    assert "/" not in said, "a path is nobody's business"
    assert results[2]["weights"]["source"] == f"run {second.id}"
    digests = [result["weights"]["sha256"] for result in results]
    assert digests[0] is None
    assert len({digests[1], digests[2]}) == 2


def test_the_weights_of_a_run_say_where_the_rest_comes_from(chain) -> None:
    _, (_, second, _), results = chain
    with safe_open(second.path / "weights.safetensors", "pt") as file:
        header = file.metadata()
    assert (header["start"], header["head"]) == ("run", "mlp")
    assert header["start_sha256"] == results[1]["weights"]["sha256"]


def test_a_chained_start_has_rows_of_its_own_in_the_cache(chain, tmp_path: Path) -> None:
    folder, (first, _, third), _ = chain

    def computed(spec: RunSpec) -> int:
        return train(folder, spec)[1]["cut"]["passes"]["computed"]

    from_third, other = follow(third, epochs=2), follow(first, epochs=2)
    assert computed(from_third) > 0
    assert computed(follow(third, epochs=2, lr=0.01)) == 0, "the same weights below the head, asked again"
    assert computed(other) > 0, "other weights"
    assert computed(follow(third, epochs=2, head="cosine")) == 0, "what is above the cut plays no part"


def test_source_of_run_tells_what_may_be_forgotten(chain, squares: Path) -> None:
    _, (_, second, _), _ = chain
    source = source_of_run(second)
    assert source.spec.dataset == str(squares)
    assert source.classes == ("dark", "light")
    assert set(source.head) == {"hidden.weight", "hidden.bias", "output.weight", "output.bias"}
    assert torch.equal(source.head["output.weight"], moved(second)["classifier.output.weight"])


class Stopped(Exception):
    """Stands for a kill."""


def test_killed_on_the_way_it_goes_on_bit_for_bit(chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dropout in an MLP head, BatchNorm in train mode and augmentation, from a run's weights."""
    folder, (*_, third), _ = chain
    spec = follow(third, head="mlp", scope=Top(count=1, batchnorm="trained"), epochs=2, augment=True)
    whole, expected = train(folder, spec)
    run = create(folder, spec)

    class Killed(EventWriter):
        def write(self, kind: str, **fields: object) -> dict:
            event = super().write(kind, **fields)
            if kind == "step" and fields["epoch"] == 1:
                raise Stopped
            return event

    monkeypatch.setattr("tlcore.training.report.SECONDS_BETWEEN", 0.0)
    with closing(Killed(run)) as events, pytest.raises(Stopped):
        job.train(run, events)
    with closing(EventWriter(run)) as events:
        result = job.train(run, events)
    for name in ("test", "val", "confusion", "drift", "best_epoch"):
        assert result[name] == expected[name], name
    assert all(torch.equal(tensor, moved(whole)[name]) for name, tensor in moved(run).items())
