"""Interaction energies: methods against a reference (Fig. 8 and 9), and along the approach of two molecules."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from virialff.benchmarks.noncovalent import InteractionResult
from virialff.figures.style import GREY, finish, method_looks
from virialff.interactions.dissociation import DissociationCurve
from virialff.text import counted


def interaction_scatter(
    result: InteractionResult, methods: Sequence[str], *, y_title: str = "other methods", height: int = 460
) -> go.Figure:
    """E_int (kcal/mol) of methods against the reference, with the line y = x and each RMSE in the legend.

    A point's customdata is its row in `result.table`. A method without any value is left out.
    """
    x = result.table["reference"].to_numpy(dtype=float)
    figure = go.Figure()
    drawn = [x]
    looks = method_looks(methods)
    for method in methods:
        y = result.table[method].to_numpy(dtype=float)
        there = np.flatnonzero(np.isfinite(y))
        if not len(there):
            continue
        drawn.append(y[there])
        figure.add_scatter(
            x=x[there],
            y=y[there],
            name=f"{method}, RMSE {result.summary(method).rmse.estimate:.2f} kcal/mol, {counted(len(there), 'dimer')}",
            mode="markers",
            marker={
                "color": looks[method].color,
                "symbol": looks[method].symbol,
                "size": 9,
                "opacity": 0.85,
            },
            customdata=there,
            text=result.table["name"].to_numpy()[there],
            hovertemplate=f"%{{text}}<br>reference: %{{x:.2f}}<br>{method}: %{{y:.2f}} kcal/mol<extra></extra>",
        )
    everything = np.concatenate(drawn)
    low, high = (float(everything.min()), float(everything.max())) if len(everything) else (0.0, 1.0)
    margin = 0.05 * max(high - low, 0.1)
    ends = [low - margin, high + margin]
    figure.add_scatter(
        x=ends, y=ends, name="y = x", mode="lines", line={"color": GREY, "dash": "dash", "width": 1.5}, hoverinfo="skip"
    )
    finish(
        figure,
        height=height,
        x_title=f"E_int, {result.reference_level} (kcal/mol)",
        y_title=f"E_int, {y_title} (kcal/mol)",
    )
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    figure.update_layout(clickmode="event+select", dragmode=False)
    return figure


def approach_figure(curve: DissociationCurve, *, shown: float | None = None, height: int = 400) -> go.Figure:
    """E_int (kcal/mol, negative = bound) of each method against the smallest distance between the molecules (Angstrom).

    `shown` marks the distance of the geometry on the page. The wall is cut off where it is as high as the well is deep.
    A point's customdata is its row in the table.
    """
    figure = go.Figure()
    x = curve.table["contact"].to_numpy()
    deepest = 0.5
    looks = method_looks(curve.methods)
    for method in curve.methods:
        y = curve.table[method].to_numpy(dtype=float)
        deepest = max(deepest, -float(np.nanmin(y)))
        figure.add_scatter(
            x=x,
            y=y,
            name=method,
            mode="lines+markers",
            line={"color": looks[method].color, "width": 2, "simplify": False},
            marker={"size": 5, "symbol": looks[method].symbol},
            customdata=np.arange(len(x)),
            hovertemplate=f"{method}: %{{y:.2f}} kcal/mol at %{{x:.2f}} Å<extra></extra>",
        )
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    if shown is not None:
        figure.add_vline(
            x=shown,
            line={"color": GREY, "dash": "dash", "width": 1.5},
            annotation={"text": f"shown: {shown:.2f} Å", "yref": "paper", "y": 1.08},
        )
    finish(
        figure,
        height=height,
        x_title="smallest distance between the molecules (Å)",
        y_title="E_int, vertical (kcal/mol)",
    )
    figure.update_yaxes(range=[-1.15 * deepest, deepest])
    figure.update_layout(clickmode="event+select", dragmode=False)
    return figure
