"""The transferability job: which networks, from which layers, that it goes on where it was, and what it would cost."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from tlcore.analysis import yosinski
from tlcore.analysis.small_network import SmallNetwork
from tlcore.analysis.transferability_plan import BASES, CUTS, FORMS, FROZEN, Cell, cells, rounds, seconds_for, suited
from tlcore.analysis.yosinski import transferability
from tlcore.analysis.yosinski_cost import cost
from tlcore.engine.jobs import find_job
from tlcore.errors import Cancelled, DataError, SpecError, ThawError
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import RunSpec, TransferabilityCostSpec, TransferabilitySpec, parse
from tlcore.training.refuse import refuse_early

SPEC = suited("digits", images_per_class=4, epochs=1, seeds=1, batch_size=10, device="cpu")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache of the transferability experiment"))


def _do(run: Run) -> dict[str, Any]:
    with closing(EventWriter(run)) as events:
        return transferability(run, events)


def _numbers(result: dict[str, Any]) -> list[tuple[object, ...]]:
    return [(n["seed"], n["form"], n["cut"], n["accuracy"]["value"], n["loss"], n["train_loss"]) for n in result["networks"]]


def test_the_networks_are_those_of_the_paper_and_the_controls() -> None:
    every = list(cells(SPEC.model_copy(update={"seed": 4, "seeds": 2})))
    assert Counter(cell.seed for cell in every) == {4: 38, 5: 38}
    assert [cell.form for cell in every[:3]] == list(BASES)
    assert Counter((cell.form, cell.cut) for cell in every) == Counter(
        [(form, 0) for form in BASES for _ in range(2)] + [(form, cut) for form in FORMS for cut in CUTS for _ in range(2)]
    )
    assert {cell.frozen for cell in every if cell.form == "AnB"} == set(CUTS)
    assert {cell.frozen for cell in every if cell.form not in FROZEN} == {0}


def test_time_left_is_what_the_nearest_others_took() -> None:
    took = {0: [8.0, 9.0, 100.0], 2: [5.0]}
    assert seconds_for([Cell(0, "AnB+", 3), Cell(0, "AnB", 2), Cell(0, "BnB", 5)], took) == 9.0 + 5.0 + 5.0
    assert seconds_for([], {}) == 0


def test_layers_above_a_cut_get_the_work_of_a_whole_network() -> None:
    # Multiplications of the layers on maps of 16, 16, 8, 8, 8, 4 and 4, by hand, over 9:
    works = [3 * 16 * 256, 16 * 16 * 256, 16 * 32 * 64, 32 * 32 * 64, 32 * 48 * 64, 48 * 64 * 16, 64 * 64 * 16]
    assert [rounds(cut, 32) for cut in range(7)] == [round(sum(works) / sum(works[cut:])) for cut in range(7)]
    assert rounds(6, 32) == 6
    assert rounds(7, 32) == 1  # the head alone, which is solved


def test_what_suits_a_dataset_gives_way_to_what_is_asked_for() -> None:
    assert suited("digits").image_size == 16
    assert suited("digits", image_size="20", halves="random").image_size == 20
    with pytest.raises(SpecError, match="seeds"):
        suited("digits", seeds=0)


def test_it_goes_to_json_and_back_and_names_its_job() -> None:
    assert parse(SPEC.model_dump_json()) == SPEC
    timed = TransferabilityCostSpec(**SPEC.model_dump(exclude={"kind"}))
    assert parse(timed.model_dump_json()) == timed
    assert (SPEC.lane, timed.lane) == ("train", "quick")
    assert SPEC.digest() != timed.digest()
    assert find_job(SPEC.kind) is transferability
    assert find_job(timed.kind) is cost


def test_what_cannot_be_halved_is_refused_before_anything_is_fetched() -> None:
    with pytest.raises(SpecError, match="need 4 classes"):
        refuse_early(suited("chest-xray"))
    with pytest.raises(SpecError, match="not known"):
        refuse_early(suited("digits", halves="distant"))
    with pytest.raises(DataError):
        refuse_early(suited("natural-photos"))
    refuse_early(suited("cifar10", halves="distant"))


@pytest.mark.slow
def test_it_trains_every_network_and_does_so_again_with_the_same_numbers(tmp_path: Path) -> None:
    run = create(tmp_path, SPEC)
    result = _do(run)
    assert [Cell(n["seed"], n["form"], n["cut"]) for n in result["networks"]] == list(cells(SPEC))
    (halves,) = result["halves"]
    assert sorted(halves["a"] + halves["b"]) == list("0123456789")
    assert halves["images"]["train"] == {"A": 20, "B": 20}
    assert halves["majority_baseline"] == pytest.approx(0.2, abs=0.02)
    for network in result["networks"]:
        share = network["accuracy"]
        assert share["low"] <= share["value"] <= share["high"]
    events = run.events()[0]
    told = [event for event in events if event["type"] == "network"]
    assert [event["accuracy"] for event in told] == [n["accuracy"] for n in result["networks"]]
    assert told[-1]["seconds_left"] == 0
    assert _numbers(_do(create(tmp_path, SPEC))) == _numbers(result)


@pytest.mark.slow
def test_a_lost_experiment_goes_on_after_its_last_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _do(create(tmp_path, SPEC))
    run = create(tmp_path, SPEC)
    judged, trained = [], []

    def stop_at_the_ninth(*given: object, **named: object) -> float:
        trained.append(None)
        if len(trained) == 9:
            raise Cancelled("lost")
        return train(*given, **named)

    train = yosinski.train
    monkeypatch.setattr(yosinski, "train", stop_at_the_ninth)
    with pytest.raises(Cancelled):
        _do(run)
    monkeypatch.setattr(yosinski, "train", lambda *given, **named: judged.append(None) or train(*given, **named))
    resumed = _do(run)
    assert len(judged) == len(list(cells(SPEC))) - 8
    assert _numbers(resumed) == _numbers(whole)
    told = {(e["seed"], e["form"], e["cut"]): e["loss"] for e in run.events()[0] if e["type"] == "network"}
    assert told == {(n["seed"], n["form"], n["cut"]): n["loss"] for n in whole["networks"]}


@pytest.mark.slow
def test_layers_come_from_where_the_form_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each network starts with; the training that is put in place of the real one adds its own number to every weight."""
    starts: list[tuple[int, list[torch.Tensor], list[str]]] = []

    def look(network: SmallNetwork, split: Any, recipe: Any, machine: Any, *, cut: int, at_step: Any) -> float:
        starts.append((cut, [layer[0].weight.clone() for layer in network.layers], list(split.ids)))
        with torch.no_grad():
            for layer in network.layers:
                layer[0].weight += len(starts)
        return 0.0

    monkeypatch.setattr(yosinski, "train", look)
    _do(create(tmp_path, SPEC))
    seen = dict(zip(cells(SPEC), starts, strict=True))
    a, b, again = (seen[Cell(0, form, 0)] for form in BASES)
    assert all(torch.equal(one, other) for one, other in zip(a[1], b[1], strict=True))  # one start
    assert not torch.equal(a[1][0], again[1][0])
    assert not set(a[2]) & set(b[2])
    for cell, (frozen, weights, images) in seen.items():
        assert frozen == cell.frozen
        if not cell.cut:
            continue
        assert images == b[2]
        trained = {"A": [weight + 1 for weight in a[1]], "B": [weight + 2 for weight in b[1]], "r": again[1]}[cell.form[0]]
        expected = [*trained[: cell.cut], *again[1][cell.cut :]]
        assert all(torch.equal(one, other) for one, other in zip(weights, expected, strict=True)), cell


