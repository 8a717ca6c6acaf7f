"""The strategies' marks as a legend in HTML: it wraps on any screen, where a figure's own legend would crowd out the figure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from tlcore.figures.compare_names import Look, Names

OWN_LEGEND = 8  # strategies up to which a figure carries its legend itself

_SHAPES = {
    "circle": '<circle cx="8" cy="8" r="5"/>',
    "square": '<rect x="3.5" y="3.5" width="9" height="9"/>',
    "diamond": '<path d="M8 2 L14 8 L8 14 L2 8 Z"/>',
    "triangle-up": '<path d="M8 2.5 L14 13 L2 13 Z"/>',
    "x": '<path d="M4 2.5 L8 6.5 L12 2.5 L13.5 4 L9.5 8 L13.5 12 L12 13.5 L8 9.5 L4 13.5 L2.5 12 L6.5 8 L2.5 4 Z"/>',
    "star": '<path d="M8 1.5 L9.6 6 L14.3 6 L10.5 8.9 L12 13.6 L8 10.8 L4 13.6 L5.5 8.9 L1.7 6 L6.4 6 Z"/>',
}


def legend(strategies: Iterable[str], names: Names) -> str:
    """Each strategy's mark and name, in the comparison's order; names are escaped."""
    chips = "".join(
        f'<span style="display:inline-flex;align-items:center;gap:.3rem;white-space:nowrap">{mark(names.look(name))}'
        f"{escape(names.strategy(name))}</span>"
        for name in strategies
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.25rem 1rem;font-size:.84rem">{chips}</div>'


def mark(look: Look) -> str:
    """One marker as a small SVG picture."""
    shape = _SHAPES[look.marker.removesuffix("-open")]
    fill = "none" if look.marker.endswith("-open") else look.colour
    paint = f'fill="{fill}" stroke="{look.colour}" stroke-width="1.6"'
    return f'<svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" {paint}>{shape}</svg>'
