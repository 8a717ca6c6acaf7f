"""Whether the cache holds what a dial needs, as far as plain data can tell: an earlier dial about the same images says where
its rows lie, and they lie there still. The job itself looks again, at every row, before it begins."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tlcore.errors import ThawError
from tlcore.runs import Run, all_runs
from tlcore.spec import DialSpec, RunSpec
from tlcore.strategies.start import FromRun
from tlcore.training.activations import still_there

_COSTS_NO_PASS = (
    "lr",
    "optimizer",
    "weight_decay",
    "batch_size",
    "class_weights",
)  # of the run: the frozen layers never see it


def holds_all(runs_dir: Path, wanted: DialSpec) -> bool:
    """Whether an earlier dial kept the frozen layers' rows of the same images at every level, and they are all still there."""
    if "images" in wanted.run.strategy.pull.needs:  # source images go through the frozen layers each time
        return False
    same = _frozen_side(wanted).digest()
    return any(_kept_by(run) for run in all_runs(runs_dir) if "-dial-" in run.id and _digest(run.path) == same)


def _frozen_side(spec: DialSpec) -> DialSpec:
    """The spec with one value for whatever neither the frozen layers nor the choice of images depends on."""
    defaults = RunSpec(dataset=spec.run.dataset)
    asked = {name: getattr(defaults, name) for name in _COSTS_NO_PASS}
    start = spec.run.strategy.start
    if isinstance(start, FromRun):
        start = FromRun(run_id=start.run_id)
    asked["strategy"] = defaults.strategy.model_copy(update={"start": start})  # the pull comes after them
    if spec.run.head != "attention":  # which alone looks at something else than the others do
        asked["head"] = defaults.head
    run = spec.run.model_copy(update=asked)
    return DialSpec(run=run, images=spec.images, val_images=spec.val_images)


@lru_cache(maxsize=4096)
def _digest(path: Path) -> str:
    try:
        spec = Run(path).spec()
    except (ThawError, FileNotFoundError):  # of another version of Thaw, or deleted just now
        return ""
    return _frozen_side(spec).digest() if isinstance(spec, DialSpec) else ""


def _kept_by(run: Run) -> bool:
    folders = (run.result() or {}).get("kept")
    return bool(folders) and still_there(folders)
