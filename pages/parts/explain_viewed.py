"""How the maps of an explanation are looked at: which image, at which layer, how strongly, on whose scale. No Streamlit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """What the controls over the maps say."""

    place: int  # of the image
    layer: str | None
    strength: float  # 0 to 1: how much of the picture the strongest evidence hides
    own_scale: bool  # each map on its own scale; else one for all networks
