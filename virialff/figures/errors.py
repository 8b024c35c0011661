"""Predictions against references, their errors (Fig. 6 and 7 of the paper), and the spread of members against them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from virialff.figures.style import GREY, MARKERS, OKABE_ITO, add_identity, finish, method_looks

#: Bins of a histogram; errors beyond the outermost percents are counted in the outer bins.
_BINS = 60
_OUTER_PERCENT = 1.0
#: Characters of a line of words above the marks: what a phone shows.
_WORDS = 56


def parity_figure(
    reference: np.ndarray, predictions: Mapping[str, np.ndarray], *, quantity: str, unit: str
) -> go.Figure:
    """Predictions of each method against the reference, with the line y = x.

    reference: (n,); predictions: by method (n,), NaN where it has none; both in `unit`.
    """
    figure = go.Figure()
    drawn = [reference]
    looks = method_looks(predictions)
    for name, values in predictions.items():
        known = np.isfinite(values) & np.isfinite(reference)
        drawn.append(values[known])
        figure.add_scattergl(
            x=reference[known],
            y=values[known],
            name=f"{name} ({int(known.sum()):,})",
            mode="markers",
            marker={
                "color": looks[name].color,
                "symbol": looks[name].symbol,
                "size": 5,
                "opacity": 0.7,
            },
            customdata=values[known] - reference[known],
            hovertemplate=f"{name}<br>reference %{{x:,.2f}}, predicted %{{y:,.2f}} {unit}<br>"
            f"error %{{customdata:.2f}} {unit}<extra></extra>",
        )
    add_identity(figure, drawn, 0.03)
    finish(figure, height=420, x_title=f"{quantity}, reference ({unit})", y_title=f"predicted ({unit})")
    figure.update_xaxes(nticks=6)
    return figure


def error_histogram(errors: Mapping[str, np.ndarray], *, quantity: str, unit: str) -> go.Figure:
    """Share of the values by their error, a line a method, in bins common to all; the outer bins reach to the extremes.

    errors: by method (n,) in `unit`, prediction minus reference; NaN counts nowhere.
    """
    known = {name: values[np.isfinite(values)] for name, values in errors.items()}
    edges = _edges([values for values in known.values() if len(values)])
    figure = go.Figure()
    looks = method_looks(known)
    for name, values in known.items():
        counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
        mean = f", MAE {np.abs(values).mean():.2f}" if len(values) else ""
        figure.add_scatter(
            x=(edges[:-1] + edges[1:]) / 2.0,
            y=100.0 * counts / max(len(values), 1),
            name=f"{name}{mean} {unit}" if mean else name,
            mode="lines",
            line={"color": looks[name].color, "shape": "hvh", "width": 2},
            hovertemplate=f"{name}: %{{y:.1f}} % near %{{x:.2f}} {unit}<extra></extra>",
        )
    finish(figure, height=420, x_title=f"error of the {quantity} ({unit})", y_title="values (%)")
    figure.update_layout(showlegend=True)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _edges(errors: list[np.ndarray]) -> np.ndarray:
    """Edges of the bins (_BINS + 1,), symmetric about zero."""
    widest = [float(np.abs(np.percentile(e, [_OUTER_PERCENT, 100.0 - _OUTER_PERCENT])).max()) for e in errors]
    reach = max(widest, default=1.0) or 1.0
    return np.linspace(-reach, reach, _BINS + 1)


def calibration_figure(calibrations: Mapping[str, Mapping[str, Any]]) -> go.Figure:
    """Root mean square error against spread in bins of equal numbers of values, with 95 % intervals, and y = x.

    calibrations: by quantity, as `CalibrationResult.as_dict` gives them and a model card keeps them; their units must
    agree. Raises ValueError for different units or nothing to draw.
    """
    units = sorted({str(entry["unit"]) for entry in calibrations.values()})
    if len(units) != 1:
        raise ValueError(f"the quantities of one figure need one unit, got {', '.join(units) or 'no quantity'}")
    figure = go.Figure()
    drawn = [
        np.asarray(entry["bins"][name], dtype=float) for entry in calibrations.values() for name in ("spread", "rmse")
    ]
    positive = np.concatenate(drawn)
    positive = positive[positive > 0]
    ends = [float(positive.min()) * 0.7, float(positive.max()) * 1.4] if len(positive) else [0.1, 1.0]
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        name="error = spread",
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    for position, (name, entry) in enumerate(calibrations.items()):
        bins = {key: np.asarray(values, dtype=float) for key, values in entry["bins"].items()}
        figure.add_scatter(
            x=bins["spread"],
            y=bins["rmse"],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": bins["rmse_high"] - bins["rmse"],
                "arrayminus": bins["rmse"] - bins["rmse_low"],
                "thickness": 1,
            },
            customdata=bins["n_values"],
            name=f"{name} ({entry['n_values']:,})",
            mode="markers",
            marker={"color": OKABE_ITO[position % len(OKABE_ITO)], "symbol": MARKERS[position % 5], "size": 9},
            hovertemplate=f"{name}<br>spread %{{x:.3f}}, error %{{y:.3f}} {units[0]}<br>"
            "%{customdata} values<extra></extra>",
        )
    finish(
        figure,
        height=420,
        x_title=f"spread of the members ({units[0]})",
        y_title=f"root mean square error ({units[0]})",
    )
    figure.update_xaxes(type="log")
    figure.update_yaxes(type="log")
    return figure


def method_error_figure(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Mean absolute errors with 95 % intervals: a line a quantity, a mark a method, on a logarithmic axis.

    rows: `words` of the quantity, `method`, `mae`, `mae_low` and `mae_high` (None where not known), all in kcal/mol.
    """
    figure = go.Figure()
    lines = list(dict.fromkeys(str(row["words"]) for row in rows))[::-1]
    methods = list(dict.fromkeys(str(row["method"]) for row in rows))
    for position, method in enumerate(methods):
        own = [row for row in rows if row["method"] == method and row["mae"] > 0]
        # Below each other within a line, so that no mark covers another.
        shift = 0.02 + 0.4 * (position + 0.5) / len(methods)
        low = [row["mae"] - (row.get("mae_low") or row["mae"]) for row in own]
        high = [(row.get("mae_high") or row["mae"]) - row["mae"] for row in own]
        figure.add_scatter(
            x=[row["mae"] for row in own],
            y=[lines.index(str(row["words"])) - shift for row in own],
            name=method,
            mode="markers",
            marker={
                "color": OKABE_ITO[position % len(OKABE_ITO)],
                "symbol": MARKERS[position % len(MARKERS)],
                "size": 9,
            },
            error_x={"type": "data", "array": high, "arrayminus": low, "thickness": 1.5, "width": 3},
            customdata=[str(row["words"]) for row in own],
            hovertemplate=f"{method}<br>%{{customdata}}<br>%{{x:.2f}} kcal/mol<extra></extra>",
        )
    wrapped = [textwrap.wrap(line, _WORDS) for line in lines]
    tallest = max(map(len, wrapped), default=1)
    # On a phone the legend has a line a method; each quantity keeps the room of its words and marks there too.
    height = 95 + 19 * len(methods) + (44 + 14 * tallest) * len(lines)
    finish(figure, height=height, x_title="mean absolute error (kcal/mol)", y_title="")
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks], tickangle=0)
    figure.update_yaxes(showticklabels=False, tickvals=[], zeroline=False, range=[-0.6, len(lines) - 0.4])
    # Above its marks, where it takes no width from the plot.
    for number, words in enumerate(wrapped):
        figure.add_annotation(
            x=0,
            xref="paper",
            xanchor="left",
            y=number + 0.04,
            yanchor="bottom",
            align="left",
            borderpad=0,
            text="<br>".join(words),
            showarrow=False,
            font_size=11,
        )
    return figure
