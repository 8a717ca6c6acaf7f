"""A run made ready for new pictures: once, whole or not at all, right, and without a word of whose the pictures are."""

from __future__ import annotations

import copy
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.made_dicom import write
from tests.explain.small_run import SIDE, finished
from tlcore.data.arriving import arrive
from tlcore.data.load import Dataset, load
from tlcore.data.transforms import normalise
from tlcore.errors import Cancelled, DataError, ThawError
from tlcore.explain import ready as room
from tlcore.explain.calibrate import fit_temperature
from tlcore.explain.conformal import fit_sets
from tlcore.explain.job import explain
from tlcore.explain.kept import FOLDER, Ready, key_of, read
from tlcore.explain.ready import look_at, make_ready, ready
from tlcore.models.ended import ended
from tlcore.models.network import Network
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import ExplainSpec
from tlcore.training.machine import Machine, choose

pytestmark = pytest.mark.slow
MACHINE: Machine = choose("cpu", "float32")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.mktemp("ready-cache")))
        yield finished(tmp_path_factory.mktemp("ready-runs"), epochs=12, lr=0.02)  # it gets too sure of itself


@pytest.fixture(scope="module")
def network(run: Run) -> Network:
    return ended(run, run.spec(), tuple(run.result()["classes"]))


@pytest.fixture(scope="module")
def data(run: Run) -> Dataset:
    return load("digits", image_size=SIDE, images_per_class=8, seed=3)


@pytest.fixture(scope="module")
def made(run: Run, network: Network) -> Ready:
    return ready(run, network, MACHINE)


def plain_logits(network: Network, images: np.ndarray) -> np.ndarray:
    look = network.preprocessing
    with torch.inference_mode():
        return network.module(normalise(torch.from_numpy(np.array(images)), look.mean, look.std)).numpy()


def test_what_is_kept_is_what_the_network_answers(made: Ready, network: Network, data: Dataset):
    assert made.classes == tuple("0123456789")
    assert made.test_logits == pytest.approx(plain_logits(network, data.test.images), abs=1e-4)
    assert (made.test_labels == data.test.labels).all()
    logits = plain_logits(network, data.val.images)
    assert made.temperature.value == pytest.approx(fit_temperature(logits, data.val.labels, seed=3).value, rel=1e-3)
    sets = fit_sets(made.temperature.probabilities(logits), data.val.labels)
    assert made.sets.lac == pytest.approx(sets.lac, abs=1e-4)
    assert made.ids == data.train.ids
    assert made.told["images"] == {"train": 80, "val": 179, "test": 361}
    assert {(each["method"], each["promise"]) for each in made.told["coverage"]} == {
        (method, confidence) for method in ("lac", "aps") for confidence in (0.8, 0.9, 0.95)
    }
    json.dumps(made.told, allow_nan=False)


def test_the_promise_and_the_calibration_on_the_test_split(made: Ready):
    for each in made.told["coverage"]:
        low, high = each["exact"]["expected"]
        assert low <= each["exact"]["covered"]["value"] <= high, each
        assert each["kept"]
        assert each["size"] < 9  # of 10 classes: no set keeps its promise by having all of them
    before, after = (made.told["calibration"][name]["ece"] for name in ("before", "after"))
    assert made.temperature.value > 1.5
    assert after < before


def test_it_is_made_once_and_read_back_the_same(
    made: Ready, run: Run, network: Network, monkeypatch: pytest.MonkeyPatch, data: Dataset
):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("what is kept was made again")

    monkeypatch.setattr(room, "make_ready", never)
    again = ready(run, network, MACHINE)
    features, logits = look_at(network, MACHINE, data.test.images[:3])
    for row, answers in zip(features, logits, strict=True):
        assert again.answer(row, answers) == made.answer(row, answers)
    assert again.told == json.loads(json.dumps(made.told))
    assert again.thumbnails == made.thumbnails


def test_the_network_is_left_as_it_was(made: Ready, network: Network):
    assert not network.module.training
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.module.modules())


