"""Distributions over many molecules, with the values of classical force fields above them (Fig. 11 and 12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from virialff.figures.distributions import TYPICAL_VALUES, decade_ticks
from virialff.figures.style import GREY, OKABE_ITO, finish
from virialff.parameters.classical import ValueRange
from virialff.parameters.distributions import OTHER, QUANTITIES, Distribution

_TITLES = {
    "sigma": "σ (Å)",
    "R_min": "R_min (Å)",
    "epsilon": "ε (kcal/mol, logarithmic)",
    "atomic charge": "predicted charge of the atom (e)",
    "molecular charge": "sum of the charges of the molecule (e)",
}
_COUNTS = {"pairs": "atom pairs", "atoms": "atoms", "molecules": "molecules"}
_RANGE_STYLES = (("#D55E00", "solid"), ("#0072B2", "dash"), ("#009E73", "dot"))
_ROW = 0.055


def distribution_figure(
    distribution: Distribution, ranges: Sequence[ValueRange] = (), *, overlaid: bool = False, height: int = 460
) -> go.Figure:
    """Bars by group, stacked, or `overlaid` for groups that are models of the same molecules.

    `ranges` of classical force fields are lines above the plot, from the lowest to the highest value with a mark at the
    median; the value that the paper calls typical of GROMOS is a dashed line. Each bar carries (group, bin) as
    customdata. The first and the last bin reach to the extremes and are drawn as wide as the others.
    """
    what = QUANTITIES[distribution.quantity]
    edges = np.log10(distribution.edges) if what.logarithmic else distribution.edges
    figure = go.Figure()
    if len(edges) > 1:
        _add_bars(figure, distribution, _even(edges), what.unit, overlaid)
    figure.update_layout(barmode="overlay" if overlaid else "stack", bargap=0.05)
    scale: Callable[[float], Any] = np.log10 if what.logarithmic else np.asarray
    _add_ranges(figure, ranges, scale, what.unit)
    for typical in TYPICAL_VALUES:
        if typical.parameter == distribution.quantity:
            figure.add_vline(
                x=float(scale(typical.value)),
                line={"color": GREY, "dash": "dash", "width": 2},
                name=f"{typical.label}: {typical.value:g} {typical.unit}",
                showlegend=True,
            )
    finish(figure, height=height, x_title=_TITLES[distribution.quantity], y_title=_COUNTS[what.kind])
    figure.update_layout(margin={"t": 30 + 22 * len(ranges)}, clickmode="event+select", dragmode=False)
    if what.logarithmic and len(edges):
        reach = [scale(value) for entry in ranges for value in (entry.lowest, entry.highest)]
        decade_ticks(figure, np.array([*edges, *reach], dtype=float))
    return figure


def _even(edges: np.ndarray) -> np.ndarray:
    """The edges with a first and last bin as wide as the second and the last but one."""
    if len(edges) < 4:
        return edges
    width = edges[2] - edges[1]
    return np.concatenate([[edges[1] - width], edges[1:-1], [edges[-2] + width]])


def _add_bars(figure: go.Figure, distribution: Distribution, edges: np.ndarray, unit: str, overlaid: bool) -> None:
    centres, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    real = distribution.edges
    texts = [f"{low:.3g} to {high:.3g} {unit}" for low, high in pairwise(real)]
    for index, name in enumerate(distribution.groups):
        counts = distribution.counts[index]
        figure.add_bar(
            x=centres,
            y=counts,
            width=0.95 * widths,
            name=f"{name} ({counts.sum():,})",
            marker={"color": GREY if name == OTHER else OKABE_ITO[index % len(OKABE_ITO)]},
            opacity=0.6 if overlaid and len(distribution.groups) > 1 else 1.0,
            customdata=[(index, number) for number in range(len(centres))],
            text=texts,
            textposition="none",
            hovertemplate=f"{name}: %{{y}}, %{{text}}<extra></extra>",
        )


def _add_ranges(figure: go.Figure, ranges: Sequence[ValueRange], scale: Callable[[float], Any], unit: str) -> None:
    for row, entry in enumerate(ranges):
        color, dash = _RANGE_STYLES[row % len(_RANGE_STYLES)]
        low, middle, high = (float(scale(value)) for value in (entry.lowest, entry.median, entry.highest))
        y = 1.03 + _ROW * row
        label = f"{entry.force_field}: {entry.lowest:.3g} to {entry.highest:.3g} {unit}"
        line = {"color": color, "width": 4, "dash": dash}
        figure.add_shape(type="line", x0=low, x1=high, y0=y, y1=y, yref="paper", line=line, name=label, showlegend=True)
        mark = {"color": color, "width": 3}
        figure.add_shape(type="line", x0=middle, x1=middle, y0=y - 0.02, y1=y + 0.02, yref="paper", line=mark)
