"""What all Plotly figures have in common."""

from __future__ import annotations

from typing import Literal

import plotly.graph_objects as go

ImageFormat = Literal["png", "svg"]


def figure(*, x: str, y: str, height: int = 364) -> go.Figure:
    """An empty figure with titled axes, the legend inside it and on top, and colours left to the page's theme."""
    return go.Figure(
        layout={
            "height": height,
            "margin": {"l": 60, "r": 20, "t": 108, "b": 50},  # above: the buttons, and three lines of legend on a phone
            "xaxis": {"title": {"text": x}},
            "yaxis": {"title": {"text": y}},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
            # A font of the system: a saved figure has no web fonts, and the words of another font would be cut off.
            "font": {"size": 14, "family": "Arial, Helvetica, sans-serif"},
            "hoverlabel": {"align": "left"},
        }
    )


def modebar(name: str, kind: ImageFormat = "png") -> dict[str, object]:
    """Plotly's configuration: one button that saves the figure as `name`.png (at twice the size) or `name`.svg."""
    return {
        "displaylogo": False,
        "displayModeBar": True,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
        "toImageButtonOptions": {"format": kind, "filename": name, "scale": 2},
    }


def escaped(text: object) -> str:
    """Text from people as Plotly shows it: Plotly reads a small HTML in every string."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")
