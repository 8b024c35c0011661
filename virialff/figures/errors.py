"""Predictions against references, and the distribution of their errors (Fig. 6 and 7 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from virialff.figures.style import GREY, MARKERS, OKABE_ITO, finish

#: Bins of a histogram; errors beyond the outermost percents are counted in the outer bins.
_BINS = 60
_OUTER_PERCENT = 1.0


def parity_figure(
    reference: np.ndarray, predictions: Mapping[str, np.ndarray], *, quantity: str, unit: str, height: int = 420
) -> go.Figure:
    """Predictions of each method against the reference, with the line y = x.

    reference: (n,); predictions: by method (n,), NaN where it has none; both in `unit`.
    """
    figure = go.Figure()
    drawn = [reference[np.isfinite(reference)]]
    for position, (name, values) in enumerate(predictions.items()):
        known = np.isfinite(values) & np.isfinite(reference)
        drawn.append(values[known])
        figure.add_scattergl(
            x=reference[known],
            y=values[known],
            name=f"{name} ({int(known.sum()):,})",
            mode="markers",
            marker={
                "color": OKABE_ITO[position % len(OKABE_ITO)],
                "symbol": MARKERS[position % len(MARKERS)],
                "size": 5,
                "opacity": 0.7,
            },
            customdata=values[known] - reference[known],
            hovertemplate=f"{name}<br>reference %{{x:,.2f}}, predicted %{{y:,.2f}} {unit}<br>"
            f"error %{{customdata:.2f}} {unit}<extra></extra>",
        )
    everything = np.concatenate(drawn)
    low, high = (float(everything.min()), float(everything.max())) if len(everything) else (0.0, 1.0)
    margin = 0.03 * max(high - low, 0.1)
    ends = [low - margin, high + margin]
    line = {"color": GREY, "dash": "dash", "width": 1.5}
    figure.add_scatter(x=ends, y=ends, name="y = x", mode="lines", line=line, hoverinfo="skip")
    finish(figure, height=height, x_title=f"{quantity}, reference ({unit})", y_title=f"predicted ({unit})")
    figure.update_xaxes(range=ends, nticks=6)
    figure.update_yaxes(range=ends)
    return figure


def error_histogram(
    errors: Mapping[str, np.ndarray], *, quantity: str, unit: str, bins: int = _BINS, height: int = 420
) -> go.Figure:
    """Share of the values by their error, a line a method, in bins common to all; the outer bins reach to the extremes.

    errors: by method (n,) in `unit`, prediction minus reference; NaN counts nowhere.
    """
    known = {name: values[np.isfinite(values)] for name, values in errors.items()}
    edges = _edges([values for values in known.values() if len(values)], bins)
    figure = go.Figure()
    for position, (name, values) in enumerate(known.items()):
        counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
        mean = f", MAE {np.abs(values).mean():.2f}" if len(values) else ""
        figure.add_scatter(
            x=(edges[:-1] + edges[1:]) / 2.0,
            y=100.0 * counts / max(len(values), 1),
            name=f"{name}{mean} {unit}" if mean else name,
            mode="lines",
            line={"color": OKABE_ITO[position % len(OKABE_ITO)], "shape": "hvh", "width": 2},
            hovertemplate=f"{name}: %{{y:.1f}} % near %{{x:.2f}} {unit}<extra></extra>",
        )
    finish(figure, height=height, x_title=f"error of the {quantity} ({unit})", y_title="values (%)")
    figure.update_layout(showlegend=True)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _edges(errors: list[np.ndarray], bins: int) -> np.ndarray:
    """Edges of the bins (bins + 1,), symmetric about zero."""
    widest = [float(np.abs(np.percentile(e, [_OUTER_PERCENT, 100.0 - _OUTER_PERCENT])).max()) for e in errors]
    reach = max(widest, default=1.0) or 1.0
    return np.linspace(-reach, reach, bins + 1)
