"""Rigid scans of bonds, angles, torsions and separations."""

import numpy as np
import pytest
from rdkit.Chem import rdMolTransforms

from virialff import load_model
from virialff.conformers.display import display_geometry
from virialff.conformers.generation import search
from virialff.conformers.scans import ScanKind, coordinates, scan, scan_separation, separation_of, usual_range, value_of
from virialff.errors import MissingCoordinatesError, MoleculeError, OverlappingAtomsError
from virialff.figures.energies import scan_figure
from virialff.methods.comparison import compare_methods
from virialff.methods.scan_extrema import extrema_table
from virialff.methods.tables import scan_table
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def butane():
    return search(Molecule.from_smiles("CCCC"), 1).molecule


@pytest.fixture(scope="module")
def water_dimer():
    molecule = Molecule.from_smiles("O.O")
    return molecule.with_positions(display_geometry(molecule).positions[None])


def distances(positions):
    return np.linalg.norm(positions[:, None] - positions[None], axis=-1)


def test_torsion_takes_its_values_and_leaves_bonds_and_angles(butane):
    values = np.linspace(-180, 180, 13)
    result = scan(butane, (0, 1, 2, 3), values)
    mol = result.molecule.to_rdkit()
    found = [rdMolTransforms.GetDihedralDeg(frame, 0, 1, 2, 3) for frame in mol.GetConformers()]
    np.testing.assert_allclose(np.cos(np.radians(found)), np.cos(np.radians(values)), atol=1e-6)
    for geometry in result.molecule.positions:
        for i, j in butane.bonds:
            assert distances(geometry)[i, j] == pytest.approx(distances(butane.positions[0])[i, j], abs=1e-6)
    assert result.label == "torsion C1-C2-C3-C4 (degree)"
    assert result.start == pytest.approx(value_of(butane, (0, 1, 2, 3)))
    np.testing.assert_allclose(result.molecule.positions[0], result.molecule.positions[-1], atol=1e-6)


def test_bond_moves_one_side_as_a_whole(butane):
    result = scan(butane, (1, 2), [1.4, 2.0])
    first, second = (distances(geometry) for geometry in result.molecule.positions)
    assert (first[1, 2], second[1, 2]) == pytest.approx((1.4, 2.0))
    assert second[2, 3] == pytest.approx(distances(butane.positions[0])[2, 3])
    assert result.unit == "A"


def test_angle(butane):
    result = scan(butane, (0, 1, 2), [100.0, 120.0])
    molecule = result.molecule
    assert [value_of(molecule, (0, 1, 2), conformer=k) for k in (0, 1)] == pytest.approx([100, 120])


def test_separation_keeps_both_molecules_and_the_direction(water_dimer):
    start = separation_of(water_dimer)
    result = scan_separation(water_dimer, [start, start + 3])
    np.testing.assert_allclose(result.molecule.positions[0], water_dimer.positions[0], atol=1e-9)
    assert separation_of(result.molecule, conformer=1) == pytest.approx(start + 3)
    for k in (0, 1):
        part = water_dimer.fragments == k
        np.testing.assert_allclose(
            distances(result.molecule.positions[1][part]), distances(water_dimer.positions[0][part]), atol=1e-9
        )
    assert result.atoms == tuple(np.flatnonzero(water_dimer.fragments == 1))


def test_coordinates_offered_can_all_be_scanned():
    molecule = search(Molecule.from_smiles("C#CCc1ccccc1O"), 1).molecule
    kinds: tuple[tuple[ScanKind, int], ...] = (("bond", 2), ("angle", 3), ("torsion", 4))
    for kind, n_atoms in kinds:
        found = coordinates(molecule, kind)
        assert found
        for atoms in found:
            assert len(atoms) == n_atoms
            start = value_of(molecule, atoms)
            if kind != "angle" or 1 < start < 174:
                assert np.isfinite(scan(molecule, atoms, [start + 0.5]).molecule.positions).all()
    torsions = coordinates(molecule, "torsion")
    assert len(torsions) == 2, "about CH2-ring and C-OH; not about the bonds of the triple bond"
    assert coordinates(molecule, "separation") == []


@pytest.mark.parametrize(
    ("smiles", "atoms", "values", "sentence"),
    [
        ("C1CCCCC1", (0, 1), [1.5], "part of a ring"),
        ("C1CCCCC1", (0, 1, 2), [100], "part of a ring"),
        ("C1CCCCC1", (0, 1, 2, 3), [60], "part of a ring"),
        ("CCO", (0, 2), [1.5], "not bonded"),
        ("CCO", (0, 40), [1.5], "there is no atom 41"),
        ("CCO", (0, 1, 0), [90], "given twice"),
        ("CCO", (0,), [1], "two make a bond"),
        ("CCO", (0, 1), [0], "above zero"),
        ("CCO", (0, 1, 2), [200], "between 0 and 180"),
        ("CCO", (0, 1), [np.nan], "list of at least one number"),
    ],
)
def test_what_cannot_be_scanned_is_a_sentence(smiles, atoms, values, sentence):
    molecule = search(Molecule.from_smiles(smiles), 1).molecule
    with pytest.raises(MoleculeError, match=sentence):
        scan(molecule, atoms, values)


