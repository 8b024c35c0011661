import numpy as np
import pandas as pd
import pytest

from virialff import load_model
from virialff.figures.distributions import TYPICAL_VALUES, pair_parameter_histogram, pairs_of_bars
from virialff.figures.energies import conformer_energy_figure, relative_energy_scatter
from virialff.figures.pairs import energy_window, pair_curve_figure
from virialff.molecules.molecule import Molecule
from virialff.parameters.pairs import atom_pair_curve, element_pair_labels


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    return load_model().force_field(Molecule.from_smiles("CC(=O)Oc1ccccc1C(=O)O")).pairs


def counted(figure) -> dict[str, int]:
    return {bar.name.split(" (")[0]: int(np.sum(bar.y)) for bar in figure.data if bar.type == "bar"}


@pytest.mark.parametrize("parameter", ["sigma", "epsilon", "R_min"])
@pytest.mark.parametrize("relation", ["1-3", "1-4", "further"])
def test_every_pair_of_the_relation_is_in_one_bar(pairs, parameter, relation):
    figure = pair_parameter_histogram(pairs, parameter, relation=relation, element_pairs=["C–H", "H–H"])
    chosen = pairs[pairs["relation"] == relation]
    defined = chosen[chosen[parameter].notna() & (chosen[parameter] > 0)]
    expected = element_pair_labels(defined).value_counts()
    bars = counted(figure)
    assert sum(bars.values()) == len(defined)
    assert bars.get("C–H", 0) == expected.get("C–H", 0)
    assert bars.get("H–H", 0) == expected.get("H–H", 0)


@pytest.mark.parametrize("parameter", ["sigma", "epsilon"])
def test_the_pairs_of_a_bar_are_those_that_it_counts(pairs, parameter):
    colored = ["C–H", "H–H"]
    figure = pair_parameter_histogram(pairs, parameter, relation="further", element_pairs=colored)
    counts = [(list(bin_), count) for bar in figure.data for bin_, count in zip(bar.customdata, bar.y, strict=True)]
    assert max(count for _, count in counts) > 3
    for bin_, count in counts:
        found = pairs_of_bars(pairs, parameter, [bin_], relation="further", element_pairs=colored)
        assert len(found) == count
        assert (found["relation"] == "further").all()
    bins = [bin_ for bin_, _ in counts]
    every = pairs_of_bars(pairs, parameter, bins, relation="further", element_pairs=colored)
    assert len(every) == sum(count for _, count in counts)


def test_bars_lie_where_the_values_are(pairs):
    figure = pair_parameter_histogram(pairs, "sigma", relation="further", element_pairs=[])
    (bar,) = figure.data
    values = pairs.loc[pairs["relation"] == "further", "sigma"].dropna()
    center = np.average(bar.x, weights=bar.y)
    assert center == pytest.approx(values.mean(), abs=0.05)


def test_undefined_values_are_left_out(pairs):
    holed = pairs.copy()
    rows = holed.index[holed["relation"] == "1-4"][:5]
    holed.loc[rows, "sigma"] = np.nan
    whole = counted(pair_parameter_histogram(pairs, "sigma", relation="1-4", element_pairs=[]))
    less = counted(pair_parameter_histogram(holed, "sigma", relation="1-4", element_pairs=[]))
    assert sum(whole.values()) - sum(less.values()) == 5


def test_typical_values_are_marked_and_have_a_source(pairs):
    for parameter, position in (("sigma", 3.0), ("epsilon", np.log10(0.13))):
        figure = pair_parameter_histogram(pairs, parameter, relation="further", element_pairs=[])
        (line,) = figure.layout.shapes
        assert line.x0 == pytest.approx(position)
        low, high = figure.layout.xaxis.range
        assert low < position < high
        assert "GROMOS" in figure.layout.annotations[0].text
    assert all(typical.source for typical in TYPICAL_VALUES)


def test_no_pairs_is_an_empty_figure(pairs):
    figure = pair_parameter_histogram(pairs, "epsilon", relation="intermolecular", element_pairs=[])
    assert len(figure.data) == 0


