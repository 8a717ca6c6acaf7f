"""The check job: load a dataset as training would, show samples, count, and look for what may be wrong."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from tlcore.data.card import DatasetCard
from tlcore.data.catalogue import dataset_card
from tlcore.data.listing import SPLITS, Item, Listing, SplitName
from tlcore.data.load import load, load_unlabelled
from tlcore.data.quality import Pictures, findings
from tlcore.data.shortcuts import file_facts
from tlcore.data.sources import listing, split_listing
from tlcore.data.splits import subsample
from tlcore.errors import Cancelled, DataError
from tlcore.progress import Progress
from tlcore.runs import EventWriter, Run
from tlcore.spec import CheckSpec

SAMPLES_PER_CLASS: Final = 12
SAMPLE_SIDE: Final = 128
_PROGRESS_SECONDS = 0.2


def check(run: Run, events: EventWriter) -> dict[str, Any]:
    """Check the dataset of the run's `CheckSpec`; samples go to `samples/` in the run's folder.

    Returns what becomes the result: dataset, title, classes, counts {split: {class: n}}, patients {split: n} or None,
    samples [{file, class, id, split}], findings, notices, image_sizes, licence, attribution, split_rule, warnings, digest,
    seconds. An unlabelled dataset has no classes, one split named "all", and samples whose class is None.
    Raises `DataError` and `AssetError` as loading does, and `Cancelled`.
    """
    started = time.monotonic()
    spec = run.spec()
    assert isinstance(spec, CheckSpec)
    progress = _reporting(run, events)
    card = dataset_card(spec.dataset)
    data, notices, unreadable, digest, found = _load(spec, card, progress)
    for text in notices:
        events.write("notice", level="info", text=text)
    faults = findings(data, unreadable, progress)
    samples = _samples(run.path, data, found, spec.seed, progress)
    return {
        "dataset": spec.dataset,
        "title": card.title,
        "classes": list(data.classes),
        "counts": _counts(data),
        "patients": _patients(data),
        "samples": samples,
        "findings": [fault.as_dict() for fault in faults],
        "notices": list(notices),
        "image_sizes": _image_sizes(data),
        "licence": card.licence,
        "attribution": card.attribution,
        "split_rule": card.split_rule,
        "warnings": list(card.warnings),
        "digest": digest,
        "seconds": round(time.monotonic() - started, 2),
    }


def _reporting(run: Run, events: EventWriter) -> Progress:
    """Progress into the run's events, a few a second; raises `Cancelled` where that was asked for."""
    last = ("", 0.0)

    def report(what: str, done: int, total: int, unit: str) -> None:
        nonlocal last
        if run.cancel_requested():
            raise Cancelled("The check was cancelled.")
        now = time.monotonic()
        if what != last[0] or now - last[1] > _PROGRESS_SECONDS or done == total:
            events.write("progress", what=what, done=done, total=total, unit=unit)
            last = (what, now)

    return report


def _load(
    spec: CheckSpec, card: DatasetCard, progress: Progress
) -> tuple[Pictures, Sequence[str], list[tuple[str, str]], str, dict[str, Item]]:
    """The decoded pictures, what there is to say, what could not be read, the digest, and the items by id."""
    whole = listing(spec.dataset, labels=spec.labels, image_size=spec.image_size, progress=progress)
    if not card.labelled:
        split = load_unlabelled(spec.dataset, image_size=spec.image_size, progress=progress)
        items = {item.id: item for item in whole.items}
        places, images, labels, ids = ["all"] * len(split), split.images, split.labels, list(split.ids)
        classes, notices, wanted = (), whole.notices, whole.items
        digest = hashlib.sha256("".join(items[i].digest for i in ids).encode()).hexdigest()
    else:
        data = load(
            spec.dataset,
            labels=spec.labels,
            image_size=spec.image_size,
            images_per_class=spec.images_per_class,
            seed=spec.seed,
            progress=progress,
        )
        whole = split_listing(card, whole)
        items = {item.id: item for item in whole.items}
        parts: dict[SplitName, Any] = {"train": data.train, "val": data.val, "test": data.test}
        places = [name for name in SPLITS for _ in parts[name].ids]
        images = np.concatenate([parts[name].images for name in SPLITS])
        labels = np.concatenate([parts[name].labels for name in SPLITS])
        ids = [i for name in SPLITS for i in parts[name].ids]
        classes, notices, digest, wanted = data.classes, data.notices, data.digest, _wanted(whole, spec)
    unreadable = _unreadable(wanted, set(ids))
    facts = []
    for done, i in enumerate(ids):
        if done % 100 == 0:
            progress("Reading the files' headers", done, len(ids), "pictures")
        facts.append(file_facts(items[i].file))
    patients = [items[i].patient for i in ids]
    return Pictures(images, labels, ids, places, patients, facts, classes), notices, unreadable, digest, items


