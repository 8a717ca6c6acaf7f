"""A person's own data as the last look at them found them: their classes and counts are then known before a run reads them."""

from __future__ import annotations

from dataclasses import replace

from pages.parts.statewords import dataset_name
from pages.parts.summary import finished
from tlcore.data.catalogue import DATASETS, DatasetCard, dataset_card
from tlcore.figures.words import count, times
from tlcore.spec import CheckSpec, make


def card_of(dataset: str, labels: str | None) -> DatasetCard:
    """The card of a catalogued name, or of the path of a person's own data. Raises `UnknownName` or `DataError`."""
    card = dataset_card(dataset)
    if dataset in DATASETS:
        return card
    card = replace(card, title=dataset_name(dataset))
    look = finished(make(CheckSpec, dataset=dataset, labels=labels))
    result = look.run.result() if look is not None else None
    if result is None or not result["classes"]:
        return replace(card, size="How many images there are is known after a look at them on the Data page")
    images = {split: sum(numbers.values()) for split, numbers in result["counts"].items()}
    each = ", ".join(f"{count(number)} to {split}" for split, number in images.items())
    size = f"{times(sum(images.values()), 'image')} at the last look: {each}"
    return replace(card, classes=tuple(result["classes"]), images=images, size=size)
