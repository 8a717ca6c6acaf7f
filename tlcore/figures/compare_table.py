"""The table of a comparison as people read it: a line for each strategy of a setting, and one for the largest class alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlcore.compare.spec import Setting
from tlcore.compare.table import Majority, Row
from tlcore.figures.baseline import baseline
from tlcore.figures.compare_names import Names, is_control
from tlcore.figures.compare_words import by_setting, noise_words, number, p_words, signed
from tlcore.figures.words import duration, is_share, short_count


@dataclass(frozen=True)
class Line:
    """One line, in words but for the mean (in % for a share). What a line does not have is ''."""

    setting: Setting
    strategy: str
    mean: float
    interval: str = ""
    sd: str = ""
    difference: str = ""  # from the baseline: '+2.1 (+0.4 to +3.8)'
    verdict: str = ""
    p: str = ""  # Holm's
    flip: str = ""  # of the exact sign-flip test
    seeds: str = ""
    moves: str = ""
    time: str = ""


def table_lines(found: Sequence[Row], known: Mapping[Setting, Majority], names: Names, metric: str) -> list[Line]:
    """The lines, setting by setting in the comparison's order."""
    scale = 100 if is_share(metric) else 1
    lines = []
    for setting, here in by_setting(found).items():
        lines += [_line(row, names, metric, scale) for row in here]
        if setting in known:
            level = baseline(metric, known[setting].value, known[setting].classes)
            lines.append(Line(setting, "Largest class alone", scale * level, verdict="has learnt nothing"))
    return lines


def _line(row: Row, names: Names, metric: str, scale: int) -> Line:
    gap, span = row.gap, row.interval
    return Line(
        row.setting,
        names.strategy(row.strategy),
        scale * row.estimate.mean,
        interval="" if span is None else f"{number(metric, span[0])} to {number(metric, span[1])}",
        sd="" if row.estimate.sd is None else number(metric, row.estimate.sd),
        difference=_difference(row, metric),
        verdict=_verdict(row, names),
        p="" if gap is None else p_words(gap.p_holm),
        flip="" if gap is None else p_words(gap.p_flip),
        seeds=str(len(row.seeds)),
        moves=short_count(row.trainable_params),
        time=duration(row.seconds),
    )


def _difference(row: Row, metric: str) -> str:
    if row.gap is None:
        return ""
    text = signed(metric, row.gap.mean)
    if row.gap.low is None or row.gap.high is None:
        return text
    return f"{text} ({signed(metric, row.gap.low)} to {signed(metric, row.gap.high)})"


def _verdict(row: Row, names: Names) -> str:
    if row.strategy == names.spec.baseline:
        return "the baseline"
    control = "a control; " if is_control(names.spec, row.strategy) else ""
    if row.gap is None:
        return f"{control}baseline not done yet"
    if row.gap.within_noise is None:
        return f"{control}no interval"
    if row.gap.within_noise:
        return f"{control}{noise_words(row.gap)}"
    return f"{control}{'better' if row.gap.mean > 0 else 'worse'}"
