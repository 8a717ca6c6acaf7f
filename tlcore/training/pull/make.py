"""From a choice on the pull axis to its term. A new pull is a class in `strategies/pull.py`, a file here, and a line below."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from tlcore.errors import SpecError
from tlcore.strategies import pull as choices
from tlcore.training.pull.distillation import Distillation
from tlcore.training.pull.ewc import EWC, information_of
from tlcore.training.pull.old import old_head
from tlcore.training.pull.replay import Replay, in_a_step
from tlcore.training.pull.source import Source
from tlcore.training.pull.term import Term
from tlcore.training.pull.towards_start import TowardsStart
from tlcore.training.setup import Setup
from tlcore.training.state import State

Making = Generator[dict[str, Any], None, Term]


def make_term(state: State, setup: Setup) -> Making:
    """The term of `setup.pull`, from the network as it started, unless `setup.term` is one; yields `progress` events.

    Raises `SpecError` where it needs the old classifier's answers, or source images, and there are none.
    """
    if not setup.pull.active:
        return Term()
    if type(setup.term) is not Term:  # made before, for several fits from the same start
        return setup.term
    if "answers" in setup.pull.needs:
        old_head(state.network, setup.machine.device)
    return (yield from _MAKERS[setup.pull.kind](setup.pull, state, setup))


def _l2_sp(pull: choices.L2SP, state: State, setup: Setup) -> Making:
    yield from ()
    return TowardsStart(pull.strength, pull.head_strength, power=2)


def _l1_sp(pull: choices.L1SP, state: State, setup: Setup) -> Making:
    yield from ()
    return TowardsStart(pull.strength, pull.head_strength, power=1)


def _ewc(pull: choices.EWC, state: State, setup: Setup) -> Making:
    source, empirical = _source(setup), pull.fisher == "empirical"
    if empirical and source.labels is None:
        raise SpecError(
            f"The empirical Fisher information needs labels, but the source images are {source.sentence}.",
            next_step="Choose sampled labels.",
        )
    information = yield from information_of(state, source, setup.machine, empirical=empirical, seed=setup.seed)
    return EWC(pull.strength, information)


def _distillation(pull: choices.Distillation, state: State, setup: Setup) -> Making:
    yield from ()
    return Distillation(pull.strength, pull.temperature)


def _replay(pull: choices.Replay, state: State, setup: Setup) -> Making:
    yield from ()
    return Replay(pull.strength, _source(setup), in_a_step(pull.share, setup.batch_size), setup.seed)


def _source(setup: Setup) -> Source:
    if setup.source is None:
        raise SpecError(f"The pull {setup.pull.kind} needs source images, and there are none.")
    return setup.source


_MAKERS: dict[str, Callable[..., Making]] = {
    "l2-sp": _l2_sp,
    "l1-sp": _l1_sp,
    "ewc": _ewc,
    "distillation": _distillation,
    "replay": _replay,
}
