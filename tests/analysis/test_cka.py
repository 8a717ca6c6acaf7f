"""CKA: published values, the formula written out, what it must not change with, and what has no value."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis.cka import cka, cka_in_batches, cka_matrix
from tlcore.analysis.undefined import Undefined


def _hsic1(x: np.ndarray, y: np.ndarray) -> float:
    """Term by term, from whole Gram matrices."""
    n = len(x)
    k, l = x @ x.T, y @ y.T  # noqa: E741
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    one = np.ones(n)
    terms = np.trace(k @ l) + (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ l @ one)
    return terms / (n * (n - 3))


def _debiased(x: np.ndarray, y: np.ndarray) -> float:
    return _hsic1(x, y) / np.sqrt(_hsic1(x, x) * _hsic1(y, y))


def _biased(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(0), y - y.mean(0)
    return np.square(y.T @ x).sum() / np.sqrt(np.square(x.T @ x).sum() * np.square(y.T @ y).sum())


def _kornblith() -> tuple[np.ndarray, np.ndarray]:
    """The pair of the notebook that comes with the paper."""
    rng = np.random.RandomState(1337)
    x = rng.randn(100, 10)
    return x, rng.randn(100, 10) + x


def _pair(images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(images, 6))
    return x, x @ rng.normal(size=(6, 9)) + rng.normal(size=(images, 9))


def test_the_published_case() -> None:
    x, y = _kornblith()
    assert _biased(x, y) == pytest.approx(0.5576133, abs=5e-8)  # it is the notebook's pair
    assert cka(x, y) == pytest.approx(0.5134565, abs=5e-8)


@pytest.mark.parametrize("images", [4, 5, 17, 64])
def test_it_is_the_formula(images: int) -> None:
    x, y = _pair(images)
    assert cka(x, y) == pytest.approx(_debiased(x, y), abs=1e-10)
    assert cka(x, x) == pytest.approx(1, abs=1e-12)


def test_independent_noise_is_unrelated() -> None:
    """Where the plain form says that they are much alike."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(256, 2048)), rng.normal(size=(256, 2048))
    assert _biased(x, y) == pytest.approx(0.888, abs=0.005)
    assert abs(cka(x, y)) < 0.02


def test_noise_is_0_on_average_and_negative_about_as_often() -> None:
    rng = np.random.default_rng(1)
    values = np.array([cka(rng.normal(size=(12, 30)), rng.normal(size=(12, 30))) for _ in range(200)])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(200)
    assert 0.3 < (values < 0).mean() < 0.7


def test_rotation_scale_and_shift_change_nothing() -> None:
    x, y = _pair(30)
    rotation, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(9, 9)))
    for scale in (1.0, 1e-150, 1e150):
        assert cka(x, scale * (y @ rotation)) == pytest.approx(cka(x, y), abs=1e-10)
    assert cka(x + 1e4, y - 300) == pytest.approx(cka(x, y), abs=1e-8)
    assert cka(x.astype(np.float32), y) == pytest.approx(cka(x, y), abs=1e-6)
    assert cka(y, x) == pytest.approx(cka(x, y), abs=1e-14)


def test_the_matrix_is_every_pair() -> None:
    xs = [_pair(20, seed)[0] for seed in range(3)]
    ys = [_pair(20, seed)[1] for seed in range(2)]
    matrix = cka_matrix(xs, ys)
    assert matrix.shape == (3, 2)
    for i, x in enumerate(xs):
        for j, y in enumerate(ys):
            assert matrix[i, j] == pytest.approx(cka(x, y), abs=1e-12)
            assert isinstance(matrix[i, j], float)


DEAD = {
    "all 0": np.zeros((9, 3)),
    "all alike": np.full((9, 3), 0.1),
    "alike but for float32's rounding": 1e3 + np.random.default_rng(5).normal(size=(9, 3)) * 1e-5,
    "one image apart": np.eye(9)[:, :2],
}


@pytest.mark.parametrize("dead", DEAD.values(), ids=DEAD)
def test_features_that_tell_no_images_apart_have_no_value_and_never_nan(dead: np.ndarray) -> None:
    alive = np.random.default_rng(3).normal(size=(9, 4))
    dead = dead[:, :1] if dead[0, 0] == 1 else dead
    assert cka(dead, alive) is None
    assert cka(alive, dead) is None
    assert cka(dead, dead) is None
    matrix = cka_matrix([alive, dead], [alive, dead])
    assert matrix.tolist() == [[pytest.approx(1), None], [None, None]]
    assert cka_in_batches([alive, dead], [alive], batch=4).values.tolist() == [[pytest.approx(1)], [None]]


def test_never_nan_on_ugly_features() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        images, spread = rng.integers(4, 9), 10.0 ** rng.integers(-12, 12)
        x = np.maximum(rng.normal(size=(images, 2)) * spread - spread * rng.normal(), 0)
        x[:, 0] *= rng.integers(0, 2)
        y = rng.integers(0, 2, size=(images, 2)) * 1.0
        for value in (cka(x, y), cka(y, y), cka_in_batches([x], [y], batch=4).values[0, 0]):
            assert value is None or -1 <= value <= 1


def test_minibatches_average_the_three_terms_before_dividing() -> None:
    x, y = _pair(22)
    found = cka_in_batches([x], [y, x], batch=6, seed=9)
    assert (found.images, found.batches) == (22, 4)
    parts = np.array_split(np.random.default_rng(9).permutation(22), 4)
    assert [len(part) for part in parts] == [6, 6, 5, 5]
    cross, own_x, own_y = (sum(_hsic1(a[part], b[part]) for part in parts) for a, b in ((x, y), (x, x), (y, y)))
    assert found.values[0, 0] == pytest.approx(cross / np.sqrt(own_x * own_y), abs=1e-10)
    assert found.values[0, 1] == pytest.approx(1, abs=1e-12)


def test_one_batch_is_exact_and_small_batches_come_near() -> None:
    x, y = _pair(400)
    whole = cka_in_batches([x], [y], batch=400)
    assert (whole.values[0, 0], whole.batches) == (pytest.approx(cka(x, y), abs=1e-12), 1)
    assert cka_in_batches([x], [y], batch=50).values[0, 0] == pytest.approx(cka(x, y), abs=0.03)
    tiny = cka_in_batches([x[:11]], [y[:11]], batch=1)  # a batch below 4 has no HSIC1
    assert (tiny.images, tiny.batches) == (11, 2)


def test_images_sorted_by_class_are_dealt_among_the_batches() -> None:
    x, y = _pair(200)
    order = np.argsort(x[:, 0])
    mixed, in_order = (cka_in_batches([x[o]], [y[o]], batch=25).values[0, 0] for o in (np.arange(200), order))
    assert in_order == pytest.approx(mixed, abs=0.05)


def test_what_cannot_be_compared_says_why() -> None:
    x, y = _pair(3)
    with pytest.raises(Undefined, match="4 images or more, and there are 3"):
        cka(x, y)
    with pytest.raises(Undefined, match="4 images or more"):
        cka_in_batches([x], [y])
    with pytest.raises(Undefined, match=r"the same images.*\[5, 6\]"):
        cka(_pair(5)[0], _pair(6)[1])
    with pytest.raises(Undefined, match="not finite"):
        cka(np.full((5, 2), np.inf), _pair(5)[0])
