"""The confusion matrix, and what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tlcore.figures.palette import SEQUENTIAL
from tlcore.figures.style import escaped, figure
from tlcore.figures.words import count, percent, times

LARGEST_WITH_SHARES = 6  # classes; with more, a cell has room for its count alone
LARGEST_WITH_TEXT = 12  # classes; with more, the numbers are in the hover text alone


def confusion_matrix(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> tuple[go.Figure, str]:
    """Rows are the truth, columns the answer; colour and percentages are shares of the row. With its reading."""
    shares = [[cell / sum(row) if sum(row) else 0.0 for cell in row] for row in matrix]
    names = [escaped(_short(name)) for name in classes]
    places = list(range(len(names)))
    chart = figure(x="Answer", y="Truth", height=max(320, 130 + 46 * min(len(names), 12)))
    text = [[_cell(n, s, len(names)) for n, s in zip(*rows, strict=True)] for rows in zip(matrix, shares, strict=True)]
    hover = [[f"truth: {names[i]}<br>answer: {names[j]}<br>{times(matrix[i][j], 'image')}" for j in places] for i in places]
    chart.add_heatmap(
        z=[[100 * share for share in row] for row in shares],
        x=places,
        y=places,
        zmin=0,
        zmax=100,
        colorscale=[list(stop) for stop in SEQUENTIAL],
        showscale=False,
        customdata=hover,
        hovertemplate="%{customdata}<extra></extra>",
        xgap=2,
        ygap=2,
    )
    if len(names) <= LARGEST_WITH_TEXT:
        for i in places:
            for j in places:
                chart.add_annotation(x=j, y=i, text=text[i][j], showarrow=False, font={"size": 15})
    chart.update_xaxes(tickvals=places, ticktext=names, showgrid=False, zeroline=False)
    chart.update_yaxes(tickvals=places, ticktext=names, autorange="reversed", showgrid=False, zeroline=False)
    return chart, confusion_reading(matrix, classes)


def confusion_reading(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """How many are wrong, and which mix-up is the most frequent."""
    total = sum(map(sum, matrix))
    wrong = total - sum(row[i] for i, row in enumerate(matrix))
    if not wrong:
        return f"All {count(total)} test images are named rightly."
    worst = max(((i, j) for i in range(len(matrix)) for j in range(len(matrix)) if i != j), key=lambda at: matrix[at[0]][at[1]])
    number = matrix[worst[0]][worst[1]]
    row = sum(matrix[worst[0]])
    return (
        f"{count(wrong)} of {count(total)} test images are wrong. The most frequent mix-up: {count(number)} of {count(row)} "
        f"images of {classes[worst[0]]!r} ({percent(number / row, 0)}) are taken for {classes[worst[1]]!r}."
    )


def _cell(number: int, share: float, classes: int) -> str:
    """What stands in a cell: the count and its share of the row; the count alone where there is little room, and no zeros."""
    if classes <= LARGEST_WITH_SHARES:
        return f"{count(number)}<br>{100 * share:.0f} %"
    return count(number) if number else ""


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:22] + "…"
