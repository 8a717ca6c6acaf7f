"""fastai: a `Learner` with its own data loaders, and torch's AdamW by way of its `OptimWrapper`. Its bars are not imported."""

from __future__ import annotations

import warnings

import torch
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner
from fastai.metrics import accuracy
from fastai.optimizer import OptimWrapper
from torch.nn import functional
from torch.utils.data import Dataset

from tlcore.bench.classifier import Classifier


def fit(classifier: Classifier, train: Dataset, val: Dataset, *, epochs: int, batch_size: int, seed: int) -> float:
    torch.manual_seed(seed)
    shuffled = DataLoader(train, bs=batch_size, shuffle=True, num_workers=0, device=torch.device("cpu"))
    ordered = DataLoader(val, bs=batch_size, num_workers=0, device=torch.device("cpu"))
    optimizer = classifier.optimizer()
    rates = [group["lr"] for group in optimizer.param_groups]
    learner = Learner(
        DataLoaders(shuffled, ordered, device=torch.device("cpu")),
        classifier,
        loss_func=functional.cross_entropy,
        opt_func=lambda groups, **ignored: OptimWrapper(opt=optimizer),
        metrics=accuracy,
    )
    with warnings.catch_warnings(), learner.no_logging():
        warnings.simplefilter("ignore")  # of the framework's own code
        learner.fit(epochs, lr=rates)
    return float(learner.recorder.values[-1][-1])
