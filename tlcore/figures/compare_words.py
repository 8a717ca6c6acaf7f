"""What a comparison says, in sentences computed from its numbers: who leads, by how much, and whether noise explains it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tlcore.compare.spec import Setting
from tlcore.compare.statistics import interval_factor
from tlcore.compare.table import Gap, Majority, Row, between, held_against
from tlcore.figures.baseline import baseline
from tlcore.figures.compare_names import Names, is_control
from tlcore.figures.words import METRICS, apart, is_share, listing, measured, times

WITHIN = "within noise"
_NOT_ALL = ", though not each after the correction for so many comparisons"


def value_words(row: Row, metric: str) -> str:
    """'94.8 % (93.1 to 96.5 over 3 seeds)', or with the test images' interval where there is one seed."""
    text, span = measured(metric, row.estimate.mean), row.interval
    if span is None:
        return f"{text} on {times(len(row.seeds), 'seed')}"
    over = f"over {times(len(row.seeds), 'seed')}" if row.estimate.low is not None else "over its test images"
    return f"{text} ({number(metric, span[0])} to {number(metric, span[1])} {over})"


def gap_words(gap: Gap, metric: str, than: str = "") -> str:
    """'2.1 points more than a probe (+0.4 to +3.8 over 3 seeds)', and whether that is within noise."""
    if gap.mean == 0 and gap.within_noise is not False:
        return f"exactly as much{f' as {than}' if than else ''} ({WITHIN})"
    return _judged(
        f"{apart(metric, gap.mean)} {'more' if gap.mean > 0 else 'less'}{f' than {than}' if than else ''}", gap, metric
    )


def gain_words(gap: Gap, metric: str) -> str:
    """'2.1 points (+0.4 to +3.8 over 3 seeds)', for a difference that is known to be a gain."""
    return _judged(apart(metric, gap.mean), gap, metric)


def _judged(size: str, gap: Gap, metric: str) -> str:
    if gap.low is None or gap.high is None:
        return f"{size} on {times(gap.seeds, 'seed')}, without an interval: nothing tells it from chance"
    over = f"over {times(gap.seeds, 'seed')}" if gap.over == "seeds" else f"over the test {gap.over}"
    span = f"{size} ({signed(metric, gap.low)} to {signed(metric, gap.high)} {over})"
    if gap.within_noise:
        return f"{span}: {WITHIN}"
    if not gap.clear:
        return f"{span}, which does not outlast the correction for so many comparisons (p = {p_words(gap.p_holm)})"
    return span


def headline(rows: Sequence[Row], majority: Majority | None, names: Names, metric: str) -> str:
    """One setting: the best strategy, its distance from the baseline, and who cannot be told from the best."""
    if not rows:
        return "Nothing has finished here yet."
    best = max(rows, key=lambda row: row.estimate.mean)
    text = f"{names.strategy(best.strategy)} is best with {value_words(best, metric)}"
    if len(rows) == 1:
        return f"{names.strategy(best.strategy)} gets {value_words(best, metric)}.{_against_majority(best, majority, metric)}"
    base = names.spec.baseline
    if best.strategy == base:
        text += ", the baseline itself"
    elif best.gap is not None:
        text += f", {gap_words(best.gap, metric, names.strategy(base))}"
    alike = [row for row in rows if row is not best and (gap := between(best, row, metric)) is not None and gap.within_noise]
    unknown = [row for row in rows if row is not best and (gap := between(best, row, metric)) and gap.within_noise is None]
    if len(alike) == len(rows) - 1:
        text += f". None of the others can be told from it: all differences are {WITHIN}"
    elif alike:
        text += f". {WITHIN.capitalize()} of it: {some([names.strategy(row.strategy) for row in alike])}"
    elif not unknown:
        clear = all(gap.clear for _, gap in held_against([row for row in rows if row is not best], best, metric))
        text += ". Every other strategy is behind by more than noise" + _NOT_ALL * (not clear)
    return f"{text}.{_against_majority(best, majority, metric)}"


