"""Losses while training, a figure a loss, several runs side by side (Fig. 5 of the paper)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from virialff.figures.style import OKABE_ITO, finish, logarithmic

#: Titles with units, by what follows `train_` or `validation_` in the metrics.
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


def losses_in(metrics: Iterable[pd.DataFrame]) -> list[str]:
    """The losses that runs have, in the order of LOSSES, others behind them by name."""
    found = {name for table in metrics for name in _columns(table)}
    return [*(name for name in LOSSES if name in found), *sorted(found - set(LOSSES))]


def _columns(metrics: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Columns by loss and split: {"energy": {"train": "train_energy", "validation": "validation_energy_mae"}}."""
    found: dict[str, dict[str, str]] = {}
    for column in metrics.columns.astype(str):
        split, _, name = column.partition("_")
        if split in _SPLITS and name:
            found.setdefault(_MEASURE.sub("", name), {})[split] = column
    return found


def loss_figure(
    runs: Mapping[str, pd.DataFrame], loss: str, *, log: bool | None = None, height: int = 330
) -> go.Figure:
    """One loss of every run that has it against the step: validation solid with markers, training dotted (Fig. 5).

    runs: metrics by the name of the run, with the columns `step`, `train_*`, `validation_*`. Training losses are means
    since the line before, of weights that change; validation errors are of the averaged weights.
    log: the vertical axis; by default where the values span more than LOG_SPAN.
    """
    figure = go.Figure()
    drawn: list[np.ndarray] = []
    for position, (run, metrics) in enumerate(runs.items()):
        for split, column in _columns(metrics).get(loss, {}).items():
            known = metrics[["step", column]].dropna()
            drawn.append(known[column].to_numpy(dtype=float))
            validation = split == "validation"
            label = f"{run}: {_SPLITS[split]}" if len(runs) > 1 else _SPLITS[split]
            measure = " (RMSE)" if column.endswith("_rmse") else ""
            figure.add_scatter(
                x=known["step"],
                y=known[column],
                name=label + measure,
                mode="lines+markers" if validation or len(known) == 1 else "lines",
                line={
                    "color": OKABE_ITO[position % len(OKABE_ITO)],
                    "dash": "solid" if validation else "dot",
                    "width": 2,
                },
                marker={"size": 4},
                hovertemplate=f"{label}{measure}: %{{y:.4g}} at step %{{x:,}}<extra></extra>",
            )
    finish(figure, height=height, x_title="step", y_title=LOSSES.get(loss, loss.replace("_", " ")))
    figure.update_layout(showlegend=True)
    figure.update_xaxes(tickformat="~s", nticks=6)
    values = np.concatenate(drawn) if drawn else np.empty(0)
    if log if log is not None else _spans(values):
        logarithmic(figure, values)
    return figure


def _spans(values: np.ndarray) -> bool:
    return bool(len(values) > 1 and values.min() > 0 and values.max() / values.min() > LOG_SPAN)
