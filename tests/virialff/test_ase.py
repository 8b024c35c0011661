"""The calculator of ASE: units, bonds given and perceived, what it refuses, optimization and energy in dynamics."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule as g2
from ase.calculators.fd import calculate_numerical_forces
from ase.optimize import BFGS

from perf.energy_drift import energy_drift
from virialff import load_model
from virialff.ase import VirialFF
from virialff.conformers.generation import generate
from virialff.conformers.relax import relax
from virialff.errors import MismatchedCoordinatesError, MoleculeError, UnsupportedElementError
from virialff.methods.ase import AseMethod
from virialff.molecules.molecule import Molecule
from virialff.parameters.dipole import point_charge_dipole
from virialff.units import EV_IN_KCAL_MOL


@pytest.fixture(scope="module")
def ethanol():
    return generate(Molecule.from_smiles("CCO"), 2)


def atoms_of(molecule: Molecule, conformer: int = 0) -> Atoms:
    return Atoms(numbers=molecule.numbers, positions=molecule.positions[conformer])


def test_results_are_those_of_the_force_field_in_units_of_ase(ethanol):
    atoms = atoms_of(ethanol)
    atoms.calc = VirialFF("CCO")
    force_field = load_model().force_field(ethanol)
    energy, forces = force_field.energy_and_forces(ethanol.positions[0])
    assert atoms.get_potential_energy() * EV_IN_KCAL_MOL == pytest.approx(float(energy), abs=1e-6)
    assert atoms.calc.get_property("free_energy", atoms) == atoms.get_potential_energy()
    np.testing.assert_allclose(atoms.get_forces() * EV_IN_KCAL_MOL, forces, atol=1e-8)
    np.testing.assert_array_equal(atoms.get_charges(), force_field.charges)
    dipole = point_charge_dipole(force_field.charges, ethanol.positions[0])
    np.testing.assert_allclose(atoms.get_dipole_moment(), dipole.vector)
    # By differences of energies, so that a wrong unit of either shows.
    numerical = calculate_numerical_forces(atoms, eps=1e-4)
    np.testing.assert_allclose(atoms.get_forces(), numerical, atol=1e-4)


def test_single_geometries_through_compiled_loops_are_the_same(ethanol):
    plain, compiled = load_model().force_field(ethanol), load_model().force_field(ethanol)
    compiled.compile()
    assert compiled._compiles_single
    for positions in ethanol.positions:
        expected, found = plain.energy_and_forces(positions), compiled.energy_and_forces(positions)
        np.testing.assert_allclose(found[0], expected[0], atol=1e-7)
        np.testing.assert_allclose(found[1], expected[1], atol=1e-8)
        np.testing.assert_allclose(compiled.energy(positions), expected[0], atol=1e-7)
        assert found[0].shape == ()
        assert found[1].shape == positions.shape


def test_bonds_perceived_are_those_of_the_smiles(ethanol):
    perceived, given = VirialFF(), VirialFF(ethanol, load_model())
    assert perceived.force_field is None
    atoms = atoms_of(ethanol)
    energies = [calculator.get_potential_energy(atoms) for calculator in (perceived, given)]
    assert energies[0] == pytest.approx(energies[1], abs=1e-9)
    found = perceived.force_field
    assert found is not None
    assert found.molecule.same_bonds(ethanol)


def test_another_order_of_atoms_gives_the_same_energy():
    water = g2("H2O")
    first, second = water.copy(), water[[1, 0, 2]]
    first.calc, second.calc = VirialFF(), VirialFF()
    assert first.get_potential_energy() == pytest.approx(second.get_potential_energy(), abs=1e-9)


def test_several_molecules_are_one_complex():
    dimer = g2("H2O")
    other = g2("H2O")
    other.translate((0.0, 3.0, 0.0))
    dimer += other
    calculators = VirialFF(), VirialFF("O.O")
    dimer.calc = calculators[0]
    assert dimer.get_potential_energy() == pytest.approx(
        load_model().force_field(Molecule.from_geometry(dimer.numbers, dimer.positions)).energy(dimer.positions)
        / EV_IN_KCAL_MOL
    )
    assert calculators[0].force_field.molecule.n_fragments == 2
    # SMILES has both oxygens first, the geometry each with its hydrogens.
    with pytest.raises(MoleculeError, match=r"atom 2 is H and in the calculator's molecule \(H4O2\) O"):
        calculators[1].get_potential_energy(dimer)
    ordered = dimer[[0, 3, 1, 2, 4, 5]]
    assert calculators[1].get_potential_energy(ordered) == pytest.approx(dimer.get_potential_energy(), abs=1e-9)


def test_other_atoms_are_refused(ethanol):
    calculator = VirialFF()
    atoms = atoms_of(ethanol)
    calculator.get_potential_energy(atoms)
    with pytest.raises(MoleculeError, match=r"there are 8 atoms and the calculator's molecule \(C2H6O\) has 9"):
        calculator.get_potential_energy(atoms[:-1])
    other = atoms.copy()
    other.numbers[2] = 16
    with pytest.raises(MoleculeError, match=r"atom 3 is S and in the calculator's molecule \(C2H6O\) O"):
        calculator.get_potential_energy(other)
    with pytest.raises(MoleculeError, match="atom 3 is H and in the"):
        calculator.get_potential_energy(atoms[[0, 1, 8, 3, 4, 5, 6, 7, 2]])
    with pytest.raises(MismatchedCoordinatesError, match="check the order of the atoms"):
        calculator.get_potential_energy(atoms[[1, 0, 2, 3, 4, 5, 6, 7, 8]])
    calculator.reset_molecule()
    assert np.isfinite(calculator.get_potential_energy(g2("CH4")))


def test_what_is_no_neutral_molecule_in_free_space_is_refused():
    periodic = g2("H2O", cell=[9, 9, 9], pbc=True)
    with pytest.raises(MoleculeError, match="the atoms are periodic"):
        VirialFF().get_potential_energy(periodic)
    charged = g2("H2O")
    charged.info["charge"] = 1
    with pytest.raises(MoleculeError, match=r"charge of \+1"):
        VirialFF().get_potential_energy(charged)
    charged = g2("H2O")
    charged.set_initial_charges([-1.0, 0.0, 0.0])
    with pytest.raises(MoleculeError, match=r"charge of -1"):
        VirialFF().get_potential_energy(charged)
    with pytest.raises(UnsupportedElementError):
        VirialFF().get_potential_energy(g2("SiH4"))


def test_optimization_ends_at_the_minimum_of_the_library(ethanol):
    atoms = atoms_of(ethanol)
    atoms.calc = VirialFF(ethanol)
    assert BFGS(atoms, logfile=None).run(fmax=0.002, steps=300)
    (ours,) = relax(ethanol, load_model(), ethanol.positions[:1], force_tolerance=0.05).conformers
    assert atoms.get_potential_energy() * EV_IN_KCAL_MOL == pytest.approx(ours.energy, abs=0.01)


def test_the_calculator_is_a_method_too(ethanol):
    method = AseMethod("virialff", VirialFF(ethanol))
    assert method.level == load_model().level
    np.testing.assert_allclose(
        method.energy(ethanol, ethanol.positions), load_model().energy(ethanol, ethanol.positions), atol=1e-6
    )


def test_dynamics_keeps_the_energy():
    assert abs(energy_drift("CCO", picoseconds=1.0).drift) < 1e-3


def test_a_calculator_of_many_molecules_perceives_each(ethanol):
    """Benchmarks give one calculator molecules in turn, isomers of the same atoms among them."""
    model = load_model()
    many = VirialFF(model=model, one_molecule=False)
    ether = generate(Molecule.from_smiles("COC"), 1)
    same_order = np.argsort(ether.numbers, kind="stable"), np.argsort(ethanol.numbers, kind="stable")
    molecules = [g2("H2O"), atoms_of(ethanol)[same_order[1]], atoms_of(ether)[same_order[0]], g2("CH4")]
    for atoms in molecules:
        atoms.calc = many
        found = atoms.get_potential_energy()
        atoms.calc = VirialFF(model=model)
        assert found == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
    assert many.allowed_atomic_numbers == set(model.elements)
    strict = VirialFF(model=model)
    molecules[1].calc = strict
    molecules[1].get_potential_energy()
    molecules[2].calc = strict
    with pytest.raises(MismatchedCoordinatesError):
        molecules[2].get_potential_energy()
