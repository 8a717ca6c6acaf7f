"""k-NN accuracy on features: whether knowledge has gone, or only its read-out."""

from __future__ import annotations

import torch
from torch import Tensor

NEIGHBOURS = 10
_ROWS_AT_ONCE = 512  # so that memory grows with the images, not with their square


def nearest_right(features: Tensor, labels: Tensor, *, neighbours: int = NEIGHBOURS) -> Tensor:
    """Whether each image's nearest others, by the cosine of features (N, D), name its label (N,): bool (N,).

    Leave-one-out: an image is none of its own neighbours. Each has one vote; of classes with equal votes the one whose
    neighbours are closer in sum wins. In float64, on the CPU.
    """
    directions = torch.nn.functional.normalize(features.double().cpu(), dim=1)
    labels = labels.cpu()
    k = min(neighbours, len(labels) - 1)
    one_hot = torch.nn.functional.one_hot(labels).double()
    right = []
    for first in range(0, len(labels), _ROWS_AT_ONCE):
        similarity = directions[first : first + _ROWS_AT_ONCE] @ directions.T
        itself = torch.arange(len(similarity))
        similarity[itself, first + itself] = -torch.inf
        closeness, nearest = similarity.topk(k, dim=1)
        whose = one_hot[nearest]  # (rows, k, classes)
        votes = whose.sum(1) + (whose * closeness[..., None]).sum(1) / (2 * k + 1)  # the second term is below half a vote
        right.append(votes.argmax(1) == labels[first : first + _ROWS_AT_ONCE])
    return torch.cat(right)
