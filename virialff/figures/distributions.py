"""Distributions of charges, sigma, R_min and epsilon (Fig. 11 and 12), beside the values of classical force fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from virialff.figures.style import GREY, OKABE_ITO, finish
from virialff.parameters.classical import ValueRange
from virialff.parameters.distributions import OTHER, QUANTITIES, Distribution
from virialff.parameters.pairs import element_pair_labels
from virialff.text import counted

_OTHER_PAIRS = "other pairs"
AXIS_TITLES = {"sigma": "σ (Å)", "R_min": "R_min (Å)", "epsilon": "ε (kcal/mol, logarithmic)"}
_LINEAR_BIN = 0.05
_DECADE_BIN = 0.1


@dataclass(frozen=True)
class TypicalValue:
    """A value typical of a classical force field, with the source that gives it."""

    parameter: str
    value: float
    unit: str
    label: str
    source: str


TYPICAL_VALUES = (
    TypicalValue("sigma", 3.0, "Å", "GROMOS, typical", "Terets and Nikolaienko, Ukr. J. Phys. 71, 577 (2026)"),
    TypicalValue(
        "epsilon", 0.13, "kcal/mol", "GROMOS, typical", "Terets and Nikolaienko, Ukr. J. Phys. 71, 577 (2026)"
    ),
)


def pair_parameter_histogram(
    pairs: pd.DataFrame, parameter: str, *, relation: str, element_pairs: Sequence[str]
) -> go.Figure:
    """Stacked histogram of sigma, R_min (A) or epsilon (kcal/mol, decades) for the pairs of one relation.

    `element_pairs` (labels such as C-H, at most seven) get a colour each; the remaining pairs are stacked in grey.
    Undefined values (NaN) are left out. A click chooses a bar, whose pairs `pairs_of_bars` gives by its customdata.
    Raises ValueError for an unknown parameter or too many element pairs.
    """
    if parameter not in AXIS_TITLES:
        raise ValueError(f"{parameter!r} is not one of {', '.join(AXIS_TITLES)}")
    if len(element_pairs) > len(OKABE_ITO):
        raise ValueError(
            f"at most {len(OKABE_ITO)} element pairs can be told apart by colour, got {len(element_pairs)}"
        )
    chosen = pairs[(pairs["relation"] == relation) & pairs[parameter].notna()]
    logarithmic = parameter == "epsilon"
    values = chosen[parameter].to_numpy(dtype=float)
    if logarithmic:
        chosen, values = chosen[values > 0], np.log10(values[values > 0])
    labels = element_pair_labels(chosen)
    figure = go.Figure()
    if len(values):
        _add_bars(figure, values, labels.to_numpy(), element_pairs, logarithmic)
    figure.update_layout(barmode="stack", bargap=0.05, clickmode="event+select", dragmode=False)
    _mark_typical_values(figure, parameter, logarithmic)
    finish(figure, height=380, x_title=AXIS_TITLES[parameter], y_title="atom pairs")
    if logarithmic:
        decade_ticks(figure, values)
    else:
        _length_range(figure, values)
    return figure


def _add_bars(
    figure: go.Figure, values: np.ndarray, labels: np.ndarray, element_pairs: Sequence[str], logarithmic: bool
) -> None:
    width = _DECADE_BIN if logarithmic else _LINEAR_BIN
    first, last = np.floor(values.min() / width), np.floor(values.max() / width) + 1
    edges = np.arange(first, last + 1) * width
    centers = edges[:-1] + width / 2
    bins = [(float(low), float(high), _range_text(low, high, logarithmic)) for low, high in pairwise(edges)]
    groups = [(name, labels == name) for name in element_pairs]
    groups.append((_OTHER_PAIRS, ~np.isin(labels, list(element_pairs))))
    for (name, mask), color in zip(groups, (*OKABE_ITO[: len(element_pairs)], GREY), strict=True):
        if not mask.any():
            continue
        figure.add_bar(
            x=centers,
            y=np.histogram(values[mask], bins=edges)[0],
            name=f"{name} ({int(mask.sum())})",
            marker={"color": color},
            customdata=[[name, *each] for each in bins],
            hovertemplate=f"{name}: %{{y}} pairs, %{{customdata[3]}}<extra></extra>",
        )


def pairs_of_bars(
    pairs: pd.DataFrame, parameter: str, bars: Sequence[Sequence[Any]], *, relation: str, element_pairs: Sequence[str]
) -> pd.DataFrame:
    """The rows of the table behind bars of `pair_parameter_histogram` with the same arguments, by their customdata."""
    chosen = pairs[(pairs["relation"] == relation) & (pairs[parameter] > 0)]
    values = chosen[parameter].to_numpy(dtype=float)
    if parameter == "epsilon":
        values = np.log10(values)
    labels = element_pair_labels(chosen).to_numpy()
    others = ~np.isin(labels, list(element_pairs))
    found = np.zeros(len(chosen), dtype=bool)
    for name, low, high, _ in bars:
        found |= (others if name == _OTHER_PAIRS else labels == name) & (values >= low) & (values < high)
    return chosen[found]


def _range_text(low: float, high: float, logarithmic: bool) -> str:
    return f"{10**low:.3g} to {10**high:.3g} kcal/mol" if logarithmic else f"{low:.2f} to {high:.2f} Å"


def _mark_typical_values(figure: go.Figure, parameter: str, logarithmic: bool) -> None:
    for typical in TYPICAL_VALUES:
        if typical.parameter == parameter:
            figure.add_vline(
                x=np.log10(typical.value) if logarithmic else typical.value,
                line={"color": "#D55E00", "dash": "dash", "width": 2},
                annotation={
                    "text": f"{typical.label} {typical.value:g} {typical.unit}",
                    "yref": "paper",
                    "y": 1.09,
                    "xanchor": "right",
                },
            )


def decade_ticks(figure: go.Figure, logs: np.ndarray) -> None:
    """Ticks at whole decades of epsilon for bars drawn at their logarithms (n,), the typical value included."""
    reference = np.log10([t.value for t in TYPICAL_VALUES if t.parameter == "epsilon"])
    everything = np.concatenate([logs, reference])
    low, high = int(np.floor(everything.min())), int(np.ceil(everything.max()))
    decades = list(range(low, max(high, low + 1) + 1))
    figure.update_xaxes(
        tickvals=decades, ticktext=[f"{10.0**d:g}" for d in decades], range=[decades[0] - 0.1, decades[-1] + 0.1]
    )


def _length_range(figure: go.Figure, values: np.ndarray) -> None:
    """At least from 2.5 to 4 A, so that a narrow distribution looks narrow."""
    low = min(float(values.min()) - 0.1, 2.5) if len(values) else 2.5
    high = max(float(values.max()) + 0.1, 4.0) if len(values) else 4.0
    figure.update_xaxes(range=[low, high])


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
    distribution: Distribution, ranges: Sequence[ValueRange] = (), *, overlaid: bool = False
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
        _add_group_bars(figure, distribution, _even(edges), what.unit, overlaid)
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
    finish(figure, height=460, x_title=_TITLES[distribution.quantity], y_title=_COUNTS[what.kind])
    figure.update_layout(margin={"t": 30 + 22 * len(ranges)}, clickmode="event+select", dragmode=False)
    if what.logarithmic and len(edges):
        reach = [scale(value) for entry in ranges for value in (entry.lowest, entry.highest)]
        decade_ticks(figure, np.array([*edges, *reach], dtype=float))
    return figure


#: Cells of the map along either axis.
_CELLS = 60
_HOVER = "σ %{x:.2f} Å, ε %{customdata:.3g} kcal/mol<extra></extra>"
_MAP_MARKERS = ("x-thin", "circle-open", "diamond-open")


def sigma_epsilon_figure(
    pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], types: Mapping[str, np.ndarray] | None = None
) -> go.Figure:
    """How many pairs have which sigma and epsilon: the cells of one model, or lines of equal number for several.

    pairs: by model sigma (Angstrom) and epsilon (kcal/mol), each (n_pairs,). types: by classical force field the values
    of its pairs of atom types, (n, 2), drawn as marks.
    """
    types = types or {}
    filled = {name: values for name, values in pairs.items() if len(values[0])}
    everything = [np.column_stack([sigma, np.log10(epsilon)]) for sigma, epsilon in filled.values()]
    figure = go.Figure()
    if everything:
        joined = np.concatenate(everything)
        # Some values far out would leave one cell to all others.
        low, high = np.percentile(joined, [0.5, 99.5], axis=0)
        room = np.maximum(0.08 * (high - low), (0.05, 0.05))
        edges = [np.linspace(low[k] - room[k], high[k] + room[k], _CELLS + 1) for k in (0, 1)]
        centres = [(each[:-1] + each[1:]) / 2 for each in edges]
        for index, (name, points) in enumerate(zip(filled, everything, strict=True)):
            counts = np.histogram2d(points[:, 0], points[:, 1], bins=edges)[0].T
            color = OKABE_ITO[index % len(OKABE_ITO)]
            common = {
                "x": centres[0],
                "y": centres[1],
                "z": counts,
                "name": f"{name} ({len(points):,})",
                "customdata": np.broadcast_to(10.0 ** centres[1][:, None], counts.shape),
                "hovertemplate": f"{name}: %{{z}} pairs at {_HOVER}",
                "showscale": False,
            }
            if len(filled) == 1:
                # What is empty lets the paper through, light or dark.
                common["z"] = np.where(counts > 0, counts, np.nan)
                # The darkest colours of the scale would not be seen on dark paper.
                figure.add_heatmap(
                    **common, colorscale="Viridis", zmin=-0.5 * counts.max(), zmax=counts.max(), hoverongaps=False
                )
            else:
                lines = {
                    "coloring": "none",
                    "start": 0.05 * counts.max(),
                    "end": counts.max(),
                    "size": counts.max() / 4,
                }
                figure.add_contour(**common, contours=lines, line={"color": color, "width": 2}, showlegend=True)
    for row, (name, values) in enumerate(types.items()):
        figure.add_scatter(
            x=values[:, 0],
            y=np.log10(values[:, 1]),
            mode="markers",
            name=f"{name} ({counted(len(values), 'pair')} of types)",
            marker={
                "color": _RANGE_STYLES[row % len(_RANGE_STYLES)][0],
                "symbol": _MAP_MARKERS[row % len(_MAP_MARKERS)],
                "size": 6,
                "opacity": 0.7,
                "line": {"width": 1.5, "color": _RANGE_STYLES[row % len(_RANGE_STYLES)][0]},
            },
            customdata=values[:, 1],
            hovertemplate=f"{name}: {_HOVER}",
        )
    finish(figure, height=420, x_title=_TITLES["sigma"], y_title=_TITLES["epsilon"])
    drawn = [points[:, 1] for points in everything] + [np.log10(values[:, 1]) for values in types.values()]
    if drawn:
        logs = np.concatenate(drawn)
        decades = range(int(np.floor(np.percentile(logs, 0.5))), int(np.ceil(np.percentile(logs, 99.5))) + 1)
        figure.update_yaxes(tickvals=list(decades), ticktext=[f"{10.0**decade:g}" for decade in decades])
    return figure


def _even(edges: np.ndarray) -> np.ndarray:
    """The edges with a first and last bin as wide as the second and the last but one."""
    if len(edges) < 4:
        return edges
    width = edges[2] - edges[1]
    return np.concatenate([[edges[1] - width], edges[1:-1], [edges[-2] + width]])


def _add_group_bars(
    figure: go.Figure, distribution: Distribution, edges: np.ndarray, unit: str, overlaid: bool
) -> None:
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
