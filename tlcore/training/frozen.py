"""The frozen part of a network at work: it looks at each picture once, and what it makes of it is kept."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import timm
import torch
from torch import Tensor

import tlcore
from tlcore.data.transforms import normalise, view_of
from tlcore.errors import AssetError
from tlcore.models.cut import Cuts
from tlcore.models.network import Network
from tlcore.models.prefix import Prefix
from tlcore.progress import Progress
from tlcore.training.activations import Entry, Rows, shelf
from tlcore.training.formats import Format
from tlcore.training.machine import Machine
from tlcore.training.memory import free, is_out_of_memory, nothing_fits

BATCH = 32  # every batch has this shape, the last one filled up: so a row does not depend on which others were computed with it
_STORED = {torch.float32: np.float32, torch.float16: np.float16, torch.bfloat16: np.uint16}  # numpy has no bfloat16


@dataclass
class Passes:
    """Pictures, each view counted, that the frozen part had to have looked at, and those that were not on the shelf yet."""

    needed: int = 0
    computed: int = 0
    seconds: float = 0.0  # that computing took


@dataclass
class Frozen:
    """A prefix on a machine, with one cut or several, and the entries that its activations are kept in."""

    cuts: Cuts
    groups: tuple[str, ...]  # the cuts are below them
    format: Format
    network: Network
    machine: Machine
    backbone: str
    image_size: int
    flips: bool  # whether augmented views may be mirrored
    make: Callable[[Sequence[str]], Prefix]  # with some of the cuts, in float32; not called where nothing is left to compute
    passes: Passes = field(default_factory=Passes)  # so far
    _made: Prefix | None = None  # the last one
    _at_once: int = BATCH  # fewer after memory ran out
    _in_use: set[Path] = field(default_factory=set)  # folders of entries whose rows were handed out

    def prefix(self, groups: Sequence[str]) -> Prefix:
        """The prefix with the cuts below `groups`, and nothing above them, in the format chosen."""
        if self._made is None or self._made.groups != tuple(groups):
            made = self.make(groups)
            self._made = made if self.format.precision == "float32" else made.in_precision(self.format.precision)
        return self._made

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {group: self.cuts.digest(group) for group in self.groups}

    def shape(self, group: str) -> tuple[int, ...]:
        """Of one picture's row at the cut below `group`: channels last."""
        first, *rest = self.format.shapes[group]
        return (*rest, first) if len(rest) == 2 else (first, *rest)

    @property
    def bytes_of_value(self) -> int:
        return 4 if self.format.precision == "float32" else 2

    def bytes_of_picture(self, group: str) -> int:
        """What one picture's activation at the cut below `group` takes."""
        return int(np.prod(self.shape(group))) * self.bytes_of_value

    def entry(self, group: str, view: int | None) -> Entry:
        """Where the rows at the cut below `group` are kept, of the pictures as they are or of an augmented view."""
        look = self.network.preprocessing
        name = "as it is" if view is None else f"augmented {view + 1}{', mirrored or not' if self.flips else ''}"
        recipe = {
            "backbone": self.backbone,
            "cut": group,
            "view": name,
            "precision": self.format.precision,
            "image_size": self.image_size,
            "prefix": self._digests[group],
            "mean": look.mean,
            "std": look.std,
            "machine": self.machine.name,
            "versions": [torch.__version__, timm.__version__, tlcore.__version__],
        }
        source = self.network.provenance["source"] or ""
        return Entry(recipe, Path(source).name if Path(source).is_absolute() else source)

    def run(self, pictures: np.ndarray, groups: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """The rows of up to `BATCH` pictures, uint8 (B, S, S, 3), at the cuts below `groups` (at every cut by default).

        Where memory runs out they go through in smaller parts. Raises `OutOfMemory` where not even one fits.
        """
        groups = self.groups if groups is None else groups
        parts: list[dict[str, np.ndarray]] = []
        first = 0
        while first < len(pictures):
            part = None
            try:
                part = self._run(pictures[first : first + self._at_once], groups)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if self._at_once == 1:
                    raise nothing_fits() from error
            if part is None:
                self._at_once //= 2
                free(self.machine)
            else:
                parts.append(part)
                first += self._at_once
        return {group: np.concatenate([part[group] for part in parts]) for group in groups}

    def _run(self, pictures: np.ndarray, groups: Sequence[str]) -> dict[str, np.ndarray]:
        full = np.zeros((self._at_once, *pictures.shape[1:]), np.uint8)
        full[: len(pictures)] = pictures
        look, prefix = self.network.preprocessing, self.prefix(groups)
        outputs = prefix(normalise(torch.from_numpy(full).to(self.machine.device), look.mean, look.std))
        return {group: to_rows(output)[: len(pictures)] for group, output in zip(prefix.groups, outputs, strict=True)}

    def keep(
        self, pictures: np.ndarray, keys: Sequence[bytes], view: int | None, groups: Sequence[str], progress: Progress
    ) -> dict[str, Rows]:
        """The rows of all `pictures` (N, S, S, 3) at the cuts below `groups`, those that are missing computed in one pass.

        Raises `AssetError` where there is no room for them.
        """
        entries = {group: self.entry(group, view) for group in groups}
        family = hashlib.sha256(f"{self.backbone}/{self.image_size}".encode()).hexdigest()
        with shelf().alone(family, progress, "Waiting for another run that computes the frozen layers"):
            missing = {group: entry.missing(keys) for group, entry in entries.items()}
            if any(len(places) for places in missing.values()):
                self._add(pictures, keys, view, entries, missing, progress)
            found = {group: entry.rows(keys) for group, entry in entries.items()}
        self.passes.needed += len(set(keys))
        for group, entry in entries.items():
            entry.count(len(set(keys)) - len(missing[group]), len(missing[group]))
        if any(rows is None for rows in found.values()):
            raise AssetError(
                "What the frozen layers computed was removed while it was being read.",
                next_step="Start the run again; where this comes back, set THAW_ACTIVATIONS_GB higher.",
            )
        self._in_use.update(entry.folder for entry in entries.values())
        return {group: rows for group, rows in found.items() if rows is not None}

    def _add(
        self,
        pictures: np.ndarray,
        keys: Sequence[bytes],
        view: int | None,
        entries: dict[str, Entry],
        missing: dict[str, np.ndarray],
        progress: Progress,
    ) -> None:
        need = sum(len(places) * self.bytes_of_picture(group) for group, places in missing.items())
        shelf().make_room(need, keep=self._in_use | {entry.folder for entry in entries.values()})
        todo = np.unique(np.concatenate(list(missing.values())))
        what = "Computing the frozen layers" if view is None else f"Computing the frozen layers, view {view + 1}"
        stored = _STORED[getattr(torch, self.format.precision)]
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            arrays = {
                group: stack.enter_context(entry.adding([keys[i] for i in missing[group]], self.shape(group), stored))
                for group, entry in entries.items()
                if len(missing[group])
            }
            for start in range(0, len(todo), BATCH):
                chosen = todo[start : start + BATCH]
                rows = self.run(self._look(pictures[chosen], [keys[i] for i in chosen], view), list(entries))
                for group, array in arrays.items():
                    wanted = np.isin(chosen, missing[group], assume_unique=True)
                    array[np.searchsorted(missing[group], chosen[wanted])] = rows[group][wanted]
                progress(what, min(start + BATCH, len(todo)), len(todo), "images")
        self.passes.computed += len(todo)
        self.passes.seconds += time.monotonic() - began

    def _look(self, pictures: np.ndarray, keys: Sequence[bytes], view: int | None) -> np.ndarray:
        if view is None:
            return pictures
        return view_of(torch.from_numpy(pictures), keys, view=view, flips=self.flips).numpy()


def to_rows(activation: Tensor) -> np.ndarray:
    """An activation as it is kept: channels last, bfloat16 by its bits."""
    laid_out = (activation.permute(0, 2, 3, 1) if activation.ndim == 4 else activation).contiguous().cpu()
    return laid_out.view(torch.uint16).numpy() if laid_out.dtype == torch.bfloat16 else laid_out.numpy()


def from_rows(rows: np.ndarray) -> Tensor:
    """The activation that `to_rows` kept: (B, C, H, W), channels last in memory, or (B, D), or (B, tokens, D)."""
    tensor = torch.from_numpy(rows)
    tensor = tensor.view(torch.bfloat16) if tensor.dtype == torch.uint16 else tensor
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor
