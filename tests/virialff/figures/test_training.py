"""The figure of losses: which columns make a panel, which axes are logarithmic."""

import pandas as pd

from virialff.figures import loss_figure
from virialff.figures.training import losses_in

METRICS = pd.DataFrame(
    {
        "step": [10, 20, 30],
        "stage": "potential",
        "seconds": [1.0, 2.0, 3.0],
        "train_energy": [400.0, 40.0, 4.0],
        "validation_energy_mae": [300.0, 30.0, 5.0],
        "train_force": [3.0, 2.5, 2.0],
        "validation_relative_rmse": [2.0, 1.5, None],
    }
)


def test_columns_of_one_loss_belong_together():
    assert losses_in(METRICS) == {
        "energy": {"train": "train_energy", "validation": "validation_energy_mae"},
        "relative": {"validation": "validation_relative_rmse"},
        "force": {"train": "train_force"},
    }


def test_only_losses_that_span_much_have_logarithmic_axes():
    figure = loss_figure({"run": METRICS})
    assert [figure.layout[axis].type for axis in ("yaxis", "yaxis2", "yaxis3")] == ["log", None, None]
    assert figure.layout.annotations[0].text == "total energy (kcal/mol)"
    assert list(figure.data[2].y) == [2.0, 1.5]
    assert {loss_figure({"run": METRICS}, log=True).layout[axis].type for axis in ("yaxis", "yaxis3")} == {"log"}


def test_runs_side_by_side_are_named_and_a_loss_that_one_lacks_is_left_out():
    figure = loss_figure({"a": METRICS, "b": METRICS[["step", "train_force"]]})
    assert [trace.name for trace in figure.data if trace.showlegend] == ["a: training", "a: validation", "b: training"]


def test_a_run_without_metrics_gives_an_empty_figure():
    assert len(loss_figure({"run": pd.DataFrame()}).data) == 0
