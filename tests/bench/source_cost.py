"""What source probes cost beside training: `python tests/bench/source_cost.py [ROUNDS]`.

EfficientNet-Lite0, all images of the chest X-rays' two classes at 128 px, full fine-tuning in batches of 32, with the two
sources that any pretrained run can carry, at the default number of images. Weights and images are noise: the arithmetic is the
same, and nothing is fetched. A round times, in turn, a few training steps as `fit` takes them (augmentation and optimizer
among them), validation on some images, and one look at both sources with its k-NN. An epoch is the median step times its
steps, and the median evaluation times the validation images. What is timed is the processor's time, on one thread and in
float32, which other programs on the machine hardly change. The look's share of the epoch is held against 15 %.
Measured on a server's processor: an epoch 70 s, a look 4.4 s, 6.3 %.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tlcore.data.catalogue import DATASETS  # noqa: E402 - found only once the path is there
from tlcore.data.load import Split  # noqa: E402
from tlcore.models.freezing import set_modes  # noqa: E402
from tlcore.models.network import Network, build  # noqa: E402
from tlcore.source_probes.imagenet_of_cifar10 import sums  # noqa: E402
from tlcore.source_probes.look import Probe, log_probabilities  # noqa: E402
from tlcore.source_probes.probes import SourceProbes  # noqa: E402
from tlcore.spec import RunSpec  # noqa: E402
from tlcore.strategies import compile_plan, preset  # noqa: E402
from tlcore.training.evaluate import predict  # noqa: E402
from tlcore.training.fit import fit  # noqa: E402
from tlcore.training.machine import choose  # noqa: E402
from tlcore.training.setup import Setup  # noqa: E402
from tlcore.training.state import State  # noqa: E402

ALLOWED, SIZE, STEPS, EVALUATED = 0.15, 128, 4, 128
TASK = DATASETS["chest-xray"]
SPEC = RunSpec(dataset="chest-xray", strategy="full", image_size=SIZE, device="cpu", precision="float32")


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    machine = choose("cpu", "float32")
    network = build(SPEC.backbone, classes=2, start="random", seed=0, image_size=SIZE)
    machine.place(network.module)
    plan = compile_plan(preset("full"), network.groups, epochs=1, lr=SPEC.lr)
    splits = {"train": _noise(TASK.images["train"], 2), "val": _noise(TASK.images["val"], 2)}
    setup = Setup(plan=plan, **splits, classes=TASK.classes, machine=machine, seed=0, batch_size=SPEC.batch_size, flips=True)
    state = State.fresh(network, plan)
    few = replace(setup, val=_noise(EVALUATED, 2)).route(state)
    probes = _probes(network)
    steps = (event for event in fit(state, setup) if event["type"] == "step")
    next(steps)  # the first one makes the optimizer's moments
    times: dict[str, list[float]] = {"step": [], "image": [], "look": []}
    for place in range(rounds):
        times["step"].append(_seconds(lambda: [next(steps) for _ in range(STEPS)]) / STEPS)
        times["image"].append(_seconds(lambda: predict(few, "val", batch_size=setup.evaluation_batch_size)) / EVALUATED)
        set_modes(network, plan.phases[0])
        times["look"].append(_seconds(lambda: probes.look(network, machine)))
        print(f"round {place + 1}: {', '.join(f'{name} {all_[-1]:.3f} s' for name, all_ in times.items())}", file=sys.stderr)
    step, image, look = (statistics.median(of) for of in times.values())
    epoch = step * setup.steps_per_epoch(0) + image * len(setup.val.labels)
    share = look / epoch
    print(f"{len(setup.train.labels)} training and {len(setup.val.labels)} validation images of {SIZE} px, one thread, float32")
    print(f"an epoch {epoch:.1f} s (a step {step:.3f} s), a look at {probes.images} source images {look:.1f} s")
    print(f"{100 * share:.1f} % of an epoch, allowed {100 * ALLOWED:g} %: {'kept' if share < ALLOWED else 'NOT kept'}")
    return int(share >= ALLOWED)


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _noise(count: int, classes: int) -> Split:
    images = np.random.default_rng(count).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)
    return Split(images, np.arange(count) % classes, tuple(map(str, range(count))))


def _probes(network: Network) -> SourceProbes:
    """Those of both sources, as `make_probes` makes them, on noise."""
    head = nn.Linear(network.head.in_features, 1000).requires_grad_(False)
    images = _noise(SPEC.source_images, 10)
    shared = {"images": images.images, "ids": images.ids, "head": head}
    names = tuple(map(str, range(1000)))
    cifar = DATASETS["cifar10"].classes
    machine = choose("cpu", "float32")
    named = Probe("imagenet-cifar10", "", "accuracy", 0.1, **shared, labels=images.labels, classes=cifar, sums=_sums(cifar))
    reference = log_probabilities(network, machine, images.images, head)
    agreed = Probe("natural-photos", "", "agreement", None, **shared, labels=None, classes=names, reference=reference)
    return SourceProbes({probe.name: probe for probe in (named, agreed)})


def _sums(classes: tuple[str, ...]) -> torch.Tensor:
    return torch.from_numpy(sums(classes))


if __name__ == "__main__":
    sys.exit(main())
