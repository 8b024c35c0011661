"""Atom pairs: their potential curve term by term (Eq. 21 and 22), and what each contributes to an energy."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from virialff.figures.style import GREY, TERM_COLORS, finish

TERM_LABELS = {
    "coulomb": "Coulomb",
    "dispersion": "dispersion",
    "repulsion": "repulsion",
    "gaussians": "Gaussians",
}
_CHOSEN = "#CC79A7"
_DASHES = {"coulomb": "dash", "dispersion": "dot", "repulsion": "dashdot", "gaussians": "longdash"}


def energy_window(curve: pd.DataFrame, distance: float | None) -> tuple[float, float]:
    """Range of energies (kcal/mol) worth showing: near and beyond the given distance (A), and the total's minimum.

    At short distances repulsion and dispersion grow without bound and would flatten everything else.
    """
    total = curve["total"].to_numpy()
    r = curve["r"].to_numpy()
    if distance is not None and r[0] < distance < r[-1]:
        start = 0.95 * distance
    else:
        bounded = np.flatnonzero(np.abs(total) > 2.0 * abs(total.min()) + 1.0)
        start = r[bounded[-1] + 1] if len(bounded) and bounded[-1] + 1 < len(r) else r[0]
    shown = curve.loc[r >= start, [*TERM_LABELS, "total"]].to_numpy()
    low = min(float(shown.min()), float(total.min()), 0.0)
    high = max(float(shown.max()), 0.0)
    high = max(high, -0.5 * low)
    span = max(high - low, 0.02)
    return low - 0.08 * span, high + 0.08 * span


def pair_curve_figure(curve: pd.DataFrame, *, distance: float | None = None, ink: str = GREY) -> go.Figure:
    """Curve of one pair: Coulomb, dispersion, repulsion, Gaussians apart, and their total.

    `curve` has the columns r (A), coulomb, dispersion, repulsion, gaussians, total (kcal/mol); `distance` (A) is
    marked by a vertical line; `ink` is the colour of the total, whose points a click can choose.
    """
    figure = go.Figure()
    for term, label in TERM_LABELS.items():
        figure.add_scatter(
            x=curve["r"],
            y=curve[term],
            name=label,
            mode="lines",
            line={"color": TERM_COLORS[term], "dash": _DASHES[term], "width": 2, "simplify": False},
            hovertemplate=f"{label}: %{{y:.3f}} kcal/mol at %{{x:.2f}} Å<extra></extra>",
        )
    figure.add_scatter(
        x=curve["r"],
        y=curve["total"],
        name="total",
        # A line alone has no points that a click could choose.
        mode="lines+markers",
        marker={"size": 9, "opacity": 0},
        selected={"marker": {"opacity": 1, "color": _CHOSEN}},
        unselected={"marker": {"opacity": 0}},
        line={"color": ink, "width": 3, "simplify": False},
        hovertemplate="total: %{y:.3f} kcal/mol at %{x:.2f} Å<extra></extra>",
    )
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    if distance is not None:
        figure.add_vline(
            x=distance,
            line={"color": GREY, "dash": "dash", "width": 1.5},
            annotation={"text": f"shown geometry: {distance:.2f} Å", "yref": "paper", "y": 1.08},
        )
    finish(figure, height=420, x_title="distance r (Å)", y_title="energy (kcal/mol)")
    figure.update_yaxes(range=list(energy_window(curve, distance)))
    figure.update_xaxes(range=[float(curve["r"].iloc[0]), float(curve["r"].iloc[-1])])
    figure.update_layout(clickmode="event+select", dragmode=False)
    return figure


_CELL = 16
_LEAST, _MOST = 320, 900
# Colours saturate here (percent of the magnitudes), so that one clash does not bleach all others.
_SATURATION = 99.5
# Cells that a click can choose; more points than these make a browser slow.
_MOST_CHOSEN_FROM = 5000


def contribution_figure(matrix: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> go.Figure:
    """Heat map of (n_rows, n_columns) energies in kcal/mol: blue attracts, red repels, white is nothing.

    NaN, where there is no pair, stays empty. The scale is symmetric about zero. Up to some 70 atoms a click chooses a
    cell: it is a point whose customdata is its row and column.
    """
    magnitudes = np.abs(matrix[np.isfinite(matrix)])
    limit = float(np.percentile(magnitudes, _SATURATION)) if len(magnitudes) else 1.0
    figure = go.Figure(
        go.Heatmap(
            z=matrix,
            x=list(columns),
            y=list(rows),
            zmin=-max(limit, 1e-6),
            zmax=max(limit, 1e-6),
            colorscale="RdBu_r",
            colorbar={"title": {"text": "energy (kcal/mol)", "side": "right"}, "thickness": 12},
            hoverongaps=False,
            hovertemplate="%{y} and %{x}: %{z:.3f} kcal/mol<extra></extra>",
        )
    )
    there = np.argwhere(np.isfinite(matrix))
    if 0 < len(there) <= _MOST_CHOSEN_FROM:
        figure.update_traces(hoverinfo="skip", hovertemplate=None)
        figure.add_scatter(
            x=[columns[column] for _, column in there],
            y=[rows[row] for row, _ in there],
            mode="markers",
            marker={"symbol": "square-open", "size": 13, "color": _CHOSEN, "opacity": 0, "line": {"width": 3}},
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 0}},
            customdata=np.column_stack([there, matrix[there[:, 0], there[:, 1]]]),
            hovertemplate="%{y} and %{x}: %{customdata[2]:.3f} kcal/mol<extra></extra>",
            showlegend=False,
        )
        figure.update_layout(clickmode="event+select", dragmode=False)
    height = int(np.clip(140 + _CELL * len(rows), _LEAST, _MOST))
    finish(figure, height=height, x_title="atom", y_title="atom")
    figure.update_yaxes(autorange="reversed", constrain="domain")
    figure.update_xaxes(constrain="domain", tickangle=-90)
    return figure
