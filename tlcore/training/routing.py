"""The way of each phase: where the network is cut, what is kept, and why, decided before the first step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from tlcore.data.load import Split
from tlcore.data.transforms import normalise
from tlcore.errors import AssetError
from tlcore.models.cut import Cuts, Uncuttable, find_cuts
from tlcore.models.nf4 import in_nf4
from tlcore.models.prefix import Prefix, prefix_of
from tlcore.progress import Progress
from tlcore.strategies import Plan
from tlcore.training.activations import Rows
from tlcore.training.formats import Format, choose_format
from tlcore.training.frozen import Frozen
from tlcore.training.memory import is_out_of_memory, nothing_fits
from tlcore.training.route import CutRoute, Route
from tlcore.training.step_format import StepFormat, error_of, step_format
from tlcore.training.ways import Way, solved, ways_of

WRONG = 0.01  # of the largest logit: a prefix in float32 that is so far off was cut in a wrong place
TRIAL = 8  # pictures on which a prefix is tried before it is used


@dataclass(frozen=True)
class Routing:
    """What was decided: the way of each phase, and what was measured about the prefix (None without one)."""

    ways: tuple[Way, ...]
    measured: Format | None
    whole: Route
    frozen: Frozen | None
    views: int | None  # kept of each training picture; None: the picture as it is
    step_error: float | None = None  # of the logits in the steps' lower format, as a share of their spread

    @property
    def solved(self) -> tuple[bool, ...]:
        """Whether each phase is a head that is solved."""
        return tuple(way.solver == "lbfgs" for way in self.ways)

    @property
    def precision(self) -> str:
        """In which format, or formats, the phases take their steps."""
        return " and ".join(dict.fromkeys(way.precision for way in self.ways))

    def as_data(self) -> dict[str, object]:
        """For the plan event and the result: {phases: [Way], prefix: Format or null, step_error}."""
        return {
            "phases": [asdict(way) for way in self.ways],
            "prefix": None if self.measured is None else asdict(self.measured),
            "step_error": self.step_error,
        }

    def routes(self, progress: Progress, *, first: int = 0) -> tuple[Route, ...]:
        """A route for each phase. What is to be kept is computed here, each view in one pass for all the cuts that need it.

        `first` is the phase that comes next: of the cuts that only phases before it had, nothing is computed, for by now what
        was frozen there may have moved. Raises `AssetError` where the disk has no room after all.
        """
        if self.frozen is None:
            return self.through({})
        ahead = replace(self, ways=self.ways[min(first, len(self.ways) - 1) :]).cuts
        return self.through(_keep(self.frozen, ahead, self.whole.splits, self.views, progress))

    def laid(self, progress: Progress, *, first: int = 0) -> tuple[Routing, tuple[Route, ...], AssetError | None]:
        """What was decided, its `routes`, and None; where the disk has no room after all, that with nothing kept, and why."""
        try:
            return self, self.routes(progress, first=first), None
        except AssetError as error:  # a cache that cannot be written is no reason not to train
            bare = self.without_keeping(error.message)
            return bare, bare.routes(progress, first=first), error

    def without_keeping(self, why: str) -> Routing:
        """The same cuts with nothing kept: the frozen part is computed in each epoch."""
        bare = {"kind": "recomputed", "views": 0, "bytes": 0, "reason": why, "solver": "steps"}
        return replace(self, ways=tuple(way if way.cut is None else replace(way, **bare) for way in self.ways))

    @property
    def cuts(self) -> dict[str, Way]:
        """The way of the phases that are cut below each group."""
        return {way.cut: way for way in self.ways if way.cut}

    def through(self, rows: Mapping[str, Mapping[str, tuple[Rows, ...]]]) -> tuple[Route, ...]:
        """A route for each phase on rows that were made before: {cut: {split: rows of each view}}."""
        return tuple(self._route(way, rows) for way in self.ways)

    def _route(self, way: Way, rows: Mapping[str, Mapping[str, tuple[Rows, ...]]]) -> Route:
        route = replace(self.whole, machine=replace(self.whole.machine, precision=way.precision))
        if way.cut is None:
            return route
        assert self.frozen is not None
        suffix = self.frozen.cuts.suffix(way.cut)
        return CutRoute(**route.__dict__, group=way.cut, frozen=self.frozen, suffix=suffix, rows=rows.get(way.cut, {}))


def decide(
    whole: Route,
    plan: Plan,
    *,
    cut: Literal["auto", "off"],
    views: int,
    precision: str,
    head_solver: Literal["auto", "minibatch"],
    backbone: str,
    counts: Mapping[str, int] | None = None,
    earlier: Mapping[str, Any] | None = None,
    judged: bool = True,
) -> Routing:
    """Where to cut in each phase of `plan`, what to keep, in which format to take the steps, and why.

    `whole` is the route through the uncut network; `views` of each training picture are kept where it augments (0: fresh ones
    in each epoch); `precision` "float32" forces that format on the prefix; `counts` are the pictures of each split where they
    are not those of `whole`. Call it before the first step: the prefix is the network as it starts. `earlier` is `as_data()`
    of the run that goes on: it goes on the same way, whatever has become of the disk and the measurements meanwhile. `judged`
    is off where the error of the prefix would say nothing, as on pictures of noise.
    """
    routing = _cut(whole, plan, cut, views, precision, head_solver, backbone, counts, earlier, judged)
    if earlier:
        return replace(routing, step_error=earlier.get("step_error"))
    return _with_step_formats(routing, plan, backbone, precision, judged)


def _with_step_formats(routing: Routing, plan: Plan, backbone: str, asked: str, judged: bool) -> Routing:
    """The same ways, each with the number format that its steps are to be taken in."""
    whole = routing.whole
    ways: list[Way] = []
    for way, route, phase in zip(routing.ways, routing.through({}), plan.phases, strict=True):
        found = StepFormat(whole.machine.precision)
        if way.solver == "steps":
            found = step_format(replace(route, machine=whole.machine), phase, backbone, asked=asked)
        ways.append(replace(way, precision=found.precision, timed=found.seconds))
    lower = next((way.precision for way in ways if way.precision != "float32"), None)
    if lower is None or not judged:
        return replace(routing, ways=tuple(ways))
    error = error_of(whole, lower)
    if math.isfinite(error):
        return replace(routing, ways=tuple(ways), step_error=error)
    ways = [replace(way, precision="float32") if way.timed else way for way in ways]
    return replace(routing, ways=tuple(ways))


def _cut(
    whole: Route,
    plan: Plan,
    cut: Literal["auto", "off"],
    views: int,
    precision: str,
    head_solver: Literal["auto", "minibatch"],
    backbone: str,
    counts: Mapping[str, int] | None,
    earlier: Mapping[str, Any] | None,
    judged: bool,
) -> Routing:
    """The ways, but for the number format of their steps."""
    if earlier and not earlier["prefix"]:
        return Routing(tuple(Way(**way) for way in earlier["phases"]), None, whole, None, None)
    counts = counts or {name: len(split) for name, split in whole.splits.items()}
    lowest = _lowest_trained(plan)
    reason = "The cut is switched off." if cut == "off" else None
    cuts = None
    if cut == "auto" and max(lowest) > 0:
        try:
            cuts = find_cuts(whole.network)
        except Uncuttable as error:
            reason = f"{error.message} It trains uncut."
    borders = [_border(cuts, plan, place) for place in lowest]
    groups = tuple(dict.fromkeys(border for border in borders if border))
    uncut = [Way("whole", None, 0, 0, reason or _why_uncut(plan, place)) for place in range(len(borders))]
    if cuts is None or not groups:
        return Routing(tuple(uncut), None, whole, None, None)
    measured = Format(**earlier["prefix"]) if earlier else None
    try:
        frozen = _frozen(whole, cuts, groups, precision, backbone, measured, judged)
    except Uncuttable as error:
        why = Way("whole", None, 0, 0, f"{error.message} It trains uncut.")
        uncut = [why if border else way for border, way in zip(borders, uncut, strict=True)]
        return Routing(tuple(uncut), None, whole, None, None)
    kept = min(views, plan.epochs) if whole.augments else 1
    if earlier:
        ways = [Way(**way) for way in earlier["phases"]]
    else:
        cut_ways = ways_of(groups, frozen, counts, kept)
        ways = [cut_ways[border] if border else way for border, way in zip(borders, uncut, strict=True)]
        if head_solver == "auto" and whole.network.head_kind == "linear":  # of the heads the one whose problem is convex
            ways = [solved(way, phase, frozen, counts) for way, phase in zip(ways, plan.phases, strict=True)]
    return Routing(tuple(ways), frozen.format, whole, frozen, kept if whole.augments else None)


def _lowest_trained(plan: Plan) -> list[int]:
    """For each phase the place of the lowest group that has moved by its end: what is below is still as it started."""
    places = []
    for phase in plan.phases:
        place = next(i for i, group in enumerate(plan.groups) if phase.trains(group.name))
        places.append(min([place, *places[-1:]]))
    return places


def _why_uncut(plan: Plan, place: int) -> str:
    phase, lowest = plan.phases[place], _lowest_trained(plan)[place]
    if lowest > 0:
        return f"The network has no cut below {plan.groups[lowest].name}."
    if all(phase.trains(group.name) for group in plan.groups):
        if phase.moves != "weights":
            return "Something moves in every group: there is nothing below it to keep."
        return "All groups train: nothing is frozen." if place == 0 else "From here all groups train."
    return f"The lowest group, {plan.groups[0].name}, moves: there is nothing below it to keep."


def _border(cuts: Cuts | None, plan: Plan, lowest: int) -> str | None:
    """The highest border at or below the group at `lowest` that the network can be cut at."""
    if cuts is None:
        return None
    return next((plan.groups[i].name for i in range(lowest, 0, -1) if plan.groups[i].name in cuts.nodes), None)


def _frozen(
    whole: Route, cuts: Cuts, groups: tuple[str, ...], precision: str, backbone: str, measured: Format | None, judged: bool
) -> Frozen:
    network, machine, images = whole.network, whole.machine, whole.splits["train"].images
    look = network.preprocessing
    top = max(groups, key=list(cuts.nodes).index)

    def pictures() -> Tensor:
        few = np.resize(np.array(images[:TRIAL]), (TRIAL, *images.shape[1:]))
        return normalise(torch.from_numpy(few).to(machine.device), look.mean, look.std)

    def make(groups: Sequence[str]) -> Prefix:
        return prefix_of(cuts, groups, pictures()[:3])

    def error(prefix: Prefix) -> float:
        looked_at = pictures()
        network.module.eval()
        with torch.inference_mode():
            exact = network.module(looked_at.contiguous(memory_format=torch.channels_last))
            found = cuts.suffix(top)(prefix(looked_at)[groups.index(top)].float())
            if prefix.precision == "float32" and not (found - exact).abs().max() <= WRONG * exact.abs().max():
                raise Uncuttable(f"{type(network.module).__name__}, cut in two, gives other answers than whole.")
            spread = (exact - exact.mean(0)).square().mean().sqrt()
            return float((found - exact).square().mean().sqrt() / spread.clamp(min=1e-12))

    size = images.shape[1]
    recipe = {"backbone": backbone, "groups": list(groups), "image_size": size, "torch": torch.__version__, "asked": precision}
    recipe |= {"nf4": True} if in_nf4(network.module) else {}
    if network.head_kind == "attention":  # whose row at the highest cut is a map, not one pooled vector
        recipe["head"] = network.head_kind
    seen = {
        "weights": network.provenance.get("sha256") or "random",
        "seed": whole.seed,  # of the head, and of random weights
        "head": network.head_kind,
        "mean": look.mean,
        "std": look.std,
        "pictures": [key.hex() for key in whole.splits["train"].keys[:TRIAL]],
    }
    made = None
    if measured is None:
        ask = error if judged else None
        only = precision == "float32"
        try:
            measured, made = choose_format(lambda: make(groups), pictures, machine, recipe, ask, seen, only_float32=only)
        except (RuntimeError, AttributeError, TypeError, LookupError, ValueError, AssertionError) as error:
            if isinstance(error, RuntimeError) and is_out_of_memory(error):
                raise nothing_fits() from error
            reason = (str(error) or type(error).__name__).splitlines()[0]  # a graph that was traced and does not run
            raise Uncuttable(f"{type(network.module).__name__} cannot be cut: {reason.rstrip('.')}.") from error
    return Frozen(cuts, groups, measured, network, machine, backbone, size, whole.flips, make, _made=made)


def _keep(
    frozen: Frozen, ways: dict[str, Way], splits: Mapping[str, Split], views: int | None, progress: Progress
) -> dict[str, dict[str, tuple[Rows, ...]]]:
    """{cut: {split: rows of each view}}, each view of each split in one pass for all the cuts that keep it."""
    rows: dict[str, dict[str, tuple[Rows, ...]]] = {group: {} for group in ways}
    for name, split in splits.items():
        training = name == "train"
        groups = [g for g, way in ways.items() if way.bytes and (way.kind == "kept" or not training)]
        if not groups or not len(split):
            continue
        keys = split.keys
        for view in range(views or 0) if training and views is not None else [None]:
            for group, found in frozen.keep(split.images, keys, view, groups, progress).items():
                rows[group][name] = (*rows[group].get(name, ()), found)
    return rows
