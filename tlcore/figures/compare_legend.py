"""The strategies' marks as a legend in HTML: it wraps on any screen, where a figure's own legend would crowd out the figure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from tlcore.figures.compare_names import Look, Names

OWN_LEGEND = 8  # strategies up to which a figure carries its legend itself

# Letters, not pictures: Streamlit keeps no SVG in a piece of HTML.
_SIGNS = {
    "circle": "\N{BLACK CIRCLE}",
    "square": "\N{BLACK SQUARE}",
    "diamond": "\N{BLACK DIAMOND}",
    "triangle-up": "\N{BLACK UP-POINTING TRIANGLE}",
    "x": "\N{MULTIPLICATION SIGN}",
    "star": "\N{BLACK STAR}",
    "circle-open": "\N{WHITE CIRCLE}",
    "square-open": "\N{WHITE SQUARE}",
    "diamond-open": "\N{WHITE DIAMOND}",
    "triangle-up-open": "\N{WHITE UP-POINTING TRIANGLE}",
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
    """One marker as a coloured letter."""
    weight = "font-weight:900;" if look.marker == "x" else ""
    return f'<span aria-hidden="true" style="color:{look.colour};{weight}font-size:1.05rem">{_SIGNS[look.marker]}</span>'
