"""The export job on a real run: its files answer as the run's own network, and the check is on its own test images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from tests.explain.small_run import SIDE, SMALL, finished
from tlcore.cli.exported import exported
from tlcore.data.load import load
from tlcore.data.transforms import normalise
from tlcore.errors import SpecError
from tlcore.explain import export_job
from tlcore.models.describe import describe
from tlcore.models.ended import ended
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import CheckSpec, ExportSpec
from tlcore.training.report import Reporter

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.mktemp("export-cache")))
        yield finished(tmp_path_factory.mktemp("export-runs"))


def written(about: Run, **fields: Any) -> tuple[Run, dict[str, Any]]:
    job = create(about.path.parent, ExportSpec(run_id=about.id, **fields))
    with closing(EventWriter(job)) as events:
        result = export_job.export(job, events)
    return job, result


def answers(run: Run) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised test images and what the run's own network answers."""
    data = load("digits", image_size=SIDE, images_per_class=8, seed=3)
    look = describe(SMALL).preprocessing
    pixels = normalise(torch.from_numpy(np.asarray(data.test.images[:5])), look.mean, look.std)
    network = ended(run, run.spec(), tuple(run.result()["classes"]))
    with torch.inference_mode():
        return pixels, network.module.eval()(pixels)


def test_the_safetensors_are_the_runs_network(run: Run) -> None:
    job, result = written(run)
    file = job.path / "model.safetensors"
    assert (result["run"], result["format"], result["file"]) == (run.id, "safetensors", file.name)
    assert result["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    import timm

    model = timm.create_model(SMALL, num_classes=10)
    model.load_state_dict(load_file(file))
    pixels, own = answers(run)
    with torch.inference_mode():
        assert torch.equal(model.eval()(pixels), own)
    assert result["load"] in exported(result | {"run_id": job.id})


def test_the_onnx_file_answers_alike_and_was_checked_on_test_images(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    job, result = written(run, format="onnx")
    pixels, own = answers(run)
    session = onnxruntime.InferenceSession(str(job.path / "model.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(["logits"], {"pixels": pixels.numpy()})[0]
    assert found == pytest.approx(own.numpy(), abs=1e-4)
    monkeypatch.chdir(job.path)
    there: dict[str, Any] = {"rgb": np.asarray(load("digits", image_size=SIDE, images_per_class=8, seed=3).test.images[:5])}
    exec(result["load"], there)  # our own lines
    assert there["logits"] == pytest.approx(own.numpy(), abs=1e-4)
    checked = result["checked"]
    assert (checked["on"], checked["images"], checked["same_answers"]) == ("test images", 16, 16)
    assert result["notices"] == []
    assert "On 16 pictures (test images) its logits are at most" in exported(result | {"run_id": job.id})


def test_without_the_dataset_it_is_checked_on_noise_and_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(spec: Any, report: Reporter) -> None:
        raise SpecError("The folder is gone.")

    monkeypatch.setattr(export_job, "load_data", gone)
    _, result = written(run, format="onnx")
    assert result["checked"]["on"] == "noise"
    assert result["notices"] == ["The check is on pictures of noise, for the test images cannot be had. The folder is gone."]


def test_it_refuses_what_it_cannot_do(run: Run, tmp_path: Path) -> None:
    for spec, words in (
        (ExportSpec(run_id=create(run.path.parent, run.spec()).id), "only a run that is done"),
        (CheckSpec(dataset="digits"), "exports nothing"),
    ):
        job = create(run.path.parent, spec)
        with closing(EventWriter(job)) as events, pytest.raises(SpecError, match=words):
            export_job.export(job, events)