@pytest.mark.slow
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(tmp_path, SPEC)
    monkeypatch.setattr(yosinski, "train", lambda *given, **named: 0.0)
    _do(run)
    (run.path / "spec.json").write_text(SPEC.model_copy(update={"lr": 0.5}).model_dump_json())
    with pytest.raises(ThawError, match="another spec, other images"):
        _do(run)


@pytest.mark.slow
def test_kinds_and_reverse_decide_what_is_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yosinski, "train", lambda *given, **named: 0.0)
    (plain,) = _do(create(tmp_path, SPEC))["halves"]
    (reverse,) = _do(create(tmp_path, SPEC.model_copy(update={"reverse": True})))["halves"]
    assert (plain["a"], plain["b"]) == (reverse["b"], reverse["a"])


@pytest.mark.slow
def test_the_cost_is_timed_for_each_number_of_frozen_layers(tmp_path: Path) -> None:
    run = create(tmp_path, TransferabilityCostSpec(**SPEC.model_dump(exclude={"kind"})))
    with closing(EventWriter(run)) as events:
        result = cost(run, events)
    took = result["seconds_by_frozen_layers"]
    assert len(took) == 8
    assert min(took) > 0
    assert result["seconds"] == pytest.approx(17 * took[0] + 3 * sum(took[1:]))  # 3 bases and 14 thawed; 3 frozen at each cut
    assert (result["networks"], result["images"]) == (38, {"train": 20, "test": 180})


@pytest.mark.parametrize("job", [transferability, cost])
def test_a_spec_of_another_kind_is_refused(tmp_path: Path, job: Any) -> None:
    run = create(tmp_path, RunSpec(dataset="digits"))
    with closing(EventWriter(run)) as events, pytest.raises(SpecError):
        job(run, events)


def test_the_spec_of_an_experiment_is_no_timing_and_the_other_way_round(tmp_path: Path) -> None:
    timed = TransferabilityCostSpec(**SPEC.model_dump(exclude={"kind"}))
    assert isinstance(timed, TransferabilitySpec)
    run = create(tmp_path, timed)
    with closing(EventWriter(run)) as events, pytest.raises(SpecError, match="not a transferability experiment"):
        transferability(run, events)
