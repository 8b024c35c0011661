"""Distributions of the Lennard-Jones parameters sigma, R_min and epsilon (Fig. 11 of the paper)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from virialff.figures.style import GREY, OKABE_ITO, finish
from virialff.parameters.pairs import element_pair_labels

OTHER = "other pairs"
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
    pairs: pd.DataFrame,
    parameter: str,
    *,
    relation: str,
    element_pairs: Sequence[str],
    height: int = 380,
) -> go.Figure:
    """Stacked histogram of sigma, R_min (A) or epsilon (kcal/mol, decades) for the pairs of one relation.

    `element_pairs` (labels such as C-H, at most seven) get a colour each; the remaining pairs are stacked in grey.
    Undefined values (NaN) are left out. Raises ValueError for an unknown parameter or too many element pairs.
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
    figure.update_layout(barmode="stack", bargap=0.05)
    _mark_typical_values(figure, parameter, logarithmic)
    finish(figure, height=height, x_title=AXIS_TITLES[parameter], y_title="atom pairs")
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
    texts = [_range_text(a, b, logarithmic) for a, b in pairwise(edges)]
    groups = [(name, labels == name) for name in element_pairs]
    groups.append((OTHER, ~np.isin(labels, list(element_pairs))))
    for (name, mask), color in zip(groups, (*OKABE_ITO[: len(element_pairs)], GREY), strict=True):
        if not mask.any():
            continue
        figure.add_bar(
            x=centers,
            y=np.histogram(values[mask], bins=edges)[0],
            name=f"{name} ({int(mask.sum())})",
            marker={"color": color},
            customdata=texts,
            hovertemplate=f"{name}: %{{y}} pairs, %{{customdata}}<extra></extra>",
        )


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
                    "xanchor": "center",
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
