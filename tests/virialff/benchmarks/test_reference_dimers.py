import numpy as np
import pytest

from virialff.benchmarks.physics import BUMP, WINDOWS, _bumps, check_dimers, reference_dimers
from virialff.engines import get_engine
from virialff.interactions.dissociation import centre_separation


@pytest.mark.usefixtures("psi4_data")
def test_the_dimers_have_their_shape():
    dimers = reference_dimers()
    assert list(dimers) == list(WINDOWS)
    separation, direction = centre_separation(dimers["benzene sandwich"], dimers["benzene sandwich"].positions[0])
    assert separation == pytest.approx(3.9)
    ring = dimers["benzene sandwich"].fragment(0).positions[0]
    assert np.abs((ring - ring.mean(axis=0)) @ direction).max() < 0.01
    separation, _ = centre_separation(dimers["benzene T-shaped"], dimers["benzene T-shaped"].positions[0])
    assert separation == pytest.approx(4.91, abs=0.02)


@pytest.mark.usefixtures("psi4_data")
def test_gfn2_holds_for_water_and_puts_the_sandwich_too_close():
    water, t_shaped, sandwich = check_dimers(get_engine("gfn2"))
    assert water.holds
    assert t_shaped.holds
    assert not sandwich.holds
    assert sandwich.distance == pytest.approx(3.45, abs=0.06)
    assert sandwich.n_bumps == 0
    assert all(dimer.well_depth > 1 for dimer in (water, t_shaped, sandwich))


@pytest.mark.parametrize(
    ("energies", "wells"),
    [
        ([5.0, 3.0, 1.0, 0.0], 0),
        ([5.0, 1.0, -0.2, -0.1, 0.0], 0),
        ([5.0, 1.0, 2.0, 0.5, 0.0], 1),
        ([5.0, 1.0, 1.0 + BUMP / 2, 0.5, 0.0], 0),
        ([5.0, 1.0, 1.5, 2.0, 0.5, 0.9, 0.0], 2),
    ],
)
def test_bumps_are_further_wells(energies, wells):
    assert _bumps(-np.array(energies)) == wells
