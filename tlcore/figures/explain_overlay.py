"""A map over its picture, in colours: on a scale that is given, so that pictures which stand side by side can be compared.

The colours grow in lightness evenly and stay apart for every common kind of colour blindness: Inferno for evidence, and purple
to green for methods whose values speak for and against. Where there is no evidence the picture shows through untouched.
NumPy and Pillow alone.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from plotly.colors import sample_colorscale, unlabel_rgb

EVIDENCE: Final = "Inferno"
SIGNED: Final = "PRGn"  # against is purple, for is green
STRENGTH: Final = 0.75  # how much of the picture the strongest evidence hides
_BAR: Final = 14  # pixels of the legend's bar
_LINE: Final = 16  # pixels of a line of text
_MARGIN: Final = 8
_MOST: Final = 512  # a picture below it is enlarged for the export


@lru_cache(maxsize=4)
def colours(name: str) -> np.ndarray:
    """256 colours of a scale, uint8 (256, 3), from its low end to its high one."""
    sampled = sample_colorscale(name, np.linspace(0, 1, 256).tolist())
    return np.array([[round(value) for value in unlabel_rgb(colour)] for colour in sampled], np.uint8)


def overlay(
    picture: np.ndarray, values: np.ndarray, *, scale: float, strength: float = STRENGTH, signed: bool = False
) -> np.ndarray:
    """The picture, uint8 (S, S, 3), under the map (S, S): uint8 (S, S, 3).

    `scale` is the value that has the strongest colour; what is above it is drawn as that. A scale of 0, where no map on it has
    any evidence, leaves the picture as it is. Values below 0 are drawn where the method is `signed`, else left out.
    """
    shares = np.clip(values / scale, -1 if signed else 0, 1) if scale > 0 else np.zeros(values.shape)
    table = colours(SIGNED if signed else EVIDENCE)
    places = np.rint((shares + 1) / 2 * 255 if signed else shares * 255).astype(int)
    cover = (strength * np.abs(shares))[..., None]
    return np.rint(picture * (1 - cover) + table[places] * cover).astype(np.uint8)


def legend_words(scale: float, *, signed: bool) -> tuple[str, str]:
    """What stands at the two ends of the bar."""
    return (f"{-scale:.3g} against", f"{scale:.3g} for it") if signed else ("no evidence", f"{scale:.3g} and above")


def exported(picture: np.ndarray, *, scale: float, signed: bool, lines: Sequence[str], provenance: str) -> bytes:
    """A drawn map as PNG, with its legend and `lines` of words below it, and `provenance` in its Description as well.

    `picture` is uint8 (S, S, 3), already overlaid; a small one is enlarged in whole steps. Line breaks in words become spaces.
    """
    times = max(1, round(_MOST / picture.shape[0]))
    large = Image.fromarray(picture).resize([times * side for side in reversed(picture.shape[:2])], Image.Resampling.NEAREST)
    font = ImageFont.load_default(12)
    width = large.width
    said = [part for line in lines for part in _broken(" ".join(line.split()), font, width - 2 * _MARGIN)]
    below = 2 * _MARGIN + _BAR + _LINE * (1 + len(said)) + _MARGIN
    sheet = Image.new("RGB", (width, large.height + below), "white")
    sheet.paste(large, (0, 0))
    top = large.height + _MARGIN
    table = colours(SIGNED if signed else EVIDENCE)
    bar = Image.fromarray(np.broadcast_to(table[None], (_BAR, 256, 3)).copy()).resize((width - 2 * _MARGIN, _BAR))
    sheet.paste(bar, (_MARGIN, top))
    draw = ImageDraw.Draw(sheet)
    low, high = legend_words(scale, signed=signed)
    draw.text((_MARGIN, top + _BAR), low, "black", font)
    draw.text((width - _MARGIN - draw.textlength(high, font), top + _BAR), high, "black", font)
    for place, line in enumerate(said, start=1):
        draw.text((_MARGIN, top + _BAR + _MARGIN + _LINE * place), line, "black", font)
    info = PngInfo()
    info.add_itxt("Description", provenance)
    content = io.BytesIO()
    sheet.save(content, "PNG", pnginfo=info)
    return content.getvalue()


def _broken(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> list[str]:
    """The text in lines that fit; a word that is longer than a line is cut."""
    lines = [""]
    for word in text.split():
        while font.getlength(word) > width:
            fits = next(n for n in range(len(word), 0, -1) if n == 1 or font.getlength(word[:n]) <= width)
            lines += [word[:fits]]
            word = word[fits:]
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [line for line in lines if line]