def transfer_words(rows: Sequence[Row], names: Names, metric: str) -> list[str]:
    """What pretraining was worth in one setting: where it hurt, where it helped, where noise hides it."""
    scratch = next((row for row in rows if row.strategy == "from-scratch"), None)
    probe = next((row for row in rows if row.strategy == "linear-probe"), None)
    features = next((row for row in rows if row.strategy == "random-features"), None)
    sentences = []
    if scratch is not None:
        against = held_against([row for row in rows if not is_control(names.spec, row.strategy)], scratch, metric)
        hurt = [(row, gap) for row, gap in against if gap.clear and gap.mean < 0]
        helped = [(row, gap) for row, gap in against if gap.clear and gap.mean > 0]
        unclear = [row for row, gap in against if not gap.clear]
        if hurt:
            each = [f"{names.strategy(row.strategy)} gets {gap_words(gap, metric)}" for row, gap in hurt]
            sentences.append(f"Negative transfer: against training from scratch, {some(each)}.")
        if helped:
            row, gap = max(helped, key=lambda pair: pair[1].mean)
            many = f" {len(helped)} of {len(against)} pretrained strategies are ahead of it by more than noise." * (
                len(against) > 1
            )
            most = gap_words(gap, metric, "training from scratch")
            sentences.append(f"Pretraining helped: {names.strategy(row.strategy)} gets {most}.{many}")
        if unclear and against:
            who = some([names.strategy(row.strategy) for row in unclear])
            sentences.append(f"Whether pretraining helped {who} cannot be told from noise here.")
    if probe is not None and features is not None and (gap := between(probe, features, metric)) is not None:
        sentences.append(f"Pretrained features against random ones, a head on each: {gap_words(gap, metric)}.")
    return sentences


def how_sure(rows: Sequence[Row], names: Names) -> str:
    """What the intervals are, what the tests can show with so few seeds, and what was corrected for."""
    most = max((len(row.seeds) for row in rows), default=0)
    tested = max(
        (sum(row.gap is not None and row.gap.p is not None for row in _same(rows, s)) for s in _settings(rows)), default=0
    )
    if most < 2:
        how = (
            "There is one seed, so nothing is known about how another would end; intervals are over the test images. "
            "Differences in accuracy are paired image by image (McNemar's exact test where each image stands for itself)."
        )
    else:
        least = 2.0 ** (1 - most)
        tells = ", so it cannot tell anything from chance" if least > 0.05 else ""
        how = (
            f"Intervals are Student's 95 %, over {times(most, 'seed')} at most and one and the same test split. Differences "
            "are paired by seed. The t-test takes them for normal; the exact sign-flip test takes nothing for granted, and "
            f"with {times(most, 'seed')} its smallest p is {p_words(least)}{tells}."
        )
        if most == 2:
            wider = interval_factor(2) / interval_factor(3)
            how += f" Two seeds make an interval {wider:.1f} times as wide as three of the same spread: add one."
        if any(row.gap is not None and row.gap.over in ("images", "patients") for row in rows):
            how += " Where all seeds gave the same difference, or only one is done, the interval is over the test images."
    return f"{how} p-values are Holm's, for {times(tested, 'comparison')} in a setting." if tested > 1 else how


def majority_words(majority: Majority, metric: str) -> str:
    return f"always naming the largest class gets {measured(metric, baseline(metric, majority.value, majority.classes))}"


def _against_majority(best: Row, majority: Majority | None, metric: str) -> str:
    if majority is None:
        return ""
    level = baseline(metric, majority.value, majority.classes)
    span = best.interval
    tail = (
        "" if span is None or span[0] > level else ", which the best one's interval holds: nothing shows that it learnt to look"
    )
    words = majority_words(majority, metric)
    return f" {words[0].upper()}{words[1:]}{tail}."


def number(metric: str, value: float) -> str:
    """A bound of an interval: '93.1' for a share, '0.981' for AUROC."""
    return f"{100 * value:.1f}" if is_share(metric) else f"{value:.3f}"


def signed(metric: str, value: float) -> str:
    """A difference's bound with its sign: '+0.4', '−1.2'; '0.0' has none."""
    text = number(metric, abs(value))
    return text if not float(text) else f"{'+' if value > 0 else '−'}{text}"


def p_words(p: float | None) -> str:
    """A p-value as people write it: '.03', 'below .001'; '' where there is none."""
    if p is None:
        return ""
    if p < 0.001:
        return "below .001"
    return "1" if p >= 0.995 else f"{p:.3f}".lstrip("0") if p < 0.1 else f"{p:.2f}".lstrip("0")


def metric_title(metric: str) -> str:
    return METRICS[metric][0]


def by_setting(rows: Sequence[Row]) -> Mapping[Setting, list[Row]]:
    """Rows in the same order, apart by setting."""
    return {setting: _same(rows, setting) for setting in _settings(rows)}


def _settings(rows: Sequence[Row]) -> list[Setting]:
    return list(dict.fromkeys(row.setting for row in rows))


def _same(rows: Sequence[Row], setting: Setting) -> list[Row]:
    return [row for row in rows if row.setting == setting]


def some(items: Sequence[str], most: int = 5) -> str:
    """'a, b and c', with '4 more' in place of what goes beyond `most`."""
    return listing([*items[:most], f"{len(items) - most} more"] if len(items) > most else items)
