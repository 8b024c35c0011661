"""Conformer energies of several methods side by side (compare Fig. 10 of the paper)."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from virialff.figures.style import GREY, MARKERS, OKABE_ITO, finish

#: Up to this many conformers each gets its own tick.
_FEW_CONFORMERS = 12


def relative_energy_scatter(relative: Mapping[str, np.ndarray], *, reference: str, height: int = 440) -> go.Figure:
    """Relative energies (kcal/mol) of every other method against those of `reference`, with the line y = x.

    `relative` maps a method's label to its relative energies (n_conformers,), NaN where a conformer has none.
    Raises KeyError when `reference` is not among them.
    """
    x = np.asarray(relative[reference], dtype=float)
    figure = go.Figure()
    drawn = [x[np.isfinite(x)]]
    for position, (label, values) in enumerate(relative.items()):
        if label == reference:
            continue
        y = np.asarray(values, dtype=float)
        drawn.append(y[np.isfinite(y)])
        figure.add_scatter(
            x=x,
            y=y,
            name=label,
            mode="markers",
            marker={"color": OKABE_ITO[position], "symbol": MARKERS[position], "size": 9, "opacity": 0.85},
            customdata=np.arange(1, len(x) + 1),
            hovertemplate=f"conformer %{{customdata}}<br>{reference}: %{{x:.2f}}<br>{label}: %{{y:.2f}} kcal/mol"
            "<extra></extra>",
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
        x_title=f"{reference}: relative energy (kcal/mol)",
        y_title="other methods: relative energy (kcal/mol)",
    )
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    return figure


def conformer_energy_figure(relative: Mapping[str, np.ndarray], *, height: int = 440) -> go.Figure:
    """Relative energies (kcal/mol) by conformer number, one marked line a method."""
    figure = go.Figure()
    for position, (label, values) in enumerate(relative.items()):
        figure.add_scatter(
            x=np.arange(1, len(values) + 1),
            y=values,
            name=label,
            mode="lines+markers",
            line={"color": OKABE_ITO[position], "width": 1},
            marker={"symbol": MARKERS[position], "size": 7},
            hovertemplate=f"conformer %{{x}}<br>{label}: %{{y:.2f}} kcal/mol<extra></extra>",
        )
    finish(figure, height=height, x_title="conformer", y_title="relative energy (kcal/mol)")
    if max((len(values) for values in relative.values()), default=0) <= _FEW_CONFORMERS:
        figure.update_xaxes(dtick=1)
    return figure
