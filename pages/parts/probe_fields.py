"""Which old knowledge a run is asked about, as the form's field `source_probes`: to and from a link and a spec. No Streamlit.

"auto" is what suits the strategy, "none" nothing, anything else the sources' names with commas.
"""

from __future__ import annotations

from typing import get_args

from tlcore.figures.words import count, duration, listing, percent, times
from tlcore.source_probes.catalogue import SOURCES
from tlcore.spec import RunSpec, SourceName
from tlcore.strategies import Strategy
from tlcore.strategies.start import FromRun, Random

AUTO, NONE = "auto", "none"
OFFERED = (AUTO, NONE, "natural-photos", "imagenet-cifar10", "imagenet-cifar10,natural-photos", "earlier-tasks")
COST = "300 images of each source cost about as much as validating on so many."
_BACK = 3  # a step costs about so many looks: forward, and twice that back


def read(text: str) -> str:
    """A link's word, checked. Raises `ValueError`."""
    if text in (AUTO, NONE):
        return text
    names = tuple(dict.fromkeys(text.split(",")))
    if not set(names) <= set(get_args(SourceName)):
        raise ValueError(text)
    return ",".join(names)


def suiting(strategy: Strategy, head: str) -> tuple[SourceName, ...]:
    """What is asked where nobody chose: photographs, or the earlier tasks of a chain, where anything can be forgotten."""
    if why_not(strategy, head):
        return ()
    return ("earlier-tasks",) if isinstance(strategy.start, FromRun) else ("natural-photos",)


def why_not(strategy: Strategy, head: str) -> str:
    """Why nothing is asked by itself, as a sentence; '' where it is."""
    if isinstance(strategy.start, Random):
        return "It starts from random weights, which know nothing that could be forgotten."
    if strategy.scope.kind == "head":
        return "Only the head moves: what the backbone knew stays as it was, to the last bit."
    if head == "attention":
        return "The old classifier looks at one pooled vector, and there is none under an attention head."
    return ""


def probes_of(text: str, strategy: Strategy, head: str) -> tuple[str, ...]:
    """The spec's field."""
    if text == AUTO:
        return suiting(strategy, head)
    return named(text)


def named(text: str) -> tuple[str, ...]:
    """The sources of a choice that is not auto."""
    return () if text == NONE else tuple(text.split(","))


def text_of(spec: RunSpec) -> str:
    """The form's field of a spec."""
    if spec.source_probes == suiting(spec.strategy, spec.head):
        return AUTO
    return ",".join(spec.source_probes) or NONE


def title_of(text: str) -> str:
    """A choice in words."""
    if text == AUTO:
        return "what suits the strategy"
    return "nothing" if text == NONE else listing([SOURCES[name].title for name in text.split(",")])


def cost_words(spec: RunSpec, train_images: int | None, images_per_second: float | None) -> str:
    """What is asked, how often, and what that costs: in seconds where the pace was measured, else as a share of the "
    "training."""
    looks = spec.epochs + 1
    images = spec.source_images * len(spec.source_probes)
    titles = listing([SOURCES[name].title for name in spec.source_probes])
    what = f"What it forgets is measured ({titles}): before training and after each epoch it is asked {count(images)} images"
    if images_per_second:
        return f"{what}, which takes about {duration(looks * images / images_per_second)} more in all."
    if train_images:
        return f"{what}, about {percent(looks * images / (_BACK * spec.epochs * train_images), 0)} of the work of training all."
    return f"{what}, {times(looks, 'time')}."
