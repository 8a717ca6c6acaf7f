"""One cell of the table: the peers and this engine by turns on one task, and what both learn from it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Subset

from tlcore.bench.accuracy import overlap, wilson
from tlcore.bench.classifier import classifier_for
from tlcore.bench.ours import Asked, ask_twice
from tlcore.bench.peers import Fit, Peer
from tlcore.bench.peers import plain as plain_loop
from tlcore.bench.pictures import Folder, FromFiles, InMemory, Watched, lay_out
from tlcore.bench.task import Task
from tlcore.bench.timing import cpu_clock, ratios, seconds_per_batch, spread
from tlcore.data.listing import SPLITS
from tlcore.models.describe import describe

Say = Callable[[str], None]
TRAIN_STEPS, EVALUATION_STEPS = 4, 4  # batches of a peer in each round: what counts is from the second to the last one's start

WARM_UP_BATCH = 8


class Measured:
    """What a whole run of a peer costs, from the steps that it took in one round."""

    def __init__(self, train: Watched, val: Watched, in_memory: float, folder: Folder, task: Task) -> None:
        images, epochs = folder.images, task.epochs
        batches = epochs * images["train"] / task.batch_size
        evaluations = (epochs * images["val"] + images["test"]) / task.batch_size
        self.step = seconds_per_batch(train.asked, task.batch_size)
        self.evaluation = seconds_per_batch(val.asked, task.batch_size)
        reading = task.batch_size * (train.reading_seconds_per_image - in_memory)
        self.from_files = batches * self.step + evaluations * self.evaluation
        self.from_memory = batches * (self.step - reading) + evaluations * (self.evaluation - reading)


def measure(task: Task, peers: Mapping[str, Peer], *, rounds: int, say: Say, compare_accuracy: bool = True) -> dict[str, Any]:
    """Time `task` in `rounds` rounds and train the plain loop once to the end; returns the cell as plain data."""
    with tempfile.TemporaryDirectory() as scratch:
        say(f"{task}: writing the images")
        folder = lay_out(task, Path(scratch) / "pictures")
        fits = {name: peer.load() for name, peer in peers.items()}
        interpolation = describe(task.backbone).preprocessing.interpolation
        data = {split: FromFiles(folder, split, task.image_size, interpolation) for split in SPLITS}
        in_memory = _reading_from_memory(InMemory(data["train"]))

        _warm_up(task, folder, fits, data, say)
        theirs: dict[str, list[Measured]] = {name: [] for name in fits}
        asked: list[Asked] = []
        for number in range(rounds):
            for name in _rotated(list(fits), number):
                say(f"{task}: round {number + 1} of {rounds}, {name}")
                theirs[name].append(_steps_of(fits[name], task, folder, data, in_memory))
            say(f"{task}: round {number + 1} of {rounds}, this engine, whole runs")
            asked.append(ask_twice(task.spec(str(folder.path))))
        accuracy = _accuracies(task, folder, data, asked[0].result, say) if compare_accuracy else None
    return _as_data(task, folder, theirs, asked, accuracy)


def _rotated(names: list[str], number: int) -> list[str]:
    """Another one comes first in each round, so that none always follows the same neighbour."""
    turn = number % len(names) if names else 0
    return names[turn:] + names[:turn]


def _reading_from_memory(images: InMemory) -> float:
    """Seconds to read one image that is in memory."""
    watched = Watched(images, len(images), cpu_clock)
    for i in range(len(images)):
        watched[i]
    return watched.reading_seconds_per_image


def _warm_up(task: Task, folder: Folder, fits: Mapping[str, Fit], data: Mapping[str, FromFiles], say: Say) -> None:
    """Everything once, so that nothing is imported, traced or chosen for the first time while the clock runs."""
    say(f"{task}: warm-up")
    few = Watched(_Repeated(data["train"]), 2 * WARM_UP_BATCH, cpu_clock)
    for fit in fits.values():
        classifier = classifier_for(task, folder.classes, flips=folder.card.flips)
        fit(classifier, few, few, epochs=1, batch_size=WARM_UP_BATCH, seed=task.seed)
    ask_twice(task.spec(str(folder.path)).model_copy(update={"epochs": 1, "images_per_class": WARM_UP_BATCH}))


def _steps_of(fit: Fit, task: Task, folder: Folder, data: Mapping[str, FromFiles], in_memory: float) -> Measured:
    """One short epoch of a peer: as many real steps as there are images for, at the task's batch size."""
    train = Watched(_Repeated(data["train"]), TRAIN_STEPS * task.batch_size, cpu_clock)
    val = Watched(_Repeated(data["val"]), EVALUATION_STEPS * task.batch_size, cpu_clock)
    classifier = classifier_for(task, folder.classes, flips=folder.card.flips)
    fit(classifier, train, val, epochs=1, batch_size=task.batch_size, seed=task.seed)
    return Measured(train, val, in_memory, folder, task)


