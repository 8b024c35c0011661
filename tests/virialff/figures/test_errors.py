"""Figures of errors, and of the spread of members against them."""

import numpy as np
import pytest

from virialff.benchmarks.calibration import calibrate
from virialff.figures.errors import calibration_figure, error_histogram, method_error_figure, parity_figure

REFERENCE = np.array([0.0, 1.0, 2.0, np.nan])
PREDICTED = {"a": np.array([0.5, np.nan, 2.0, 1.0]), "b": np.array([0.0, 1.0, 2.0, 3.0])}


def test_parity_leaves_out_what_is_not_known():
    figure = parity_figure(REFERENCE, PREDICTED, quantity="total energy", unit="kcal/mol")
    first, second, line = figure.data
    assert list(first.x) == [0.0, 2.0]
    assert list(first.customdata) == [0.5, 0.0]
    assert second.name == "b (3)"
    assert list(line.x) == list(line.y)
    assert figure.layout.xaxis.title.text == "total energy, reference (kcal/mol)"


def test_histogram_counts_every_error_once():
    generator = np.random.default_rng(1)
    errors = {"a": generator.normal(size=500), "b": np.append(generator.normal(size=99), [1000.0, np.nan])}
    figure = error_histogram(errors, quantity="total energy", unit="kcal/mol")
    assert [sum(trace.y) for trace in figure.data] == pytest.approx([100.0, 100.0])
    assert figure.data[1].y[-1] >= 1.0
    mae = np.abs(errors["a"]).mean()
    assert figure.data[0].name == f"a, MAE {mae:.2f} kcal/mol"


def test_nothing_to_draw():
    none = {"a": np.array([np.nan])}
    assert error_histogram(none, quantity="q", unit="u").data[0].y.sum() == 0
    assert len(parity_figure(np.array([np.nan]), none, quantity="q", unit="u").data) == 2


def entry(quantity: str, unit: str = "kcal/mol"):
    generator = np.random.default_rng(0)
    predictions, truth = generator.normal(size=(3, 80)), generator.normal(size=80)
    return calibrate(predictions, truth, np.arange(80), quantity=quantity, unit=unit).as_dict()


def test_bins_and_the_line_of_equal_error():
    figure = calibration_figure({"total energy": entry("total energy"), "interaction energy": entry("x")})
    assert [trace.name for trace in figure.data] == ["error = spread", "total energy (80)", "interaction energy (80)"]
    line, points, _ = figure.data
    assert list(line.x) == list(line.y)
    assert len(points.x) == 8
    assert line.x[0] < min(points.x)
    assert line.x[1] > max(points.y)
    assert "kcal/mol" in figure.layout.xaxis.title.text
    assert "kcal/mol" in figure.layout.yaxis.title.text


def test_units_must_agree():
    with pytest.raises(ValueError, match="one unit, got e, kcal/mol"):
        calibration_figure({"a": entry("a"), "b": entry("b", "e")})
    with pytest.raises(ValueError, match="no quantity"):
        calibration_figure({})


def test_errors_of_methods_have_a_line_a_quantity_and_intervals():
    rows = [
        {"words": "first", "method": "a", "mae": 1.0, "mae_low": 0.8, "mae_high": 1.5},
        {"words": "first", "method": "b", "mae": 2.0, "mae_low": None, "mae_high": None},
        {"words": "second", "method": "a", "mae": 3.0},
    ]
    first, second = method_error_figure(rows).data
    assert list(first.x) == [1.0, 3.0]
    # The first quantity is the upper line; marks of one line do not cover each other.
    assert first.y[0] > first.y[1]
    assert first.y[0] != second.y[0]
    assert list(first.error_x.array) == pytest.approx([0.5, 0.0])
    assert list(first.error_x.arrayminus) == pytest.approx([0.2, 0.0])
    assert list(second.error_x.array) == [0.0]
