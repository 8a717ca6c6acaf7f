"""Results as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlcore.analysis.transferability_plan import FORMS
from tlcore.figures.cut_words import did_sentence, way_sentences
from tlcore.figures.dial import dial_reading
from tlcore.figures.find_rate import find_rate_reading
from tlcore.figures.forgetting_words import asked_words, is_measured, lost_words
from tlcore.figures.guide_words import shift_sentence
from tlcore.figures.transfer_curve import base, curve
from tlcore.figures.transferability_words import readings
from tlcore.figures.verdict import how_intervals
from tlcore.figures.words import duration

_METRICS = ("accuracy", "balanced_accuracy", "auroc", "f1", "ece", "loss")


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Columns as wide as their widest cell; the last one is left as long as it is."""
    cells = [[name.replace("_", " ") for name in header], *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)


def training(result: Mapping[str, Any]) -> str:
    test = result["test"]
    rows = [[name.replace("_", " "), _value(test[name]), _interval(test[name])] for name in _METRICS if name in test]
    rows.append(["majority baseline", f"{result['majority_baseline']:.3f}", "accuracy of always naming the largest class"])
    head = f"{result['backbone']} on {result['dataset']}, {result['strategy']}"
    facts = (
        f"{result['trainable_params']:,} of {result['total_params']:,} parameters train; "
        f"best epoch {result['best_epoch']} of {result['epochs_run']}; "
        f"{result['seconds']:.1f} s, {result['images_per_second']:.0f} images/s."
    )
    did = did_sentence(result)
    notices = [f"Note: {plain(notice)}" for notice in result.get("notices", ())]
    return "\n".join(
        [
            head,
            "",
            table(rows, ("on the test split", "value", "95 % interval")),
            "",
            facts,
            *([did] if did else []),
            plain(how_intervals(result)),
            *_sources(result),
            *notices,
            _where(result),
        ]
    )


def _sources(result: Mapping[str, Any]) -> list[str]:
    """What is left of what it knew before, and where those intervals come from: not from the images of its own task."""
    sources = [source for source in (result.get("source") or {}).values() if is_measured(source)]
    if not sources:
        return []
    over = {"wilson": "Wilson score over its images", "bootstrap": "bootstrap over its patients"}
    left = [words for method, words in over.items() if any(source["after"].get("method") == method for source in sources)]
    said = [f"of what is left of a source, {' or '.join(left)}"] if left else []
    if any(source["lost"].get("method") for source in sources):
        said.append("of what was lost, bootstrap over the same images before and after")
    how = [f"95 % intervals {'; '.join(said)}."] if said else []
    took = asked_words(result)
    return [*(plain(lost_words(source)) for source in sources), *how, *([took] if took else [])]


def measurement(result: Mapping[str, Any]) -> str:
    rows = [
        [phase["name"], str(phase["steps"]), f"{phase['seconds_per_step'] * 1e3:.0f} ms", f"{phase['seconds']:.1f} s"]
        for phase in result["phases"]
    ]
    plan = result["plan"]
    moving = [
        [group["name"], f"{group['params']:,}", *(_rate(phase["rates"][group["name"]]) for phase in plan["phases"])]
        for group in plan["groups"]
    ]
    again = f", {duration(result['seconds_again'])} when asked again" if result.get("seconds_again") is not None else ""
    whole = f"About {duration(result['seconds'])} in all{again}, on this machine ({result['device']}, {result['precision']})."
    return "\n".join(
        [
            table(moving, ("group", "parameters", *(phase["name"] for phase in plan["phases"]))),
            "",
            table(rows, ("phase", "steps", "per step", "time")),
            "",
            *(way_sentences(result["cut"]) if result.get("cut") else []),
            whole,
            *_looks(result.get("source")),
            f"{plan['trainable_params']:,} of {plan['total_params']:,} parameters train.",
        ]
    )


def _looks(source: Mapping[str, Any] | None) -> list[str]:
    """What of a run's time its source probes take."""
    if not source or not source["images"]:
        return []
    asked = f"{source['looks']:,} looks at {source['images']:,} images"
    return [f"{duration(source['seconds'])} of that is for what it still knows of before: {asked}."]


