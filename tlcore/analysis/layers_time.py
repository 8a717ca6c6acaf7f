"""How long asking the layers takes, judged by an earlier time: no torch.

The images' passes through the networks take as long as there are images and networks. How the rest grows (reading the data,
the probes, the layouts, what moved in a run laid beside) one earlier time cannot tell: as a whole it lies between staying as it
was and growing with the images. Both ends are given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tlcore.spec import LayersSpec


@dataclass(frozen=True)
class Estimate:
    """Seconds from `low` to `high`; `alike` where the earlier analysis did the same besides its images and networks."""

    low: float
    high: float
    alike: bool


def estimate(spec: LayersSpec, earlier: Iterable[tuple[LayersSpec, Mapping[str, Any]]]) -> Estimate | None:
    """From the analyses `earlier`, (spec, result), the newest first; None without one of the backbone at its size.

    Those alike go before others, and among them the nearest in number of images times networks.
    """
    found = []
    for asked, result in earlier:
        if _size(asked) == _size(spec):
            ratio = _looks(spec, spec.images) / _looks(asked, max(1, sum(result["images"].values())))
            found.append((_extras(asked) != _extras(spec), abs(math.log(ratio)), ratio, result))
    if not found:
        return None
    unlike, _, ratio, result = min(found, key=lambda one: one[:2])
    passes = result["forward_seconds"]
    rest = 0.0 if unlike else result["seconds"] - passes  # what the other did besides may not be done at all
    ends = (passes * ratio + rest, result["seconds"] * ratio)
    return Estimate(min(ends), max(ends), not unlike)


def _size(spec: LayersSpec) -> tuple[str, int, bool]:
    return spec.run.backbone, spec.run.image_size, spec.blocks


def _extras(spec: LayersSpec) -> tuple[tuple[str, ...], bool, bool]:
    return tuple(sorted(spec.embed)), bool(spec.runs), spec.photographs > 0


def _looks(spec: LayersSpec, images: int) -> int:
    return images * (len(spec.sources) + len(spec.runs))
