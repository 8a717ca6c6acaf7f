"""The run that every deeper one is held against: what the head alone reached on the very same images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tlcore.errors import ThawError
from tlcore.runs import Run, all_runs
from tlcore.spec import AnySpec, RunSpec

_SAME = ("dataset", "labels", "backbone", "weights", "image_size", "images_per_class")


def probe_beside(spec: RunSpec, result: Mapping[str, Any] | None, runs: Iterable[tuple[Run, AnySpec]]) -> dict[str, Any] | None:
    """The result of the first of `runs` that has one and trained a head alone, from pretrained weights, on the data of `spec`.

    The data are the same where their digests are, which are of every picture, label and split; so `spec` needs a result too.
    """
    if result is None:
        return None
    for run, other in runs:
        if not isinstance(other, RunSpec) or not is_probe(other) or any(getattr(other, f) != getattr(spec, f) for f in _SAME):
            continue
        found = run.result()
        if found is not None and _digest(found) == _digest(result) is not None and "accuracy" in found["val"]:
            return found
    return None


def _digest(result: Mapping[str, Any]) -> str | None:
    """None in what another version wrote."""
    return result.get("data", {}).get("digest")


def is_probe(spec: RunSpec) -> bool:
    """Whether a run trains the head alone, on frozen features that were learnt."""
    return spec.strategy.scope.kind == "head" and spec.strategy.start.kind == "pretrained"


def runs_in(folder: Path) -> Iterator[tuple[Run, AnySpec]]:
    """The runs of a folder with what was asked of them, the newest first. One that cannot be read is left out."""
    for run in all_runs(folder):
        try:
            yield run, run.spec()
        except (ThawError, OSError, ValueError):  # of another version, or deleted just now
            continue
