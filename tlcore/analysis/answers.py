"""What the rows of every place say about a task: the probe, the scores that promise its answer, and which networks agree."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import rankdata

from tlcore.analysis.cka import batches_of, cka_in_batches, cka_matrix
from tlcore.analysis.cka_bootstrap import cka_intervals
from tlcore.analysis.drawn import DRAWS, draws
from tlcore.analysis.features import LOGITS, Site
from tlcore.analysis.hscore import hscore_beside_chance
from tlcore.analysis.leep import leep, nce
from tlcore.analysis.level import Judge, recommend
from tlcore.analysis.logme import logme
from tlcore.analysis.probe import probe, softmax
from tlcore.analysis.undefined import Undefined
from tlcore.data.load import Dataset
from tlcore.groups import Group
from tlcore.progress import Progress
from tlcore.training.intervals import with_intervals
from tlcore.training.result import clusters_of

MOST_AT_ONCE = 2000  # images whose pairs CKA holds at once
METRICS = ("accuracy", "balanced_accuracy", "auroc")
LEAST_FOR_RANK = 3  # groups, below which their order says nothing
WHOLE = "It reads the old classifier's answers, which come from the whole network: it stands at the last group."
NO_CLASSIFIER = "The weights came without a classifier of their own."
NOT_ASKED = "The pretrained weights were not asked."
ALONE = "There is one network alone here, and nothing to compare it with."
STILL = "tells no images apart in one of the networks, so its CKA has no value."
DIVERGED = "Some of the networks show what is not finite, and cannot be compared."


@dataclass(frozen=True)
class Look:
    """What every place of one network makes of every image: those of train first, then val, then test."""

    source: str  # "pretrained", "random" or a run's id
    text: str  # what the weights are, in words
    groups: tuple[Group, ...]  # the head last
    sites: tuple[Site, ...]  # bottom to top
    rows: Mapping[str, np.ndarray]  # by site, and LOGITS
    seconds: float  # that the pass took
    sha256: str | None = None  # of the weights; None for random ones

    @property
    def is_finite(self) -> bool:
        """Whether every place shows numbers; a network that diverged does not."""
        return all(np.isfinite(self.rows[site.name]).all() for site in self.sites)


@dataclass
class Answers:
    """The looks of every source at the same images of `data`, which has the few that were looked at."""

    looks: Sequence[Look]
    data: Dataset
    labelled: int  # training images that a run would have, of which `data` has some
    seed: int
    progress: Progress
    _said: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)  # source -> site -> what its probe says of test

    def result(self) -> dict[str, Any]:
        """{groups, rank, recommendation, cka}, as tlcore/README.md says."""
        first = self.looks[0]
        bands = {group.name: group.level for group in first.groups}
        entries = {site.name: _entry(site, bands[site.group]) for site in first.sites}
        done, total = 0, len(self.looks) * len(entries)
        for look in self.looks:
            self._said[look.source] = {}
            for name, entry in entries.items():
                self.progress("Asking the groups", done, total, "groups")
                self._ask(look, name, entry)
                done += 1
        self.progress("Asking the groups", done, total, "groups")
        self._old_classifier(list(entries.values()))
        return {
            "groups": list(entries.values()),
            "rank": self._rank(entries),
            "recommendation": self._recommendation(),
            "cka": self._alike(entries),
        }

    def _ask(self, look: Look, name: str, entry: dict[str, Any]) -> None:
        """One place of one network."""
        train, val, test = self._split(look.rows[name])
        data, classes, source = self.data, self.data.classes, look.source
        with _told(entry, "probe", source):
            found = probe(train, data.train.labels, val, data.val.labels, test, classes=len(classes))
            self._said[source][name] = found.probabilities
            judged = with_intervals(found.probabilities, data.test.labels, classes, seed=self.seed, clusters=self._clusters)
            entry["probe"][source] = {metric: dict(judged[metric]) for metric in METRICS} | {
                "loss": judged["loss"],
                "penalty": found.penalty,
                "images": len(data.test),
            }
        with _told(entry, "logme", source):
            entry["logme"][source] = logme(train, data.train.labels)
        with _told(entry, "hscore", source):
            entry["hscore"][source], entry["hscore_by_chance"][source] = hscore_beside_chance(train, data.train.labels)

    def _split(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        borders = np.cumsum([len(self.data.train), len(self.data.val)])
        train, val, test = np.split(rows, borders)
        return train, val, test

    @property
    def _clusters(self) -> list[str] | None:
        return clusters_of(self.data.test)

    def _old_classifier(self, entries: Sequence[dict[str, Any]]) -> None:
        """LEEP and NCE of the classifier that came with the pretrained weights, at the last group."""
        look = next((look for look in self.looks if look.source == "pretrained"), None)
        for entry in entries[:-1]:
            entry["why"] |= {"leep": WHOLE, "nce": WHOLE}
        last = entries[-1]
        if look is None or LOGITS not in look.rows:
            last["why"] |= dict.fromkeys(("leep", "nce"), NOT_ASKED if look is None else NO_CLASSIFIER)
            return
        answers = softmax(self._split(look.rows[LOGITS])[0].astype(np.float64))
        labels = self.data.train.labels
        with _told(last, "leep"):
            last["leep"] = leep(answers, labels)
        with _told(last, "nce"):
            last["nce"] = nce(answers.argmax(1), labels)

    def _groups_asked(self, source: str) -> dict[str, np.ndarray]:
        """What the probe of each group, blocks left out, says of the test images, bottom to top."""
        groups = [group.name for group in self.looks[0].groups]
        return {name: said for name, said in self._said[source].items() if name in groups}

    def _rank(self, entries: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Spearman's correlation of each score with the probe, over the groups of the first source."""
        source = self.looks[0].source
        asked, judge = self._groups_asked(source), self._judge
        measured = [judge.value(said) for said in asked.values()]
        found: dict[str, Any] = {"source": source, "with": judge.metric, "groups": len(asked)}
        for score in ("logme", "hscore"):
            found[score] = rank_correlation([entries[name][score].get(source) for name in asked], measured)
        return found

    @property
    def _judge(self) -> Judge:
        return Judge(self.data.test.labels, self.data.classes, self.seed, self._clusters)

    def _recommendation(self) -> dict[str, Any] | None:
        first = self.looks[0]
        asked = self._groups_asked(first.source)
        if len(asked) < len(first.groups) - 1:
            return None  # some group shows what is not finite
        random = self._groups_asked("random") if first.source != "random" and "random" in self._said else None
        return recommend(first.groups, asked, self._judge, source=first.source, labelled=self.labelled, random=random or None)

    def _alike(self, entries: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """CKA of each place with each, within and between networks; that of a place with itself goes to its entry too."""
        names = list(entries)
        able = [look for look in self.looks if look.is_finite]
        rows = [look.rows[name] for look in able for name in names]
        images, batches, pairs = 0, 0, {}
        if rows:
            self.progress("Comparing the networks", 0, 1, "networks")
            images, batches = len(rows[0]), 1
            if images <= MOST_AT_ONCE:
                values = cka_matrix(rows, rows)
            else:
                found = cka_in_batches(rows, rows, seed=self.seed)
                values, batches = found.values, found.batches
            by_network = values.reshape(len(able), len(names), len(able), len(names))
            for (i, one), (j, other) in itertools.combinations_with_replacement(enumerate(able), 2):
                pair = f"{one.source} ~ {other.source}"
                pairs[pair] = by_network[i, :, j].tolist()
                for place, name in enumerate(names if i < j else ()):
                    entries[name]["cka"][pair] = pairs[pair][place][place]
                    if pairs[pair][place][place] is None:
                        entries[name]["why"]["cka"] = f"{name} {STILL}"
            self._how_sure(able, entries)
        for entry in entries.values():
            if len(able) < len(self.looks):
                entry["why"]["cka"] = DIVERGED
            elif len(able) == 1:
                entry["why"]["cka"] = ALONE
        over = "images" if self.patients is None else "patients"
        return {"sites": names, "pairs": pairs, "images": images, "batches": batches, "interval_over": over, "draws": DRAWS}

    def _how_sure(self, able: Sequence[Look], entries: Mapping[str, dict[str, Any]]) -> None:
        """The interval of the CKA of each place with itself, between every two networks."""
        images = sum(map(len, (self.data.train, self.data.val, self.data.test)))
        drawn = draws(images, seed=self.seed, clusters=self.patients)
        if drawn is None or len(able) < 2:
            return
        batches = batches_of(images, seed=self.seed) if images > MOST_AT_ONCE else None
        for done, (name, entry) in enumerate(entries.items()):
            self.progress("Drawing the images anew", done, len(entries), "groups")
            for (i, j), ends in cka_intervals([look.rows[name] for look in able], drawn, batches).items():
                entry["cka_interval"][f"{able[i].source} ~ {able[j].source}"] = None if ends is None else list(ends)
        self.progress("Drawing the images anew", len(entries), len(entries), "groups")

    @property
    def patients(self) -> list[str] | None:
        """Whose each image of all three splits is, in the order of the rows; None where it is not told for all."""
        return patients_of(self.data)


def patients_of(data: Dataset) -> list[str] | None:
    """Whose each image of train, val and test is; one whose patient is not told stands for itself. None where none is told."""
    owned = {name: clusters_of(getattr(data, name)) for name in ("train", "val", "test")}
    if any(owners is None for owners in owned.values()):
        return None
    return [
        owner if owner.startswith("patient ") else f"{name} {owner}" for name, owners in owned.items() for owner in owners or ()
    ]


def _entry(site: Site, band: str) -> dict[str, Any]:
    tables = {name: {} for name in ("probe", "logme", "hscore", "hscore_by_chance", "cka", "cka_interval", "drift")}
    return {"name": site.name, "group": site.group, "band": band, **tables, "leep": None, "nce": None, "why": {}}


@contextlib.contextmanager
def _told(entry: dict[str, Any], quantity: str, source: str | None = None) -> Iterator[None]:
    """Within it a quantity that is not defined becomes null, with the sentence that says why."""
    try:
        yield
    except Undefined as undefined:
        entry["why"][quantity] = undefined.message
        if source is not None:
            entry[quantity][source] = None


def rank_correlation(one: Sequence[float | None], other: Sequence[float | None]) -> float | None:
    """Spearman's rank correlation, ties at their mean rank; None with fewer than 3 pairs, or where one side is all alike."""
    pairs = np.array([(x, y) for x, y in zip(one, other, strict=True) if x is not None and y is not None]).reshape(-1, 2)
    if len(pairs) < LEAST_FOR_RANK or (np.ptp(pairs, axis=0) == 0).any():
        return None
    return float(np.corrcoef(rankdata(pairs[:, 0]), rankdata(pairs[:, 1]))[0, 1])
