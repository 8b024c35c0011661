"""Energies of conformers and along scans, by several methods side by side (compare Fig. 10 of the paper)."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from virialff.figures.style import GREY, MARKERS, OKABE_ITO, add_identity, finish, method_looks

#: Up to this many conformers each gets its own tick and, ranked, a line of full strength.
_FEW_CONFORMERS = 12


def relative_energy_scatter(
    relative: Mapping[str, np.ndarray], *, reference: str, half_widths: Mapping[str, np.ndarray] | None = None
) -> go.Figure:
    """Relative energies (kcal/mol) of every other method against those of `reference`, with the line y = x.

    A point's customdata is the number of its conformer.

    `relative` maps a method's label to its relative energies (n_conformers,), NaN where a conformer has none;
    `half_widths` those of methods that know them to the half-widths of their intervals, drawn as bars.
    Raises KeyError when `reference` is not among them.
    """
    widths = half_widths or {}
    x = np.asarray(relative[reference], dtype=float)
    figure = go.Figure()
    drawn = [x]
    looks = method_looks(relative)
    for label, values in relative.items():
        if label == reference:
            continue
        y = np.asarray(values, dtype=float)
        drawn.append(y)
        figure.add_scatter(
            x=x,
            y=y,
            name=label,
            mode="markers",
            marker={
                "color": looks[label].color,
                "symbol": looks[label].symbol,
                "size": 9,
                "opacity": 0.85,
            },
            error_x=_bars(widths.get(reference)),
            error_y=_bars(widths.get(label)),
            customdata=np.arange(1, len(x) + 1),
            hovertemplate=f"conformer %{{customdata}}<br>{reference}: %{{x:.2f}}<br>{label}: %{{y:.2f}} kcal/mol"
            "<extra></extra>",
        )
    add_identity(figure, drawn, 0.05)
    finish(
        figure,
        height=440,
        x_title=f"{reference}: relative energy (kcal/mol)",
        y_title="other methods: relative energy (kcal/mol)",
    )
    return figure


def _bars(half_widths: np.ndarray | None) -> dict[str, object] | None:
    """Error bars of a scatter; None for none."""
    return None if half_widths is None else {"type": "data", "array": half_widths, "thickness": 1, "width": 2}


def conformer_energy_figure(
    relative: Mapping[str, np.ndarray], half_widths: Mapping[str, np.ndarray] | None = None
) -> go.Figure:
    """Relative energies (kcal/mol) by conformer number, which is a point's customdata; one marked line a method.

    `half_widths` are of the intervals of methods that know them, (n_conformers,), drawn as bars.
    """
    figure = go.Figure()
    looks = method_looks(relative)
    for label, values in relative.items():
        figure.add_scatter(
            x=np.arange(1, len(values) + 1),
            y=values,
            name=label,
            mode="lines+markers",
            line={"color": looks[label].color, "width": 1},
            marker={"symbol": looks[label].symbol, "size": 7},
            error_y=_bars((half_widths or {}).get(label)),
            customdata=np.arange(1, len(values) + 1),
            hovertemplate=f"conformer %{{x}}<br>{label}: %{{y:.2f}} kcal/mol<extra></extra>",
        )
    finish(figure, height=440, x_title="conformer", y_title="relative energy (kcal/mol)")
    if max((len(values) for values in relative.values()), default=0) <= _FEW_CONFORMERS:
        figure.update_xaxes(dtick=1)
    return figure


_COLOURED = len(OKABE_ITO)


def rank_change_figure(ranks: Mapping[str, np.ndarray], *, reference: str) -> go.Figure:
    """Slope chart: a column a method, a line a conformer from rank to rank, 1 (lowest energy) at the top.

    `ranks` maps a method's label to the ranks (n_conformers,) from 1, NaN where a conformer has none. The conformers
    ranked lowest by `reference` are coloured, the others grey; a point's customdata is its conformer's number. Raises
    KeyError when `reference` is not among them.
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
            customdata=[index + 1] * len(labels),
            hovertemplate=f"conformer {index + 1}<br>%{{x}}: rank %{{y:g}}<extra></extra>",
        )
    finish(figure, height=440, x_title="method", y_title="rank (1 = lowest energy)")
    top = np.nanmax(table) if np.isfinite(table).any() else 1.0
    figure.update_yaxes(range=[top + 0.05 * top + 0.3, 0.5], dtick=1 if n_conformers <= _FEW_CONFORMERS else None)
    figure.update_xaxes(type="category")
    return figure


