"""What a data set is made of, by split (Fig. 1 to 3 of the paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from virialff.elements import ELEMENTS
from virialff.figures.style import MARKERS, OKABE_ITO, finish
from virialff.text import counted

if TYPE_CHECKING:
    from virialff.labels.statistics import DatasetStatistics, SplitStatistics

_DASHES = ("solid", "dash", "dot")
_COLUMNS = 3


def _style(position: int) -> dict[str, object]:
    return {"color": OKABE_ITO[position], "dash": _DASHES[position], "width": 2}


def _label(split: str, part: SplitStatistics) -> str:
    return f"{split} ({counted(part.n_molecules, 'molecule')})"


def element_count_figure(statistics: DatasetStatistics) -> go.Figure:
    """For each element the share of molecules by the number of its atoms, a line a split (Fig. 1)."""
    rows = -(-len(ELEMENTS) // _COLUMNS)
    figure = make_subplots(rows, _COLUMNS, subplot_titles=ELEMENTS, vertical_spacing=0.11, horizontal_spacing=0.06)
    for position, (split, part) in enumerate(statistics.splits.items()):
        for index, element in enumerate(ELEMENTS):
            counts = part.element_counts[element]
            x = np.arange(max(counts, default=0) + 1)
            figure.add_scatter(
                x=x,
                y=[100.0 * counts[int(n)] / max(part.n_molecules, 1) for n in x],
                name=_label(split, part),
                legendgroup=split,
                showlegend=index == 0,
                mode="lines+markers",
                line=_style(position),
                marker={"symbol": MARKERS[position], "size": 5},
                hovertemplate=f"{split}: %{{y:.2f}} % of the molecules have %{{x}} {element}<extra></extra>",
                row=index // _COLUMNS + 1,
                col=index % _COLUMNS + 1,
            )
    finish(figure, height=720, x_title="", y_title="")
    # Once, in the middle: on a narrow screen three of them would overlap.
    figure.update_xaxes(title_text="atoms of the element per molecule", row=rows, col=_COLUMNS // 2 + 1)
    figure.update_yaxes(title_text="molecules (%)", col=1)
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(rangemode="tozero")
    return figure


def molecule_size_figure(statistics: DatasetStatistics) -> go.Figure:
    """Share of molecules by their number of atoms, a line a split (Fig. 2)."""
    figure = go.Figure()
    for position, (split, part) in enumerate(statistics.splits.items()):
        low, high = min(part.sizes, default=0), max(part.sizes, default=0)
        sizes = np.arange(low, high + 1)
        figure.add_scatter(
            x=sizes,
            y=[100.0 * part.sizes[int(size)] / max(part.n_molecules, 1) for size in sizes],
            name=_label(split, part),
            mode="lines",
            line=_style(position) | {"shape": "hvh"},
            hovertemplate=f"{split}: %{{y:.2f}} % of the molecules have %{{x}} atoms<extra></extra>",
        )
    finish(figure, height=420, x_title="atoms per molecule", y_title="molecules (%)")
    figure.update_yaxes(rangemode="tozero")
    return figure


def energy_per_atom_figure(statistics: DatasetStatistics) -> go.Figure:
    """Share of conformers by total energy per atom (kcal/mol), a line a split, in bins common to all (Fig. 3).

    The first and the last bin reach to the extremes and are drawn as wide as the others; the pointer shows the range.
    """
    figure = go.Figure()
    table = statistics.energy_table()
    for position, (split, part) in enumerate(statistics.splits.items()):
        mine = table[table["split"] == split]
        low, high = mine["from_kcal_per_mol"].to_numpy(), mine["to_kcal_per_mol"].to_numpy()
        figure.add_scatter(
            x=_centres(low, high),
            y=mine["conformers_percent"],
            name=f"{split} ({counted(part.n_conformers, 'conformer')})",
            mode="lines",
            line=_style(position) | {"shape": "hvh"},
            customdata=[f"{a:,.0f} to {b:,.0f}" for a, b in zip(low, high, strict=True)],
            hovertemplate=f"{split}: %{{y:.2f}} % at %{{customdata}} kcal/mol per atom<extra></extra>",
        )
    x_title = f"total energy per atom, {statistics.level_of_theory} (kcal/mol)"
    finish(figure, height=420, x_title=x_title, y_title="conformers (%)")
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(tickformat=",.0f")
    return figure


def _centres(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where the bins are drawn: the first and the last as wide as the others, whatever they reach to."""
    centres = (low + high) / 2.0
    if len(centres) > 2:
        width = high[1] - low[1]
        centres[0], centres[-1] = high[0] - width / 2.0, low[-1] + width / 2.0
    return centres
