"""A point of the way as a file that timm alone loads, strictly, and that answers as the network there does."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from tests.forgetting.conftest import finish
from tests.source_probes.made import SIDE, SMALL
from tlcore.errors import SpecError
from tlcore.forgetting.blend import FILE, blend
from tlcore.forgetting.ends import load_ends
from tlcore.forgetting.path import mixed
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import BlendSpec, parse
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Bottleneck, HeadOnly

CLASSES = tuple("0123456789")


def _save(room: Path, about: Run, **fields: Any) -> tuple[Run, dict[str, Any]]:
    run = create(room / "runs", BlendSpec(run_id=about.id, device="cpu", **fields))
    with contextlib.closing(EventWriter(run)) as events:
        return run, blend(run, events)


def _pictures() -> torch.Tensor:
    return torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


@pytest.mark.slow
@pytest.mark.parametrize("a", [0.0, 0.3, 1.0])
def test_timm_loads_it_strictly_and_it_answers_as_the_network_there(room: Path, moved: Run, a: float) -> None:
    run, result = _save(room, moved, a=a)
    file = run.path / FILE
    model = timm.create_model(SMALL, num_classes=10)
    model.load_state_dict(load_file(file), strict=True)
    ends = load_ends(moved, moved.spec(), CLASSES)
    there = ends.put(mixed(ends.start, ends.end, a)).module.eval()
    with torch.inference_mode():
        assert torch.equal(model.eval()(_pictures()), there(_pictures()))
    with safe_open(file, "pt") as opened:
        told = opened.metadata()
    assert (float(told["a"]), told["run"], told["backbone"]) == (a, moved.id, SMALL)
    assert json.loads(told["classes"]) == list(CLASSES) == result["classes"]
    assert json.loads(told["preprocessing"])["mean"]
    assert result["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert result["bytes"] == file.stat().st_size


@pytest.mark.slow
def test_the_lines_that_it_tells_do_load_it(room: Path, moved: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run, result = _save(room, moved, a=0.5)
    monkeypatch.chdir(run.path)
    there: dict[str, Any] = {}
    exec(result["load"], there)  # our own lines
    assert there["model"].num_classes == 10


@pytest.mark.slow
def test_recomputed_statistics_are_others(room: Path, moved: Run) -> None:
    mixed_run, _ = _save(room, moved, a=0.5)
    anew_run, result = _save(room, moved, a=0.5, batchnorm="recomputed")
    one, other = load_file(mixed_run.path / FILE), load_file(anew_run.path / FILE)
    differ = {name.rpartition(".")[2] for name in one if not torch.equal(one[name], other[name])}
    assert differ == {"running_mean", "running_var"}
    assert result["batchnorm"] == "recomputed"


@pytest.mark.slow
def test_what_plain_timm_has_not_is_refused(room: Path) -> None:
    adapted = finish(room, strategy=Strategy(scope=Bottleneck(width=4)), images_per_class=2)
    with pytest.raises(SpecError, match="bottleneck adapters, which no plain backbone has"):
        _save(room, adapted, a=0.5)
    other = finish(room, strategy=Strategy(scope=HeadOnly()), head="mlp", images_per_class=2)
    with pytest.raises(SpecError, match="of the kind mlp, and a plain timm model has a linear one"):
        _save(room, other, a=0.5)


def test_the_spec() -> None:
    spec = BlendSpec(run_id="20250101T000000-lite0-chest-xray-full-7f3a", a=0.25)
    assert parse(spec.model_dump_json()) == spec
    assert spec.slug() == "blend-lite0-chest-xray-full"
    for wrong in (-0.1, 1.1, "half"):
        with pytest.raises(SpecError):
            BlendSpec(run_id=spec.run_id, a=wrong)
