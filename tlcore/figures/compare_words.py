"""What a comparison says, in sentences computed from its numbers: who leads, by how much, and whether noise explains it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tlcore.compare.spec import Setting
from tlcore.compare.statistics import interval_factor
from tlcore.compare.table import FEATURES, SCRATCH, Gap, Majority, Row, best_of, tied_with_best
from tlcore.figures.baseline import baseline
from tlcore.figures.compare_names import Names, is_control
from tlcore.figures.words import METRICS, apart, is_share, listing, measured, times
from tlcore.strategies import STRATEGIES

WITHIN = "within noise"
_WITHOUT = {
    SCRATCH: "nothing here says whether pretraining helped or hurt",
    FEATURES[1]: "nothing here says what the pretrained features add to the architecture",
}


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
    if not gap.within_noise:
        return span
    return f"{span}: {WITHIN}" if gap.low <= 0 <= gap.high else f"{span}: {WITHIN} once corrected for so many comparisons"


def noise_words(gap: Gap) -> str:
    """'within noise' for a table, with a word more where the interval alone says otherwise."""
    return WITHIN if gap.low is None or gap.high is None or gap.low <= 0 <= gap.high else f"{WITHIN}, corrected"


def headline(rows: Sequence[Row], majority: Majority | None, names: Names, metric: str) -> str:
    """One setting: the best strategy, its distance from the baseline, and who cannot be told from the best."""
    if not rows:
        return "Nothing has finished here yet."
    best = best_of(rows)
    tail = _against_majority(best, majority, metric)
    if len(rows) == 1:
        return f"{names.strategy(best.strategy)} gets {value_words(best, metric)}.{tail}"
    text = f"{names.strategy(best.strategy)} is best with {value_words(best, metric)}"
    if best.strategy == names.spec.baseline:
        text += ", the baseline itself"
    elif best.gap is not None:
        text += f", {gap_words(best.gap, metric, names.strategy(names.spec.baseline))}"
    tied = tied_with_best(rows)
    if len(tied) == len(rows) - 1:
        text += f". None of the others can be told from it: all differences are {WITHIN}"
    elif tied:
        text += f". {WITHIN.capitalize()} of it: {some([names.strategy(row.strategy) for row in tied])}"
    elif all(gap.within_noise is False for gap in _others(best, rows)):
        text += ". Every other strategy is behind by more than noise"
    return f"{text}.{tail}"


def _others(best: Row, rows: Sequence[Row]) -> list[Gap]:
    """How far the best is from each of the others, as far as they share a seed."""
    return [best.against[row.strategy] for row in rows if row.strategy in best.against]


def transfer_words(rows: Sequence[Row], names: Names, metric: str) -> list[str]:
    """What pretraining was worth in one setting: where it hurt, where it helped, where noise hides it."""
    against = _against_scratch(rows, names)
    hurt = [(row, gap) for row, gap in against if gap.within_noise is False and gap.mean < 0]
    helped = [(row, gap) for row, gap in against if gap.within_noise is False and gap.mean > 0]
    unclear = [row for row, gap in against if gap.within_noise is not False]
    sentences = []
    if hurt:
        each = [f"{names.strategy(row.strategy)} gets {gap_words(gap, metric)}" for row, gap in hurt]
        sentences.append(f"Negative transfer: against training from scratch, {some(each)}.")
    if helped:
        row, gap = max(helped, key=lambda pair: pair[1].mean)
        ahead = times(
            len(helped), f"of {len(against)} pretrained strategies is", f"of {len(against)} pretrained strategies are"
        )
        many = f" {ahead} ahead of it by more than noise."
        most = gap_words(gap, metric, "training from scratch")
        sentences.append(f"Pretraining helped: {names.strategy(row.strategy)} gets {most}.{many if len(against) > 1 else ''}")
    if unclear:
        who = some([names.strategy(row.strategy) for row in unclear])
        sentences.append(f"Whether pretraining helped {who} cannot be told from noise here.")
    probe = next((row for row in rows if row.strategy == FEATURES[0]), None)
    if probe is not None and (gap := probe.against.get(FEATURES[1])) is not None:
        sentences.append(f"Pretrained features against random ones, a head on each: {gap_words(gap, metric)}.")
    return sentences


def hurt_words(rows: Sequence[Row], names: Names) -> str:
    """Over several settings: in how many, and for which strategies, pretraining hurt; '' where none was run from scratch."""
    against = _against_scratch(rows, names)
    settings = _settings([row for row, _ in against])
    if not settings:
        return ""
    hurt = [row for row, gap in against if gap.within_noise is False and gap.mean < 0]
    if not hurt:
        return f"Pretraining hurt by more than noise in none of {times(len(settings), 'setting')}."
    each = [f"{names.strategy(row.strategy)} ({names.setting(row.setting)})" for row in hurt]
    return f"Pretraining hurt by more than noise in {len(_settings(hurt))} of {times(len(settings), 'setting')}: {some(each)}."


def _against_scratch(rows: Sequence[Row], names: Names) -> list[tuple[Row, Gap]]:
    real = [row for row in rows if not is_control(names.spec, row.strategy)]
    return [(row, row.against[SCRATCH]) for row in real if SCRATCH in row.against]


def without_words(strategies: Collection[str]) -> list[str]:
    """What a comparison of these strategies cannot say for want of a control."""
    missing = {name: what for name, what in _WITHOUT.items() if strategies and name not in strategies}
    return [f"Without {STRATEGIES[name].title} {what}." for name, what in missing.items()]


def how_sure(rows: Sequence[Row], names: Names) -> str:
    """What the intervals are, what the tests can show with so few seeds, and what was corrected for."""
    most = max((len(row.seeds) for row in rows), default=0)
    if most < 2:
        how = (
            "There is one seed, so nothing is known about how another would end; intervals are over the test images. "
            "Differences in accuracy are paired image by image; p is McNemar's exact test's, and Student's over patients where "
            "the dataset names them."
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
        if any(row.estimate.low is None or (row.gap is not None and row.gap.over in ("images", "patients")) for row in rows):
            how += " Where all seeds gave the same, or only one is done, the interval is over the test images."
    return f"{how} {rule_words(rows)}".strip()


def rule_words(rows: Sequence[Row]) -> str:
    """What counts as more than noise in every reading, figure and table of these rows; '' where nothing is held together."""
    if not any(row.against for row in rows):
        return ""
    held = [sum(row.gap is not None for row in here) for here in by_setting(rows).values()]
    family = f"the {max(held)} that are held" if max(held) > 1 else "those that are held"
    return (
        "A difference is more than noise, in every sentence, picture and table here, where its interval leaves out 0 and its "
        f"p, corrected after Holm for {family} against the same strategy in a setting, is below .05; else it is {WITHIN}."
    )


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
