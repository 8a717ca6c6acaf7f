"""Scope: which weights may move, and in which mode the BatchNorm layers among them run.

The head always trains, and always as a whole. A new scope is one class here with a `trainable` method, and its name in
`Scope`; one that moves only some weights of a group, or new ones put beside them, says so in `moves`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from tlcore.errors import SpecError
from tlcore.groups import Group, Moves, resolve
from tlcore.strategies.axis import Choice, NamesGroup, Unit

BatchNormMode = Literal["frozen", "trained"]


class _Scope(Choice):
    batchnorm: BatchNormMode = Field(
        "frozen",
        title="BatchNorm of trainable groups",
        description="frozen keeps the pretrained running mean and variance, trained lets them follow the new images. Frozen "
        "groups always keep theirs.",
    )

    @property
    def moves(self) -> Moves:
        """What moves of the groups that `trainable` names."""
        return "weights"

    @property
    def needs(self) -> tuple[str, ...]:
        """Packages that the scope needs and that Thaw does without."""
        return ()

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        """Names of the backbone's groups that may move, from the bottom up; the head is not named."""
        raise NotImplementedError

    def added(self, group: Group) -> int:
        """How many new weights `group` gets where it is trainable."""
        return 0

    def note(self, groups: Sequence[Group]) -> str:
        """What must be said of this scope on a backbone with these groups, as a sentence; empty where there is nothing."""
        return ""


class HeadOnly(_Scope):
    """The linear probe: the backbone only computes features."""

    kind: Literal["head"] = "head"

    def idle(self, name: str) -> str:
        return "Only the head trains here, which has no BatchNorm." if name == "batchnorm" else ""

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        return ()


class Top(_Scope):
    """The head and the last `count` groups of the backbone."""

    kind: Literal["top"] = "top"
    count: int = Field(1, ge=1, title="Groups below the head", description="How many are unfrozen, from the top down.")

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
    group: Annotated[str, NamesGroup()] = Field(
        title="Lowest group", description="The lowest group that is unfrozen, by its name or its level."
    )

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        return tuple(group.name for group in groups[resolve(groups, self.group) : -1])


class Window(_Scope):
    """The head and a window of groups, with frozen groups above it: what moves is in the middle."""

    kind: Literal["window"] = "window"
    first: Annotated[str, NamesGroup()] = Field(
        title="Lowest group", description="The lowest unfrozen group, by its name or its level."
    )
    last: Annotated[str, NamesGroup()] = Field(
        title="Highest group", description="The highest unfrozen group below the head, by its name or its level."
    )

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


class _Part(_Scope):
    """The head, and in every group from one upwards only some of the weights, or new ones beside them.

    What does not move keeps its pretrained value in trainable groups too.
    """

    from_group: Annotated[str | None, NamesGroup()] = Field(
        None,
        title="Lowest group",
        description="The lowest group in which anything moves, by its name or its level; none: in all groups.",
    )

    def trainable(self, groups: Sequence[Group]) -> tuple[str, ...]:
        lowest = 0 if self.from_group is None else resolve(groups, self.from_group)
        names = tuple(group.name for group in groups[lowest:-1] if self._has_any(group))
        if not names:
            where = "in this backbone" if self.from_group is None else f"from {self.from_group!r} up"
            raise SpecError(
                f"There is nothing {where} that {self.kind} could move: it needs {self._wanted()}.",
                next_step="Choose a lower group, another backbone, or another strategy.",
            )
        return names

    def _has_any(self, group: Group) -> bool:
        raise NotImplementedError

    def _wanted(self) -> str:
        raise NotImplementedError


class NormOnly(_Part):
    """The head, and the scale and shift of every norm layer (Frankle et al. 2021, "Training BatchNorm and only BatchNorm")."""

    kind: Literal["norm-only"] = "norm-only"

    @property
    def moves(self) -> Moves:
        return "norms"

    def _has_any(self, group: Group) -> bool:
        return group.norm_params > 0

    def _wanted(self) -> str:
        return "norm layers with a scale or a shift"


class BitFit(_Part):
    """The head, and every bias, those of norm layers too (Ben Zaken et al. 2022)."""

    kind: Literal["bitfit"] = "bitfit"

    @property
    def moves(self) -> Moves:
        return "biases"

    def _has_any(self, group: Group) -> bool:
        return group.bias_params > 0

    def _wanted(self) -> str:
        return "layers with a bias"


class _LowRank(_Part):
    rank: int = Field(
        8, ge=1, le=256, title="Rank", description="Width of the two thin matrices whose product is added to a weight matrix."
    )
    alpha: float = Field(16.0, gt=0, le=1024, title="Alpha", description="The product is multiplied by alpha / rank.")
    dropout: Annotated[float, Unit("a share")] = Field(
        0.0, ge=0, lt=1, title="Dropout", description="How much of a layer's inputs its low-rank path does not see in a step."
    )

    @property
    def moves(self) -> Moves:
        return "adapters"

    def added(self, group: Group) -> int:
        return self.rank * group.lora_unit

    def note(self, groups: Sequence[Group]) -> str:
        trainable = self.trainable(groups)
        left_out = sum(group.lora_left_out for group in groups if group.name in trainable)
        what = "1 layer takes" if left_out == 1 else f"{left_out} layers take"
        return f"{what} no LoRA: depthwise and grouped convolutions, and the like." if left_out else ""

    def _has_any(self, group: Group) -> bool:
        return group.lora_unit > 0

    def _wanted(self) -> str:
        return "linear layers or dense convolutions"


class LoRA(_LowRank):
    """The head, and a low-rank product beside every linear layer and dense convolution (Hu et al. 2022)."""

    kind: Literal["lora"] = "lora"


class QLoRA(_LowRank):
    """LoRA beside weights that are kept in 4 bits, NF4 (Dettmers et al. 2023)."""

    kind: Literal["qlora"] = "qlora"

    @property
    def needs(self) -> tuple[str, ...]:
        return ("bitsandbytes",)


class Bottleneck(_Part):
    """The head, and a small residual network after every block (Houlsby et al. 2019)."""

    kind: Literal["bottleneck"] = "bottleneck"
    width: Annotated[int, Unit("channels")] = Field(
        16, ge=1, le=1024, title="Width", description="How many channels each adapter has in its middle."
    )

    @property
    def moves(self) -> Moves:
        return "adapters"

    def added(self, group: Group) -> int:
        return self.width * (2 * group.block_channels + group.blocks) + group.block_channels

    def _has_any(self, group: Group) -> bool:
        return group.blocks > 0

    def _wanted(self) -> str:
        return "blocks to put an adapter after"


Scope = Annotated[
    HeadOnly | Top | FromGroup | Window | All | NormOnly | BitFit | LoRA | QLoRA | Bottleneck, Field(discriminator="kind")
]
