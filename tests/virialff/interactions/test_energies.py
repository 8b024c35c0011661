import numpy as np
import pytest

from virialff.benchmarks.psi4_databases import read_database
from virialff.engines import get_engine
from virialff.engines.ani import AniEngine
from virialff.engines.ani_weights import AniWeights
from virialff.errors import EngineError, MissingCoordinatesError, MoleculeError, ShapeError
from virialff.interactions.energies import interaction_energy
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def gfn2():
    return get_engine("gfn2")


@pytest.fixture(scope="module")
def water_dimer(psi4_data):
    return Molecule.from_rdkit(read_database("S66")[0].to_rdkit())


def test_water_dimer_with_gfn2(water_dimer, gfn2):
    energy = interaction_energy(water_dimer, gfn2)
    assert energy.shape == (1,)
    assert energy[0] == pytest.approx(-4.918, abs=0.3)  # CCSD(T)/CBS; GFN2-xTB is known to be good here


def test_it_is_the_difference_of_total_energies(water_dimer, gfn2):
    first, second = water_dimer.fragment(0), water_dimer.fragment(1)
    apart = gfn2.energy(first, first.positions) + gfn2.energy(second, second.positions)
    expected = gfn2.energy(water_dimer, water_dimer.positions) - apart
    assert interaction_energy(water_dimer, gfn2) == pytest.approx(expected, abs=1e-9)


def test_order_of_fragments_and_orientation_do_not_matter(water_dimer, gfn2):
    swapped = Molecule.join(water_dimer.fragment(1), water_dimer.fragment(0))
    rotation = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    expected = interaction_energy(water_dimer, gfn2)
    assert interaction_energy(swapped, gfn2) == pytest.approx(expected, abs=1e-5)
    turned = water_dimer.positions @ rotation.T + 3.0
    assert interaction_energy(water_dimer, gfn2, turned) == pytest.approx(expected, abs=1e-5)


def test_far_apart_nothing_is_left_and_each_geometry_has_its_energy(water_dimer, gfn2):
    positions = np.repeat(water_dimer.positions, 2, axis=0)
    positions[1, water_dimer.fragments == 1] += [40.0, 0.0, 0.0]
    energies = interaction_energy(water_dimer, gfn2, positions)
    assert energies.shape == (2,)
    assert energies[0] < -4.0
    assert abs(energies[1]) < 0.01


def test_three_fragments(water_dimer, gfn2):
    third = water_dimer.fragment(0)
    trimer = Molecule.join(water_dimer, third.with_positions(third.positions + 30.0))
    assert interaction_energy(trimer, gfn2) == pytest.approx(interaction_energy(water_dimer, gfn2), abs=0.01)


def test_what_cannot_be_computed_says_why(water_dimer, gfn2):
    with pytest.raises(MoleculeError, match="two or more fragments"):
        interaction_energy(water_dimer.fragment(0), gfn2)
    with pytest.raises(MissingCoordinatesError, match="give positions"):
        interaction_energy(Molecule.from_smiles("O.O"), gfn2)
    with pytest.raises(ShapeError):
        interaction_energy(water_dimer, gfn2, np.zeros((1, 5, 3)))


def test_engine_without_parameters_for_an_element_is_refused(tmp_path):
    ani = AniEngine(AniWeights("ANI-2x", tmp_path, "never read: the elements are known by the name"))
    molecule = Molecule.from_smiles("O.BrBr").with_positions(
        np.array([[0, 0, 0], [5, 0, 0], [7.3, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
    )
    with pytest.raises(EngineError, match="no parameters for Br"):
        interaction_energy(molecule, ani)
