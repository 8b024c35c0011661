"""Contributions of atom pairs to an energy, as a heat map."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from virialff.figures.style import finish

_CELL = 16
_LEAST, _MOST = 320, 900
# Colours saturate here (percent of the magnitudes), so that one clash does not bleach all others.
_SATURATION = 99.5


def contribution_figure(
    matrix: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, title: str = "energy (kcal/mol)"
) -> go.Figure:
    """Heat map of (n_rows, n_columns) energies in kcal/mol: blue attracts, red repels, white is nothing.

    NaN, where there is no pair, stays empty. The scale is symmetric about zero.
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
            colorbar={"title": {"text": title, "side": "right"}, "thickness": 12},
            hoverongaps=False,
            hovertemplate="%{y} and %{x}: %{z:.3f} kcal/mol<extra></extra>",
        )
    )
    height = int(np.clip(140 + _CELL * len(rows), _LEAST, _MOST))
    finish(figure, height=height, x_title="atom", y_title="atom")
    figure.update_yaxes(autorange="reversed", constrain="domain")
    figure.update_xaxes(constrain="domain", tickangle=-90)
    return figure
