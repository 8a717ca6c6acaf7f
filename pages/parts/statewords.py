"""A run's state as an icon and in words, and a run's name for people."""

from __future__ import annotations

from pages.parts.own_names import own_name
from tlcore.figures.words import strategy_title
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import StateName
from tlcore.spec import (
    AnySpec,
    BlendSpec,
    CheckSpec,
    DialSpec,
    ExplainSpec,
    ExportSpec,
    FindRateSpec,
    ForgettingSpec,
    LayersSpec,
    MeasureSpec,
    ShiftSpec,
    TransferabilityCostSpec,
    TransferabilitySpec,
)

EXPORT_NAMES = {"safetensors": "safetensors", "onnx": "ONNX"}

STATE_ICONS: dict[StateName, str] = {
    "queued": ":material/hourglass_empty:",
    "running": ":material/play_circle:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/block:",
    "lost": ":material/power_off:",
}

STATE_WORDS: dict[StateName, str] = {
    "queued": "Waiting",
    "running": "Running",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "lost": "Lost",
}


def run_title(spec: AnySpec) -> str:
    """What a run does, in a few words; not yet safe for Markdown."""
    if isinstance(spec, CheckSpec):
        return f"Look at {dataset_name(spec.dataset)}"
    if isinstance(spec, MeasureSpec):
        return f"Time {strategy_title(spec.run.strategy)} of {backbone_name(spec.run.backbone)}"
    if isinstance(spec, DialSpec):
        return f"Ask every level of {backbone_name(spec.run.backbone)} on {dataset_name(spec.run.dataset)}"
    if isinstance(spec, ShiftSpec):
        return f"Measure how far {dataset_name(spec.run.dataset)} is from photographs"
    if isinstance(spec, FindRateSpec):
        return f"Find a rate for {strategy_title(spec.run.strategy)} on {dataset_name(spec.run.dataset)}"
    if isinstance(spec, LayersSpec):
        return f"Ask the layers of {backbone_name(spec.run.backbone)} about {dataset_name(spec.run.dataset)}"
    if isinstance(spec, ForgettingSpec):
        return f"What run {spec.run_id[-4:]} forgot"
    if isinstance(spec, BlendSpec):
        return f"Save run {spec.run_id[-4:]} at {spec.a:g} of the way from its start"
    if isinstance(spec, ExplainSpec):
        return f"Where run {spec.run_id[-4:]} looks" + (" in your picture" if spec.picture else "")
    if isinstance(spec, ExportSpec):
        return f"Write run {spec.run_id[-4:]} as {EXPORT_NAMES[spec.format]}"
    if isinstance(spec, TransferabilityCostSpec):
        return f"Time the transferability experiment on {dataset_name(spec.dataset)}"
    if isinstance(spec, TransferabilitySpec):
        return f"Transferability of a small network's layers on {dataset_name(spec.dataset)}"
    return f"{strategy_title(spec.strategy)} on {dataset_name(spec.dataset)}"


def backbone_name(backbone: str) -> str:
    """A catalogued backbone's title, or timm's own name for it."""
    return BACKBONES[backbone].title if backbone in BACKBONES else backbone


def dataset_name(dataset: str) -> str:
    """A catalogued dataset's title; a person's own data go by their folder's or their ZIP's name, never by a whole path."""
    from tlcore.data.catalogue import DATASETS

    return DATASETS[dataset].title if dataset in DATASETS else own_name(dataset)
