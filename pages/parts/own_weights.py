"""A person's own weights: uploaded, and refused at once where they cannot be this backbone's."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import streamlit as st
from safetensors import SafetensorError, deserialize

from pages.parts.choices import key
from pages.parts.session import say
from pages.parts.text import plain
from tlcore.errors import SpecError
from tlcore.figures.words import count
from tlcore.files import write_atomically
from tlcore.models.catalogue import BackboneCard
from tlcore.settings import uploads_dir

# Tensors of a state dict that are no parameters: what timm's catalogued networks keep beside them.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index", "attn_mask")
_BY_IMAGE_SIZE = "pos_embed"  # a network with this has another number of parameters at another image size
_MOST_CLASSES = 30_000  # ImageNet-21k has 21,843


def own_weights(kept: str | None = None) -> None:
    """The upload, and what is in use. Whether the file fits the backbone is said beside the plan by `check_weights`.

    `kept` is the session's name for what is chosen, which is the name of a file in the upload folder: the Train form's own
    unless another form gives its.
    """
    kept = kept or key("weights")
    turn = st.session_state.setdefault(f"{kept}-turn", 0)  # an uploader that has been emptied is another one
    file = st.file_uploader(
        "Your own weights for this backbone",
        type=["safetensors"],
        key=f"{kept}-file-{turn}",
        help="A safetensors file with timm's names, in place of the catalogue's pretrained weights.",
    )
    content = file.getvalue() if file is not None else None
    if content is not None and not _is_safetensors(content):
        say("That file is not a whole safetensors file.", "Save the weights with safetensors and upload them again.")
    elif content is not None:
        path: Path = uploads_dir() / f"weights-{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
        if not path.exists():
            write_atomically(path, content)
        st.session_state[kept] = path.name
    if st.session_state[kept]:
        st.caption(f"In use: your file {plain(file.name if file else st.session_state[kept])}.")
        st.button("Back to the catalogue's weights", key=f"{kept}-back", on_click=_back, args=(kept, turn))


def _back(kept: str, turn: int) -> None:
    st.session_state[kept] = None
    st.session_state[f"{kept}-turn"] = turn + 1


def check_weights(file: Path, card: BackboneCard) -> None:
    """Raise `SpecError` where the file holds another number of parameters than the backbone has, with or without a head.

    Counted from the file's header alone, so that the refusal comes when the file is chosen; the names and the shape of each
    tensor are compared by the run that builds the network. A backbone that is known to hold position embeddings is not
    judged here: how many parameters those are depends on the image size.
    """
    shapes = _shapes(file)
    if any(name.endswith(_BY_IMAGE_SIZE) for name in shapes):
        return
    held = sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(_BUFFERS))
    body = sum(group.params for group in card.groups)
    if not _is_head(held - body, card.head_inputs):
        raise SpecError(
            f"Your file does not hold the weights of {card.title}: it has {count(held)} parameters, where that has "
            f"{count(body)} without its head.",
            next_step="Choose the backbone that the file belongs to, or go back to the catalogue's weights in More settings.",
        )


def _is_head(params: int, inputs: int) -> bool:
    """Whether a linear layer over `inputs` features can have so many parameters, with a bias or without; none is none."""
    return any(params % each == 0 and 0 <= params // each <= _MOST_CLASSES for each in (inputs + 1, inputs))


def _shapes(file: Path) -> dict[str, list[int]]:
    """The shape of each tensor, from the header: its length in eight bytes, then JSON. Raises `SpecError`."""
    try:
        with open(file, "rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header = json.loads(opened.read(min(length, file.stat().st_size)))
        return {name: list(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpecError(
            "The weights that were uploaded can't be read (any more).", next_step="Upload them again under More settings."
        ) from error


def _is_safetensors(content: bytes) -> bool:
    """Whether the file can be read at all."""
    try:
        return bool(deserialize(content))
    except SafetensorError:
        return False
