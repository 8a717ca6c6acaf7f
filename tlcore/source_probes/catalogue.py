"""The sources that a run can carry probes of. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from tlcore.spec.run import SourceName

Measure = Literal["accuracy", "agreement"]
PHOTOGRAPHS: Final = 919  # natural ones; a look asks every second one at most, the others are a pull's
EARLIER: Final = "task:"  # a probe of an earlier run of the chain is called task:RUN_ID


@dataclass(frozen=True)
class SourceCard:
    """One kind of old knowledge, and how it is asked for."""

    name: SourceName
    title: str
    sentence: str
    measure: Measure
    chance: float | None  # of a network that knows nothing; None where it depends on the task
    needs: str
    licence: str


SOURCES: Final[Mapping[str, SourceCard]] = MappingProxyType(
    {
        card.name: card
        for card in (
            SourceCard(
                name="imagenet-cifar10",
                title="ImageNet, asked with CIFAR-10",
                sentence="The 1,000-way classifier of the weights names CIFAR-10 test images, enlarged to the run's "
                "size: the probabilities of the ImageNet classes that belong to each of the ten are added up, and the largest "
                "sum is the answer.",
                measure="accuracy",
                chance=0.1,
                needs="Weights with a 1,000-way ImageNet classifier, and CIFAR-10 (139 MB, fetched once).",
                licence="CIFAR-10 (Krizhevsky 2009): no licence stated for the images.",
            ),
            SourceCard(
                name="natural-photos",
                title="Answers on natural photographs",
                sentence="How often the old classifier's first answer on natural photographs is still the one that it gave "
                "with the pretrained weights, and how far its probabilities have gone from those (KL divergence).",
                measure="agreement",
                chance=None,
                needs="Pretrained weights with their classifier, and the photographs (7 MB, fetched once).",
                licence="Open Images, CC BY 2.0 for each photograph.",
            ),
            SourceCard(
                name="earlier-tasks",
                title="Earlier tasks of the chain",
                sentence="Each run that this one's weights came through is asked its own task again: its test images, by its "
                "own head.",
                measure="accuracy",
                chance=None,
                needs="A start from a finished run that is still here, with its images.",
                licence="As of each task's own dataset.",
            ),
        )
    }
)
