"""Numbers and choices in the words that people read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tlcore.figures.pull_words import pull_title
from tlcore.spec import RunSpec
from tlcore.strategies import STRATEGIES, Strategy
from tlcore.strategies.head import HEADS
from tlcore.strategies.scope import Scope
from tlcore.strategies.settings import settings_of, value_of
from tlcore.strategies.start import FromRun, Pretrained

METRICS: dict[str, tuple[str, str]] = {  # name in events and results -> (what people call it, what it is)
    "accuracy": ("Accuracy", "The share of images named rightly."),
    "balanced_accuracy": ("Balanced accuracy", "The mean of the classes' recalls: every class counts the same, however rare."),
    "auroc": ("AUROC", "The chance that an image of a class gets a higher score for it than an image of another class."),
    "f1": ("F1", "The harmonic mean of precision and recall, averaged over the classes."),
    "ece": ("Calibration error", "How far the stated confidence is from the share that is right, on average (0 is best)."),
    "loss": ("Loss", "Cross-entropy: minus the logarithm of the probability given to the true class (lower is better)."),
}


def percent(share: float | None, digits: int = 1) -> str:
    """0.9483 -> '94.8 %'; None -> 'not defined'. Never rounds an imperfect share up to 100 %, or one above 0 down to 0."""
    if share is None:
        return "not defined"
    text = f"{100 * share:.{digits}f}"
    if float(text) == 100 and share < 1:
        return f"above {100 - 10.0**-digits:.{digits}f} %"
    if float(text) == 0 and share > 0:
        return f"below {10.0**-digits:.{digits}f} %"
    return f"{text} %"


def points(difference: float, digits: int = 1) -> str:
    """A difference of two shares, in percentage points: 0.021 -> '2.1 points'."""
    text = f"{abs(100 * difference):.{digits}f}"
    return f"{text} point" if float(text) == 1 else f"{text} points"


def interval(value: Mapping[str, float | None], digits: int = 1) -> str:
    """A share with its 95 % interval: '94.8 % (92.9 to 96.5)'."""
    if value.get("value") is None:
        return "not defined"
    low, high = value.get("low"), value.get("high")
    tail = "" if low is None or high is None else f" ({100 * low:.{digits}f} to {100 * high:.{digits}f})"
    return percent(value["value"], digits) + tail


def decimal(value: float | None) -> str:
    """0.98712 -> '0.987'; None -> 'not defined'. Never rounds up to a perfect 1."""
    if value is None:
        return "not defined"
    text = f"{value:.3f}"
    return "above 0.999" if text == "1.000" and value < 1 else text


def is_share(metric: str) -> bool:
    """Whether people say a metric in percent: the share of something is, AUROC and the loss are numbers."""
    return metric not in ("auroc", "loss")


def measured(metric: str, value: float | None) -> str:
    """A metric's value as people write it: accuracy '94.8 %', AUROC '0.987'."""
    return percent(value) if is_share(metric) else decimal(value)


def measured_interval(metric: str, value: Mapping[str, float | None]) -> str:
    """A metric with its 95 % interval: '94.8 % (92.9 to 96.5)', AUROC '0.987 (0.980 to 0.993)'."""
    if is_share(metric) or value.get("value") is None:
        return interval(value)
    low, high = value.get("low"), value.get("high")
    tail = "" if low is None or high is None else f" ({_bound(low)} to {_bound(high)})"
    return decimal(value["value"]) + tail


def _bound(value: float) -> str:
    return f"{value:.3f}" if value == 1 else f"{min(value, 0.999):.3f}"  # an interval too never rounds up to a perfect 1


def apart(metric: str, difference: float) -> str:
    """How far two values of a metric are apart: '2.1 points', for AUROC '0.021'."""
    return points(difference) if is_share(metric) else f"{abs(difference):.3f}"


def count(number: float) -> str:
    """An exact whole number with thin groups: 3412345 -> '3,412,345'."""
    return f"{round(number):,}"


def short_count(number: float) -> str:
    """A number of parameters in three digits: 3412345 -> '3.41 M', 2562 -> '2.56 k'."""
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= factor * 0.9995:
            return f"{number / factor:.3g}{unit}"
    return f"{number:.0f}"


def memory(size: float) -> str:
    """Bytes: 1.2e9 -> '1.2 GB' (powers of ten)."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB")):
        if size >= factor:
            return f"{size / factor:.2g} {unit}" if size < 10 * factor else f"{size / factor:.0f} {unit}"
    return f"{math.ceil(size / 1e3)} kB"


def duration(seconds: float) -> str:
    """75 -> '1 min 15 s'; two units at most."""
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds < 9.95 else "10 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def rate(value: float | None) -> str:
    """A learning rate: 0.0001 -> '1e-4', 0.00038461 -> '3.8e-4'; None -> 'frozen'."""
    if value is None:
        return "frozen"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def times(number: int, one: str, many: str | None = None) -> str:
    """'1 epoch', '5 epochs'."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def listing(items: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else "none"


