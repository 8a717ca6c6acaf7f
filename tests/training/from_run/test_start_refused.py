"""Starts that are refused: ids that are paths, runs that do not fit, are not done, or are gone, and weights that changed."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.training.from_run.chains import DIGITS, FIELDS, SMALL, follow, moved, spec_of, train
from tlcore import run as run_now
from tlcore.errors import RunNotFound, SpecError, ThawError, WeightsUnavailable
from tlcore.models.ancestry import ancestry, check_start
from tlcore.models.catalogue import backbone_card
from tlcore.models.chain import build_from_run
from tlcore.models.network import build
from tlcore.runs import EventWriter, create, delete, open_run, restore
from tlcore.spec import CheckSpec, RunSpec
from tlcore.strategies.scope import Bottleneck, HeadOnly
from tlcore.strategies.start import FromRun, Pretrained
from tlcore.training import job


def test_an_id_is_never_a_path() -> None:
    for given in ("../../etc", "", "x", "20261120T224500-a-b-7f3a/..", "20261120T224500-a-b-7f3a\n"):
        with pytest.raises(SpecError, match="This is not a run's id, such as 2026"):
            RunSpec(**FIELDS, strategy={"start": {"kind": "run", "run_id": given}})


def refusal(spec: RunSpec, runs: Path) -> ThawError:
    """What is said before the run has a folder."""
    before = sorted(path.name for path in runs.iterdir())
    with pytest.raises(ThawError) as caught:
        run_now(spec, runs_dir=runs, progress=False)
    assert sorted(path.name for path in runs.iterdir()) == before
    assert caught.value.next_step
    return caught.value


def test_a_run_that_cannot_be_started_from_is_refused_early(runs: Path, chain) -> None:
    first, second, third = (open_run(runs, run.id) for run in chain[1])
    said = refusal(follow(third, backbone="resnet18"), runs)
    assert (type(said), said.message) == (SpecError, f"Run {third.id} trained {SMALL}, and its weights do not fit resnet18.")
    assert SMALL in said.next_step
    assert "no other weights can be named" in refusal(follow(third, weights="package"), runs).message
    assert "cannot be kept" in refusal(follow(second, head_after="kept"), runs).message

    third.write_status(replace(third.status(), state="cancelled"))
    assert (
        refusal(follow(third), runs).message
        == f"Run {third.id} is cancelled: only a run that is done has weights to start from."
    )
    looked = create(runs, CheckSpec(dataset="digits"))
    assert "no training run" in refusal(follow(looked), runs).message

    second.path.joinpath("weights.safetensors").unlink()
    assert "are missing" in refusal(follow(second), runs).message
    adapted = json.loads((first.path / "spec.json").read_bytes())
    adapted["strategy"]["scope"] = Bottleneck().model_dump()
    (first.path / "spec.json").write_text(json.dumps(adapted))
    assert f"Run {first.id} trained bottleneck adapters" in refusal(follow(first), runs).message


def test_a_deleted_run_is_named_and_may_be_brought_back(runs: Path, chain) -> None:
    first, _, third = chain[1]
    waiting = create(runs, follow(third))
    delete(runs, first.id)
    with closing(EventWriter(waiting)) as events, pytest.raises(RunNotFound) as caught:
        job.train(waiting, events)
    assert caught.value.message.endswith("starts from, is not here any more.")
    assert f"Run {first.id}, which run {chain[1][1].id}" in caught.value.message, "the middle of the chain is missing"
    assert "Bring it back on the Runs page" in caught.value.next_step
    restore(runs, first.id)
    with closing(EventWriter(waiting)) as events:
        assert job.train(waiting, events)["weights"]["source"] == f"run {third.id}"


def test_windows_of_another_size_are_refused(runs: Path, chain) -> None:
    third = open_run(runs, chain[1][2].id)
    swin = "swin_tiny_patch4_window7_224"
    for run in chain[1]:
        asked = json.loads((runs / run.id / "spec.json").read_bytes()) | {"backbone": swin, "image_size": 64}
        (runs / run.id / "spec.json").write_text(json.dumps(asked))
    card = backbone_card(swin)
    with pytest.raises(SpecError, match="has other weights at another image size") as caught:
        check_start(follow(third, backbone=swin, image_size=128), card, runs)
    assert "Set the image size to 64" in caught.value.next_step
    assert len(check_start(follow(third, backbone=swin, image_size=64), card, runs)) == 3


def test_a_circle_made_by_hand_ends(runs: Path, chain) -> None:
    first, second, _ = chain[1]
    asked = json.loads((runs / first.id / "spec.json").read_bytes())
    asked["strategy"]["start"] = FromRun(run_id=second.id).model_dump()
    (runs / first.id / "spec.json").write_text(json.dumps(asked))
    with pytest.raises(SpecError, match="starts from itself"):
        ancestry(FromRun(run_id=first.id), runs)


def test_tensors_that_have_no_place_are_named(runs: Path, chain) -> None:
    third = open_run(runs, chain[1][2].id)
    save_file(moved(third) | {"blocks.9.weight": torch.zeros(2)}, third.path / "weights.safetensors")
    with pytest.raises(SpecError, match=r"blocks\.9\.weight has no place"):
        build_from_run(follow(third), DIGITS, runs_dir=runs)


def test_weights_that_changed_under_a_chain_are_never_used(tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(build(SMALL, classes=3, start="random", seed=1, image_size=32).module.state_dict(), file)
    first, result = train(tmp_path / "runs", spec_of(Pretrained(), weights=str(file), scope=HeadOnly()))
    network = build_from_run(follow(first), DIGITS, runs_dir=tmp_path / "runs")
    assert f"Your own file {file.name}" in network.provenance["text"]
    save_file(build(SMALL, classes=3, start="random", seed=2, image_size=32).module.state_dict(), file)
    with pytest.raises(WeightsUnavailable, match="have changed since") as caught:
        build_from_run(follow(first), DIGITS, runs_dir=tmp_path / "runs")
    assert result["weights"]["sha256"] in caught.value.message
