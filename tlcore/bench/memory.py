"""The most memory that a run takes beside the plain loop: each in a process of its own, `python -m tlcore.bench.memory`.

What is told is the kernel's high-water mark of resident memory (VmHWM). It counts the pages of mapped files as well, such as
the cache of activations, which the kernel may drop at any time: against this engine, where it differs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tlcore
from tlcore.bench.task import Task
from tlcore.errors import ThawError

WHO = ("ours", "plain")


def peaks(task: Task) -> dict[str, float]:
    """Bytes at most resident: of this engine's run, of the plain loop on the same images, and their ratio."""
    found = {who: _in_a_child(who, task) for who in WHO}
    return {f"{who}_bytes": taken for who, taken in found.items()} | {"ratio": found["ours"] / found["plain"]}


def _in_a_child(who: str, task: Task) -> int:
    root = str(Path(tlcore.__file__).parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "tlcore.bench.memory", who, json.dumps(asdict(task))]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, check=False)
    if done.returncode:
        raise ThawError(
            f"The memory of {who} could not be measured: {done.stderr.strip().splitlines()[-1:] or 'no word why'}.",
            next_step="Leave --memory out.",
        )
    return int(done.stdout.splitlines()[-1])


def main(arguments: Sequence[str]) -> None:
    who, given = arguments
    task = Task(**json.loads(given))
    with tempfile.TemporaryDirectory() as scratch:
        _do(who, task, Path(scratch))
    print(_peak_bytes())


def _do(who: str, task: Task, scratch: Path) -> None:
    from tlcore.bench.ours import ask_once, nothing_kept
    from tlcore.bench.pictures import FromFiles, lay_out

    folder = lay_out(task, scratch / "pictures")
    if who == "ours":
        with nothing_kept():
            ask_once(task.spec(str(folder.path)), scratch / "runs")
        return
    from tlcore.bench.classifier import classifier_for
    from tlcore.bench.peers import plain
    from tlcore.models.describe import describe

    look: Any = describe(task.backbone).preprocessing
    train, val = (FromFiles(folder, split, task.image_size, look.interpolation) for split in ("train", "val"))
    classifier = classifier_for(task, folder.classes, flips=folder.card.flips)
    plain.fit(classifier, train, val, epochs=task.epochs, batch_size=task.batch_size, seed=task.seed)


def _peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ThawError("This system does not tell how much memory a process has had.", next_step="Leave --memory out.")


if __name__ == "__main__":
    main(sys.argv[1:])
