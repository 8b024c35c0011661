"""Figure of an ablation study: how much worse each error is without one switch of the recipe."""

import textwrap
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from virialff.figures.style import MARKERS, OKABE_ITO, finish

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
    # Below the axis title, however high the figure is.
    figure.update_layout(legend_y=-70 / (60 + _ROW * len(left_out)), showlegend=True)
    return figure