def test_an_answer(made: Ready, network: Network, data: Dataset):
    features, logits = look_at(network, MACHINE, data.train.images[7:8])
    told = made.answer(features[0], logits[0], confidence=0.95, method="aps", neighbours=3)
    assert told["prediction"] == told["prediction_set"][0] == made.classes[int(logits.argmax())]
    assert told["probability"] == pytest.approx(float(torch.softmax(torch.from_numpy(logits[0]), 0).max()), rel=1e-5)
    assert sum(told["probabilities"].values()) == pytest.approx(1)
    assert told["calibrated"] == max(told["probabilities"].values())
    assert len(told["nearest"]) == 3
    nearest = told["nearest"][0]
    assert nearest["similarity"] == pytest.approx(1, abs=2e-3)  # to itself, if to no other
    assert made.ids[nearest["row"]] == nearest["id"]
    assert nearest["class"] == made.classes[made.labels[nearest["row"]]]
    assert not told["out_of_distribution"]["unlike"]
    with Image.open(io.BytesIO(made.thumbnails[7])) as picture:
        assert np.asarray(picture.convert("RGB"), int) == pytest.approx(data.train.images[7].astype(int), abs=40)
    json.dumps(told, allow_nan=False)


def test_a_file_that_is_damaged_or_of_other_weights_counts_for_nothing(made: Ready, run: Run, network: Network, tmp_path: Path):
    other = Run(tmp_path / run.id)
    shutil.copytree(run.path, other.path)
    key = key_of(other, network.provenance["sha256"])
    assert read(other, key) is not None
    assert read(other) is not None
    assert read(other, "0" * 64) is None
    whole = (other.path / FOLDER / "ready.npz").read_bytes()
    for content in (b"", whole[:1000], whole[: len(whole) // 2], whole[:-7]):
        (other.path / FOLDER / "ready.npz").write_bytes(content)
        assert read(other) is None
    (other.path / FOLDER / "ready.npz").write_bytes(whole)
    told = json.loads((other.path / FOLDER / "ready.json").read_bytes())
    (other.path / FOLDER / "ready.json").write_text(json.dumps(told | {"key": "1" * 64}))
    assert read(other) is None  # the two files are not of one making
    with open(other.path / "weights.safetensors", "ab") as file:
        file.write(b" ")
    assert key_of(other, network.provenance["sha256"]) != key
    assert key_of(run, "another start") != key
    assert read(Run(tmp_path / "nothing")) is None


def test_a_stop_leaves_nothing_behind(run: Run, network: Network, data: Dataset, tmp_path: Path, made: Ready):
    other = Run(tmp_path / run.id)
    shutil.copytree(run.path, other.path, ignore=shutil.ignore_patterns(FOLDER))

    def stop(_: str, done: int, total: int, __: str) -> None:
        if done > total // 2:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        ready(other, network, MACHINE, data=lambda: data, progress=stop)
    assert read(other) is None
    assert [file.name for file in (other.path / FOLDER).iterdir()] == [".lock"]
    test_the_network_is_left_as_it_was(made, network)


def test_data_that_have_changed_calibrate_nothing(run: Run, network: Network, data: Dataset):
    for changed in (replace(data, digest="another"), replace(data, classes=tuple("abcdefghij"))):
        with pytest.raises(DataError, match="no longer the one that run") as caught:
            make_ready(run, network, MACHINE, changed)
        assert caught.value.next_step


def test_answers_that_are_no_numbers_calibrate_nothing(run: Run, network: Network, data: Dataset):
    broken = copy.deepcopy(network)
    with torch.no_grad():
        broken.head.bias[0] = torch.nan
    with pytest.raises(ThawError, match="is no number, so nothing about it can be calibrated"):
        make_ready(run, broken, MACHINE, data)


def test_nothing_that_names_the_patient_is_in_the_cache_or_in_any_runs_folder(run: Run, made: Ready, tmp_path: Path):
    """A DICOM file is brought, and explained by the job: then everything that stands on the disk is searched."""
    secrets = {"PatientName": "Mustermann^Erika", "PatientID": "MRN-4711-0815", "PatientBirthDate": "19500317"}
    values = np.add.outer(np.arange(40), np.arange(40)) * 30
    file = write(tmp_path / "Mustermann_Erika_0815.dcm", values, **secrets)
    found = arrive(file.read_bytes(), file.name)
    job = create(run.path.parent, ExplainSpec(run_id=run.id, picture=found.sha256, start=False, device="cpu"))
    with closing(EventWriter(job)) as events:
        result = explain(job, events)
        job.write_result(result)
    assert result["picture"]["prediction"] in made.classes
    folders = (Path(os.environ["THAW_CACHE_DIR"]), run.path.parent)
    written = [path for folder in folders for path in folder.rglob("*")]
    assert any(found.sha256 in str(path) for path in written)
    content = b"\n".join(
        [*(path.read_bytes() for path in written if path.is_file()), *(str(path).encode() for path in written)]
    )
    for secret in ("Mustermann", "Erika", "MRN-4711", "19500317"):
        assert secret.encode() not in content
