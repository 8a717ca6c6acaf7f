"""What to do: the specs of jobs, as frozen and validated data that goes to JSON and back. No torch.

`RunSpec` trains, `CheckSpec` looks at a dataset, `MeasureSpec` times a plan on this machine, `DialSpec` asks every level what
training from there up gives, `ShiftSpec` how far a dataset is from what the backbone learnt, `FindRateSpec` which learning
rate suits a run, `LayersSpec` what each layer group knows of a task, `TransferabilitySpec` how well each layer of a small
network serves other classes. A spec holds everything that the numbers depend on; the same spec on the same machine gives the
same numbers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from tlcore.strategies import Strategy, defaults_of, preset
from tlcore.strategies.axis import in_words
from tlcore.strategies.head import HeadKind
from tlcore.strategies.start import RUN_ID, FromRun

Lane = Literal["train", "quick"]
RunId = Annotated[str, Field(pattern=f"^{RUN_ID.pattern}$", description="The name of a run's folder, in full.")]


class _Spec(BaseModel):
    """What the specs have in common. A wrong field raises `SpecError`, however the spec is made: by name, or from JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_in_words(cls, given: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return build(given)
        except ValidationError as error:
            raise in_words(error) from None

    def digest(self) -> str:
        """SHA-256 of the spec's canonical JSON: equal specs have equal digests, in every process."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _short(name: str, limit: int = 24) -> str:
    return re.sub(r"[^a-z0-9]+", "-", PurePath(name).name.lower()).strip("-")[:limit].strip("-") or "x"


class RunSpec(_Spec):
    """Train one backbone on one dataset by one strategy."""

    kind: Literal["train"] = "train"
    backbone: str = Field("tf_efficientnet_lite0", min_length=1, description="A catalogued backbone, or any timm model.")
    weights: str | None = Field(
        None, description="Your own safetensors file, or package or hub for that source alone; None tries each in order."
    )
    dataset: str = Field(
        min_length=1,
        description="A catalogued dataset, or the path of a folder of class folders, of its ZIP, or of DICOM files.",
    )
    labels: str | None = Field(None, description="For DICOM: the CSV file with the columns file, label and (optional) patient.")
    strategy: Strategy = Field(default_factory=lambda: preset("linear-probe"), description="A preset's name, or five choices.")
    head: HeadKind = Field("linear", description="What turns features into logits, in place of the pretrained classifier.")
    epochs: int = Field(5, ge=1, le=1000)
    lr: float = Field(1e-3, gt=0, le=10, description="The head's peak learning rate; the groups' rates are multiples of it.")
    optimizer: Literal["adamw", "sgd"] = "adamw"
    weight_decay: float = Field(0.01, ge=0, le=1, description="Applied to weight matrices only, never to biases and norms.")
    batch_size: int = Field(32, ge=1, le=4096)
    image_size: int = Field(128, ge=16, le=1024, description="Side of the square image, in pixels.")
    images_per_class: int | None = Field(None, ge=1, description="At most so many training images of each class; None for all.")
    augment: bool = Field(True, description="Random crops and flips that suit the dataset, drawn anew for each image.")
    views: int = Field(
        4,
        ge=0,
        le=64,
        description="Augmented views of each image that frozen layers compute once and keep; 0: fresh every epoch.",
    )
    cut: Literal["auto", "off"] = Field(
        "auto", description="Compute the frozen layers once and keep what they make of each image, where that pays."
    )
    head_solver: Literal["auto", "minibatch"] = Field(
        "auto",
        description="A linear head that trains alone on kept features: auto solves it by L-BFGS, minibatch trains it as the "
        "rest. Other heads are always trained.",
    )
    class_weights: bool = Field(False, description="Weigh each class by the inverse of its frequency in the training split.")
    patience: int | None = Field(
        None, ge=1, description="End a phase after so many epochs without a better validation loss; None never does."
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Number format of the forward pass. auto is mixed precision on a GPU, and on a CPU what is measured as "
        "fastest, for the frozen layers and for those that train.",
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: int = Field(0, ge=0, le=2**31 - 1)

    @model_validator(mode="before")
    @classmethod
    def _as_its_preset_is_meant(cls, given: Any) -> Any:
        """A preset by its name brings what it is meant with, where nothing else is given; one that is data brings nothing."""
        named = given.get("strategy") if isinstance(given, dict) else None
        return defaults_of(named) | given if isinstance(named, str) else given

    @field_validator("strategy", mode="before")
    @classmethod
    def _preset_by_name(cls, value: object) -> object:
        return preset(value) if isinstance(value, str) else value

    @property
    def subject(self) -> RunSpec:
        """The spec that names the backbone and the data: here the spec itself."""
        return self

    @property
    def lane(self) -> Lane:
        return "train"

    def slug(self) -> str:
        return f"{_short(self.backbone)}-{_short(self.dataset)}-{_short(self.strategy.name)}"


class CheckSpec(_Spec):
    """Look at a dataset: fetch it, count it, show samples, and check its quality."""

    kind: Literal["check"] = "check"
    dataset: str = Field(min_length=1)
    labels: str | None = None
    image_size: int = Field(128, ge=16, le=1024)
    images_per_class: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0, le=2**31 - 1)

    @property
    def subject(self) -> CheckSpec:
        """The spec that names the data: here the spec itself."""
        return self

    @property
    def lane(self) -> Lane:
        return "quick"

    def slug(self) -> str:
        return f"check-{_short(self.dataset)}"


class _AboutRun(_Spec):
    """A short question about a run that has not been started."""

    run: RunSpec

    @property
    def subject(self) -> RunSpec:
        """The spec that names the backbone and the data."""
        return self.run

    @property
    def lane(self) -> Lane:
        return "quick"


class MeasureSpec(_AboutRun):
    """Time each phase of a run's plan on this machine, with the real network and the real batch size."""

    kind: Literal["measure"] = "measure"
    train_images: int = Field(ge=1)
    val_images: int = Field(ge=0)
    test_images: int = Field(ge=0)
    classes: int = Field(ge=2)

    def slug(self) -> str:
        return f"measure-{_short(self.run.backbone)}"


class DialSpec(_AboutRun):
    """Ask at every level at once what training from there up gives: a few images, a few epochs, the validation split.

    `run` names the backbone, its weights, the data, the image size, the head, the rate and the seed. Of its strategy the start
    and the pull count; the levels take the place of the rest.
    """

    kind: Literal["dial"] = "dial"
    images: int = Field(160, ge=2, le=100_000, description="Training images, of all classes together.")
    val_images: int = Field(400, ge=2, le=100_000, description="Validation images at most.")
    epochs: int = Field(3, ge=1, le=100, description="Epochs in which the groups of a level train, the head solved before.")
    kept_only: bool = Field(False, description="Ask only where the cache holds all that the frozen layers make of its images.")

    def slug(self) -> str:
        return f"dial-{_short(self.run.backbone)}-{_short(self.run.dataset)}"


class ShiftSpec(_AboutRun):
    """Measure how far a dataset's images are from everyday photographs, as the pretrained backbone sees them.

    `run` names the backbone, its weights, the data, the image size and the seed; nothing else of it counts.
    """

    kind: Literal["shift"] = "shift"
    images: int = Field(400, ge=10, le=10_000, description="Images of each side, at most.")

    def slug(self) -> str:
        return f"shift-{_short(self.run.backbone)}-{_short(self.run.dataset)}"


class FindRateSpec(_AboutRun):
    """Ask which learning rate suits a run: raise it from step to step until the loss diverges (Smith 2017)."""

    kind: Literal["find-rate"] = "find-rate"
    steps: int = Field(100, ge=20, le=1000, description="Steps of the ramp, about: it goes through the images in whole rounds.")

    def slug(self) -> str:
        return f"find-rate-{_short(self.run.backbone)}-{_short(self.run.dataset)}"


class LayersSpec(_AboutRun):
    """Ask each layer group, without training any, what it knows of a task: by its weights' source, and by finished runs.

    `run` names the backbone, its weights, the data, the image size and the seed; nothing else of it counts.
    """

    kind: Literal["layers"] = "layers"
    runs: tuple[RunId, ...] = Field((), max_length=8, description="Finished runs of the same backbone, to lay beside.")
    images: int = Field(1000, ge=40, le=100_000, description="Images at most, of all three splits together.")
    blocks: bool = Field(False, description="Ask each block within a group too.")
    sources: tuple[Literal["pretrained", "random"], ...] = Field(
        ("pretrained", "random"), min_length=1, description="Weights to ask besides those of the runs."
    )
    embed: tuple[Literal["pca", "tsne", "umap"], ...] = Field(
        ("pca",), description="How each layer's images are laid out in two dimensions."
    )

    @field_validator("runs", "sources", "embed")
    @classmethod
    def _each_once(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(given))

    def started_from(self, run_id: str) -> RunSpec:
        """A run that would start where the finished run `run_id` ended, with its head where that is a linear one."""
        strategy = Strategy(start=FromRun(run_id=run_id))
        return self.run.model_copy(update={"strategy": strategy, "head": "linear", "weights": None})

    def slug(self) -> str:
        return f"layers-{_short(self.run.backbone)}-{_short(self.run.dataset)}"


class TransferabilitySpec(_Spec):
    """Ask how well each layer of a small network, trained here on half of the classes, serves the others (Yosinski 2014)."""

    kind: Literal["transferability"] = "transferability"
    dataset: str = Field(min_length=1, description=RunSpec.model_fields["dataset"].description)
    labels: str | None = Field(None, description=RunSpec.model_fields["labels"].description)
    halves: Literal["random", "distant"] = Field("random", description="Classes drawn by the seed, or two kinds far apart.")
    reverse: bool = Field(False, description="Exchange the halves: what is A else is B.")
    seeds: int = Field(3, ge=1, le=50, description="How often all is done anew, from other starts.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="The first of the seeds; the others follow it.")
    batchnorm: bool = Field(False, description="Normalise after each convolution.")
    epochs: int = Field(15, ge=1, le=1000)
    lr: float = Field(2e-3, gt=0, le=10, description="The peak learning rate of AdamW; it falls along a cosine.")
    batch_size: int = Field(64, ge=2, le=4096)
    image_size: int = Field(32, ge=16, le=64, description="Side of the square image, in pixels.")
    images_per_class: int | None = Field(None, ge=2, description="At most so many training images of each class; None for all.")
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @property
    def subject(self) -> TransferabilitySpec:
        """The spec that names the data: here the spec itself."""
        return self

    @property
    def lane(self) -> Lane:
        return "train"

    def slug(self) -> str:
        return f"{self.kind}-{_short(self.dataset)}"


class TransferabilityCostSpec(TransferabilitySpec):
    """Time some steps of each network of a `TransferabilitySpec` with the same fields, and say what all of it would take."""

    kind: Literal["transferability-cost"] = "transferability-cost"  # type: ignore[assignment]

    @property
    def lane(self) -> Lane:
        return "quick"


AnySpec = (
    RunSpec | CheckSpec | MeasureSpec | DialSpec | ShiftSpec | FindRateSpec | LayersSpec
    | TransferabilitySpec | TransferabilityCostSpec
)  # fmt: skip
JobSpec = Annotated[AnySpec, Field(discriminator="kind")]
_any_spec: TypeAdapter[AnySpec] = TypeAdapter(JobSpec)
S = TypeVar("S", bound=_Spec)


def make(kind: type[S], /, **fields: Any) -> S:
    """Build a spec from what a person typed: fields of any type, which the spec itself checks. Raises `SpecError`."""
    return kind(**fields)


def parse(data: Mapping[str, object] | str | bytes) -> AnySpec:
    """Read a spec of any kind from JSON or from plain data. Raises `SpecError`."""
    try:
        return _any_spec.validate_json(data) if isinstance(data, str | bytes) else _any_spec.validate_python(data)
    except ValidationError as error:
        raise in_words(error) from None
