"""What an explanation costs: `python tests/bench/explain_speed.py [ROUNDS]`.

One image at 224 px by every method that works on EfficientNet-Lite0 and ResNet-18, and a batch of 32 by Grad-CAM, on random
weights: the arithmetic is that of trained ones. Timed is the processor's time on one thread, which other programs on the
machine hardly change: of an answer without a map, of each method once everything is warm and its place known, and of building
the network with the first explanation after it. Grad-CAM of one image, its place still to be found, is held against 1.5 s.
Measured on a server's processor: Grad-CAM of one image 48 ms (Lite0) and 63 ms (ResNet-18), hardly more than the answer itself,
299 films 18 s and 17 s; integrated gradients 3.5 s and 4.1 s, occlusion 10 s and 9 s an image.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tlcore.analysis.maps import evaluating, pictures  # noqa: E402 - found only once the path is there
from tlcore.explain.maps import BATCH, explain  # noqa: E402
from tlcore.explain.needs import usable  # noqa: E402
from tlcore.explain.places import places  # noqa: E402
from tlcore.models.network import Network, build  # noqa: E402
from tlcore.training.machine import choose  # noqa: E402

ALLOWED, SIZE, FILMS = 1.5, 224, 299
BACKBONES = ("tf_efficientnet_lite0", "resnet18")
MACHINE = choose("cpu", "float32")


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    torch.set_num_threads(1)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, SIZE, SIZE, 3), dtype=np.uint8)
    slowest = 0.0
    for name in BACKBONES:
        network: list[Network] = []
        built = _seconds(lambda name=name, network=network: network.append(_built(name)))
        built += _seconds(lambda network=network: explain(network[0], MACHINE, images[:1]))
        print(f"{name}: built and explained for the first time {built:.2f} s")
        slowest = max(slowest, _each_method(network[0], images, rounds))
    print(f"Grad-CAM of one image {slowest:.2f} s, allowed {ALLOWED} s: {'kept' if slowest < ALLOWED else 'NOT kept'}")
    return int(slowest >= ALLOWED)


def _built(name: str) -> Network:
    network = build(name, classes=2, start="random", seed=0, image_size=SIZE)
    MACHINE.place(network.module)
    return network


def _each_method(network: Network, images: np.ndarray, rounds: int) -> float:
    """Print what each method costs, and return the seconds of Grad-CAM of one image with its place still to be found."""

    def answer() -> None:
        with evaluating(network.module):
            network.module(pictures(network, MACHINE, torch.from_numpy(images[:1])))

    plain = _median(answer, rounds)
    print(f"  an answer without a map {1000 * plain:.0f} ms")
    found = places(network, MACHINE, image_size=SIZE)
    last = found[list(found)[-1]]
    for method, why in usable(network).items():
        if why is None:
            cost = _median(lambda method=method: explain(network, MACHINE, images[:1], method=method, place=last), rounds)
            print(f"  {method} {1000 * cost:.0f} ms, {cost / plain:.1f} answers")
    first = found[next(iter(found))]
    low = _median(lambda: explain(network, MACHINE, images[:1], place=first), rounds)
    print(f"  gradcam at {first.group} {1000 * low:.0f} ms")
    many = _median(lambda: explain(network, MACHINE, images, place=last), rounds) / len(images)
    print(f"  gradcam in a batch of {len(images)}: {1000 * many:.0f} ms an image, {FILMS * many:.0f} s for {FILMS} films")
    return _median(lambda: explain(network, MACHINE, images[:1]), rounds)


def _median(work: Callable[[], object], rounds: int) -> float:
    work()
    return statistics.median(_seconds(work) for _ in range(rounds))


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
