"""The images of an explanation as its result tells them, and as files beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from tlcore.data.load import Split
from tlcore.files import replacing
from tlcore.runs import Run


def told_images(
    run: Run,
    pictures: Split,
    chosen: Mapping[str, np.ndarray],
    rows: np.ndarray,
    answers: Mapping[str, np.ndarray],
    targets: np.ndarray,
    *,
    classes: Sequence[str],
    columns: Mapping[str, Mapping[str, str]],
) -> list[dict[str, Any]]:
    """Write each picture to `images/` in the run's folder, and tell what is on it and what every network answers.

    {id, file, truth, target (the class that is explained), galleries, columns {name: value}, answers {look: {predicted,
    probabilities}}}. `rows` are the pictures' places in their split, `chosen` the rows of each gallery, `answers` (N, C).
    """
    told = []
    for place, (row, image_id) in enumerate(zip(rows, pictures.ids, strict=True)):
        name = f"images/{place:03d}.png"
        with replacing(run.path / name) as file:
            Image.fromarray(np.asarray(pictures.images[place])).save(file, "PNG")
        told.append(
            {
                "id": image_id,
                "file": name,
                "truth": classes[pictures.labels[place]],
                "target": classes[targets[place]],
                "galleries": [gallery for gallery, found in chosen.items() if row in found],
                "columns": {name: values[image_id] for name, values in columns.items() if image_id in values},
                "answers": {
                    key: {
                        "predicted": classes[int(of_all[place].argmax())],
                        "probabilities": [float(share) for share in of_all[place]],
                    }
                    for key, of_all in answers.items()
                },
            }
        )
    return told
