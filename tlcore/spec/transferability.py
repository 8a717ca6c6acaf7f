"""The specs of the transferability experiment of Yosinski et al. 2014."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tlcore.spec.base import Lane, Spec, short
from tlcore.spec.run import RunSpec


class TransferabilitySpec(Spec):
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
        return f"{self.kind}-{short(self.dataset)}"


class TransferabilityCostSpec(TransferabilitySpec):
    """Time some steps of each network of a `TransferabilitySpec` with the same fields, and say what all of it would take."""

    kind: Literal["transferability-cost"] = "transferability-cost"  # type: ignore[assignment]

    @property
    def lane(self) -> Lane:
        return "quick"
