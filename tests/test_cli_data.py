"""A person's own data and weights from the command line, for real: MedMNIST's files, DICOM with a CSV, a safetensors file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from tlcore.cli.main import main
from tlcore.models.network import build

sys.path.insert(0, str(Path(__file__).parent / "data"))
from hostile import class_folders
from test_dicom import write as write_dicom
from test_medmnist import write as write_medmnist

TRAIN = ["train", "--backbone", "mobilenetv3_small_100", "--epochs", "1", "--image-size", "32", "--batch-size", "8", "--json"]
RANDOM = ["--strategy", "random-features"]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("runs", "cache"):
        monkeypatch.setenv(f"THAW_{name.upper()}_DIR", str(tmp_path / name))
    monkeypatch.setenv("THAW_DATA_ROOTS", str(tmp_path / "roots"))
    monkeypatch.setenv("THAW_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "roots").mkdir()
    return tmp_path / "roots"


def told(capsys: pytest.CaptureFixture[str]) -> dict:
    """The one line of stdout; the run's whole result."""
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def result_of(told: dict, tmp_path: Path) -> dict:
    return json.loads((tmp_path / "runs" / told["run_id"] / "result.json").read_bytes())


def test_a_medmnist_file_in_a_data_root(capsys: pytest.CaptureFixture[str], roots: Path, tmp_path: Path) -> None:
    write_medmnist(roots / "breastmnist.npz", classes=2)
    assert main([*TRAIN, *RANDOM, "--dataset", "breastmnist"]) == 0
    given = told(capsys)
    assert (given["dataset"], given["classes"]) == ("breastmnist", ["malignant", "normal, benign"])
    assert result_of(given, tmp_path)["data"]["images"] == {"train": 12, "val": 6, "test": 9}
    assert main([*TRAIN, *RANDOM, "--dataset", "bloodmnist"]) == 1  # no such file, and no network
    error = told(capsys)["error"]
    assert error["type"] == "AssetError"
    assert error["next_step"]


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Ten patients of two pictures each, five with and five without, and the CSV beside them."""
    folder = tmp_path / "scans"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = ["file,label,patient"]
    for i in range(20):
        write_dicom(folder / f"{i:02d}.dcm", rng.integers(0, 4096, (40, 40)), PhotometricInterpretation="MONOCHROME1")
        rows.append(f"{i:02d}.dcm,{'ill' if i // 2 % 2 else 'well'},p{i // 2}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    return folder


def test_dicom_files_with_a_csv_of_labels(
    capsys: pytest.CaptureFixture[str], scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*TRAIN, *RANDOM, "--dataset", "scans", "--labels", "table.csv"]) == 0
    given = told(capsys)
    assert set(given["classes"]) == {"ill", "well"}
    result = result_of(given, tmp_path)
    assert sum(result["data"]["images"].values()) == 20
    assert all(count % 2 == 0 for count in result["data"]["images"].values())  # patients never part
    assert result["intervals_over"] == "patients"
    assert main([*TRAIN, *RANDOM, "--dataset", "scans", "--labels", "nowhere.csv"]) == 2
    assert "nowhere.csv" in told(capsys)["error"]["message"]


def test_a_persons_own_weights(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    class_folders(tmp_path / "cats and dogs", {"cats": 12, "dogs": 12})
    network = build("mobilenetv3_small_100", classes=7, start="random", weights=None, seed=41, image_size=32)
    own = {name: tensor.contiguous() for name, tensor in network.module.state_dict().items()}
    save_file(own, tmp_path / "own.safetensors")
    options = [*TRAIN, "--strategy", "last-group", "--dataset", "cats and dogs"]
    assert main([*options, "--weights", "own.safetensors"]) == 0
    given = told(capsys)
    assert given["weights"]["source"] == str(tmp_path / "own.safetensors")
    assert len(given["weights"]["sha256"]) == 64
    kept = load_file(tmp_path / "runs" / given["run_id"] / "weights.safetensors")
    moved = [name for name in kept if name in own and kept[name].shape == own[name].shape]
    assert moved
    assert all((kept[name] - own[name]).abs().max() < 0.05 for name in moved if name.endswith("weight"))  # began from there

    for words, content in (("not", b"no tensors"), ("fit", None)):
        bad = tmp_path / "bad.safetensors"
        if content is None:
            save_file({name: own[name] for name in list(own)[5:]}, bad)
        else:
            bad.write_bytes(content)
        assert main([*options, "--weights", "bad.safetensors"]) == 2, words
        error = told(capsys)["error"]
        assert "Traceback" not in error["message"]
        assert error["next_step"]