def test_unknown_parameter_and_too_many_colours_are_refused(pairs):
    with pytest.raises(ValueError, match="C0"):
        pair_parameter_histogram(pairs, "C0", relation="1-3", element_pairs=[])
    with pytest.raises(ValueError, match="8"):
        pair_parameter_histogram(pairs, "sigma", relation="1-3", element_pairs=[str(k) for k in range(8)])


def test_every_axis_has_its_unit(pairs):
    curve = atom_pair_curve(load_model().force_field(Molecule.from_smiles("CCO")), 0, 2, np.linspace(0.8, 8, 50))
    relative = {"a": np.array([0.0, 1.0]), "b": np.array([0.5, 0.0])}
    figures = [
        pair_parameter_histogram(pairs, "sigma", relation="further", element_pairs=[]),
        pair_parameter_histogram(pairs, "epsilon", relation="further", element_pairs=[]),
        pair_curve_figure(curve),
        relative_energy_scatter(relative, reference="a"),
    ]
    for figure in figures:
        assert "Å" in figure.layout.xaxis.title.text or "kcal/mol" in figure.layout.xaxis.title.text
    for figure in [*figures[2:], conformer_energy_figure(relative)]:
        assert "kcal/mol" in figure.layout.yaxis.title.text


def test_curve_shows_four_terms_and_their_total():
    force_field = load_model().force_field(Molecule.from_smiles("CCCO"))
    curve = atom_pair_curve(force_field, 0, 3, np.linspace(0.8, 8, 200))
    figure = pair_curve_figure(curve, distance=3.0)
    lines = {line.name: np.asarray(line.y) for line in figure.data}
    assert set(lines) == {"Coulomb", "dispersion", "repulsion", "Gaussians", "total"}
    np.testing.assert_allclose(
        lines["total"],
        lines["Coulomb"] + lines["dispersion"] + lines["repulsion"] + lines["Gaussians"],
        rtol=1e-6,
        atol=1e-6,
    )
    assert any(shape.x0 == 3.0 for shape in figure.layout.shapes)
    assert "3.00 Å" in figure.layout.annotations[0].text


def test_window_shows_the_well_and_not_the_wall():
    r = np.linspace(0.8, 8, 400)
    repulsion, dispersion = (3.4 / r) ** 12, -2 * (3.4 / r) ** 6
    zero = np.zeros_like(r)
    curve = pd.DataFrame(
        {
            "r": r,
            "coulomb": zero,
            "dispersion": dispersion,
            "repulsion": repulsion,
            "gaussians": zero,
            "total": repulsion + dispersion,
        }
    )
    for distance in (3.4, None):
        low, high = energy_window(curve, distance)
        assert low < -1.0
        assert 0 < high < 100


def test_scatter_puts_the_reference_on_x_and_draws_the_diagonal():
    relative = {
        "Model": np.array([0.0, 1.0, 2.0]),
        "GFN2-xTB": np.array([0.0, 1.5, np.nan]),
        "ANI-2x": np.array([0.3, 0.0, 4.0]),
    }
    figure = relative_energy_scatter(relative, reference="GFN2-xTB")
    names = [trace.name for trace in figure.data]
    assert names == ["Model", "ANI-2x", "y = x"]
    np.testing.assert_array_equal(figure.data[0].x, relative["GFN2-xTB"])
    np.testing.assert_array_equal(figure.data[1].y, relative["ANI-2x"])
    assert list(figure.data[2].x) == list(figure.data[2].y)
    assert figure.data[2].x[1] > 4.0
    with pytest.raises(KeyError):
        relative_energy_scatter(relative, reference="DFT")


def test_a_method_keeps_its_colour_in_both_figures():
    relative = {name: np.arange(3.0) for name in ("Model", "GFN2-xTB", "ANI-2x")}
    scatter = relative_energy_scatter(relative, reference="GFN2-xTB")
    lines = conformer_energy_figure(relative)
    by_name = {trace.name: trace.marker.color or trace.line.color for trace in lines.data}
    for trace in scatter.data[:2]:
        assert trace.marker.color == by_name[trace.name]
