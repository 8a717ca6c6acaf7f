"""What to do: the specs of jobs, as frozen and validated data that goes to JSON and back. No torch.

`RunSpec` trains, `CheckSpec` looks at a dataset, `MeasureSpec` times a plan on this machine, `DialSpec` asks every level what
training from there up gives, `ShiftSpec` how far a dataset is from what the backbone learnt, `FindRateSpec` which learning
rate suits a run, `LayersSpec` what each layer group knows of a task, `ForgettingSpec` what a finished run forgot, `BlendSpec`
saves a point between its start and its end, `ExplainSpec` where its network looks, `ExportSpec` writes that network for
others, `TransferabilitySpec` asks how well each layer of a small network serves other classes. A spec holds everything that
the numbers depend on; the same spec on the same machine gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from tlcore.spec.base import Lane, Spec
from tlcore.spec.explain import ExplainSpec
from tlcore.spec.questions import (
    BlendSpec,
    CheckSpec,
    DialSpec,
    ExportSpec,
    FindRateSpec,
    ForgettingSpec,
    LayersSpec,
    MeasureSpec,
    ShiftSpec,
)
from tlcore.spec.run import RunSpec, SourceName
from tlcore.spec.transferability import TransferabilityCostSpec, TransferabilitySpec
from tlcore.strategies.axis import in_words

__all__ = [
    "AnySpec",
    "BlendSpec",
    "CheckSpec",
    "DialSpec",
    "ExplainSpec",
    "ExportSpec",
    "FindRateSpec",
    "ForgettingSpec",
    "JobSpec",
    "Lane",
    "LayersSpec",
    "MeasureSpec",
    "RunSpec",
    "ShiftSpec",
    "SourceName",
    "Spec",
    "TransferabilityCostSpec",
    "TransferabilitySpec",
    "make",
    "parse",
]

AnySpec = (
    RunSpec | CheckSpec | MeasureSpec | DialSpec | ShiftSpec | FindRateSpec | LayersSpec | ForgettingSpec | BlendSpec
    | ExplainSpec | ExportSpec | TransferabilitySpec | TransferabilityCostSpec
)  # fmt: skip
JobSpec = Annotated[AnySpec, Field(discriminator="kind")]
_any_spec: TypeAdapter[AnySpec] = TypeAdapter(JobSpec)
S = TypeVar("S", bound=Spec)


def make(kind: type[S], /, **fields: Any) -> S:
    """Build a spec from what a person typed: fields of any type, which the spec itself checks. Raises `SpecError`."""
    return kind(**fields)


def parse(data: Mapping[str, object] | str | bytes) -> AnySpec:
    """Read a spec of any kind from JSON or from plain data. Raises `SpecError`."""
    try:
        return _any_spec.validate_json(data) if isinstance(data, str | bytes) else _any_spec.validate_python(data)
    except ValidationError as error:
        raise in_words(error) from None
