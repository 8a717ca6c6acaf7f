"""The specs of short questions: about a dataset, about a run that has not been started, and about one that is done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from tlcore.spec.base import Lane, Spec, short
from tlcore.spec.run import RunSpec, SourceName
from tlcore.strategies import Strategy
from tlcore.strategies.start import RUN_ID, FromRun

RunId = Annotated[str, Field(pattern=f"^{RUN_ID.pattern}$", description="The name of a run's folder, in full.")]


class CheckSpec(Spec):
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
        return f"check-{short(self.dataset)}"


class AboutRun(Spec):
    """A short question about a run that has not been started."""

    run: RunSpec

    @property
    def subject(self) -> RunSpec:
        """The spec that names the backbone and the data."""
        return self.run

    @property
    def lane(self) -> Lane:
        return "quick"


class MeasureSpec(AboutRun):
    """Time each phase of a run's plan on this machine, with the real network and the real batch size."""

    kind: Literal["measure"] = "measure"
    train_images: int = Field(ge=1)
    val_images: int = Field(ge=0)
    test_images: int = Field(ge=0)
    classes: int = Field(ge=2)

    def slug(self) -> str:
        return f"measure-{short(self.run.backbone)}"


class DialSpec(AboutRun):
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
        return f"dial-{short(self.run.backbone)}-{short(self.run.dataset)}"


class ShiftSpec(AboutRun):
    """Measure how far a dataset's images are from everyday photographs, as the pretrained backbone sees them.

    `run` names the backbone, its weights, the data, the image size and the seed; nothing else of it counts.
    """

    kind: Literal["shift"] = "shift"
    images: int = Field(400, ge=10, le=10_000, description="Images of each side, at most.")

    def slug(self) -> str:
        return f"shift-{short(self.run.backbone)}-{short(self.run.dataset)}"


class FindRateSpec(AboutRun):
    """Ask which learning rate suits a run: raise it from step to step until the loss diverges (Smith 2017)."""

    kind: Literal["find-rate"] = "find-rate"
    steps: int = Field(100, ge=20, le=1000, description="Steps of the ramp, about: it goes through the images in whole rounds.")

    def slug(self) -> str:
        return f"find-rate-{short(self.run.backbone)}-{short(self.run.dataset)}"


class LayersSpec(AboutRun):
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
    photographs: int = Field(
        200, ge=0, le=10_000, description="Everyday photographs that the images are held against at each depth; 0 for none."
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
        return f"layers-{short(self.run.backbone)}-{short(self.run.dataset)}"


class AboutFinishedRun(Spec):
    """A short question about a run that is done."""

    run_id: RunId

    @property
    def subject(self) -> None:
        """The backbone and the data are named by the run: `Run.subject` looks there."""
        return None

    @property
    def lane(self) -> Lane:
        return "quick"

    def slug(self) -> str:
        _, _, rest = self.run_id.partition("-")
        return f"{self.kind}-{rest.rpartition('-')[0]}"[:90].strip("-")


class ForgettingSpec(AboutFinishedRun):
    """Ask what a run's network forgot of what it knew at its start, where it was forgotten, and what brings it back."""

    kind: Literal["forgetting"] = "forgetting"
    sources: tuple[SourceName, ...] = Field(
        ("imagenet-cifar10", "natural-photos", "earlier-tasks"), min_length=1, description="Old knowledge to ask about."
    )
    images: int = Field(300, ge=10, le=10_000, description="Images at most, of each source and of the run's own test split.")
    points: int = Field(11, ge=2, le=101, description="Points on the way from the start to the run, both ends counted.")
    relearn_steps: int = Field(
        0, ge=0, le=1000, description="Steps of relearning the old task, from three starts; 0 for none. 40 tell a lot."
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @field_validator("sources")
    @classmethod
    def _each_once(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(given))


class BlendSpec(AboutFinishedRun):
    """Save a point on the way from a run's start to its end as a model: (1 - a) of the start and a of the run."""

    kind: Literal["blend"] = "blend"
    a: float = Field(ge=0, le=1, description="0 is the start, 1 the run.")
    batchnorm: Literal["interpolated", "recomputed"] = Field(
        "interpolated", description="BatchNorm's statistics: those of both ends mixed, or taken anew on training images."
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"


class ExportSpec(AboutFinishedRun):
    """Write the network that a run ended with to a file that others read without Thaw."""

    kind: Literal["export"] = "export"
    format: Literal["safetensors", "onnx"] = Field("safetensors", description="For plain timm, or for any ONNX runtime.")
