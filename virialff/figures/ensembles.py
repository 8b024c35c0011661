"""How methods rank and populate the conformers of an ensemble."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from virialff.figures.style import GREY, MARKERS, OKABE_ITO, finish

#: With more conformers the lines are thin and only the lowest keep their colours.
_FEW_CONFORMERS = 12
_COLOURED = len(OKABE_ITO)


def rank_change_figure(ranks: Mapping[str, np.ndarray], *, reference: str, height: int = 440) -> go.Figure:
    """Slope chart: a column a method, a line a conformer from rank to rank, 1 (lowest energy) at the top.

    `ranks` maps a method's label to the ranks (n_conformers,) from 1, NaN where a conformer has none. The conformers
    ranked lowest by `reference` are coloured, the others grey. Raises KeyError when it is not among them.
    """
    labels = list(ranks)
    table = np.array([np.asarray(ranks[label], dtype=float) for label in labels])
    n_conformers = table.shape[1]
    by_reference = table[labels.index(reference)] if reference in ranks else ranks[reference]
    order = [int(k) for k in np.argsort(by_reference, kind="stable")]
    figure = go.Figure()
    # The coloured ones last, above the grey ones.
    for place in reversed(range(n_conformers)):
        index = order[place]
        coloured = place < _COLOURED and bool(np.isfinite(by_reference[index]))
        figure.add_scatter(
            x=labels,
            y=table[:, index],
            name=f"conformer {index + 1}",
            mode="lines+markers",
            line={"color": OKABE_ITO[place] if coloured else GREY, "width": 2.5 if coloured else 1},
            marker={"size": 7 if coloured else 4, "symbol": MARKERS[place % len(MARKERS)] if coloured else "circle"},
            opacity=1.0 if coloured or n_conformers <= _FEW_CONFORMERS else 0.5,
            showlegend=coloured,
            legendrank=place + 1,
            hovertemplate=f"conformer {index + 1}<br>%{{x}}: rank %{{y:g}}<extra></extra>",
        )
    finish(figure, height=height, x_title="method", y_title="rank (1 = lowest energy)")
    figure.update_layout(legend={"y": -0.3})
    top = np.nanmax(table) if np.isfinite(table).any() else 1.0
    figure.update_yaxes(range=[top + 0.05 * top + 0.3, 0.5], dtick=1 if n_conformers <= _FEW_CONFORMERS else None)
    figure.update_xaxes(type="category")
    return figure


def population_figure(
    populations: Mapping[str, np.ndarray], *, temperature: float, shown: int = 15, height: int = 440
) -> go.Figure:
    """Boltzmann populations (n_conformers,) by conformer, a bar a method, at `temperature` in kelvin.

    The `shown` conformers with the largest population by any method are drawn, by number.
    """
    table = np.array([np.asarray(values, dtype=float) for values in populations.values()])
    largest = np.nan_to_num(table).max(axis=0)
    chosen = np.sort(np.argsort(-largest, kind="stable")[:shown])
    figure = go.Figure()
    for position, (label, values) in enumerate(populations.items()):
        figure.add_bar(
            x=[str(index + 1) for index in chosen],
            y=100 * np.asarray(values, dtype=float)[chosen],
            name=label,
            marker={"color": OKABE_ITO[position]},
            hovertemplate=f"conformer %{{x}}<br>{label}: %{{y:.1f}} %<extra></extra>",
        )
    finish(figure, height=height, x_title="conformer", y_title=f"population at {temperature:g} K (%)")
    figure.update_layout(barmode="group")
    figure.update_xaxes(type="category")
    return figure
