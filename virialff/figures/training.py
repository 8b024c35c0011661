"""Losses while training, one panel a loss, several runs side by side (Fig. 5 of the paper)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from virialff.figures.style import OKABE_ITO, finish

#: Titles of the panels, with units, by what follows `train_` or `validation_` in the metrics.
LOSSES = {
    "energy": "total energy (kcal/mol)",
    "relative": "energy about the molecule's mean (kcal/mol)",
    "force": "force component (kcal/mol/Å)",
    "interaction": "interaction energy (kcal/mol)",
    "interaction_force": "force between fragments (kcal/mol/Å)",
    "dipole": "dipole component (e Å)",
    "kinetic": "kinetic energy, molecule (kcal/mol)",
    "kinetic_descriptor": "kinetic energy, atom or bond (kcal/mol)",
}
_MEASURE = re.compile(r"_(mae|rmse)$")
_SPLITS = {"train": "training", "validation": "validation"}
#: A loss that spans more than this factor is drawn on a logarithmic axis.
LOG_SPAN = 5.0
_ROW_HEIGHT = 270


def losses_in(metrics: pd.DataFrame) -> dict[str, dict[str, str]]:
    """The columns of a run's metrics by loss and split: {"energy": {"train": "train_energy", ...}}."""
    found: dict[str, dict[str, str]] = {}
    for column in metrics.columns.astype(str):
        split, _, name = column.partition("_")
        if split in _SPLITS and name:
            found.setdefault(_MEASURE.sub("", name), {})[split] = column
    known = [name for name in LOSSES if name in found]
    return {name: found[name] for name in [*known, *sorted(set(found) - set(known))]}


def loss_figure(runs: Mapping[str, pd.DataFrame], *, log: bool | None = None, columns: int = 2) -> go.Figure:
    """Every loss of every run against the step: validation as solid lines with markers, training dashed (Fig. 5).

    runs: metrics by the name of the run, with the columns `step`, `train_*`, `validation_*`. Training losses are means
    since the line before, of weights that change; validation errors are of the averaged weights.
    log: the vertical axes; by default those of losses that span more than LOG_SPAN.
    """
    losses = {name: losses_in(metrics) for name, metrics in runs.items()}
    names = list(dict.fromkeys(name for found in losses.values() for name in found))
    known = [name for name in LOSSES if name in names]
    names = [*known, *(name for name in names if name not in known)]
    if not names:
        return finish(go.Figure(), height=_ROW_HEIGHT, x_title="step", y_title="loss")
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    titles = [LOSSES.get(name, name.replace("_", " ")) for name in names]
    figure = make_subplots(
        rows, columns, subplot_titles=titles, vertical_spacing=0.32 / rows, horizontal_spacing=0.1, shared_xaxes=False
    )
    shown: set[tuple[str, str]] = set()
    for panel, name in enumerate(names):
        drawn: list[np.ndarray] = []
        place = {"row": panel // columns + 1, "col": panel % columns + 1}
        for position, (run, metrics) in enumerate(runs.items()):
            for split, column in losses[run].get(name, {}).items():
                known_rows = metrics[["step", column]].dropna()
                drawn.append(known_rows[column].to_numpy(dtype=float))
                validation = split == "validation"
                label = f"{run}: {_SPLITS[split]}" if len(runs) > 1 else _SPLITS[split]
                figure.add_scatter(
                    x=known_rows["step"],
                    y=known_rows[column],
                    name=label,
                    legendgroup=label,
                    showlegend=(run, split) not in shown,
                    mode="lines+markers" if validation or len(known_rows) == 1 else "lines",
                    line={
                        "color": OKABE_ITO[position % len(OKABE_ITO)],
                        "dash": "solid" if validation else "dot",
                        "width": 2,
                    },
                    marker={"size": 4},
                    hovertemplate=f"{label}: %{{y:.4g}} at step %{{x:,}}<extra></extra>",
                    **place,
                )
                shown.add((run, split))
        values = np.concatenate(drawn) if drawn else np.empty(0)
        if log if log is not None else _spans(values):
            figure.update_yaxes(type="log", dtick="D2" if _decades(values) < 1.5 else 1, **place)
    finish(figure, height=_ROW_HEIGHT * rows + 90, x_title="", y_title="")
    figure.update_annotations(font_size=13)
    figure.update_layout(legend={"y": -0.28 / rows})
    figure.update_xaxes(tickformat="~s", nticks=6)
    for position in range(columns):
        last = max(panel // columns for panel in range(len(names)) if panel % columns == position)
        figure.update_xaxes(title_text="step", row=last + 1, col=position + 1)
    return figure


def _spans(values: np.ndarray) -> bool:
    return bool(len(values) > 1 and values.min() > 0 and values.max() / values.min() > LOG_SPAN)


def _decades(values: np.ndarray) -> float:
    positive = values[values > 0]
    return float(np.log10(positive.max() / positive.min())) if len(positive) else 0.0