def settings(spec: RunSpec, joined: str = ", ") -> str:
    """What tells runs of one strategy apart: length, size, images and seed, and what else is not the default."""
    usual = RunSpec.model_fields
    parts = [times(spec.epochs, "epoch"), f"{spec.image_size} px"]
    parts.append(f"{count(spec.images_per_class)} per class" if spec.images_per_class else "all images")
    parts.append(f"seed {spec.seed}")
    if spec.lr != usual["lr"].default:
        parts.append(f"rate {rate(spec.lr)}")
    if spec.optimizer != usual["optimizer"].default:
        parts.append(spec.optimizer.upper())
    if spec.batch_size != usual["batch_size"].default:
        parts.append(f"batches of {count(spec.batch_size)}")
    if spec.weight_decay != usual["weight_decay"].default:
        parts.append(f"decay {spec.weight_decay:g}")
    said = {
        HEADS[spec.head].short: spec.head != usual["head"].default,
        "own weights": spec.weights is not None,
        "no augmentation": not spec.augment,
        times(spec.views, "view") if spec.views else "fresh views": spec.augment and spec.views != usual["views"].default,
        "uncut": spec.cut == "off",
        "head in mini-batches": spec.head_solver == "minibatch",
        "class weights": spec.class_weights,
        "stops early": spec.patience is not None,
        "every epoch kept": spec.keep_epochs,
        spec.precision: spec.precision != "auto",
    }
    return joined.join(parts + [words for words, true in said.items() if true])


def strategy_title(strategy: Strategy) -> str:
    """What people call a strategy: its preset's title, or the nearest preset's with what was changed."""
    if isinstance(strategy.start, FromRun):
        title = strategy_title(strategy.model_copy(update={"start": Pretrained()}))
        head = {"auto": "", "fresh": " with a fresh head", "kept": " with its head"}[strategy.start.head]
        return f"{title}, from run {strategy.start.run_id[-4:]}{head}"
    same = [p for p in STRATEGIES.values() if p.strategy == strategy.model_copy(update={"name": p.strategy.name})]
    if same:
        return same[0].title
    scope = strategy.scope.model_copy(update={"batchnorm": "frozen"})
    near = [
        p
        for p in STRATEGIES.values()
        if p.strategy.scope.model_copy(update={"batchnorm": "frozen"}) == scope
        and (p.strategy.phases.kind, p.strategy.start) == (strategy.phases.kind, strategy.start)
    ]
    near.sort(key=lambda p: _distance(p.strategy, strategy))
    parts = [near[0].title] if near else [_scope_title(strategy)]
    of_its_kind = (p.strategy for p in STRATEGIES.values() if p.strategy.scope.kind == strategy.scope.kind in _PARTS)
    known = near[0].strategy if near else next(of_its_kind, Strategy())
    if strategy.scope.batchnorm != known.scope.batchnorm:
        parts.append(f"BatchNorm {strategy.scope.batchnorm}")
    if near:
        parts += _changes(known, strategy, "phases")
    if strategy.rates.kind != known.rates.kind:
        parts.append(f"{strategy.rates.kind} rates")
    elif (own := getattr(strategy.rates, "body_lr_mult", None)) != getattr(known.rates, "body_lr_mult", None):
        parts.append(f"body rate {own:g} times the head's")
    if strategy.rates.kind == known.rates.kind:
        parts += _changes(known, strategy, "rates", but=("rates.body_lr_mult", "rates.schedule"))
    if strategy.rates.schedule != known.rates.schedule:
        parts.append(f"{strategy.rates.schedule} schedule")
    if changed := pull_title(strategy.pull, known.pull):
        parts.append(changed)
    return ", ".join(parts)


def _distance(known: Strategy, strategy: Strategy) -> tuple[bool | int, ...]:
    """How far from a preset: first by the kinds of its choices, then by how many settings differ."""
    kinds = (known.pull.kind != strategy.pull.kind, known.rates.kind != strategy.rates.kind)
    alike = [axis for axis in ("phases", "rates") if getattr(known, axis).kind == getattr(strategy, axis).kind]
    return known.phases != strategy.phases, *kinds, sum(len(_changes(known, strategy, axis)) for axis in alike)


def _changes(known: Strategy, strategy: Strategy, axis: str, but: Sequence[str] = ()) -> list[str]:
    """The settings on an axis that differ, the choice there being of the same kind: "patience 4"."""
    said = []
    for setting in settings_of(strategy):
        if setting.axis != axis or setting.path in but:
            continue
        value = value_of(strategy, setting.path)
        if value != value_of(known, setting.path):
            number = f"{value:g}" if isinstance(value, float) else value
            said.append(f"{setting.title[0].lower()}{setting.title[1:]} {number}")
    return said


_PARTS = {"norm-only": "Norm layers", "bitfit": "BitFit", "lora": "LoRA", "qlora": "QLoRA", "bottleneck": "Bottleneck adapters"}


def _part_title(scope: Scope) -> str:
    """What moves a part of each group, with all that is not as usual."""
    usual = {name: field.default for name, field in type(scope).model_fields.items()}
    own = {name: value for name, value in scope.model_dump().items() if value != usual[name]}
    said = [f"{name} {own[name]:g}" for name in ("rank", "width", "alpha", "dropout") if name in own]
    title = f"{_PARTS[scope.kind]} of {listing(said)}" if said else _PARTS[scope.kind]
    return title if scope.from_group is None else f"{title}, from {scope.from_group} up"


def _scope_title(strategy: Strategy) -> str:
    match strategy.scope.kind:
        case "from":
            title = f"From {strategy.scope.group} up"
        case "top":
            title = f"Top {strategy.scope.count} groups"
        case "window":
            title = f"From {strategy.scope.first} to {strategy.scope.last}"
        case "head":
            title = "Head only"
        case kind if kind in _PARTS:
            title = _part_title(strategy.scope)
        case _:
            title = "Everything"
    phases = {"one": "", "head-then-body": ", head first", "gradual": ", group by group"}[strategy.phases.kind]
    start = {"pretrained": "", "random": ", from random weights"}[strategy.start.kind]
    return title + phases + start
