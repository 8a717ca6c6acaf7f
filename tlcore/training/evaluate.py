"""What a network answers on a split, and where it is most sure and wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tlcore.data.load import Split
from tlcore.models.backward import in_place
from tlcore.models.memory import by_batches
from tlcore.training.answering import for_answers
from tlcore.training.route import Route

MOST_ERRORS = 24


def predict(route: Route, split: str, *, batch_size: int) -> np.ndarray:
    """The probabilities of every image of a split ("val", "test"), float64 (N, C). Leaves the network in eval mode."""
    return np.concatenate(list(predict_batches(route, split, batch_size=batch_size)))


def predict_batches(route: Route, split: str, *, batch_size: int) -> Iterator[np.ndarray]:
    """The probabilities (B, C) of one batch after another, so that a long evaluation can be watched and stopped.

    The softmax is taken in float64: a float32 one rounds small probabilities to 0, and their loss to infinity. The first
    batch, empty, tells the number of classes even where the split has no images.
    """
    route.network.module.eval()
    yield np.zeros((0, route.network.classes))
    route = for_answers(route, split)

    def answered(part: slice, _: int) -> np.ndarray:
        with torch.inference_mode(), in_place(route.module), route.machine.autocast():
            logits = route.logits(route.evaluation_inputs(split, part.start, part.stop))
            return torch.softmax(logits.double(), dim=1).cpu().numpy()

    for _, answer in by_batches(len(route.splits[split].labels), batch_size, route.machine, answered):
        yield answer


def confident_errors(
    probabilities: np.ndarray, split: Split, classes: Sequence[str], folder: Path, *, most: int = MOST_ERRORS
) -> list[dict[str, Any]]:
    """The wrong answers, the most confident first, each with a picture written to `folder`/NNN.png.

    Each is {id, file, truth, predicted, confidence}; `file` is relative to the folder above `folder`.
    """
    answers, confidence = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(answers != split.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    errors = []
    for place, i in enumerate(worst):
        file = folder / f"{place:03d}.png"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(split.images[i])).save(file)
        errors.append(
            {
                "id": split.ids[i],
                "file": f"{folder.name}/{file.name}",
                "truth": classes[split.labels[i]],
                "predicted": classes[answers[i]],
                "confidence": float(confidence[i]),
            }
        )
    return errors
