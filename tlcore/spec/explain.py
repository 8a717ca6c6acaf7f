"""The spec of an explanation: where a finished run's network looks, and whether that can be believed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tlcore.errors import SpecError
from tlcore.spec.questions import AboutFinishedRun, RunId

Belief = Literal["deletion", "randomization", "stability", "inside"]
MethodName = Literal[
    "gradcam", "gradcam++", "integrated-gradients", "guided-gradcam", "occlusion", "attention-rollout"
]  # `tlcore/explain/methods.py` says what each is
Which = Annotated[str, Field(pattern="^[^=]+=.+$", max_length=300)]
_LEAST = 0.01 - 1e-9  # of the side
PictureDigest = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the pixels of a picture that arrived.")]


class ExplainSpec(AboutFinishedRun):
    """Ask where a run's network looks: on images of its dataset, or on a person's own picture."""

    kind: Literal["explain"] = "explain"
    beside: tuple[RunId, ...] = Field((), max_length=3, description="Finished runs of the same classes, to lay beside.")
    start: bool = Field(True, description="Lay the network beside as it started, with a linear probe as its head.")
    epochs: bool = Field(False, description="Lay every epoch beside whose weights the run kept.")
    picture: PictureDigest | None = Field(None, description="A person's own picture, in place of images of the dataset.")
    split: Literal["test", "val", "train"] = Field("test", description="Where the images are taken from.")
    ids: tuple[str, ...] = Field((), max_length=200, description="Images by their names; none: the galleries choose.")
    only: tuple[Which, ...] = Field(
        (),
        max_length=50,
        description="Images that galleries choose from: class=NAME, or of a column of metadata, COLUMN=VALUE.",
    )
    each: int = Field(6, ge=1, le=50, description="Images of each gallery: surely right, surely wrong, unsure, changed.")
    method: MethodName = Field("gradcam", description="How it is asked.")
    layer: str = Field("last", min_length=1, max_length=100, description="A layer group, last for the last, or all.")
    target: str | None = Field(None, max_length=200, description="The class to explain; without it the one that is predicted.")
    against: str | None = Field(None, max_length=200, description="Explain why the target and not this class.")
    belief: tuple[Belief, ...] = Field((), description="Evidence that the maps can be believed.")
    region: tuple[float, float, float, float] | None = Field(
        None, description="Count the evidence in this part of every image: left, right, top, bottom, each from 0 to 1."
    )
    belief_images: int = Field(48, ge=8, le=2000, description="Images that this evidence is measured on.")
    confidence: float = Field(0.9, ge=0.5, le=0.999, description="How often a prediction set is to hold the truth.")
    seed: int = Field(0, ge=0, le=2**31 - 1)
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @field_validator("beside", "ids", "belief", "only")
    @classmethod
    def _each_once(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(given))

    @model_validator(mode="after")
    def _fits_together(self) -> ExplainSpec:
        if self.run_id in self.beside:
            raise SpecError("A run is not laid beside itself.", next_step="Leave it out, or name another one.")
        if self.region is not None and not _is_region(*self.region):
            raise SpecError(
                f"{self.region} is no part of a picture.",
                next_step="Name its left, right, top and bottom edge, each from 0 to 1, a hundredth or more apart.",
            )
        if self.against is not None and self.against == self.target:
            raise SpecError("A class is held against another one, not itself.", next_step="Name another class.")
        if self.region is not None and "inside" not in self.belief:
            raise SpecError(
                "A region is asked about by the evidence `inside`.", next_step="Ask for it, or leave the region out."
            )
        if self.only and (self.ids or self.picture is not None):
            raise SpecError(
                "What galleries choose among was named, and images that are not chosen.", next_step="Name one or the others."
            )
        if self.picture is not None and self.ids:
            raise SpecError("A picture and images of the dataset were named.", next_step="Name one or the others.")
        return self


def _is_region(left: float, right: float, top: float, bottom: float) -> bool:
    return 0 <= left <= right - _LEAST and right <= 1 and 0 <= top <= bottom - _LEAST and bottom <= 1
