"""What the layers job costs over one plain forward pass: `python tests/bench/layers_cost.py [IMAGES] [SIZE] [ROUNDS]`.

ResNet-18, random weights in place of pretrained ones (the arithmetic is the same), 1,000 images of 128 px, two classes, one
source of weights, so that there is one pass on either side. A round times, in turn, a plain forward pass over the images
(batches of 32, eval mode, inference mode, as a person would write it) and all that the job does with the images once they are
decoded: the pass with its hooks, the probes with their intervals, LogME, H-score, LEEP, NCE, CKA, the recommendation, the
layouts (PCA), silhouettes, k-NN, what a layer sees, the thumbnails, and the shift by depth with its own pass over 200
photographs (noise here). What is timed is the processor's time, on one thread,
which other programs on the machine hardly change. The medians are held against 1.3 times the plain pass plus 5 s. What the job
with two sources takes, which are two passes, is printed beside it.
Measured on a server's processor: a plain pass 15.8 s, the job 20.4 s with one source (of which the photographs are 4; channels
last makes up for most of what it does besides), 36.9 s with two.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tlcore.analysis import layers as job  # noqa: E402 - found only once the path is there
from tlcore.analysis import looking  # noqa: E402
from tlcore.data.catalogue import dataset_card  # noqa: E402
from tlcore.data.load import Dataset, Split  # noqa: E402
from tlcore.data.transforms import normalise  # noqa: E402
from tlcore.models import network as networks  # noqa: E402
from tlcore.runs import EventWriter, create  # noqa: E402
from tlcore.spec import LayersSpec, RunSpec  # noqa: E402

SHARE, SECONDS = 1.3, 5.0


def main() -> int:
    images, size, rounds = (int(given) for given in (*sys.argv[1:], *("1000", "128", "5")[len(sys.argv) - 1 :]))
    data = _data(images, size)
    job.load_data = lambda *_: data
    looking.build = _build
    looking.load_unlabelled = lambda *_, **__: _photographs(size)
    plain, one, two = [], [], []
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        spec = LayersSpec(run=RunSpec(backbone="resnet18", dataset="digits", image_size=size, device="cpu"), images=images)
        alone = spec.model_copy(update={"sources": ("pretrained",)})
        for _ in range(rounds):
            plain.append(_plain(data, size))
            one.append(_job(alone, Path(folder)))
            two.append(_job(spec, Path(folder)))
            print(f"round {len(plain)}: {plain[-1]:.2f} s, {one[-1]:.2f} s, {two[-1]:.2f} s", file=sys.stderr, flush=True)
    forward, least, most = (statistics.median(values) for values in (plain, one, two))
    allowed = SHARE * forward + SECONDS
    print(f"{images} images of {size} px, one thread, medians of {rounds} rounds")
    print(f"plain forward pass {forward:.2f} s; all of the job, one source {least:.2f} s, two sources {most:.2f} s")
    print(f"allowed {SHARE} x {forward:.2f} + {SECONDS:g} = {allowed:.2f} s: {'kept' if least <= allowed else 'NOT kept'}")
    print(f"over a pass for each source: {least - forward:.2f} s with one, {most - 2 * forward:.2f} s with two")
    return int(least > allowed)


def _data(images: int, size: int) -> Dataset:
    rng = np.random.default_rng(0)

    def split(name: str, count: int) -> Split:
        labels = (rng.random(count) < 0.5).astype(np.int64)
        pictures = rng.integers(0, 200, (count, size, size, 3), dtype=np.uint8) + (20 * labels[:, None, None, None]).astype(
            np.uint8
        )
        return Split(pictures, labels, tuple(f"{name}-{i}" for i in range(count)))

    counts = {name: round(share * images) for name, share in job.SHARES.items()}
    splits = (split("train", images - sum(counts.values())), split("val", counts["val"]), split("test", counts["test"]))
    return Dataset(dataset_card("digits"), ("dark", "bright"), *splits, "none", ())


def _photographs(size: int) -> Split:
    count = LayersSpec.model_fields["photographs"].default
    pictures = np.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return Split(pictures, np.zeros(count, dtype=np.int64), tuple(map(str, range(count))))


def _build(name: str, *, start: str, weights: str | None = None, **options: Any) -> networks.Network:
    network = networks.build(name, start="random", **options)
    network.provenance["text"] = "Random, in place of what was trained on photographs."
    network.source_head = torch.nn.Linear(network.head.in_features, 1000).requires_grad_(False)
    return network


def _plain(data: Dataset, size: int) -> float:
    network = networks.build("resnet18", classes=2, start="random", seed=0, image_size=size)
    images, look = job._whole(data).images, network.preprocessing
    began = time.process_time()
    with torch.inference_mode():
        for first in range(0, len(images), 32):
            network.module(normalise(torch.from_numpy(images[first : first + 32]), look.mean, look.std))
    return time.process_time() - began


def _job(spec: LayersSpec, folder: Path) -> float:
    run = create(folder, spec)
    with closing(EventWriter(run)) as events:
        began = time.process_time()
        job.layers(run, events)
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
