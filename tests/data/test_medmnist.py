"""MedMNIST: the published facts, and files in the published format."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tlcore.data import medmnist
from tlcore.data.catalogue import DATASETS
from tlcore.data.listing import SPLITS
from tlcore.data.load import load
from tlcore.data.medmnist import MEDMNIST, medmnist_listing
from tlcore.data.sources import split_listing
from tlcore.errors import AssetError, DataError
from tlcore.progress import silent

_ARRAY = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n\x00"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("THAW_DATA_ROOTS", str(tmp_path / "roots"))
    monkeypatch.setenv("THAW_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "roots").mkdir()
    return tmp_path / "roots"


def write(file: Path, *, classes: int, size: int = 28, gray: bool = True, counts: tuple[int, int, int] = (12, 6, 9)) -> None:
    """A file as the medmnist package writes them: uint8 pictures, labels uint8 (N, 1)."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in zip(SPLITS, counts, strict=True):
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, size, size, *([] if gray else [3])), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % classes).astype(np.uint8)[:, None]
    np.savez_compressed(file, **arrays)


def published() -> dict[str, dict]:
    """The package's own table, read as data: importing it would make a folder in the user's home."""
    found = importlib.util.find_spec("medmnist")
    if found is None or found.origin is None:
        pytest.skip("medmnist is not installed")
    tree = ast.parse((Path(found.origin).parent / "info.py").read_text())
    values = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    return ast.literal_eval(values["INFO"])


def test_the_twelve_agree_with_what_is_published() -> None:
    info = {name: facts for name, facts in published().items() if "3d" not in name}
    assert set(info) == set(MEDMNIST)
    for name, facts in MEDMNIST.items():
        theirs = info[name]
        assert facts.images == tuple(theirs["n_samples"][split] for split in SPLITS), name
        assert facts.md5 == theirs["MD5"], name
        assert facts.gray == (theirs["n_channels"] == 1), name
        assert facts.licence.split(":")[0] == theirs["license"], name
        assert facts.title == theirs["python_class"]
        if name != "retinamnist":  # whose classes are bare numbers
            assert list(facts.classes) == list(theirs["label"].values()), name
        kinds = {"binary-class": "binary", "ordinal-regression": "ordinal", "multi-label, binary-class": "multi-label"}
        assert facts.task == kinds.get(theirs["task"], theirs["task"]), name
        assert theirs["url"] == f"{medmnist.pinned.MEDMNIST_SITE}/{name}.npz?download=1"


@pytest.mark.parametrize(("name", "gray"), [("breastmnist", True), ("bloodmnist", False), ("retinamnist", False)])
def test_a_file_in_a_data_root_loads_with_its_own_split(places: Path, name: str, gray: bool) -> None:
    classes = len(MEDMNIST[name].classes)
    write(places / f"{name}.npz", classes=classes, gray=gray, counts=(20, 10, 16))
    data = load(name, image_size=28)
    assert [len(split) for split in (data.train, data.val, data.test)] == [20, 10, 16]
    assert data.train.images.shape == (20, 28, 28, 3)
    assert data.train.labels.tolist() == [i % classes for i in range(20)]
    with np.load(places / f"{name}.npz") as arrays:
        first = arrays["train_images"][0]
    assert np.array_equal(data.train.images[0], np.stack([first] * 3, -1) if gray else first)


def test_the_file_that_suits_the_size_is_taken(places: Path) -> None:
    for size, name in ((28, "breastmnist.npz"), (64, "breastmnist_64.npz"), (128, "breastmnist_128.npz")):
        write(places / name, classes=2, size=size)
    for wanted, size in ((28, 28), (50, 64), (64, 64), (128, 128), (500, 128)):
        found = medmnist_listing("breastmnist", wanted, silent)
        assert found.items[0].read().size == (size, size), wanted
        assert found.items[0].read().mode == "RGB"


def test_marks_of_the_file_are_the_split(places: Path) -> None:
    write(places / "organamnist.npz", classes=11, counts=(22, 11, 11))
    found = split_listing(DATASETS["organamnist"], medmnist_listing("organamnist", 28, silent))
    assert [item.split for item in found.items].count("val") == 11
    assert all(item.id.startswith(str(item.split)) for item in found.items)


def test_without_a_file_or_a_network_it_says_so() -> None:
    with pytest.raises(AssetError, match="network is switched off"):
        load("breastmnist", image_size=28)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off", _ARRAY])
def test_a_damaged_file(places: Path, content: bytes) -> None:
    (places / "breastmnist.npz").write_bytes(content)
    with pytest.raises(DataError, match="not a MedMNIST file"):
        load("breastmnist", image_size=28)


def test_a_pickle_in_it_is_never_opened(places: Path) -> None:
    np.savez(places / "breastmnist.npz", train_images=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="not a MedMNIST file"):
        load("breastmnist", image_size=28)


def test_labels_that_name_no_class(places: Path) -> None:
    write(places / "breastmnist.npz", classes=5)
    with pytest.raises(DataError, match="from 0 to 1"):
        load("breastmnist", image_size=28)


def test_several_findings_at_once_are_refused_in_words() -> None:
    with pytest.raises(DataError, match="several findings at once"):
        load("chestmnist", image_size=28)
    with pytest.raises(DataError, match="several findings at once"):
        medmnist_listing("chestmnist", 28, silent)
    assert DATASETS["chestmnist"].refusal
