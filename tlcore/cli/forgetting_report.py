"""What a forgetting job found, as text: each table with the sentences that read it, as the page has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.cli import group_report
from tlcore.cli.chain import text as matrix_text
from tlcore.cli.report import plain, table
from tlcore.cli.shares import difference, share
from tlcore.figures.forgetting_path import bend_reading, modes
from tlcore.figures.forgetting_relearn import relearn_reading, relearn_table
from tlcore.figures.forgetting_restore import TITLES, restore_reading
from tlcore.figures.forgetting_words import is_measured, kl_words, knn_words, lost_words
from tlcore.figures.words import count, duration, percent

Result = Mapping[str, Any]  # of a forgetting job: tlcore/README.md
_CLASSES = 5  # that lost most, by name


def text(result: Result) -> str:
    """The two numbers of each source; the way; what each group brings back; lost classes; relearning; what must be said."""
    task = f"{result['strategy']} of {result['backbone']} on {plain(result['dataset'])}"
    lines = [f"What {task} forgot (run {result['run']}).", "", *_sources(result)]
    target = result["target"]
    if target["after"]:
        before = f"; on the start's features {share(target['before'])}" if target["before"] else ""
        lines += [f"Target, by the run's head: {share(target['after'])}{before}.", ""]
    for name in result["sources"]:
        lines += _of_source(name, result)
    lines += _again(result["relearn"]) + group_report.text(result["groups"])
    if result["matrix"] is not None:
        lines += [matrix_text(result["matrix"]), ""]
    lines += [f"Note: {plain(notice)}" for notice in result["notices"]]
    cost = f"{count(result['images_looked_at'])} images passed through the network"
    asked = f"{cost}, {duration(result['seconds'])} on {result['device']}."
    return "\n".join([*lines, asked, f"Run {result['run_id']}."])


def _sources(result: Result) -> list[str]:
    measured = [one for one in result["sources"].values() if is_measured(one)]
    if not measured:
        return []
    rows = [
        [plain(one["title"]), one["measure"], share(one["before"]), share(one["after"]), difference(one["lost"]), _knn(one)]
        for one in measured
    ]
    said = [words for one in measured for words in (lost_words(one), knn_words(one), kl_words(one)) if words]
    return [table(rows, ("source", "measure", "before", "after", "lost", "k-NN before, after")), "", *map(plain, said), ""]


def _of_source(name: str, result: Result) -> list[str]:
    one, lines = result["sources"][name], []
    title = plain(one["title"])
    if one["path"]:
        heads = [(mode, whose, values[mode]) for mode in one["path"] for whose, values in _whose(one, result) if mode in values]
        rows = [[f"{a:.2f}", *(percent(values[at]) for _, _, values in heads)] for at, a in enumerate(result["points"])]
        lines += [f"{title}: the straight way from the start to the run, (1 - a) start + a run", ""]
        lines += [table(rows, ("a", *(f"{whose}, {mode}" for mode, whose, _ in heads))), ""]
        readings = {mode: bend_reading(result, name, mode) for mode in modes(result, name)}
        lines += [f"BatchNorm {mode}: {words}" if len(readings) > 1 else words for mode, words in readings.items()]
        lines += _best(title, one.get("best"))
        lines += [""] if readings else []
    if one["restore"]:
        rows = [
            [TITLES.get(part, part), share(back["source"]), difference(back["returned"]), difference(back["paid"])]
            for part, back in one["restore"].items()
        ]
        lines += [f"{title}: what brings it back? One part as at the start, all else as fine-tuned", ""]
        lines += [table(rows, ("put back", "source then", "returned", "target pays")), ""]
        lines += [*map(plain, restore_reading(one)), ""]
    fallen = [entry for entry in one["classes"] or () if entry["after"] < entry["before"]]
    if fallen:
        said = [
            f"{plain(c['name'])} {percent(c['before'])} to {percent(c['after'])} of {c['images']}"
            for c in sorted(fallen, key=lambda entry: entry["after"] - entry["before"])[:_CLASSES]
        ]
        lines += [f"Classes that lost most: {'; '.join(said)}.", ""]
    told = [words for words in dict.fromkeys(map(plain, one["why"].values())) if words not in lines]
    return [*lines, *told, *([""] if told else [])]


def _whose(one: Mapping[str, Any], result: Result) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    return ("source", one["path"]), ("target", result["target"]["path"])


def _best(title: str, best: Mapping[str, Any] | None) -> list[str]:
    """The best point of the way for one source, with the usual floor."""
    if best is None:
        return []
    save = f" Save it with --save {best['a']:g}." if 0 < best["a"] < 1 else ""  # at the ends the network is there already
    return [
        f"Best on the target with at least {percent(best['floor'])} of {title}: a = {best['a']:.2f} "
        f"(source {percent(best['source_value'])}, target {percent(best['target_value'])}).{save}",
    ]


def _again(relearn: Mapping[str, Any] | None) -> list[str]:
    if relearn is None:
        return []
    rows = [[str(row["steps"]), *(_relearned(row, start) for start in relearn["curves"])] for row in relearn_table(relearn)]
    heads = ("steps on CIFAR-10", *(f"from {start}" for start in relearn["curves"]))
    return [table(rows, heads), "", relearn_reading(relearn), ""]


def _relearned(row: Mapping[str, Any], start: str) -> str:
    return share({"value": row[start], "low": row[f"{start} low"], "high": row[f"{start} high"]})


def _knn(one: Mapping[str, Any]) -> str:
    return f"{percent(one['knn']['before']['value'])}, {percent(one['knn']['after']['value'])}" if one["knn"] else ""
