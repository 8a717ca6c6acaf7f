"""The spec of a training run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tlcore.spec.base import Lane, Spec, short
from tlcore.strategies import Strategy, defaults_of, preset
from tlcore.strategies.head import HeadKind

SourceName = Literal["imagenet-cifar10", "natural-photos", "earlier-tasks"]  # `tlcore/source_probes/catalogue.py` says what


class RunSpec(Spec):
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
    source_probes: tuple[SourceName, ...] = Field(
        (), description="What the network knew before, asked before training, after each epoch and at the end."
    )
    source_images: int = Field(300, ge=20, le=10_000, description="Images of each source, at most, at each of those looks.")
    keep_epochs: bool = Field(
        False, description="Keep the weights of every epoch too, so that the Explain page can show how the network changed."
    )

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

    @field_validator("source_probes")
    @classmethod
    def _each_source_once(cls, given: tuple[SourceName, ...]) -> tuple[SourceName, ...]:
        return tuple(dict.fromkeys(given))

    @property
    def subject(self) -> RunSpec:
        """The spec that names the backbone and the data: here the spec itself."""
        return self

    def training_alone(self) -> RunSpec:
        """The same training without what is asked or kept beside it, which changes no number of it."""
        beside = ("source_probes", "source_images", "keep_epochs")
        return self.model_copy(update={name: type(self).model_fields[name].default for name in beside})

    @property
    def lane(self) -> Lane:
        return "train"

    def slug(self) -> str:
        return f"{short(self.backbone)}-{short(self.dataset)}-{short(self.strategy.name)}"
