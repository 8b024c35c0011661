import numpy as np
import pytest

from tests.virialff.sample_methods import FunctionMethod
from virialff.benchmarks.psi4_databases import read_database
from virialff.engines import get_engine
from virialff.errors import MoleculeError, ShapeError
from virialff.interactions.dissociation import (
    centre_separation,
    closest_contact,
    compression,
    dissociation_curve,
    dissociation_positions,
)
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def water_dimer(psi4_data):
    return Molecule.from_rdkit(read_database("S66")[0].to_rdkit())


def test_separations_are_what_was_asked_and_fragments_stay_rigid(water_dimer):
    separations = np.array([2.5, 3.0, 10.0])
    moved = dissociation_positions(water_dimer, water_dimer.positions[0], separations)
    assert moved.shape == (3, 6, 3)
    for separation, geometry in zip(separations, moved, strict=True):
        assert centre_separation(water_dimer, geometry)[0] == pytest.approx(separation)
        for atoms in (slice(0, 3), slice(3, 6)):
            original = water_dimer.positions[0, atoms]
            assert np.ptp(geometry[atoms] - original, axis=0) == pytest.approx(0, abs=1e-12)
    assert np.array_equal(moved[:, :3], np.repeat(water_dimer.positions[:, :3], 3, axis=0))


def test_own_separation_gives_the_geometry_back(water_dimer):
    distance, direction = centre_separation(water_dimer, water_dimer.positions[0])
    assert distance == pytest.approx(2.93, abs=0.01)
    assert np.linalg.norm(direction) == pytest.approx(1)
    again = dissociation_positions(water_dimer, water_dimer.positions[0], np.array([distance]))
    assert again == pytest.approx(water_dimer.positions, abs=1e-12)


def test_curve_of_the_water_dimer_with_gfn2(water_dimer):
    separations = np.linspace(2.4, 10.0, 39)
    curve = dissociation_curve(water_dimer, water_dimer.positions[0], separations, {"GFN2-xTB": get_engine("gfn2")})
    separation, energy = curve.minimum("GFN2-xTB")
    assert 2.6 < separation < 3.1
    assert -5.5 < energy < -4.5
    assert abs(curve.table["GFN2-xTB"].iloc[-1]) < 0.15
    assert curve.largest_step("GFN2-xTB") < 1.0
    assert curve.with_units().columns.tolist() == ["separation (Angstrom)", "contact (Angstrom)", "GFN2-xTB (kcal/mol)"]


def test_a_jump_shows_in_the_largest_step(water_dimer):
    def stepped(_, positions):
        return np.where(positions[:, 3:, :].mean(axis=(1, 2)) > positions[20, 3:, :].mean(), 0.0, -5.0)

    separations = np.linspace(2.4, 10.0, 39)
    curve = dissociation_curve(water_dimer, water_dimer.positions[0], separations, {"stepped": FunctionMethod(stepped)})
    assert curve.largest_step("stepped") == pytest.approx(5.0)


def test_compression_tells_a_wall_from_a_hole(water_dimer):
    gfn2 = compression(water_dimer, water_dimer.positions[0], get_engine("gfn2"), n_points=12)
    assert gfn2.contact == pytest.approx(1.96, abs=0.01)
    assert gfn2.holds
    collapsing = compression(
        water_dimer,
        water_dimer.positions[0],
        FunctionMethod(lambda molecule, positions: -10.0 / closest_contact(molecule, positions)),
        n_points=12,
    )
    assert not collapsing.holds
    assert collapsing.compressed_minimum == pytest.approx(-10.0 / (0.5 * collapsing.contact), rel=0.02)


def test_only_two_fragments_with_a_line_between_them():
    with pytest.raises(MoleculeError, match="needs two fragments and this molecule has 1"):
        centre_separation(Molecule.from_smiles("O"), np.zeros((3, 3)))
    pair = Molecule.from_smiles("F.F")
    with pytest.raises(ShapeError):
        centre_separation(pair, np.zeros((3, 3)))
    with pytest.raises(MoleculeError, match="same centre of mass"):
        centre_separation(pair, np.zeros((4, 3)))
