"""The Hugging Face Trainer, with gradient clipping off, as nobody else here clips, and without logs or checkpoints."""

from __future__ import annotations

import tempfile
import warnings

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset
from transformers import EvalPrediction, PrinterCallback, Trainer, TrainingArguments

from tlcore.bench.classifier import Classifier


class _WithLoss(nn.Module):
    """The Trainer wants the loss from the model."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.classifier(images)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


def _collate(examples: list[tuple[torch.Tensor, int]]) -> dict[str, torch.Tensor]:
    images, labels = zip(*examples, strict=True)
    return {"images": torch.stack(images), "labels": torch.tensor(labels)}


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float((prediction.predictions.argmax(1) == prediction.label_ids).mean())}


def fit(classifier: Classifier, train: Dataset, val: Dataset, *, epochs: int, batch_size: int, seed: int) -> float:
    optimizer = classifier.optimizer()
    constant = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the framework's own code
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=batch_size,
            per_device_eval_batch_size=batch_size,
            eval_strategy="epoch",
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            max_grad_norm=0.0,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            label_names=["labels"],
            seed=seed,
        )
        trainer = Trainer(
            model=_WithLoss(classifier),
            args=arguments,
            train_dataset=train,
            eval_dataset=val,
            data_collator=_collate,
            compute_metrics=_accuracy,
            optimizers=(optimizer, constant),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    told = [entry["eval_accuracy"] for entry in trainer.state.log_history if "eval_accuracy" in entry]
    return float(told[-1])
