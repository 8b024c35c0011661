"""Coordinates that are not of a molecule's bonds are refused from files and warned of elsewhere; atoms are named."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from rdkit import Chem

from virialff import load_model
from virialff.conformers.generation import generate
from virialff.conformers.scans import scan
from virialff.errors import MismatchedCoordinatesError, MismatchedCoordinatesWarning
from virialff.io.read import read_molecules
from virialff.molecules.changes import mismatch
from virialff.molecules.molecule import Molecule

SMILES = ("CCO", "CC(=O)N", "c1ccncc1", "CS(=O)(=O)C", "BrCCCl", "O=P(OC)(OC)OC", "CC(C)Cc1ccc(cc1)C(C)C(=O)O")


def block(molecule: Molecule, positions: np.ndarray) -> str:
    mol = molecule.to_rdkit()
    mol.GetConformer().SetPositions(np.ascontiguousarray(positions))
    return Chem.MolToMolBlock(mol)


def swapped(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """Coordinates of two bonded heavy atoms exchanged."""
    carbon = int(np.flatnonzero(molecule.numbers == 6)[0])
    i, j = next(bond for bond in molecule.bonds if carbon in bond and (molecule.numbers[bond] > 1).all())
    out = positions.copy()
    out[[i, j]] = positions[[j, i]]
    return out


@pytest.mark.parametrize("kind", ["sdf", "mol"])
@pytest.mark.parametrize("smiles", SMILES)
def test_another_unit_is_refused_and_named(smiles: str, kind: str) -> None:
    molecule = generate(Molecule.from_smiles(smiles), 1)
    for unit, factor in (("Bohr", 1 / 0.529177), ("picometres", 100.0)):
        text = block(molecule, molecule.positions[0] * factor)
        (item,) = read_molecules(io.StringIO(text), format=kind)
        assert isinstance(item, MismatchedCoordinatesError)
        assert "the bond between atom " in item.message
        assert f"they seem to be in {unit}: give Angstrom" in item.message
        assert item.record == "1"


@pytest.mark.parametrize("factor", [0.529177, 0.7, 0.8, 1.25, 1.4])
@pytest.mark.parametrize("smiles", SMILES)
def test_bonds_too_short_or_long_on_the_whole_are_refused(smiles: str, factor: float) -> None:
    molecule = generate(Molecule.from_smiles(smiles), 1)
    (item,) = read_molecules(io.StringIO(block(molecule, molecule.positions[0] * factor)), format="sdf")
    assert isinstance(item, MismatchedCoordinatesError)
    with pytest.warns(MismatchedCoordinatesWarning, match="its coordinates are not of its bonds"):
        molecule.with_positions(molecule.positions[0] * factor)
    for slight in (0.95, 1.08):
        assert mismatch(molecule, molecule.positions[0] * slight) is None


@pytest.mark.parametrize("smiles", SMILES)
def test_coordinates_of_other_atoms_are_refused(smiles: str) -> None:
    molecule = generate(Molecule.from_smiles(smiles), 1)
    for positions in (molecule.positions[0][::-1], swapped(molecule, molecule.positions[0])):
        (item,) = read_molecules(io.StringIO(block(molecule, positions)), format="sdf")
        assert isinstance(item, MismatchedCoordinatesError)
        assert "check the order of the atoms and the unit" in item.message


def test_positions_of_another_unit_are_warned_of() -> None:
    molecule = generate(Molecule.from_smiles("CCO"), 1)
    with pytest.warns(MismatchedCoordinatesWarning, match="C2H6O: conformer 2: its coordinates are not of its bonds"):
        molecule.with_positions(np.concatenate([molecule.positions, molecule.positions * 1.8897]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        molecule.with_positions(molecule.positions + 1.0)


def test_energies_at_positions_of_another_unit_are_warned_of() -> None:
    molecule = generate(Molecule.from_smiles("CCO"), 1)
    force_field = load_model().force_field(molecule)
    with pytest.warns(MismatchedCoordinatesWarning, match="C2H6O: its coordinates .* in Bohr"):
        force_field.energy(molecule.positions[0] / 0.529177)


def test_a_stretched_bond_and_molecules_pushed_together_are_meant() -> None:
    molecule = generate(Molecule.from_smiles("CCCO"), 1)
    stretched = scan(molecule, (0, 1), [1.5, 2.5, 4.0]).molecule
    assert [mismatch(stretched, geometry) for geometry in stretched.positions] == [None] * 3
    pair = Molecule.join(molecule, molecule.with_positions(molecule.positions[0] + [0, 0, 1.5]))
    assert mismatch(pair, pair.positions[0]) is None
