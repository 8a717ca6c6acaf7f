"""What may be wrong with a dataset, as findings: what it is, how bad, how many, which pictures, and what to do about it.

Pure functions of decoded pictures and facts about them; nothing is changed and nothing is removed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

import numpy as np

from tlcore.data.duplicates import MAX_PICTURES, THRESHOLD, exact_groups, near_pairs
from tlcore.data.shortcuts import FileFacts, of_files, of_pictures, skills
from tlcore.progress import Progress, silent

Severity = Literal["info", "warning", "problem"]
SHOWN: Final = 20
TINY: Final = 20  # training pictures of a class
IMBALANCE: Final = 3.0  # largest class to smallest
CONSTANT: Final = 2.0  # standard deviation of gray values, 0 to 255, below which a picture shows nothing
SHORTCUT: Final = 0.4  # skill of a single fact (shortcuts.py) from which it is worth a warning
GIVEAWAY: Final = 0.8  # and from which it nearly is the class


@dataclass(frozen=True)
class Finding:
    """One thing to know about the data."""

    kind: str
    severity: Severity
    title: str
    detail: str
    what_to_do: str
    count: int
    files: list[str] = field(default_factory=list)  # ids, at most SHOWN
    pairs: list[list[str]] = field(default_factory=list)  # pairs of ids, at most SHOWN

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Pictures:
    """The decoded pictures of all splits side by side, with what is known about each. All have N entries."""

    images: np.ndarray  # uint8 (N, S, S, 3)
    labels: np.ndarray  # int64 (N,)
    ids: Sequence[str]
    splits: Sequence[str]
    patients: Sequence[str | None]
    facts: Sequence[FileFacts | None]
    classes: Sequence[str]  # empty where nothing is labelled


def findings(data: Pictures, unreadable: Sequence[tuple[str, str]] = (), progress: Progress = silent) -> list[Finding]:
    """All findings, the worst first; `unreadable` holds (id, reason) of what could not be decoded."""
    found = unreadable_files(unreadable)
    looks = (patients_across, constant_pictures, class_sizes, sizes, shortcuts, same_pictures)
    for done, look in enumerate(looks):
        progress("Looking for trouble", done, len(looks), "checks")
        found += look(data)
    progress("Looking for trouble", len(looks), len(looks), "checks")
    return sorted(found, key=lambda finding: ("problem", "warning", "info").index(finding.severity))


def unreadable_files(unreadable: Sequence[tuple[str, str]]) -> list[Finding]:
    if not unreadable:
        return []
    reasons = "; ".join(f"{name}: {reason}" for name, reason in unreadable[:3])
    return [
        Finding(
            "unreadable",
            "warning",
            f"{_many(len(unreadable), 'picture')} cannot be read",
            f"Left out of training and testing. {reasons}",
            "Copy or export these files again, or delete them.",
            len(unreadable),
            [name for name, _ in unreadable[:SHOWN]],
        )
    ]


def same_pictures(data: Pictures) -> list[Finding]:
    """Exact and near duplicates, by how much they harm: other labels, across the split, within a split."""
    equal = exact_groups(data.images)
    exact = [(group[0], i) for group in equal for i in group[1:]]
    groups = {i: n for n, group in enumerate(equal) for i in group}
    subset = data.images[:MAX_PICTURES]
    near = [(i, j) for i, j, _ in near_pairs(subset) if groups.get(i, -1) != groups.get(j, -2)]
    found = [*_duplicates(data, exact, "exact", "the same"), *_duplicates(data, near, "near", "nearly the same")]
    if len(data.images) > MAX_PICTURES:
        title = f"Near duplicates looked for among the first {MAX_PICTURES:,} pictures only"
        why = "Every pair is compared, and there are too many for all."
        found.append(Finding("near-duplicates-partly", "info", title, why, "Exact duplicates were looked for in all.", 0))
    return found


def _duplicates(data: Pictures, pairs: list[tuple[int, int]], kind: str, words: str) -> list[Finding]:
    sure = (
        "Their pixels are equal."
        if kind == "exact"
        else f"Their thumbnails correlate at {THRESHOLD} or more, as copies do that were resized, brightened or "
        "compressed again. Look at them: pictures taken one after the other do so too."
    )
    labelled = bool(data.classes)
    groups: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for i, j in pairs:
        across = data.splits[i] != data.splits[j]
        other = labelled and data.labels[i] != data.labels[j]
        groups["labels" if other else "across" if across else "within"].append((i, j))
    texts: dict[str, tuple[Severity, str, str]] = {
        "labels": (
            "problem",
            f"pairs of {words} picture with different labels",
            "Find out which label is right, and delete the other copy.",
        ),
        "across": (
            "problem",
            f"pairs of {words} picture in different splits",
            "Delete one of each, or put both in one split: the test is easier than it looks.",
        ),
        "within": (
            "info",
            f"pairs of {words} picture within a split",
            "Delete one of each where they are copies: they count twice.",
        ),
    }
    found = []
    for where, (severity, title, advice) in texts.items():
        if here := groups[where]:
            severity = "warning" if kind == "near" and severity == "problem" else severity
            title = title.replace("pairs", "pair", 1) if len(here) == 1 else title
            shown = [[data.ids[i], data.ids[j]] for i, j in here[:SHOWN]]
            found.append(
                Finding(f"{kind}-duplicates-{where}", severity, f"{len(here):,} {title}", sure, advice, len(here), pairs=shown)
            )
    return found


def patients_across(data: Pictures) -> list[Finding]:
    places: dict[str, set[str]] = defaultdict(set)
    for patient, split in zip(data.patients, data.splits, strict=True):
        if patient is not None:
            places[patient].add(split)
    crossing = {patient for patient, splits in places.items() if len(splits) > 1}
    if not crossing:
        return []
    files = [name for name, patient in zip(data.ids, data.patients, strict=True) if patient in crossing]
    return [
        Finding(
            "patients-across",
            "problem",
            f"{_many(len(crossing), 'patient')} in more than one split",
            f"{_many(len(files), 'picture')} belong to them. A network can know a patient again, and the test looks too good.",
            "Move all pictures of a patient into one split, or remove the train, val and test folders and let Thaw split.",
            len(crossing),
            files[:SHOWN],
        )
    ]


def constant_pictures(data: Pictures) -> list[Finding]:
    files = [name for name, image in zip(data.ids, data.images, strict=True) if image.std() < CONSTANT]
    if not files:
        return []
    return [
        Finding(
            "constant",
            "warning",
            f"{_many(len(files), 'picture')} of one single colour",
            f"The gray values spread by less than {CONSTANT:g} of 255: there is nothing to see.",
            "Delete them, or export them again.",
            len(files),
            files[:SHOWN],
        )
    ]


def class_sizes(data: Pictures) -> list[Finding]:
    if not data.classes:
        return []
    train = Counter(int(label) for label, split in zip(data.labels, data.splits, strict=True) if split == "train")
    counts = {name: train[i] for i, name in enumerate(data.classes)}
    found = []
    tiny = [f"{name!r} ({count})" for name, count in counts.items() if count < TINY]
    if tiny:
        found.append(
            Finding(
                "tiny-classes",
                "warning",
                f"{_many(len(tiny), 'class', 'classes')} with fewer than {TINY} training pictures",
                f"{', '.join(tiny[:SHOWN])}.",
                "Add pictures, and read results with their intervals.",
                len(tiny),
            )
        )
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[largest] >= IMBALANCE * max(1, counts[smallest]):
        found.append(
            Finding(
                "imbalance",
                "warning",
                "The classes are of very different size",
                f"{largest!r} has {counts[largest]:,} training pictures, {smallest!r} {counts[smallest]:,}.",
                "Look at balanced accuracy, not at accuracy; switch class weights on.",
                len(counts),
            )
        )
    return found


def sizes(data: Pictures) -> list[Finding]:
    known = [(name, fact) for name, fact in zip(data.ids, data.facts, strict=True) if fact is not None]
    found = []
    long = [name for name, fact in known if max(fact.width, fact.height) > 2 * min(fact.width, fact.height)]
    if long:
        found.append(
            Finding(
                "long",
                "info",
                f"{_many(len(long), 'picture')} more than twice as long as wide",
                "The network sees squares: much of such a picture is padding, or, with photographs, is cut off.",
                "Crop them to what they show.",
                len(long),
                long[:SHOWN],
            )
        )
    side = data.images.shape[1] if len(data.images) else 0
    small = [name for name, fact in known if min(fact.width, fact.height) < side / 2]
    if small:
        found.append(
            Finding(
                "small",
                "info",
                f"{_many(len(small), 'picture')} less than half as large as they are shown to the network",
                f"They are enlarged to {side} pixels and look soft.",
                "Choose a smaller image size.",
                len(small),
                small[:SHOWN],
            )
        )
    return found


def shortcuts(data: Pictures) -> list[Finding]:
    """Single facts that give the class away. Of files these are suspect; brightness and the like may be the subject itself."""
    if not data.classes:
        return []
    known = np.array([fact is not None for fact in data.facts], bool)
    files = [fact for fact in data.facts if fact is not None]
    found = []
    for kind, scores in (
        ("file", skills(of_files(files), data.labels[known]) if files else {}),
        ("picture", skills(of_pictures(data.images), data.labels)),
    ):
        strong = {name: skill for name, skill in scores.items() if skill >= SHORTCUT}
        if not strong:
            continue
        name, skill = next(iter(strong.items()))
        # How many bytes a picture takes says how much detail it holds, which may well be the subject.
        suspect = any(value >= GIVEAWAY for fact, value in strong.items() if kind == "file" and fact != "file size")
        also = f" So do: {', '.join(list(strong)[1:4])}." if len(strong) > 1 else ""
        rule = f"A rule with at most three thresholds on it goes {skill:.0%} of the way from guessing to knowing.{also}"
        meaning, advice = _MEANING[kind]
        found.append(
            Finding(
                f"shortcut-{kind}",
                "problem" if suspect else "warning",
                f"The {name} alone tells much about the class",
                f"{rule} {meaning}",
                advice,
                len(strong),
            )
        )
    return found


_MEANING: Final = {
    "file": (
        "A network may learn how files were made instead of what they show; file size alone may also follow the subject.",
        "Make the files of all classes in the same way: one source, one size, one format. Test on pictures from elsewhere.",
    ),
    "picture": (
        "That may be what the classes look like, or how their pictures were taken.",
        "Test on pictures from elsewhere, and see where the network looks.",
    ),
}


def _many(count: int, one: str, several: str | None = None) -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {several or one + 's'}"
