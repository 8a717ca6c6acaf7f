"""What speaks for or against believing a network's maps: measured on some of its images, put into the result as it is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tlcore.analysis.start_probe import some
from tlcore.data.load import Dataset, Split
from tlcore.data.masks import lung_masks
from tlcore.errors import Cancelled, ThawError
from tlcore.explain.alarm import alarm
from tlcore.explain.answer import answers_of
from tlcore.explain.exchanged import exchanged
from tlcore.explain.faithful import deletion_insertion
from tlcore.explain.inside import inside, where
from tlcore.explain.maps import Maps
from tlcore.explain.question import Question
from tlcore.explain.region import LUNGS, REGION, Region, mask_of
from tlcore.explain.sanity import randomized
from tlcore.explain.stable import stability
from tlcore.models.network import Network
from tlcore.spec import ExplainSpec, RunSpec
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter
from tlcore.training.result import clusters_of

NO_MASKS = "Nobody drew where the evidence should be on these images. Mark a region on the page (or --region) to ask about one."
TAKES_MORE = "This is measured on images of the run's dataset and not on one picture: ask without a picture."
FEWEST_HELD_OUT = 30  # masked images that the run did not train on, below which all of them count


class Evidence:
    """Measures what the spec asks of a network's maps; what cannot be had is a sentence in `why`."""

    def __init__(self, spec: ExplainSpec, question: Question, machine: Machine, report: Reporter) -> None:
        self.why: dict[str, str] = {}
        self._spec, self._question, self._machine, self._report = spec, question, machine, report

    def believed(self, network: Network, data: Dataset, place: str | None) -> dict[str, Any]:
        """{deletion, randomization, stability}: those that are asked for, on some images of the spec's split."""
        images = some(getattr(data, self._spec.split), self._spec.belief_images)
        ways = {"deletion": self._deletion, "randomization": self._random, "stability": self._stable}
        return {
            name: found
            for name, measure in ways.items()
            if (found := self._asked(name, lambda measure=measure: measure(network, images, place))) is not None
        }

    def of_picture(self, network: Network, picture: np.ndarray, maps: Maps) -> dict[str, Any]:
        """{deletion} of one picture, uint8 (1, S, S, 3), and its map; whatever else was asked takes more than one."""
        self.why |= {name: TAKES_MORE for name in self._spec.belief if name != "deletion"}
        found = self._asked("deletion", lambda: self._curves(network, picture, maps, None))
        return {} if found is None else {"deletion": found}

    def inside(self, network: Network, asked: RunSpec, data: Dataset, place: str | None) -> dict[str, Any] | None:
        """Where the positive evidence lies and what the answers hang on: {masked, where, exchanged, alarm} and, where `masked`,
        what `inside` finds on the masked images, with `of`, what was marked on them, and `trained_on`, how many of them the run
        learned from: none of them as long as there are enough others. A region that the spec names is marked on all images.
        """
        return self._asked("inside", lambda: self._inside(network, asked, data, place))

    def _asked(self, name: str, measure: Callable[[], Any]) -> Any:
        """What `measure` finds, where this kind was asked for; None where it cannot be had, and `why` says so."""
        if name not in self._spec.belief:
            return None
        try:
            return measure()
        except Cancelled:
            raise
        except ThawError as error:
            self.why[name] = error.message
            return None

    def _options(self, network: Network, images: Split, place: str | None) -> dict[str, Any]:
        targets, against = self._question.asked_of(network, self._machine, images.images)
        return {
            "method": self._spec.method,
            "place": place,
            "targets": targets,
            "against": against,
            "seed": self._spec.seed,
            "clusters": clusters_of(images),
            "progress": self._report.progress,
        }

    def _deletion(self, network: Network, images: Split, place: str | None) -> dict[str, Any]:
        return self._curves(network, images.images, self._maps(network, images, place), clusters_of(images))

    def _curves(self, network: Network, pictures: np.ndarray, maps: Maps, clusters: Sequence[str] | None) -> dict[str, Any]:
        curves = deletion_insertion(
            answers_of(network, self._machine),
            pictures,
            maps.values,
            maps.targets,
            against=maps.against,
            seed=self._spec.seed,
            progress=self._report.progress,
        )
        return curves.summary(seed=self._spec.seed, clusters=clusters)

    def _random(self, network: Network, images: Split, place: str | None) -> list[dict[str, Any]]:
        return randomized(network, self._machine, images.images, **self._options(network, images, place))

    def _stable(self, network: Network, images: Split, place: str | None) -> list[dict[str, Any]]:
        return stability(network, self._machine, images.images, **self._options(network, images, place))

    def _inside(self, network: Network, asked: RunSpec, data: Dataset, place: str | None) -> dict[str, Any]:
        spec, images = self._spec, some(getattr(data, self._spec.split), self._spec.belief_images)
        owners = clusters_of(images)
        maps = self._maps(network, images, place).values
        lies = where(maps, seed=spec.seed, clusters=owners)
        changed = exchanged(
            answers_of(network, self._machine), images.images, seed=spec.seed, clusters=owners, progress=self._report.progress
        )
        if spec.region is None:
            found = judged = self._in_lungs(network, asked, data, place)
        else:  # of a region that was drawn nobody knows whether it is the right one
            found, judged = self._in_region(spec.region, images, maps), None
        told = {"where": lies, "exchanged": changed, "alarm": alarm(judged, lies, changed)}
        return {"masked": found is not None} | (found or {}) | told

    def _in_region(self, region: Region, images: Split, maps: np.ndarray) -> dict[str, Any]:
        shapes = np.broadcast_to(mask_of(region), (len(maps), *mask_of(region).shape))
        found = inside(maps, shapes, seed=self._spec.seed, clusters=clusters_of(images))
        return found | {"of": REGION, "trained_on": len(maps) if self._spec.split == "train" else 0}

    def _in_lungs(self, network: Network, asked: RunSpec, data: Dataset, place: str | None) -> dict[str, Any] | None:
        masks = self._masks(asked)
        if not masks:
            return None
        films, trained_on = _masked(data, masks)
        shapes = np.stack([masks[one] for one in films.ids])
        maps = self._maps(network, films, place).values
        found = inside(maps, shapes, seed=self._spec.seed, clusters=clusters_of(films))
        return found | {"of": LUNGS, "trained_on": trained_on}

    def _maps(self, network: Network, images: Split, place: str | None) -> Maps:
        return self._question.maps(network, self._machine, images.images, place=place, progress=self._report.progress)

    def _masks(self, asked: RunSpec) -> Mapping[str, np.ndarray] | None:
        try:
            masks = lung_masks(asked.dataset, asked.image_size, progress=self._report.progress)
        except Cancelled:
            raise
        except ThawError as error:
            self.why["inside"] = error.message
            return None
        if not masks:
            self.why["inside"] = NO_MASKS
        return masks


def _masked(data: Dataset, masks: Mapping[str, np.ndarray]) -> tuple[Split, int]:
    """The images with a mask, and how many of them the run learned from: none, or where the others are few all that it did."""
    test, val, train = (
        split.part(np.flatnonzero([one in masks for one in split.ids])) for split in (data.test, data.val, data.train)
    )
    enough = len(test) + len(val) >= FEWEST_HELD_OUT
    return (_joined([test, val]), 0) if enough else (_joined([test, val, train]), len(train))


def _joined(parts: list[Split]) -> Split:
    patients = None
    if all(part.patients is not None for part in parts):
        patients = tuple(patient for part in parts for patient in part.patients or ())
    return Split(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(one for part in parts for one in part.ids),
        patients,
    )
