"""Tables for GROMACS and LAMMPS, read back from their text, give the energy of the library; so do MOL2 and fits."""

import re

import numpy as np
import pytest
from rdkit import Chem
from scipy.interpolate import CubicHermiteSpline, CubicSpline

from virialff import load_model
from virialff.conformers.generation import generate
from virialff.errors import MissingCoordinatesError
from virialff.export.mol2 import mol2_with_charges
from virialff.export.pair_tables import gromacs_files, lammps_files
from virialff.molecules.molecule import Molecule
from virialff.parameters.curves import lennard_jones_table, pair_curves
from virialff.units import KCAL_IN_KJ


@pytest.fixture(scope="module")
def glycine():
    molecule = generate(Molecule.from_smiles("NCC(=O)O"), 1)
    return load_model().force_field(molecule)


def section(text: str, name: str) -> list[list[str]]:
    """Words of each line of a section of a topology."""
    body = re.search(rf"\[ {name} \]\n(.*?)(?=\n\[|\Z)", text, re.DOTALL)
    assert body is not None
    return [line.split() for line in body[1].splitlines()]


def test_gromacs(glycine):
    files = gromacs_files(glycine)
    atoms = [line.split() for line in files["conf.gro"].splitlines()[2:-1]]
    positions = np.array([[float(word) for word in line[-3:]] for line in atoms])
    bonds = section(files["topol.top"], "bonds")
    assert len(bonds) == 10 * 9 / 2
    energy = 0.0
    for i, j, kind, table, factor in bonds:
        assert (kind, factor) == ("9", "1.0")
        r, value, force = np.loadtxt(files[f"table_b{table}.xvg"].splitlines()).T
        assert r[0] == 0.0
        curve = CubicHermiteSpline(r, value, -force)
        energy += float(curve(np.linalg.norm(positions[int(i) - 1] - positions[int(j) - 1])))
    # Coordinates of a .gro file have 1e-5 nm.
    scaled = positions * 10
    assert energy / KCAL_IN_KJ == pytest.approx(float(glycine.pair_energy(scaled)), abs=1e-4)
    charges = [float(line[6]) for line in section(files["topol.top"], "atoms")]
    np.testing.assert_allclose(charges, glycine.charges, atol=1e-6)
    assert [len(line) for line in section(files["topol.top"], "exclusions")] == [10] * 10


def test_lammps(glycine):
    files = lammps_files(glycine)
    data = files["molecule.data"]
    body = data.split("Atoms # full\n\n")[1].split("\n\nBonds")[0]
    positions = np.array([[float(word) for word in line.split()[-3:]] for line in body.splitlines()])
    np.testing.assert_allclose(positions - positions[0], _relative(glycine), atol=1e-6)
    names = dict(re.findall(r"bond_coeff (\d+) pairs.table (\w+)", files["in.molecule"]))
    energy = 0.0
    for line in data.split("Bonds\n\n")[1].splitlines():
        _, kind, i, j = line.split()
        block = files["pairs.table"].split(f"{names[kind]}\n")[1].split("\n\n")[1].split("\nPAIR")[0]
        _, r, value, force = np.loadtxt(block.splitlines()).T
        curve = CubicSpline(r, value)
        distance = np.linalg.norm(positions[int(i) - 1] - positions[int(j) - 1])
        energy += float(curve(distance))
        np.testing.assert_allclose(-curve(distance, 1), np.interp(distance, r, force), atol=0.5)
    assert energy == pytest.approx(float(glycine.pair_energy(positions)), abs=1e-4)


def _relative(force_field):
    positions = force_field.molecule.positions[0]
    return positions - positions[0]


def test_curves_are_those_of_the_force_field_and_slopes_their_derivatives(glycine):
    r = np.linspace(0.8, 8, 40)
    curves = pair_curves(glycine, r)
    for row in (0, 7, 30):
        np.testing.assert_allclose(curves.energies[row], glycine.pair_curve(row, r)["total"], atol=1e-9)
    step = 1e-5
    up, down = pair_curves(glycine, r + step), pair_curves(glycine, r - step)
    np.testing.assert_allclose(curves.slopes, (up.energies - down.energies) / (2 * step), rtol=1e-5, atol=1e-5)


