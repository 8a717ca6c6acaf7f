"""Lightning: a `LightningModule` and a `Trainer` without logger, checkpoints, bar or summary."""

from __future__ import annotations

import logging
import warnings

import lightning
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from tlcore.bench.classifier import Classifier


class _Module(lightning.LightningModule):
    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        images, labels = batch
        return functional.cross_entropy(self.classifier(images), labels)

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        images, labels = batch
        right = (self.classifier(images).argmax(1) == labels).float().mean()
        self.log("accuracy", right, batch_size=len(labels), on_epoch=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.classifier.optimizer()


def fit(classifier: Classifier, train: Dataset, val: Dataset, *, epochs: int, batch_size: int, seed: int) -> float:
    shuffled = DataLoader(train, batch_size, shuffle=True, generator=torch.Generator().manual_seed(seed))
    classifier.train()  # Lightning keeps the modes that it finds
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are few workers: one process is what is compared
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=epochs,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(_Module(classifier), shuffled, DataLoader(val, batch_size))
    return float(trainer.callback_metrics["accuracy"])
