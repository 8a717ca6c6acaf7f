"""Debiased CKA as two public packages compute it.

Their traps: `ckatorch.cka_base` debiases only with `method="fro_norm"` (with "hsic" it takes no notice of `unbiased`), and is
biased by default; `torch_cka` runs the networks itself, in float32, and has debiased minibatches as its only form.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ckatorch import cka_base, cka_batch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch_cka import CKA

from tlcore.analysis.cka import cka, cka_in_batches, cka_matrix


def _pair(images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(images, 7)) + 3
    return x, np.maximum(x @ rng.normal(size=(7, 40)), 0)


@pytest.mark.parametrize("images", [5, 40, 150])
def test_the_exact_form_is_that_of_ckatorch(images: int) -> None:
    x, y = _pair(images, seed=images)
    theirs = cka_base(torch.from_numpy(x), torch.from_numpy(y), kernel="linear", unbiased=True, method="fro_norm")
    assert cka(x, y) == pytest.approx(theirs.item(), abs=1e-10)
    trap = cka_base(torch.from_numpy(x), torch.from_numpy(y), kernel="linear", unbiased=True, method="hsic")
    assert abs(cka(x, y) - trap.item()) > 1e-3


def test_minibatches_are_those_of_ckatorch() -> None:
    x, y = _pair(60, seed=1)
    parts = np.array_split(np.random.default_rng(2).permutation(60), 5)
    stacked = (torch.from_numpy(np.stack([features[part] for part in parts])) for features in (x, y))
    ours = cka_in_batches([x], [y], batch=12, seed=2)
    assert (ours.images, ours.batches) == (60, 5)
    assert ours.values[0, 0] == pytest.approx(cka_batch(*stacked).item(), abs=1e-10)


def test_whole_networks_are_those_of_torch_cka() -> None:
    torch.manual_seed(0)
    networks = [nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 5)).eval() for width in (12, 20)]
    images = torch.randn(64, 8)
    layers = ["0", "1", "2"]
    with torch.inference_mode():
        ours = [[network[: int(layer) + 1](images).numpy() for layer in layers] for network in networks]

    def theirs(batches: list[list[int]]) -> np.ndarray:
        loader = DataLoader(TensorDataset(images), batch_sampler=batches)
        compared = CKA(*networks, "one", "other", model1_layers=layers, model2_layers=layers)
        with torch.inference_mode():
            compared.compare(loader, loader)
        return compared.export()["CKA"].numpy()

    np.testing.assert_allclose(cka_matrix(*ours).astype(float), theirs([list(range(64))]), atol=2e-4)
    dealt = [part.tolist() for part in np.array_split(np.random.default_rng(3).permutation(64), 4)]
    batched = cka_in_batches(*ours, batch=16, seed=3)
    np.testing.assert_allclose(batched.values.astype(float), theirs(dealt), atol=2e-4)