class _Repeated:
    """A dataset that begins again at its end, so that a small one has as many images as the steps need."""

    def __init__(self, source: FromFiles) -> None:
        self.source = source

    def __getitem__(self, index: int) -> Any:
        return self.source[index % len(self.source)]


def _accuracies(
    task: Task, folder: Folder, data: Mapping[str, FromFiles], result: Mapping[str, Any], say: Say
) -> dict[str, Any]:
    """Test accuracy of this engine's first run and of the plain loop, trained in full on the same images."""
    say(f"{task}: the plain loop, trained in full for its accuracy")
    classifier = classifier_for(task, folder.classes, flips=folder.card.flips)
    train, test = InMemory(data["train"]), InMemory(data["test"])
    one = Subset(test, [0])  # it learns nothing from what it is validated on, and nobody times it here
    plain_loop.fit(classifier, train, one, epochs=task.epochs, batch_size=task.batch_size, seed=task.seed)
    theirs = plain_loop.accuracy(classifier, DataLoader(test, task.batch_size))
    shares = {"ours": result["test"]["accuracy"]["value"], "plain": theirs}
    intervals = {name: wilson(round(share * len(test)), len(test)) for name, share in shares.items()}
    told = {name: {"value": shares[name], "low": low, "high": high} for name, (low, high) in intervals.items()}
    return told | {"images": len(test), "overlap": overlap(intervals["ours"], intervals["plain"])}


def _as_data(
    task: Task, folder: Folder, theirs: Mapping[str, list[Measured]], asked: list[Asked], accuracy: dict[str, Any] | None
) -> dict[str, Any]:
    first, again = [a.first for a in asked], [a.again for a in asked]
    peers = {}
    for name, rounds in theirs.items():
        files, memory = [m.from_files for m in rounds], [m.from_memory for m in rounds]
        by_first, by_again = ratios(files, first), ratios(files, again)
        peers[name] = {
            "ratio_first": by_first.median,
            "ratio_again": by_again.median,
            "seconds": spread(files).median,
            "quartiles": {"first": [by_first.low, by_first.high], "again": [by_again.low, by_again.high]},
            "in_memory": {
                "ratio_first": ratios(memory, first).median,
                "ratio_again": ratios(memory, again).median,
                "seconds": spread(memory).median,
            },
            "seconds_per_step": spread([m.step for m in rounds]).median,
            "seconds_per_evaluation_step": spread([m.evaluation for m in rounds]).median,
            "extrapolated": True,
        }
    return {
        "backbone": task.backbone,
        "image_size": task.image_size,
        "scope": task.scope,
        "views": task.views,
        "epochs": task.epochs,
        "batch_size": task.batch_size,
        "dataset": task.dataset,
        "images": folder.images,
        "start": task.start,
        "rounds": len(asked),
        "seconds_first": spread(first).median,
        "seconds_again": spread(again).median,
        "ratio_first": min((peer["ratio_first"] for peer in peers.values()), default=None),
        "ratio_again": min((peer["ratio_again"] for peer in peers.values()), default=None),
        "peers": peers,
        "accuracy": accuracy,
        "cut": asked[0].result.get("cut"),  # how this engine went about it, in its own words
        "notices": list(asked[0].result.get("notices", ())),
    }
