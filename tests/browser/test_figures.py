"""Figures at the widths of a phone and of a desktop, drawn by Plotly: nothing covers the title of an axis."""

from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser

from virialff.figures.distributions import pair_parameter_histogram
from virialff.figures.energies import scan_figure
from virialff.figures.errors import method_error_figure
from virialff.figures.training import ablation_figure, loss_figure

STEPS = np.arange(20) * 100
METHODS = ("default", "paper", "foundation-gfn2", "GFN2-xTB", "ANI-2x (trained on wB97X/6-31G(d))", "wB97X-D/def2-SVP")
#: Pixels by which the legend reaches into the title of the horizontal axis, and beyond the figure's foot or right side.
_OVERLAPS = """(figure) => {
    const box = (name) => figure.querySelector(name).getBoundingClientRect();
    const legend = box(".legend"), title = box(".xtitle"), whole = figure.getBoundingClientRect();
    return [title.bottom - legend.top, legend.bottom - whole.bottom, legend.right - whole.right];
}"""


def _runs() -> go.Figure:
    one = {"step": STEPS, "train_energy": np.exp(-STEPS / 500.0) + 0.1, "validation_energy_mae": np.exp(-STEPS / 600.0)}
    return loss_figure({f"a run with a rather long name {k}": pd.DataFrame(one) for k in range(4)}, "energy")


def _errors() -> go.Figure:
    words = [f"energy above the lowest minimum by the reference, set {k}, wB97X-D/def2-SVP" for k in range(4)]
    rows = [{"words": line, "method": m, "mae": 1.0 + k} for line in words for k, m in enumerate(METHODS)]
    return method_error_figure(rows)


def _pairs() -> go.Figure:
    generator = np.random.default_rng(1)
    pairs = pd.DataFrame({"relation": "1-4", "element_i": "C", "element_j": list("HCONS") * 20})
    pairs["sigma"] = generator.normal(3.0, 0.3, len(pairs))
    return pair_parameter_histogram(pairs, "sigma", relation="1-4", element_pairs=["C–H", "C–C", "C–O", "C–N"])


def _scan() -> go.Figure:
    energies = {name: np.cos(np.arange(25.0)) for name in METHODS}
    return scan_figure(np.linspace(-180, 180, 25), energies, coordinate="torsion C1-C2-N3-C4 (degree)")


def _ablation() -> go.Figure:
    errors = {f"error of the {name}": [1.0, 2.0, 3.0] for name in ("energy", "dipole", "interaction", "force")}
    return ablation_figure(errors, ["a switch", "another switch", "a third one"])


@pytest.mark.slow
@pytest.mark.parametrize("draw", [_runs, _errors, _pairs, _scan, _ablation])
def test_legends_lie_below_the_axis_title_and_inside_the_figure(draw, browser: Browser, tmp_path: Path):
    figure = draw()
    for width in (370, 900):
        file = tmp_path / f"{width}.html"
        content = figure.to_html(include_plotlyjs=True, config={"responsive": True})
        file.write_text(content.replace("<body>", "<body style='margin: 0'>"), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(file.as_uri())
        page.wait_for_timeout(500)
        into_title, below, beyond = page.locator(".js-plotly-plot").evaluate(_OVERLAPS)
        assert into_title <= 0
        assert below <= 1
        assert beyond <= 1
        page.close()
