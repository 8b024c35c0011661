"""Figures of learning curves."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from virialff.benchmarks.learning_curves import FURTHEST, LearningCurve
from virialff.figures.style import MARKERS, OKABE_ITO, finish, logarithmic


def learning_curve_figure(curves: Sequence[LearningCurve], *, height: int = 420) -> go.Figure:
    """Errors against number of training molecules on logarithmic axes, each training a point, with the power law.

    The law is drawn dashed beyond the largest number of molecules, its interval shaded.
    """
    figure = go.Figure()
    ends: list[float] = []
    units = sorted({curve.unit for curve in curves})
    for position, curve in enumerate(curves):
        color = OKABE_ITO[position % len(OKABE_ITO)]
        last = curve.points[-1].n_molecules
        measured = np.geomspace(curve.points[0].n_molecules, last, 20)
        beyond = np.geomspace(last, FURTHEST * last, 20)
        figure.add_scatter(
            x=[point.n_molecules for point in curve.points for _ in point.errors],
            y=[error for point in curve.points for error in point.errors],
            mode="markers",
            name=curve.quantity,
            legendgroup=curve.quantity,
            marker={"color": color, "symbol": MARKERS[position % len(MARKERS)], "size": 8},
            hovertemplate=f"{curve.quantity}: %{{y:.2f}} {curve.unit} with %{{x:,}} molecules<extra></extra>",
        )
        law = [curve.predict(number) for number in beyond]
        ends += [law[-1].low, law[-1].high]
        for edge, fill in (([x.low for x in law], None), ([x.high for x in law], "tonexty")):
            figure.add_scatter(
                x=beyond,
                y=edge,
                mode="lines",
                line={"width": 0},
                fill=fill,
                fillcolor=f"rgba{(*(int(color[i : i + 2], 16) for i in (1, 3, 5)), 0.2)}",
                legendgroup=curve.quantity,
                showlegend=False,
                hoverinfo="skip",
            )
        for numbers, dash, words in ((measured, "solid", "power law"), (beyond, "dash", "extrapolated")):
            figure.add_scatter(
                x=numbers,
                y=[curve.predict(number).estimate for number in numbers],
                mode="lines",
                line={"color": color, "dash": dash, "width": 2},
                legendgroup=curve.quantity,
                showlegend=False,
                hovertemplate=f"{curve.quantity}, {words}: %{{y:.2f}} {curve.unit} with %{{x:,.0f}}<extra></extra>",
            )
    finish(figure, height=height, x_title="training molecules", y_title=f"error on validation ({', '.join(units)})")
    figure.update_xaxes(type="log", dtick=1)
    errors = [error for curve in curves for point in curve.points for error in point.errors]
    logarithmic(figure, np.array([*errors, *ends]))
    figure.update_layout(showlegend=True)
    return figure
