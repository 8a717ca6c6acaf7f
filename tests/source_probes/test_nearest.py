"""Leave-one-out k-NN, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from tlcore.source_probes import nearest
from tlcore.source_probes.nearest import nearest_right


def test_it_is_scikit_learns_for_each_image_left_out() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    features = rng.normal(0, 1, (40, 6)) + labels[:, None]
    ours = nearest_right(torch.from_numpy(features).float(), torch.from_numpy(labels), neighbours=7)  # odd: no ties of two
    theirs = []
    for i in range(40):
        others = np.arange(40) != i
        model = KNeighborsClassifier(7, metric="cosine").fit(features[others], labels[others])
        theirs.append(model.predict(features[i : i + 1])[0] == labels[i])
    assert ours.tolist() == theirs
    assert 0 < sum(theirs) < 40


def test_of_equal_votes_the_closer_neighbours_win() -> None:
    angles = torch.tensor([0.0, 0.1, 0.3])  # the first image: one neighbour of either class
    features = torch.stack([angles.cos(), angles.sin()], 1)
    assert nearest_right(features, torch.tensor([1, 1, 0]), neighbours=2)[0]
    assert not nearest_right(features, torch.tensor([0, 1, 0]), neighbours=2)[0]


def test_length_plays_no_part_and_parts_are_put_together(monkeypatch) -> None:
    rng = torch.Generator().manual_seed(0)
    features, labels = torch.randn(23, 4, generator=rng), torch.arange(23) % 3
    whole = nearest_right(features, labels)
    lengths = torch.rand(23, 1, generator=rng) + 0.5
    assert torch.equal(nearest_right(features * lengths, labels), whole)
    monkeypatch.setattr(nearest, "_ROWS_AT_ONCE", 5)
    assert torch.equal(nearest_right(features, labels), whole)
