"""Colours and layout shared by the figures."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

#: Okabe and Ito's colours, distinguishable with every common colour blindness; black is left to the total.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
#: Neutral grey legible on light and on dark paper.
GREY = "#8a8a8a"
# Places in the palette of methods by how their names begin; a model has the first.
_PLACES = {"GFN2": 1, "gfn2": 1, "ANI": 2, "ani": 2, "MMFF94": 3, "mmff94": 3, "wB97X-D": 5, "CCSD(T)": 6}
TERM_COLORS = {"coulomb": "#0072B2", "dispersion": "#009E73", "repulsion": "#D55E00", "gaussians": "#CC79A7"}
MARKERS = ("circle", "diamond", "square", "triangle-up", "cross")


class Look(NamedTuple):
    """How the points and lines of a method look."""

    color: str
    symbol: str


def method_looks(names: Iterable[str]) -> dict[str, Look]:
    """Colours and symbols of methods, the same in every figure for those that are known.

    The first of the others, which is the model, has the first; further ones have what is left, in turn.
    """
    names = list(names)
    found = {name: place for name in names for start, place in _PLACES.items() if name.startswith(start)}
    free = [place for place in (0, 4, 6, 3, 5, 2, 1) if place not in found.values()] or [0]
    others = [name for name in names if name not in found]
    found |= {name: free[number % len(free)] for number, name in enumerate(others)}
    return {name: Look(OKABE_ITO[found[name]], MARKERS[found[name] % len(MARKERS)]) for name in names}


def finish(figure: go.Figure, *, height: int, x_title: str, y_title: str) -> go.Figure:
    """Apply the common layout: horizontal legend below the plot, small margins, axis titles with units."""
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        # At the foot of the figure, which gives it room below the axis title however many lines it takes.
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "traceorder": "normal"},
        hovermode="closest",
    )
    figure.update_xaxes(title_text=x_title, automargin=True)
    figure.update_yaxes(title_text=y_title, automargin=True)
    return figure


def add_identity(figure: go.Figure, drawn: Sequence[np.ndarray], margin: float) -> None:
    """The line y = x over all values `drawn`, and that range on both axes, `margin` of it wider at either end."""
    everything = np.concatenate(drawn)
    everything = everything[np.isfinite(everything)]
    low, high = (float(everything.min()), float(everything.max())) if len(everything) else (0.0, 1.0)
    room = margin * max(high - low, 0.1)
    ends = [low - room, high + room]
    line = {"color": GREY, "dash": "dash", "width": 1.5}
    figure.add_scatter(x=ends, y=ends, name="y = x", mode="lines", line=line, hoverinfo="skip")
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)


def logarithmic(figure: go.Figure, values: np.ndarray) -> None:
    """Make the y axis logarithmic with ticks for these values, written out: plotly leaves the decade off otherwise."""
    ticks = _ticks(values)
    figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])


def _ticks(values: np.ndarray) -> list[float]:
    """Ticks of a logarithmic axis: 1, 2 and 5 in each decade, over many decades 1 alone."""
    positive = values[values > 0]
    if not len(positive):
        return []
    low, high = int(np.floor(np.log10(positive.min()))), int(np.ceil(np.log10(positive.max())))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    return [step * 10.0**decade for decade in range(low, high + 1) for step in steps]
