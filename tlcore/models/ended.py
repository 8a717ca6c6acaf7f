"""The network of a finished training run: as it started, as it ended, and at the end of an epoch whose weights were kept."""

from __future__ import annotations

from safetensors import SafetensorError
from safetensors.torch import load_file

from tlcore.errors import RunNotFound, WeightsUnavailable
from tlcore.models.adapters import insert
from tlcore.models.ancestry import WEIGHTS
from tlcore.models.chain import build_from_run
from tlcore.models.network import Network, build
from tlcore.progress import Progress, silent
from tlcore.runs import Run
from tlcore.spec import RunSpec

_ANOTHER = "Repeat that run, or ask about another one."


def started(run: Run, spec: RunSpec, classes: tuple[str, ...], *, progress: Progress = silent) -> Network:
    """The network as the run built it before its first step and without its adapters, on the CPU, in eval mode.

    Raises what `build` and `build_from_run` do: `RunNotFound` where a run that it started from is not here any more,
    `SpecError`, and `WeightsUnavailable` where the weights that it started from can no longer be had as they were.
    """
    if spec.strategy.start.kind == "run":
        return build_from_run(spec, classes, runs_dir=run.path.parent, progress=progress)
    return build(
        spec.backbone,
        classes=len(classes),
        start=spec.strategy.start.kind,
        weights=spec.weights,
        seed=spec.seed,
        image_size=spec.image_size,
        head=spec.head,
        progress=progress,
    )


def ended(
    run: Run, spec: RunSpec, classes: tuple[str, ...], *, epoch: int | None = None, progress: Progress = silent
) -> Network:
    """The network that the run ended with, or that it was at the end of `epoch` (from 1), its adapters beside its weights.

    On the CPU, in eval mode. Raises as `started` does, and `WeightsUnavailable` where its own weights cannot be read.
    """
    network = started(run, spec, classes, progress=progress)
    insert(network, spec.strategy.scope, seed=spec.seed, image_size=spec.image_size)
    lay_weights(network, run, spec, epoch=epoch)
    return network


def lay_weights(network: Network, run: Run, spec: RunSpec, *, epoch: int | None = None) -> None:
    """Put the tensors that the run kept into `network`, which has its adapters. Raises `WeightsUnavailable`, `RunNotFound`."""
    file = run.path / WEIGHTS if epoch is None else run.epoch_file(epoch)
    if epoch is not None and not file.is_file():
        kept = run.kept_epochs()
        raise RunNotFound(
            f"Run {run.id} did not keep the weights of epoch {epoch}.",
            next_step=f"It kept epochs {kept[0]} to {kept[-1]}." if kept else "Train it again with every epoch kept.",
        )
    try:
        unknown = network.module.load_state_dict(load_file(file), strict=False).unexpected_keys
    except (SafetensorError, OSError, RuntimeError) as error:
        raise WeightsUnavailable(f"The weights of run {run.id} cannot be read ({error}).", next_step=_ANOTHER) from error
    if unknown:
        raise WeightsUnavailable(
            f"The weights of run {run.id} do not fit: {unknown[0]} has no place in {spec.backbone} as it is built here.",
            next_step=_ANOTHER,
        )
