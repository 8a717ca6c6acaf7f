"""What can be refused before anything is fetched, decoded or written, for each kind of job. No torch for catalogued names."""

from __future__ import annotations

from tlcore.data.catalogue import dataset_card
from tlcore.errors import DataError
from tlcore.models.find import find_backbone
from tlcore.spec import AnySpec, CheckSpec
from tlcore.strategies import compile_plan


def refuse_early(spec: AnySpec) -> None:
    """Refuse a spec that its job would refuse from its names and sizes alone.

    Raises `UnknownName` for a dataset or backbone, `DataError` for a folder that is not there or a dataset that cannot be
    trained on, `SpecError` for groups that do not exist, fewer epochs than phases, and an image size that does not suit.
    """
    if isinstance(spec, CheckSpec):
        dataset_card(spec.dataset)
        return
    asked = spec.subject
    data = dataset_card(asked.dataset)
    if not data.labelled:
        raise DataError(
            f"{data.title} has no labels, so nothing can be trained on it.",
            next_step="Choose a dataset with classes, or put your images into one folder per class.",
        )
    if data.refusal:
        raise DataError(f"{data.title} cannot be trained on. {data.refusal}", next_step="Choose another dataset.")
    backbone = find_backbone(asked.backbone)
    compile_plan(asked.strategy, backbone.groups_with_head(max(2, len(data.classes))), epochs=asked.epochs, lr=asked.lr)
    from tlcore.models.construct import check_image_size  # only here: it imports torch, which the job needs next

    check_image_size(backbone, asked.image_size)
