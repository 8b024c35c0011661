"""A power law is found again in errors that follow it, and is not carried further than one decade."""

import numpy as np
import pytest

from virialff.benchmarks.learning_curves import LearningCurve, make_curve
from virialff.errors import ConfigError
from virialff.figures.training import learning_curve_figure

GENERATOR = np.random.default_rng(1)
ERRORS = {number: list(40.0 * number**-0.4 * GENERATOR.normal(1.0, 0.03, 3)) for number in (100, 200, 400, 800)}


@pytest.fixture
def curve() -> LearningCurve:
    return make_curve("total energy", "kcal/mol", ERRORS, 500)


def test_the_exponent_and_what_ten_times_the_data_give(curve):
    exponent = curve.exponent()
    assert exponent.low < 0.4 < exponent.high
    assert exponent.high - exponent.low < 0.1
    predicted = curve.predict(8000)
    assert predicted.low < 40.0 * 8000**-0.4 < predicted.high
    assert predicted.low < predicted.estimate < predicted.high
    with pytest.raises(ConfigError, match="says nothing of 8001"):
        curve.predict(8001)


def test_json_keeps_the_curve(curve):
    values = curve.as_dict()
    assert LearningCurve.from_dict(values) == curve
    assert values["extrapolated"]["n_molecules"] == 8000


def test_one_number_of_molecules_is_no_curve():
    with pytest.raises(ConfigError, match="at least two numbers"):
        make_curve("total energy", "kcal/mol", {100: [1.0]}, 500)


def test_the_figure_has_every_training_and_its_units(curve):
    figure = learning_curve_figure([curve])
    assert len(figure.data[0].x) == 12
    assert list(figure.data[0].y) == pytest.approx([error for errors in ERRORS.values() for error in errors])
    assert "kcal/mol" in figure.layout.yaxis.title.text
    assert max(max(trace.x) for trace in figure.data) == pytest.approx(8000)
