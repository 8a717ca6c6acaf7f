"""The runs that a run starts from: which may be started from, in words. No torch.

A chain of tasks: a run starts from another one's weights, which may have started from a third one's. Runs never change, so
a chain has a first run, whose start is pretrained or random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from tlcore.data.catalogue import DATASETS
from tlcore.errors import RunNotFound, SpecError, ThawError
from tlcore.models.cards import BackboneCard
from tlcore.runs import Run, open_run
from tlcore.spec import BlendSpec, RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Bottleneck
from tlcore.strategies.start import FromRun

WEIGHTS = "weights.safetensors"  # of a run: the tensors that it moved, and its head


@dataclass(frozen=True)
class Ancestor:
    """A finished run that another one starts from."""

    run: Run
    spec: RunSpec
    classes: tuple[str, ...]

    @property
    def words(self) -> str:
        """What it was, for people: never a path."""
        return f"your run {self.run.id} ({self.spec.strategy.name} on {self._data})"

    @property
    def task(self) -> str:
        """The same in a few words: 'Handwritten digits (run 7f3a)'."""
        return f"{self._data} (run {self.run.id[-4:]})"

    @property
    def _data(self) -> str:
        dataset = self.spec.dataset
        return DATASETS[dataset].title if dataset in DATASETS else PurePath(dataset).name


def ancestry(start: FromRun, runs_dir: Path) -> tuple[Ancestor, ...]:
    """The runs behind `start`, the first one first and the one that it names last.

    Raises `RunNotFound` where one of them is not in `runs_dir` any more, `SpecError` where one cannot be started from.
    """
    found: list[Ancestor] = []
    following: FromRun | None = start
    while following is not None:
        ancestor = _ancestor(following.run_id, runs_dir, found)
        if any(ancestor.run.id == known.run.id for known in found):  # only by a hand that edits folders
            raise SpecError(f"Run {ancestor.run.id} starts from itself.", next_step="Choose another start.")
        found.append(ancestor)
        before = ancestor.spec.strategy.start
        following = before if isinstance(before, FromRun) else None
    return tuple(reversed(found))


def check_start(spec: RunSpec, card: BackboneCard, runs_dir: Path, classes: Sequence[str] = ()) -> tuple[Ancestor, ...]:
    """The runs behind the start of `spec`, none where it starts from no run.

    `classes` are those of its data, empty where they are not known yet. Raises `RunNotFound` and `SpecError`, each with a
    sentence that says what is allowed.
    """
    start = spec.strategy.start
    if not isinstance(start, FromRun):
        return ()
    found = ancestry(start, runs_dir)
    nearest = found[-1]
    if spec.weights is not None:
        raise SpecError(
            "A run that starts from another takes that run's weights, so no other weights can be named.",
            next_step="Leave the weights out, or start from pretrained ones.",
        )
    if nearest.spec.backbone != spec.backbone:
        raise SpecError(
            f"Run {nearest.run.id} trained {nearest.spec.backbone}, and its weights do not fit {spec.backbone}.",
            next_step=f"Choose the backbone {nearest.spec.backbone}, or another start.",
        )
    sizes = {ancestor.spec.image_size for ancestor in found} | {spec.image_size}
    if card.sizing == "windows" and len(sizes) > 1:  # the tables of its windows have another shape at another size
        raise SpecError(
            f"{card.title} has other weights at another image size: run {nearest.run.id} saw {nearest.spec.image_size} pixels, "
            f"and {spec.image_size} were asked for.",
            next_step=f"Set the image size to {nearest.spec.image_size}, or choose another start.",
        )
    if start.head == "kept" and classes:
        keeps_head(spec, nearest, classes)
    return found


def leaves_weights(strategy: Strategy) -> bool:
    """Whether a run of that strategy ends with weights of the plain backbone, LoRA's changes added to them."""
    return not isinstance(strategy.scope, Bottleneck)


def keeps_head(spec: RunSpec, nearest: Ancestor, classes: Sequence[str]) -> bool:
    """Whether a run of `spec` on `classes` goes on from the head of `nearest`. Raises `SpecError` where it asks and cannot."""
    start = spec.strategy.start
    assert isinstance(start, FromRun)
    same_kind, same_classes = nearest.spec.head == spec.head, tuple(classes) == nearest.classes
    if start.head != "kept" or (same_kind and same_classes):
        return start.head != "fresh" and same_kind and same_classes
    if not same_kind:
        what = f"is of the kind {nearest.spec.head}, and {spec.head} was asked for"
    else:
        what = f"knows the classes {_few(nearest.classes)}, and these images have {_few(classes)}"
    raise SpecError(
        f"The head of run {nearest.run.id} cannot be kept: it {what}.",
        next_step="Ask for a fresh head. One is kept where the classes are the same, in the same order, and the kind is too.",
    )


def _ancestor(run_id: str, runs_dir: Path, behind: Sequence[Ancestor]) -> Ancestor:
    whose = f"run {behind[-1].run.id}" if behind else "this run"
    try:
        run = open_run(runs_dir, run_id)
        state, spec = run.status().state, run.spec()
    except (RunNotFound, FileNotFoundError) as error:
        raise RunNotFound(
            f"Run {run_id}, which {whose} starts from, is not here any more.",
            next_step="Bring it back on the Runs page (a deleted run is kept for a week), or choose another start.",
        ) from error
    except SpecError as error:
        raise ThawError(f"Run {run_id} was written by another version.", next_step="Choose another start.") from error
    if isinstance(spec, BlendSpec) and not behind:
        raise SpecError(
            f"Run {run_id} saved a point between two networks as a file, and trained nothing itself.",
            next_step=f"Start from pretrained weights, and name that file as these: --weights {run.path / 'blend.safetensors'}",
        )
    if not isinstance(spec, RunSpec):
        raise SpecError(f"Run {run_id} is no training run, so it has no weights.", next_step="Choose another start.")
    if state != "done":
        wait = "Wait until it is done, or choose" if state in ("queued", "running", "lost") else "Choose"
        raise SpecError(
            f"Run {run_id} is {state}: only a run that is done has weights to start from.",
            next_step=f"{wait} another start.",
        )
    if not leaves_weights(spec.strategy):
        raise SpecError(
            f"Run {run_id} trained bottleneck adapters, which cannot become part of the backbone's weights: there is a ReLU "
            "within each.",
            next_step="Choose a run that moved the weights themselves, or one with LoRA, which is added to them.",
        )
    result = run.result()
    if result is None or not (run.path / WEIGHTS).is_file():
        raise SpecError(f"The weights of run {run_id} are missing.", next_step="Repeat that run, or choose another start.")
    return Ancestor(run, spec, tuple(result["classes"]))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
