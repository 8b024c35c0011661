"""Spread of a model's members against their error on held-out data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from virialff.figures.style import GREY, MARKERS, OKABE_ITO, finish


def calibration_figure(calibrations: Mapping[str, Mapping[str, Any]], *, height: int = 420) -> go.Figure:
    """Root mean square error against spread in bins of equal numbers of values, with 95 % intervals, and y = x.

    calibrations: by quantity, as `CalibrationResult.as_dict` gives them and a model card keeps them; their units must
    agree. Raises ValueError for different units or nothing to draw.
    """
    units = sorted({str(entry["unit"]) for entry in calibrations.values()})
    if len(units) != 1:
        raise ValueError(f"the quantities of one figure need one unit, got {', '.join(units) or 'no quantity'}")
    figure = go.Figure()
    drawn = [np.asarray(entry["bins"][name]) for entry in calibrations.values() for name in ("spread", "rmse")]
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
        height=height,
        x_title=f"spread of the members ({units[0]})",
        y_title=f"root mean square error ({units[0]})",
    )
    figure.update_xaxes(type="log")
    figure.update_yaxes(type="log")
    return figure
