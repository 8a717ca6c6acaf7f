"""Scope: which weights may move, and in which mode the BatchNorm layers among them run.

The head always trains. A new scope is one class here with a `trainable` method, and its name in `Scope`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from tlcore.errors import SpecError
from tlcore.groups import Group, resolve
from tlcore.strategies.axis import Choice

BatchNormMode = Literal["frozen", "trained"]


class _Scope(Choice):
    batchnorm: BatchNormMode = Field(
        "frozen",
        description="Trainable groups' BatchNorm: frozen keeps the pretrained running mean and variance, "
        "trained lets them follow the new images. Frozen groups always keep theirs.",
    )

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        """Names of the backbone's groups that may move, from the bottom up; the head is not named."""
        raise NotImplementedError


class HeadOnly(_Scope):
    """The linear probe: the backbone only computes features."""

    kind: Literal["head"] = "head"

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        return ()


class Top(_Scope):
    """The head and the last `count` groups of the backbone."""

    kind: Literal["top"] = "top"
    count: int = Field(1, ge=1, description="How many groups below the head are unfrozen.")

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        names = [group.name for group in groups[:-1]]
        if self.count > len(names):
            raise SpecError(
                f"{self.count} groups cannot be unfrozen: this backbone has {len(names)} below its head.",
                next_step=f"Choose a count from 1 to {len(names)}.",
            )
        return tuple(names[-self.count :])


class FromGroup(_Scope):
    """The head and everything from one group (or level) upwards."""

    kind: Literal["from"] = "from"
    group: str = Field(description="The lowest group that is unfrozen, by its name or its level.")

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        return tuple(group.name for group in groups[resolve(groups, self.group) : -1])


class Window(_Scope):
    """The head and a window of groups, with frozen groups above it: what moves is in the middle."""

    kind: Literal["window"] = "window"
    first: str = Field(description="The lowest unfrozen group, by its name or its level.")
    last: str = Field(description="The highest unfrozen group, by its name or its level.")

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        low, high = resolve(groups, self.first), resolve(groups, self.last, last=True)
        if low > high:
            raise SpecError(
                f"The window from {self.first!r} to {self.last!r} is upside down.",
                next_step="Give the group nearer to the image first.",
            )
        return tuple(group.name for group in groups[low : high + 1] if group.level != "head")


class All(_Scope):
    """Everything: full fine-tuning."""

    kind: Literal["all"] = "all"

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        return tuple(group.name for group in groups[:-1])


Scope = Annotated[HeadOnly | Top | FromGroup | Window | All, Field(discriminator="kind")]