def levels(result: Mapping[str, Any]) -> str:
    """The dial: what each level gives on the validation images, the head first, and the sentence that reads it."""
    rows = [
        [
            level["group"],
            f"{level['accuracy']['value']:.3f}",
            f"{level['accuracy']['low']:.3f} to {level['accuracy']['high']:.3f}",
            _value({"value": level["auroc"]}),
            f"{level['trainable_params']:,}",
            duration(level["seconds"]),
        ]
        for level in result["levels"]
    ]
    heads = ("train from", "accuracy", "95 % interval", "AUROC", "parameters", "asked in")
    notices = [f"Note: {plain(notice)}" for notice in result.get("notices", ())]
    return "\n".join([table(rows, heads), "", dial_reading(result), *notices])


def shift(result: Mapping[str, Any], dataset: str) -> str:
    """How far the dataset is from the source's photographs."""
    images = result["images"]
    seen = f"On {images['target']:,} training images and {images['source']:,} photographs. {result['weights']}"
    notices = [f"Note: {plain(notice)}" for notice in result["notices"]]
    return "\n".join([f"Shift {shift_sentence(result, dataset)}", plain(seen), *notices, _where(result)])


def rate_found(result: Mapping[str, Any]) -> str:
    """The rate finder: some of the rates it tried, with the loss there, and what they say."""
    places = range(0, len(result["rates"]), max(1, len(result["rates"]) // 12))
    rows = [[f"{result['rates'][i]:.1e}", f"{result['losses'][i]:.3f}", f"{result['smoothed'][i]:.3f}"] for i in places]
    notices = [f"Note: {plain(notice)}" for notice in result.get("notices", ())]
    found = result["suggestion"]
    line = "No rate is suggested." if found is None else f"Suggested: --lr {found:g}"
    return "\n".join([table(rows, ("rate", "loss", "running mean")), "", line, find_rate_reading(result), *notices])


def transferability(result: Mapping[str, Any]) -> str:
    """The mean over the seeds of each form at each cut, and the sentences that read it."""
    means = {(point.form, point.cut): point.accuracy.mean for point in curve(result["networks"])}
    found = base(result["networks"])
    rows = [[str(cut), *(f"{means[form, cut]:.3f}" for form in FORMS)] for cut in result["cuts"]]
    head = f"{result['title']}: accuracy on B's test images by the number of layers taken over"
    whole = f"{duration(result['seconds'])} in all, on {result['device']}."
    alone = [] if found is None else [f"Base network: {found.mean:.3f}."]
    said = [*alone, *readings(result), *(f"Note: {notice}" for notice in result["notices"]), whole]
    return "\n".join([plain(head), "", table(rows, ("cut", *FORMS)), "", *map(plain, said), _where(result)])


def _value(metric: Mapping[str, Any]) -> str:
    return "undefined" if metric["value"] is None else f"{metric['value']:.3f}"


def _interval(metric: Mapping[str, Any]) -> str:
    low, high = metric.get("low"), metric.get("high")
    if low is None or high is None:
        return "none (see below)" if metric.get("reason") else ""
    return f"{low:.3f} to {high:.3f}"


def _rate(rate: float | None) -> str:
    return "frozen" if rate is None else f"{rate:.2g}"


def _where(result: Mapping[str, Any]) -> str:
    return f"Run {result['run_id']}."


def findings(result: Mapping[str, Any]) -> str:
    """The data check: how many images of each class in each split, then what was found, the worst first."""
    splits = list(result["counts"])
    names = list(result["counts"][splits[0]])
    rows = [[plain(name), *(f"{result['counts'][split][name]:,}" for split in splits)] for name in names]
    lines = [result["title"], "", table(rows, ("images", *splits)), ""]
    order = ("problem", "warning", "info")
    for fault in sorted(result["findings"], key=lambda fault: order.index(fault["severity"])):
        lines += [f"{fault['severity'].capitalize()}: {plain(fault['title'])}", f"  {plain(fault['detail'])}"]
        lines += [f"  {plain(fault['what_to_do'])}"] if fault["what_to_do"] else []
    lines += [] if result["findings"] else ["Nothing was found that should worry you."]
    lines += [f"Note: {plain(text)}" for text in (*result["notices"], *result["warnings"])]
    return "\n".join([*lines, _where(result)])


def plain(text: str) -> str:
    """Without control characters: names of files and classes come from people, and a terminal obeys some characters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