def population_figure(populations: Mapping[str, np.ndarray], *, temperature: float, shown: int = 15) -> go.Figure:
    """Boltzmann populations (n_conformers,) by conformer, a bar a method, at `temperature` in kelvin.

    The `shown` conformers with the largest population by any method are drawn, by number, a bar's customdata.
    """
    table = np.array([np.asarray(values, dtype=float) for values in populations.values()])
    largest = np.nan_to_num(table).max(axis=0)
    chosen = np.sort(np.argsort(-largest, kind="stable")[:shown])
    figure = go.Figure()
    looks = method_looks(populations)
    for label, values in populations.items():
        figure.add_bar(
            x=[str(index + 1) for index in chosen],
            y=100 * np.asarray(values, dtype=float)[chosen],
            name=label,
            marker={"color": looks[label].color},
            customdata=chosen + 1,
            hovertemplate=f"conformer %{{x}}<br>{label}: %{{y:.1f}} %<extra></extra>",
        )
    finish(figure, height=440, x_title="conformer", y_title=f"population at {temperature:g} K (%)")
    figure.update_layout(barmode="group")
    figure.update_xaxes(type="category")
    return figure


def _add_band(figure: go.Figure, x: np.ndarray, y: np.ndarray, half_widths: np.ndarray, color: str, label: str) -> None:
    """What lies within the half-widths of a curve, shaded."""
    known = np.isfinite(y)
    x, y, half_widths = x[known], y[known], half_widths[known]
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([y + half_widths, (y - half_widths)[::-1]]),
        name=f"{label}, interval",
        fill="toself",
        fillcolor=color,
        opacity=0.2,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


#: Only angles span so much; their ticks stand at sixths of a turn.
_MOST_OF_A_TURN = 300.0


def scan_figure(
    values: np.ndarray,
    energies: Mapping[str, np.ndarray],
    *,
    coordinate: str,
    quantity: str = "relative energy (kcal/mol)",
    start: float | None = None,
    shown: float | None = None,
    half_widths: Mapping[str, np.ndarray] | None = None,
    left_out: Sequence[float] = (),
    height: int = 440,
) -> go.Figure:
    """A marked line a method: energies (n_points,) in kcal/mol over the coordinate's values (n_points,).

    `coordinate` and `quantity` are the axis titles with their units. `start` marks where the scan began, `shown` the
    point that is looked at. `half_widths` (n_points,) of the intervals of methods that know them are drawn as bands.
    Lines are broken at values that were `left_out`.
    """
    figure = go.Figure()
    every = np.concatenate([values, left_out])
    order = np.argsort(every, kind="stable") if len(left_out) else np.arange(len(values))
    stretches = np.searchsorted(np.sort(left_out), values)
    unbroken = [stretches == stretch for stretch in np.unique(stretches)]
    looks = method_looks(energies)
    for label, heights in energies.items():
        look = looks[label]
        if label in (half_widths or {}):
            widths = (half_widths or {})[label]
            for part in unbroken:
                _add_band(figure, values[part], heights[part], widths[part], look.color, label)
        figure.add_scatter(
            x=every[order],
            y=np.concatenate([heights, np.full(len(left_out), np.nan)])[order],
            name=label,
            mode="lines+markers",
            line={"color": look.color, "width": 2},
            marker={"symbol": look.symbol, "size": 6},
            hovertemplate=f"%{{x:.2f}}<br>{label}: %{{y:.2f}} kcal/mol<extra></extra>",
        )
    if start is not None:
        figure.add_vline(x=start, line={"color": GREY, "dash": "dot", "width": 1.5})
        figure.add_annotation(
            x=start, y=1, yref="paper", text="start", showarrow=False, yanchor="bottom", font={"color": GREY}
        )
    if shown is not None:
        figure.add_vline(x=shown, line={"color": GREY, "width": 6}, opacity=0.25)
    if np.ptp(values) > _MOST_OF_A_TURN:
        figure.update_xaxes(tick0=0, dtick=60)
    return finish(figure, height=height, x_title=coordinate, y_title=quantity)
