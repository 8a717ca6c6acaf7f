"""How fast a run goes and how long it still takes, from what has been measured so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median

from tlcore.strategies import Plan

WINDOW_STEPS = 30


class Pace:
    """Step times by phase, and the speed of evaluation.

    A phase not yet reached is guessed from the nearest one measured, by the relative cost of a step: a forward pass is 1,
    and the backward pass 2 for the share of the groups that it goes through. Its own time takes over once it runs.
    """

    def __init__(self, costs: Sequence[float]) -> None:
        self.costs = costs
        self._recent: deque[tuple[int, float]] = deque(maxlen=WINDOW_STEPS)  # images, seconds
        self._steps: dict[int, deque[tuple[int, float]]] = {}
        self._evaluated: tuple[int, float] | None = None

    def step(self, phase: int, images: int, seconds: float) -> None:
        self._recent.append((images, seconds))
        self._steps.setdefault(phase, deque(maxlen=WINDOW_STEPS)).append((images, seconds))

    def evaluation(self, images: int, seconds: float) -> None:
        if images:
            self._evaluated = (images, seconds)

    @property
    def measured(self) -> bool:
        """Whether a step has been timed; before that there is nothing to tell."""
        return bool(self._steps)

    @property
    def images_per_second(self) -> float:
        """Training images a second over the last steps."""
        seconds = sum(taken for _, taken in self._recent)
        return sum(images for images, _ in self._recent) / max(seconds, 1e-9)

    def seconds_left(self, steps_left: Mapping[int, int], images_to_evaluate: int) -> float:
        """Seconds for `steps_left` {phase: steps} and for evaluating so many images. Needs one measured step."""
        training = sum(steps * self._step_seconds(phase) for phase, steps in steps_left.items())
        return training + images_to_evaluate * self._seconds_per_evaluated_image()

    def _step_seconds(self, phase: int) -> float:
        if phase in self._steps:
            return median(seconds for _, seconds in self._steps[phase])
        nearest = min(self._steps, key=lambda measured: abs(measured - phase))
        return self._step_seconds(nearest) * self.costs[phase] / self.costs[nearest]

    def _seconds_per_evaluated_image(self) -> float:
        if self._evaluated:
            return self._evaluated[1] / self._evaluated[0]
        latest = max(self._steps)
        return median(seconds / images for images, seconds in self._steps[latest]) / self.costs[latest]


def step_costs(plan: Plan) -> list[float]:
    """The rough cost of a step in each phase, in forward passes: 1 for the head alone, 3 for everything."""
    body = len(plan.groups) - 1
    costs = []
    for phase in plan.phases:
        lowest = next(i for i, group in enumerate(plan.groups) if phase.trains(group.name))
        costs.append(1 + 2 * (body - lowest) / body)
    return costs
