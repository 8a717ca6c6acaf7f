"""One map looked at closely: the network's own places with their values, over the picture, and a region drawn on it."""

from __future__ import annotations

import base64
import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from tlcore.explain.region import Region
from tlcore.figures.explain_overlay import EVIDENCE, SIGNED, colours
from tlcore.figures.words import percent

_STOPS = 32


def closer(
    picture: np.ndarray, values: np.ndarray, *, scale: float, strength: float, signed: bool, region: Region | None = None
) -> go.Figure:
    """The map (h, w) as its own cells over the picture, uint8 (S, S, 3): nothing between places is made up.

    Colours as in `explain_overlay.overlay`; the value of a place is on hover.
    """
    rows, columns = values.shape
    chart = go.Figure(
        layout={
            "height": 540,
            "margin": {"l": 8, "r": 8, "t": 40, "b": 60},
            "font": {"size": 14, "family": "Arial, Helvetica, sans-serif"},
            "plot_bgcolor": "rgba(0,0,0,0)",
            "images": [
                {"source": _uri(picture), "xref": "x", "yref": "y", "x": 0, "y": 0, "sizex": 1, "sizey": 1}
                | {"sizing": "stretch", "layer": "below"}
            ],
        }
    )
    chart.add_heatmap(
        z=values.astype(np.float32),
        x0=0.5 / columns,
        dx=1 / columns,
        y0=0.5 / rows,
        dy=1 / rows,
        zmin=-scale if signed else 0,
        zmax=scale or 1,
        colorscale=_see_through(strength, signed=signed),
        colorbar={"title": {"text": "Value"}, "orientation": "h", "y": -0.02, "yanchor": "top", "thickness": 12, "nticks": 5},
        hovertemplate="%{z:.4g}<br>%{x:.0%} from the left, %{y:.0%} from the top<extra></extra>",
    )
    axis = {"range": [0, 1], "visible": False, "constrain": "domain", "fixedrange": True}
    chart.update_xaxes(**axis)
    chart.update_yaxes(**axis | {"range": [1, 0], "scaleanchor": "x", "constraintoward": "top"})
    if region is not None:
        left, right, top, bottom = region
        for colour, width in (("#000000", 5), ("#ffffff", 2)):  # to be seen on anything
            chart.add_shape(type="rect", x0=left, x1=right, y0=top, y1=bottom, line={"color": colour, "width": width})
    return chart


def region_words(name: str, share: float, area: float) -> str:
    """'This run: 41.0 % of the positive evidence lies in the region, 3.4 times as much as its share of the picture.'"""
    if not np.isfinite(share):
        return f"{name}: this map has no positive evidence, so nothing of it lies anywhere."
    text = f"{name}: {percent(share)} of the positive evidence lies in the region"
    if area <= 0:
        return f"{text}."
    return f"{text}, {share / area:.2g} times its share of the picture."


def _see_through(strength: float, *, signed: bool) -> list[list[float | str]]:
    """The overlay's colours, each as opaque as `overlay` draws it."""
    table = colours(SIGNED if signed else EVIDENCE)
    told: list[list[float | str]] = []
    for at in np.linspace(0, 1, _STOPS + 1):
        red, green, blue = table[round(255 * at)]
        cover = strength * (abs(2 * at - 1) if signed else at)
        told.append([float(at), f"rgba({red},{green},{blue},{cover:.3f})"])
    return told


def _uri(picture: np.ndarray) -> str:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
