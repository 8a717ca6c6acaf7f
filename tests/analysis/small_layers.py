"""The layers job on a small backbone and digits: what its tests share.

Random weights of another seed stand in for pretrained ones, and noise for photographs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tlcore.analysis import layers as job
from tlcore.analysis import looking
from tlcore.data.load import Dataset, Split, load
from tlcore.models import network as networks
from tlcore.runs import EventWriter, Run, create
from tlcore.spec import LayersSpec, RunSpec

RUN = RunSpec(backbone="mobilenetv3_small_100", dataset="digits", image_size=32, device="cpu", seed=3)
SPEC = LayersSpec(run=RUN, images=200, photographs=50)
GROUPS = ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "stage 5", "stage 6"]
OLD_CLASSES = 7
Done = tuple[Run, dict[str, Any]]  # a run and its result


def pretend(name: str, *, start: str, weights: str | None = None, **options: Any) -> networks.Network:
    """Random weights of another seed, with a classifier of another task, where pretrained ones are asked for."""
    if start == "random" or weights is not None:
        return networks.build(name, start=start, weights=weights, **options)
    network = networks.build(name, start="random", **options | {"seed": options["seed"] + 100})
    network.provenance["text"] = "Trained on photographs by nobody."
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.source_head = nn.Linear(network.head.in_features, OLD_CLASSES).requires_grad_(False)
    return network


def photographs(*_: object, image_size: int, **__: object) -> Split:
    """Noise, where photographs are asked for."""
    pictures = np.random.default_rng(0).integers(0, 256, (60, image_size, image_size, 3), dtype=np.uint8)
    return Split(pictures, np.zeros(60, dtype=np.int64), tuple(map(str, range(60))))


@contextmanager
def pretending(cache: Path) -> Iterator[None]:
    """Within it nothing is fetched, and the layers job builds what `pretend` gives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(cache))
        patch.setenv("THAW_OFFLINE", "1")
        patch.setattr(looking, "build", pretend)
        patch.setattr(looking, "load_unlabelled", photographs)
        yield


def do(runs_dir: Path, spec: LayersSpec) -> Done:
    """Run the job."""
    run = create(runs_dir, spec)
    with closing(EventWriter(run)) as events:
        return run, job.layers(run, events)


def few_images(spec: LayersSpec = SPEC) -> Dataset:
    """The images that a question about `RUN` looks at."""
    return job._few(load("digits", image_size=32, seed=3), spec)
