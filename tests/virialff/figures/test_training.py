"""Figures of losses: which columns belong together, which axes are logarithmic."""

import pandas as pd

from virialff.figures.training import loss_figure, losses_in

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


def test_losses_in_their_order():
    assert losses_in([METRICS[["step", "train_force"]], METRICS]) == ["energy", "relative", "force"]


def test_only_losses_that_span_much_have_a_logarithmic_axis():
    energy, relative = loss_figure({"run": METRICS}, "energy"), loss_figure({"run": METRICS}, "relative")
    assert (energy.layout.yaxis.type, relative.layout.yaxis.type) == ("log", None)
    assert list(energy.layout.yaxis.ticktext)[:4] == ["1", "2", "5", "10"]
    assert energy.layout.yaxis.title.text == "total energy (kcal/mol)"
    assert list(relative.data[0].y) == [2.0, 1.5]
    assert relative.data[0].name == "validation (RMSE)"
    assert loss_figure({"run": METRICS}, "force", log=True).layout.yaxis.type == "log"


def test_runs_side_by_side_are_named_and_a_loss_that_one_lacks_is_left_out():
    runs = {"a": METRICS, "b": METRICS[["step", "train_force"]]}
    assert [trace.name for trace in loss_figure(runs, "force").data] == ["a: training", "b: training"]
    assert [trace.name for trace in loss_figure(runs, "energy").data] == ["a: training", "a: validation"]


def test_a_run_without_metrics_gives_an_empty_figure():
    assert len(loss_figure({"run": pd.DataFrame()}, "energy").data) == 0