def _wanted(whole: Listing, spec: CheckSpec) -> Iterable[Item]:
    train = [item for item in whole.items if item.split == "train"]
    if spec.images_per_class is not None:
        train = list(subsample(train, spec.images_per_class, spec.seed))
    return [*train, *(item for item in whole.items if item.split != "train")]


def _unreadable(wanted: Iterable[Item], read: set[str]) -> list[tuple[str, str]]:
    """What was to be read and was not, with the reason that reading it again gives."""
    failed = []
    for item in wanted:
        if item.id not in read:
            try:
                item.read()
            except DataError as error:
                failed.append((item.id, error.message))
    return failed


def _samples(folder: Path, data: Pictures, items: dict[str, Item], seed: int, progress: Progress) -> list[dict[str, Any]]:
    """Write up to SAMPLES_PER_CLASS thumbnails of each class, drawn by `seed`, the whole picture each, its shape kept."""
    (folder / "samples").mkdir(exist_ok=True)
    chance = np.random.default_rng(seed)
    chosen: list[int] = []
    for label in range(max(1, len(data.classes))):
        here = np.flatnonzero(data.labels == label)
        chosen += sorted(chance.permutation(here)[:SAMPLES_PER_CLASS].tolist())
    samples = []
    for done, i in enumerate(chosen):
        progress("Drawing samples", done, len(chosen), "pictures")
        file = f"samples/{done:04d}.png"
        picture = items[data.ids[i]].read()
        picture.thumbnail((SAMPLE_SIDE, SAMPLE_SIDE), Image.Resampling.LANCZOS)
        picture.save(folder / file)
        name = data.classes[data.labels[i]] if data.classes else None
        samples.append({"file": file, "class": name, "id": data.ids[i], "split": data.splits[i]})
    return samples


def _counts(data: Pictures) -> dict[str, dict[str, int]]:
    if not data.classes:
        return {"all": {"pictures": len(data.ids)}}
    found = Counter(zip(data.splits, data.labels.tolist(), strict=True))
    return {split: {name: found[split, i] for i, name in enumerate(data.classes)} for split in SPLITS}


def _patients(data: Pictures) -> dict[str, int] | None:
    known = {(split, patient) for split, patient in zip(data.splits, data.patients, strict=True) if patient is not None}
    return {split: sum(place == split for place, _ in known) for split in dict.fromkeys(data.splits)} if known else None


def _image_sizes(data: Pictures) -> dict[str, Any] | None:
    """Widths and heights of the files, in pixels: smallest, median and largest; None for data that are not files."""
    known = [fact for fact in data.facts if fact is not None]
    if not known:
        return None
    summary: dict[str, Any] = {
        side: [int(f([getattr(fact, side) for fact in known])) for f in (min, np.median, max)] for side in ("width", "height")
    }
    return summary | {
        "formats": dict(Counter(fact.format for fact in known)),
        "modes": dict(Counter(fact.mode for fact in known)),
    }
