"""The loop of the textbook, written well: https://pytorch.org/tutorials/beginner/transfer_learning_tutorial.html."""

from __future__ import annotations

import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from tlcore.bench.classifier import Classifier


def fit(classifier: Classifier, train: Dataset, val: Dataset, *, epochs: int, batch_size: int, seed: int) -> float:
    shuffled = DataLoader(train, batch_size, shuffle=True, generator=torch.Generator().manual_seed(seed))
    ordered = DataLoader(val, batch_size)
    optimizer = classifier.optimizer()
    score = 0.0
    for _ in range(epochs):
        classifier.train()
        for images, labels in shuffled:
            optimizer.zero_grad()
            functional.cross_entropy(classifier(images), labels).backward()
            optimizer.step()
        score = accuracy(classifier, ordered)
    return score


def accuracy(classifier: Classifier, batches: DataLoader) -> float:
    """The share of right answers. Leaves the classifier in eval mode."""
    classifier.eval()
    right = total = 0
    with torch.inference_mode():
        for images, labels in batches:
            right += int((classifier(images).argmax(1) == labels).sum())
            total += len(labels)
    return right / total
