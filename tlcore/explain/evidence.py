"""What speaks for or against believing a network's maps: measured on some of its images, put into the result as it is found."""

from __future__ import annotations

from collections.abc import Mapping
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
from tlcore.explain.maps import explain
from tlcore.explain.sanity import randomized
from tlcore.explain.stable import stability
from tlcore.models.network import Network
from tlcore.spec import ExplainSpec, RunSpec
from tlcore.training.machine import Machine
from tlcore.training.report import Reporter
from tlcore.training.result import clusters_of

NO_MASKS = "Nobody drew where the evidence should be on these images. Draw a region on the page to ask about one of them."
FEWEST_HELD_OUT = 30  # masked images that the run did not train on, below which all of them count


class Evidence:
    """Measures what the spec asks of a network's maps; what cannot be had is a sentence in `why`."""

    def __init__(self, spec: ExplainSpec, machine: Machine, report: Reporter) -> None:
        self.why: dict[str, str] = {}
        self._spec, self._machine, self._report = spec, machine, report

    def believed(self, network: Network, data: Dataset, place: str | None) -> dict[str, Any]:
        """{deletion, randomization, stability}: those that are asked for, on some images of the spec's split."""
        images = some(getattr(data, self._spec.split), self._spec.belief_images)
        found = {}
        for name, measure in (("deletion", self._deletion), ("randomization", self._random), ("stability", self._stable)):
            if name not in self._spec.belief:
                continue
            try:
                found[name] = measure(network, images, place)
            except Cancelled:
                raise
            except ThawError as error:
                self.why[name] = error.message
        return found

    def _options(self, images: Split, place: str | None) -> dict[str, Any]:
        spec = self._spec
        return {"method": spec.method, "place": place, "seed": spec.seed, "clusters": clusters_of(images)}

    def _deletion(self, network: Network, images: Split, place: str | None) -> dict[str, Any]:
        spec = self._spec
        maps = explain(network, self._machine, images.images, method=spec.method, place=place, progress=self._report.progress)
        curves = deletion_insertion(
            answers_of(network, self._machine),
            images.images,
            maps.values,
            maps.targets,
            seed=spec.seed,
            progress=self._report.progress,
        )
        return curves.summary(seed=spec.seed, clusters=clusters_of(images))

    def _random(self, network: Network, images: Split, place: str | None) -> list[dict[str, Any]]:
        options = self._options(images, place)
        return randomized(network, self._machine, images.images, progress=self._report.progress, **options)

    def _stable(self, network: Network, images: Split, place: str | None) -> list[dict[str, Any]]:
        options = self._options(images, place)
        return stability(network, self._machine, images.images, progress=self._report.progress, **options)

    def inside(self, network: Network, asked: RunSpec, data: Dataset, place: str | None) -> dict[str, Any] | None:
        """Where the positive evidence lies and what the answers hang on: {masked, where, exchanged, alarm} and, where `masked`,
        what `inside` finds on the masked images: of those that the run did not train on, where there are enough.
        """
        if "inside" not in self._spec.belief:
            return None
        try:
            return self._inside(network, asked, data, place)
        except Cancelled:
            raise
        except ThawError as error:
            self.why["inside"] = error.message
            return None

    def _inside(self, network: Network, asked: RunSpec, data: Dataset, place: str | None) -> dict[str, Any]:
        spec, images = self._spec, some(getattr(data, self._spec.split), self._spec.belief_images)
        owners = clusters_of(images)
        lies = where(self._maps(network, images, place), seed=spec.seed, clusters=owners)
        changed = exchanged(
            answers_of(network, self._machine), images.images, seed=spec.seed, clusters=owners, progress=self._report.progress
        )
        masks = self._masks(asked)
        found = None
        if masks:
            films = _masked(data, masks)
            shapes = np.stack([masks[one] for one in films.ids])
            found = inside(self._maps(network, films, place), shapes, seed=spec.seed, clusters=clusters_of(films))
        told = {"where": lies, "exchanged": changed, "alarm": alarm(found, lies, changed)}
        return {"masked": found is not None} | (found or {}) | told

    def _maps(self, network: Network, images: Split, place: str | None) -> np.ndarray:
        method, report = self._spec.method, self._report
        return explain(network, self._machine, images.images, method=method, place=place, progress=report.progress).values

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


def _masked(data: Dataset, masks: Mapping[str, np.ndarray]) -> Split:
    """The images with a mask: held out ones, or where these are few those of all splits."""
    parts = [split.part(np.flatnonzero([one in masks for one in split.ids])) for split in (data.test, data.val, data.train)]
    held_out = parts[:2]
    return _joined(held_out if sum(map(len, held_out)) >= FEWEST_HELD_OUT else parts)


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
