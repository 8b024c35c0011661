"""Energies along a scanned coordinate."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from virialff.figures.style import GREY, MARKERS, OKABE_ITO, finish

#: Only angles span so much; their ticks stand at sixths of a turn.
_MOST_OF_A_TURN = 300.0


def scan_figure(
    values: np.ndarray,
    energies: Mapping[str, np.ndarray],
    *,
    coordinate: str,
    quantity: str = "relative energy (kcal/mol)",
    start: float | None = None,
    colours: Mapping[str, int] | None = None,
    height: int = 440,
) -> go.Figure:
    """A marked line a method: energies (n_points,) in kcal/mol over the coordinate's values (n_points,).

    `coordinate` and `quantity` are the axis titles with their units. `start` marks where the scan began. `colours` maps
    methods to places in the palette, so that a method keeps its colour from figure to figure.
    """
    figure = go.Figure()
    for position, (label, heights) in enumerate(energies.items()):
        place = position if colours is None else colours[label]
        figure.add_scatter(
            x=values,
            y=heights,
            name=label,
            mode="lines+markers",
            line={"color": OKABE_ITO[place], "width": 2},
            marker={"symbol": MARKERS[place % len(MARKERS)], "size": 6},
            hovertemplate=f"%{{x:.2f}}<br>{label}: %{{y:.2f}} kcal/mol<extra></extra>",
        )
    if start is not None:
        figure.add_vline(x=start, line={"color": GREY, "dash": "dot", "width": 1.5})
        figure.add_annotation(
            x=start, y=1, yref="paper", text="start", showarrow=False, yanchor="bottom", font={"color": GREY}
        )
    if np.ptp(values) > _MOST_OF_A_TURN:
        figure.update_xaxes(tick0=0, dtick=60)
    return finish(figure, height=height, x_title=coordinate, y_title=quantity)
