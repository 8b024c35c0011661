"""The calibration figure shows every bin, with units on both axes."""

import numpy as np
import pytest

from virialff.benchmarks.calibration import calibrate
from virialff.figures.calibration import calibration_figure


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