def test_values_at_which_a_chain_runs_into_itself_are_left_out_and_named():
    molecule = Molecule.from_smiles("COCOCCCCCCCCCCCC")
    folded = molecule.with_positions(np.asarray(display_geometry(molecule).positions)[None])
    values = np.linspace(-180, 180, 25)
    found = scan(folded, (5, 6, 7, 8), values)
    assert [value for value, _ in found.left_out] == [45.0, 60.0]
    assert found.values.tolist() == [value for value in values if value not in (45.0, 60.0)]
    measured = [value_of(found.molecule, (5, 6, 7, 8), conformer=k) for k in range(len(found.values))]
    np.testing.assert_allclose(np.cos(np.radians(measured)), np.cos(np.radians(found.values)), atol=1e-6)
    (note,) = found.notes()
    assert note.startswith("left out: 45 to 60 degree, where the molecule runs into itself (at 45 atom ")
    with pytest.raises(
        OverlappingAtomsError, match=r"at every value of the torsion .* atoms overlap \(atom .* at 45\)"
    ):
        scan(folded, (5, 6, 7, 8), [45.0, 60.0])
    result = compare_methods(found.molecule, {"Model": load_model()})
    table = extrema_table(found, result)
    assert len(table) == 3
    assert np.isfinite(table["energy (kcal/mol)"]).all()
    # The points beside the gap, thousands of kcal/mol high, are no tops.
    energies = result.methods[0].relative
    assert table["energy (kcal/mol)"].max() < 10.0 < 1000.0 < energies.max()
    figure = scan_figure(
        found.values, {"Model": energies}, coordinate=found.label, left_out=[value for value, _ in found.left_out]
    )
    (line,) = figure.data
    assert np.isnan(np.asarray(line.y)[np.isin(line.x, [45.0, 60.0])]).all()
    assert np.isfinite(line.y).sum() == 23


def test_molecules_pushed_into_each_other_leave_the_other_points(water_dimer):
    found = scan_separation(water_dimer, [0.2, 3.0, 4.0])
    assert [value for value, _ in found.left_out] == [0.2]
    assert found.values.tolist() == [3.0, 4.0]
    assert "one molecule runs into another" in found.notes()[0]


def test_separation_needs_a_complex_with_coordinates(butane, water_dimer):
    with pytest.raises(MoleculeError, match="single molecule"):
        scan_separation(butane, [3.0])
    with pytest.raises(MoleculeError, match="no molecule 3"):
        scan_separation(water_dimer, [3.0], fragment=2)
    with pytest.raises(MissingCoordinatesError):
        scan(Molecule.from_smiles("CC"), (0, 1), [1.5])


@pytest.mark.parametrize("kind", ["bond", "angle", "torsion", "separation"])
def test_usual_range_holds_the_start(kind):
    start = {"bond": 1.5, "angle": 109.5, "torsion": 60.0, "separation": 3.0}[kind]
    low, high = usual_range(kind, start)
    assert low < start < high


def test_table_and_figure(butane):
    result = scan(butane, (0, 1, 2, 3), np.linspace(0, 180, 5))
    comparison = compare_methods(result.molecule, {"model": load_model()})
    other = comparison.methods[0].__class__("twice", "none", 2 * comparison.methods[0].values)
    both = comparison.__class__(comparison.molecule, (*comparison.methods, other))
    table = scan_table(result, both, "model", 4)
    energies = comparison.methods[0].values
    np.testing.assert_allclose(table["model (kcal/mol)"], energies - energies[4])
    np.testing.assert_allclose(table["twice - model (kcal/mol)"], energies - energies[4])
    np.testing.assert_allclose(table["torsion C1-C2-C3-C4 (degree)"], result.values)
    figure = scan_figure(result.values, {"model": energies}, coordinate=result.label, start=result.start)
    assert figure.layout.xaxis.title.text == "torsion C1-C2-C3-C4 (degree)"
    np.testing.assert_allclose(figure.data[0].y, energies)
    assert figure.layout.xaxis.dtick is None
    turn = scan_figure(np.linspace(-180, 180, 5), {"model": energies}, coordinate=result.label)
    assert (turn.layout.xaxis.tick0, turn.layout.xaxis.dtick) == (0, 60)
    with pytest.raises(KeyError):
        scan_table(result, both, "ani")
