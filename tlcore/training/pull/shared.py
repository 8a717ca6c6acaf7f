"""One pull for several short fits that start from the same network, as the levels of the dial do."""

from __future__ import annotations

from tlcore.models.network import Network
from tlcore.spec import RunSpec
from tlcore.training.pull.make import make_term
from tlcore.training.pull.term import Term
from tlcore.training.report import Reporter
from tlcore.training.setup import Setup
from tlcore.training.state import State


def made_once(network: Network, setup: Setup, report: Reporter) -> Term:
    """The term of `setup.pull`, from the network as it is now; it serves whatever moves no more than the setup's plan does."""
    making = make_term(State.fresh(network, setup.plan), setup)
    while True:
        try:
            report.pass_on(next(making))
        except StopIteration as end:
            return end.value


def with_few_images(spec: RunSpec, most: int) -> RunSpec:
    """The run with a pull that looks at `most` source images at most: each fit looks at them anew."""
    pull = spec.strategy.pull
    if "images" not in pull.needs:
        return spec
    pull = pull.model_copy(update={"images": min(pull.images, most)})
    return spec.model_copy(update={"strategy": spec.strategy.model_copy(update={"pull": pull})})
