"""Losses while training (Fig. 5 of the paper), learning curves and ablation studies."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from virialff.benchmarks.learning_curves import FURTHEST, LearningCurve
from virialff.figures.style import GREY, MARKERS, OKABE_ITO, finish, logarithmic

#: Titles with units, by what follows `train_` or `validation_` in the metrics.
LOSSES = {
    "energy": "total energy (kcal/mol)",
    "relative": "energy about the mean (kcal/mol)",
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


def loss_figure(runs: Mapping[str, pd.DataFrame], loss: str, *, log: bool | None = None) -> go.Figure:
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
    finish(figure, height=330, x_title="step", y_title=LOSSES.get(loss, loss.replace("_", " ")))
    figure.update_layout(showlegend=True)
    figure.update_xaxes(tickformat="~s", nticks=6)
    values = np.concatenate(drawn) if drawn else np.empty(0)
    if log if log is not None else _spans(values):
        logarithmic(figure, values)
    return figure


def _spans(values: np.ndarray) -> bool:
    return bool(len(values) > 1 and values.min() > 0 and values.max() / values.min() > LOG_SPAN)


def learning_curve_figure(curves: Sequence[LearningCurve]) -> go.Figure:
    """Errors against number of training molecules on logarithmic axes, each training a point, with the power law.

    The law is drawn dashed beyond the largest number of molecules, its interval shaded.
    """
    figure = go.Figure()
    ends: list[float] = []
    units = sorted({curve.unit for curve in curves})
    for position, curve in enumerate(curves):
        color = OKABE_ITO[position % len(OKABE_ITO)]
        last = curve.points[-1].n_molecules
        measured = np.geomspace(curve.points[0].n_molecules, last, 20)
        beyond = np.geomspace(last, FURTHEST * last, 20)
        figure.add_scatter(
            x=[point.n_molecules for point in curve.points for _ in point.errors],
            y=[error for point in curve.points for error in point.errors],
            mode="markers",
            name=curve.quantity,
            legendgroup=curve.quantity,
            marker={"color": color, "symbol": MARKERS[position % len(MARKERS)], "size": 8},
            hovertemplate=f"{curve.quantity}: %{{y:.2f}} {curve.unit} with %{{x:,}} molecules<extra></extra>",
        )
        law = [curve.predict(number) for number in beyond]
        ends += [law[-1].low, law[-1].high]
        for edge, fill in (([x.low for x in law], None), ([x.high for x in law], "tonexty")):
            figure.add_scatter(
                x=beyond,
                y=edge,
                mode="lines",
                line={"width": 0},
                fill=fill,
                fillcolor=f"rgba{(*(int(color[i : i + 2], 16) for i in (1, 3, 5)), 0.2)}",
                legendgroup=curve.quantity,
                showlegend=False,
                hoverinfo="skip",
            )
        for numbers, dash, words in ((measured, "solid", "power law"), (beyond, "dash", "extrapolated")):
            figure.add_scatter(
                x=numbers,
                y=[curve.predict(number).estimate for number in numbers],
                mode="lines",
                line={"color": color, "dash": dash, "width": 2},
                legendgroup=curve.quantity,
                showlegend=False,
                hovertemplate=f"{curve.quantity}, {words}: %{{y:.2f}} {curve.unit} with %{{x:,.0f}}<extra></extra>",
            )
    finish(figure, height=420, x_title="training molecules", y_title=f"error on validation ({', '.join(units)})")
    figure.update_xaxes(type="log", dtick=1)
    errors = [error for curve in curves for point in curve.points for error in point.errors]
    logarithmic(figure, np.array([*errors, *ends]))
    figure.update_layout(showlegend=True)
    return figure


#: Colours of trials by state, and how large they are drawn.
_TRIALS = {"finished": (OKABE_ITO[0], 9), "pruned": (GREY, 6), "stopped": (OKABE_ITO[1], 7)}


def sweep_figure(trials: pd.DataFrame, setting: str | None = None, *, log: bool = False) -> go.Figure:
    """Score of each trial of a sweep against its number with the lowest so far as a line, or against one setting.

    trials: a row a trial, with the columns `training` (from 1), `state` (finished, pruned, stopped), `score` and the
    settings. A trial that was broken off has the score that it had then. log: the axis of the setting.
    """
    figure = go.Figure()
    known = trials.dropna(subset=["score"]).sort_values("training")
    for state, (color, size) in _TRIALS.items():
        rows = known[known["state"] == state]
        if len(rows):
            figure.add_scatter(
                x=rows["training"] if setting is None else _plotted(rows[setting]),
                y=rows["score"],
                mode="markers",
                name=state,
                marker={"color": color, "size": size, "symbol": "circle" if state == "finished" else "x"},
                customdata=rows["training"],
                hovertemplate="training %{customdata}: score %{y:.4g}<extra></extra>",
            )
    finished = known[known["state"] == "finished"]
    if setting is None and len(finished):
        figure.add_scatter(
            x=finished["training"],
            y=finished["score"].cummin(),
            name="lowest so far",
            mode="lines",
            line={"color": OKABE_ITO[0], "width": 1.5, "shape": "hv"},
            hoverinfo="skip",
        )
    finish(figure, height=300, x_title=setting or "training", y_title="score")
    figure.update_layout(showlegend=setting is None)
    figure.update_xaxes(nticks=6)
    if log:
        figure.update_xaxes(type="log", dtick="D2", exponentformat="none")
    scores = known["score"].to_numpy(dtype=float)
    if _spans(scores):
        logarithmic(figure, scores)
    return figure


def _plotted(values: pd.Series) -> pd.Series:
    """Numbers as they are, switches and choices as text."""
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return values if numbers else values.astype(str)


_ROW = 34
#: Characters of a line of the words at the axis.
_LINE = 32


def ablation_figure(changes: Mapping[str, Sequence[float | None]], left_out: Sequence[str]) -> go.Figure:
    """Change of each error in percent of that of the whole recipe, a row a switch; positive is worse without it.

    changes: by the name of the error, one value a switch, None where it was not measured. left_out: the switches.
    """
    figure = go.Figure()
    for position, (name, values) in enumerate(changes.items()):
        figure.add_scatter(
            x=list(values),
            y=list(left_out),
            mode="markers",
            name=name,
            marker={
                "color": OKABE_ITO[position % len(OKABE_ITO)],
                "symbol": MARKERS[position % len(MARKERS)],
                "size": 10,
            },
            hovertemplate=f"%{{y}}, {name}: %{{x:+.1f}} %<extra></extra>",
        )
    figure.add_vline(x=0.0, line_width=1, line_color="#8a8a8a")
    finish(figure, height=170 + _ROW * len(left_out), x_title="change without it (%)", y_title="")
    # In lines, so that the words leave room for the points on a narrow screen.
    lines = ["<br>".join(textwrap.wrap(name, _LINE)) for name in left_out]
    figure.update_yaxes(autorange="reversed", tickvals=list(left_out), ticktext=lines)
    figure.update_xaxes(nticks=6)
    figure.update_layout(showlegend=True)
    return figure