def test_curves_of_a_model_with_a_row_for_each_order():
    molecule = Molecule.from_smiles("CCO")
    force_field = load_model("paper").force_field(molecule)
    r = np.array([1.5, 3.0, 9.9, 10.1])
    curves = pair_curves(force_field, r)
    assert len(curves.pairs) == 36
    for k, pair in enumerate(curves.pairs):
        rows = np.flatnonzero((np.sort(force_field.pairs[["i", "j"]], axis=1) == pair).all(axis=1))
        expected = np.mean([force_field.pair_curve(int(row), r)["total"] for row in rows], axis=0)
        np.testing.assert_allclose(curves.energies[k], expected, atol=1e-9)


def test_fitted_lennard_jones_parameters(glycine):
    table = lennard_jones_table(glycine)
    assert set(table["relation"]) == {"1-4", "further"}
    row = table[table["sigma_A"].notna()].iloc[0]
    i, j = int(row["atom_i"]) - 1, int(row["atom_j"]) - 1
    r = np.arange(row["from_A"], 12.01, 0.02)
    curves = pair_curves(glycine, r, coulomb=False)
    target = curves.energies[(curves.pairs == [i, j]).all(axis=1)][0]
    ratio = (row["sigma_A"] / r) ** 6
    error = 4 * row["epsilon_kcal_per_mol"] * (ratio**2 - ratio) - target
    assert np.sqrt(np.mean(error**2)) == pytest.approx(row["rms_error_kcal_per_mol"], rel=1e-3)
    assert np.abs(error).max() == pytest.approx(row["largest_error_kcal_per_mol"], rel=1e-3)
    # Other parameters fit worse.
    for factor in (0.99, 1.01):
        other = 4 * row["epsilon_kcal_per_mol"] * factor * (ratio**2 - ratio) - target
        assert np.mean(other**2) > np.mean(error**2)


@pytest.mark.parametrize("smiles", ["CC(=O)Nc1ccc(O)cc1", "CS(=O)(=O)c1ccncc1", "C#CC=O", "NCC(=O)O"])
def test_mol2_comes_back_by_rdkit(smiles):
    molecule = generate(Molecule.from_smiles(smiles), 2)
    charges = load_model().force_field(molecule).charges
    text = mol2_with_charges(molecule, charges)
    assert text.count("@<TRIPOS>MOLECULE") == molecule.n_conformers
    mol = Chem.MolFromMol2Block(text, removeHs=False)
    expected = Chem.MolToSmiles(Chem.RemoveHs(molecule.to_rdkit()), isomericSmiles=False)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol), isomericSmiles=False) == expected
    read = [float(atom.GetProp("_TriposPartialCharge")) for atom in mol.GetAtoms()]
    np.testing.assert_allclose(read, charges, atol=1e-5)
    np.testing.assert_allclose(mol.GetConformer().GetPositions(), molecule.positions[0], atol=1e-4)


def test_atom_types_of_mol2():
    molecule = generate(Molecule.from_smiles("CC(=O)Nc1ccc(O)cc1"), 1)
    text = mol2_with_charges(molecule, np.zeros(molecule.n_atoms))
    atoms = text.split("@<TRIPOS>ATOM\n")[1].split("\n@<TRIPOS>BOND")[0].splitlines()
    types = [line.split()[5] for line in atoms[:11]]
    assert types == ["C.3", "C.2", "O.2", "N.am", *["C.ar"] * 4, "O.3", "C.ar", "C.ar"]
    assert " am" in text


def test_a_geometry_is_needed():
    force_field = load_model().force_field(Molecule.from_smiles("C"))
    for make in (gromacs_files, lammps_files):
        with pytest.raises(MissingCoordinatesError):
            make(force_field)
