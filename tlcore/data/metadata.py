"""What is told of pictures besides their class: columns that a finished run can be split by. No torch."""

from __future__ import annotations

from tlcore.data.sources import listing
from tlcore.progress import Progress, silent


def metadata(
    dataset: str, *, labels: str | None = None, image_size: int = 224, progress: Progress = silent
) -> dict[str, dict[str, str]]:
    """Of each column (such as sex or site) the value of each picture that has one, by the picture's id.

    Catalogued datasets have what their files tell (`chest-xray`: diagnosis; `solar-cells`: cell type), a person's own the
    further columns of its table of labels. Raises as `listing` does.
    """
    found = listing(dataset, labels=labels, image_size=image_size, progress=progress)
    return {name: dict(values) for name, values in found.columns.items()}
