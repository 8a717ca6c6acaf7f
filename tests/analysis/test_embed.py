"""How classes come apart: numbers that are scikit-learn's, and layouts that lie alike from layer to layer."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tlcore.analysis import embed as module
from tlcore.analysis.embed import apart, embed, turned
from tlcore.analysis.embedding import MOST_POINTS, write_embedding
from tlcore.data.load import Split
from tlcore.errors import SpecError
from tlcore.training.intervals import wilson

CLASSES = ("a", "b", "c")


def _clouds(count: int, far: float, seed: int = 0, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of points, their middles `far` from each other along axes of their own."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    return (rng.normal(size=(count, width)) + far * np.eye(3, width)[labels]).astype(np.float32), labels


@pytest.mark.parametrize("far", [0.5, 3.0])
def test_both_numbers_are_scikit_learns(far: float) -> None:
    train, train_labels = _clouds(90, far)
    test, test_labels = _clouds(60, far, seed=1)
    train[:, 3] *= 1000  # a loud channel, which standardising quietens
    test[:, 3] *= 1000
    found = apart(train, train_labels, test, test_labels, CLASSES, seed=0)
    knn = make_pipeline(StandardScaler(), KNeighborsClassifier(5)).fit(train, train_labels)
    accuracy = knn.score(test, test_labels)
    low, high = wilson(accuracy, 60)
    assert found["knn"] == {"value": pytest.approx(accuracy), "low": low, "high": high, "method": "wilson"}
    inside = StandardScaler().fit(train).transform(test)
    assert found["silhouette"] == pytest.approx(silhouette_score(inside, test_labels), abs=1e-5)
    assert found["why"] is None


def test_a_silhouette_by_hand() -> None:
    train = np.array([[-1.0], [1.0]])  # standardising changes nothing
    test, labels = np.array([[0.0], [1.0], [5.0], [6.0]]), np.array([0, 0, 1, 1])
    found = apart(train, np.array([0, 1]), test, labels, ("a", "b"), seed=0)
    outer, inner = (5.5 - 1) / 5.5, (4.5 - 1) / 4.5
    assert found["silhouette"] == pytest.approx((2 * outer + 2 * inner) / 4)
    assert found["neighbours"] == 2  # there are no more


def test_the_interval_is_over_patients_where_they_are_known() -> None:
    train, train_labels = _clouds(60, 1.0)
    test, test_labels = _clouds(60, 1.0, seed=1)
    alone = apart(train, train_labels, test, test_labels, CLASSES, seed=0)["knn"]
    patients = [str(i // 6) for i in range(60)]
    owned = apart(train, train_labels, test, test_labels, CLASSES, seed=0, patients=patients)["knn"]
    assert owned["value"] == alone["value"]
    assert (alone["method"], owned["method"]) == ("wilson", "bootstrap")


def test_one_class_has_no_silhouette() -> None:
    train, labels = _clouds(30, 1.0)
    found = apart(train, labels, train[labels == 0], labels[labels == 0], CLASSES, seed=0)
    assert found["silhouette"] is None
    assert "two classes" in found["why"]
    assert found["knn"]["value"] is not None


def test_a_class_that_is_not_among_the_training_images_is_never_named() -> None:
    train, labels = _clouds(60, 30.0, width=3)
    test, test_labels = _clouds(30, 30.0, seed=1, width=3)
    known = labels != 0
    found = apart(train[known], labels[known], test, test_labels, CLASSES, seed=0)
    assert found["knn"]["value"] == pytest.approx(2 / 3)


def test_turning_undoes_a_rotation_a_mirror_a_shift_and_a_scale() -> None:
    layout = np.random.default_rng(0).normal(size=(40, 2))
    like = turned(layout, None)
    assert np.abs(like.mean(0)).max() < 1e-6
    assert np.sqrt((like**2).sum(1).mean()) == pytest.approx(1)
    angle = 2.0
    spun = layout @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([1, -1])
    np.testing.assert_allclose(turned(7 * spun + 3, like), like, atol=1e-5)
    np.testing.assert_array_equal(turned(np.ones((4, 2)), like[:4]), 0)  # nothing to turn


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_neighbouring_layers_lie_alike(method: str) -> None:
    rows, _ = _clouds(60, 6.0)
    rng = np.random.default_rng(5)
    layers = {"low": rows}
    for name in ("middle", "high"):  # the same clouds, seen from somewhere else
        rotation, _ = np.linalg.qr(rng.normal(size=(20, 20)))
        layers[name] = rows @ rotation + 0.05 * rng.normal(size=rows.shape)
    found = embed(layers, methods=[method], seed=0).layouts[method]
    for before, after in (("low", "middle"), ("middle", "high")):
        own = np.square(found[before] - found[after]).sum(1).mean()
        best = np.square(found[before] - turned(found[after], found[before])).sum(1).mean()
        assert own == pytest.approx(best, abs=1e-5)  # no rotation brings them closer
        assert own < 0.5


def test_the_plane_of_pca_is_scikit_learns() -> None:
    rows, _ = _clouds(30, 2.0)
    layout = embed({"only": rows}, methods=["pca"], seed=0).layouts["pca"]["only"]
    expected = PCA(2).fit_transform(StandardScaler().fit_transform(rows.astype(np.float64)))
    np.testing.assert_allclose(layout, turned(expected, layout), atol=1e-4)


def test_the_same_seed_gives_the_same_layout_and_another_network_lies_like_the_first() -> None:
    rows, _ = _clouds(40, 4.0)
    once, again = (embed({"only": rows}, methods=["pca", "tsne"], seed=3) for _ in range(2))
    for method in ("pca", "tsne"):
        np.testing.assert_array_equal(once.layouts[method]["only"], again.layouts[method]["only"])
    mirrored = embed({"only": rows[:, ::-1] * -1}, methods=["pca"], seed=3, like=once.layouts)
    np.testing.assert_allclose(mirrored.layouts["pca"]["only"], once.layouts["pca"]["only"], atol=1e-4)


def test_what_cannot_be_laid_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = _clouds(12, 1.0)
    with pytest.raises(SpecError, match="no embedding named 'umapp'"):
        embed({"only": rows}, methods=["umapp"], seed=0)
    few = embed({"only": rows[:4]}, methods=["pca"], seed=0)
    assert not few.layouts
    assert few.missing == {"pca": "There are only 4 images; a layout needs 5 or more."}
    find = importlib.util.find_spec
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None if name == "umap" else find(name))
    found = embed({"only": rows}, methods=["pca", "umap"], seed=0)
    assert list(found.layouts) == ["pca"]
    assert found.missing["umap"].endswith("pip install umap-learn")


def test_features_that_say_nothing_lie_in_one_point() -> None:
    flat = embed({"dead": np.ones((8, 5), np.float32), "one": np.eye(8, 1, dtype=np.float32)}, methods=["pca", "tsne"], seed=0)
    for method in ("pca", "tsne"):
        assert not flat.layouts[method]["dead"].any()
        assert np.isfinite(flat.layouts[method]["one"]).all()


@pytest.mark.skipif(importlib.util.find_spec("umap") is None, reason="umap-learn is not installed")
@pytest.mark.slow
def test_umap_keeps_clouds_apart() -> None:
    rows, labels = _clouds(60, 12.0)
    layout = embed({"only": rows}, methods=["umap"], seed=0).layouts["umap"]["only"]
    assert silhouette_score(layout, labels) > 0.5


def test_what_is_written_for_a_page(tmp_path: Path) -> None:
    rows, labels = _clouds(50, 4.0)
    split = Split(np.zeros((50, 2, 2, 3), np.uint8), labels, tuple(f"<b>{i}</b>" for i in range(50)))
    sources = {"pretrained": {"stem": rows * 0.1, "stage 1": rows}, "random": {"stem": rows[:, ::-1], "stage 1": rows[::-1]}}
    told: list[tuple[int, int]] = []
    about = write_embedding(
        sources, split, CLASSES, tmp_path, train=slice(0, 30), test=slice(35, 50), methods=["pca", "tsne"], seed=0,
        progress=lambda what, done, total, unit: told.append((done, total)),
    )  # fmt: skip
    assert (about["methods"], about["missing"], about["images"]) == (["pca", "tsne"], {}, 15)
    assert [source["name"] for source in about["sources"]] == ["pretrained", "random"]
    layer = about["sources"][0]["layers"][1]
    assert layer == {"name": "stage 1"} | apart(rows[:30], labels[:30], rows[35:], labels[35:], CLASSES, seed=0)
    assert told[-1] == (4, 4)
    with np.load(tmp_path / "embedding.npz", allow_pickle=False) as saved:
        assert saved["rows"].tolist() == list(range(35, 50))
        assert saved["ids"][0] == "<b>35</b>"
        np.testing.assert_array_equal(saved["labels"], labels[35:])
        own = embed({name: all_[35:] for name, all_ in sources["pretrained"].items()}, methods=["pca"], seed=0).layouts["pca"]
        np.testing.assert_array_equal(saved["pca-0-1"], own["stage 1"])
        assert saved["tsne-1-0"].shape == (15, 2)


def test_of_very_many_images_some_are_laid_out_evenly(tmp_path: Path) -> None:
    count = 2 * MOST_POINTS
    rows, labels = _clouds(count, 2.0, width=3)
    split = Split(np.zeros((count, 1, 1, 3), np.uint8), labels, tuple(map(str, range(count))))
    about = write_embedding(
        {"random": {"stem": rows}},
        split,
        CLASSES,
        tmp_path,
        train=slice(0, 100),
        test=slice(100, count),
        methods=["pca"],
        seed=0,
    )
    assert about["images"] == MOST_POINTS
    with np.load(tmp_path / "embedding.npz", allow_pickle=False) as saved:
        assert (saved["rows"][0], saved["rows"][-1]) == (100, count - 1)
        assert set(np.diff(saved["rows"])) <= {1, 2}
