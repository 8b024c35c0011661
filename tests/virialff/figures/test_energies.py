"""Intervals in figures of conformers and scans."""

import numpy as np

from virialff.figures.energies import conformer_energy_figure, relative_energy_scatter, scan_figure
from virialff.figures.style import method_looks

RELATIVE = {"Model": np.array([0.0, 1.0, 2.0]), "GFN2-xTB": np.array([0.0, np.nan, 2.5])}
WIDTHS = {"Model": np.array([0.0, 0.4, 0.5])}


def test_bars_of_the_method_that_knows_its_intervals():
    model, gfn2 = conformer_energy_figure(RELATIVE, WIDTHS).data
    np.testing.assert_array_equal(model.error_y.array, WIDTHS["Model"])
    assert gfn2.error_y.array is None
    (against_gfn2,) = relative_energy_scatter(RELATIVE, reference="GFN2-xTB", half_widths=WIDTHS).data[:1]
    np.testing.assert_array_equal(against_gfn2.error_y.array, WIDTHS["Model"])
    assert against_gfn2.error_x.array is None
    (against_model,) = relative_energy_scatter(RELATIVE, reference="Model", half_widths=WIDTHS).data[:1]
    np.testing.assert_array_equal(against_model.error_x.array, WIDTHS["Model"])


def test_a_band_goes_around_the_curve_where_it_is_known():
    angles = np.array([-180.0, 0.0, 180.0])
    figure = scan_figure(angles, RELATIVE, coordinate="torsion", half_widths={"GFN2-xTB": np.array([0.1, 0.2, 0.3])})
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 1
    np.testing.assert_allclose(bands[0].x, [-180.0, 180.0, 180.0, -180.0])
    np.testing.assert_allclose(bands[0].y, [0.1, 2.8, 2.2, -0.1])
    assert not [trace for trace in scan_figure(angles, RELATIVE, coordinate="torsion").data if trace.fill == "toself"]


def test_methods_look_alike_whichever_are_shown():
    every = method_looks(["Model", "GFN2-xTB", "ANI-2x", "MMFF94", "wB97X-D/def2-SVP", "mine", "yours"])
    assert len({look.color for look in every.values()}) == len(every)
    for few in (["GFN2-xTB"], ["Model", "MMFF94"], ["mymodel", "GFN2-xTB"]):
        for name, look in method_looks(few).items():
            assert look == every.get(name, every["Model"])
