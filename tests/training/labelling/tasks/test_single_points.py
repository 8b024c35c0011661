import json

import numpy as np
import pytest

from training.labelling.tasks.single_points import ANI, DFT, DFT_COMPLEX, DFT_ENERGY, GFN2, GFN2_COMPLEX, Rows
from virialff.benchmarks.psi4_databases import read_database
from virialff.labels.schema import to_table
from virialff.molecules.molecule import Molecule

WATER = np.array([[0.0, 0.0, 0.117], [0.0, 0.757, -0.469], [0.0, -0.757, -0.469]])


def rows_of(molecule, positions, calculations, kind="minimum"):
    rows = Rows("test/task", "test")
    rows.add(molecule, positions, kind, "built", calculations)
    to_table(rows.labels)
    return rows.labels


def test_every_level_gives_a_row_of_water():
    gfn2, ani, dft, energy = rows_of(Molecule.from_smiles("O"), WATER, (GFN2, ANI, DFT, DFT_ENERGY))
    assert [row.identifier for row in (gfn2, ani, dft, energy)] == [f"test/task/{n}" for n in range(4)]
    assert [row.level_of_theory for row in (gfn2, dft)] == ["GFN2-xTB", "wB97X-D/def2-SVP"]
    # Its weights decide which ANI it is, and the row says so.
    assert ani.level_of_theory.startswith("ANI-")
    assert gfn2.forces.shape == ani.forces.shape == (3, 3)
    # Eq. 9-12: the parts are the kinetic energy, which nearly is minus the energy.
    kinetic = dft.kinetic_atoms.sum() + dft.kinetic_bonds.sum() + dft.kinetic_nonbonded
    assert -dft.energy / kinetic == pytest.approx(1.007, abs=0.001)
    assert dft.charges.sum() == pytest.approx(0.0, abs=1e-6)
    assert dft.charge_scheme == "Löwdin"
    # The last energy on the full grid is that of an SCF on it, to second order.
    assert energy.energy == pytest.approx(dft.energy, abs=0.01)
    assert energy.kinetic_atoms is None
    assert json.loads(energy.settings)["final_grid_only"]
    assert all(row.seconds > 0 for row in (gfn2, ani, dft, energy))


def test_interaction_energies_of_the_water_dimer():
    dimer = Molecule.from_rdkit(read_database("S66")[0].to_rdkit())
    gfn2, ani, dft = rows_of(dimer, dimer.positions[0], (GFN2_COMPLEX, ANI, DFT_COMPLEX), "complex")
    assert gfn2.interaction_energy == pytest.approx(-4.9, abs=1.0)
    assert ani.interaction_energy == pytest.approx(-4.9, abs=3.0)
    # Psi4 gives 5.3732 with exact integrals and the counterpoise correction.
    assert dft.interaction_energy == pytest.approx(-5.373, abs=0.01)
    assert dft.counterpoise
    assert not gfn2.counterpoise
    np.testing.assert_allclose(gfn2.interaction_forces.sum(axis=0), 0.0, atol=1e-3)


def test_what_cannot_be_computed_is_a_row_with_the_reason():
    phosphine = Molecule.from_smiles("P")
    positions = np.array([[0.0, 0.0, 0.0], [1.2, 0.0, 0.7], [-0.6, 1.04, 0.7], [-0.6, -1.04, 0.7]])
    ani, gfn2 = rows_of(phosphine, positions, (ANI, GFN2))
    assert "has no parameters for P" in ani.failure
    assert ani.energy is None
    assert gfn2.failure is None
    (close,) = rows_of(Molecule.from_smiles("O"), 0.1 * WATER, (DFT,))
    assert "too close for any energy method" in close.failure
    assert close.level_of_theory == "wB97X-D/def2-SVP"
