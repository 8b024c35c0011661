"""XYZ and PDB: frames, their damage, and the bonds that the distances tell."""

import numpy as np
from rdkit import Chem

from tests.virialff.sample_files import ALANINE, WATER_XYZ, embedded, read, xyz
from virialff.errors import (
    IsotopeError,
    MissingCoordinatesError,
    MoleculeError,
    OverlappingAtomsError,
    UnreadableRecordError,
    UnsupportedElementError,
)
from virialff.io.read import group_conformers
from virialff.molecules.molecule import Molecule


def test_xyz_frames_with_errors_between():
    frames = [
        WATER_XYZ,
        "3\nbad\nO 0 0 0\nH 0 x 0.9\nH 0 1 0\n",
        "5\nshort\nO 0 0 0\n",
        "\n\n",
        "2\nclose\nH 0 0 0\nH 0 0 0.1\n",
        "1\nunknown\nXq 0 0 0\n",
        "3\ntritium\nO 0 0 0\nH 0.0 0.757 0.587\nT 0.0 -0.757 0.587\n",
        "2\nsodium\nNa 0 0 0\nCl 0 0 2.4\n",
        "3\nendless\nO 0 0 0\nH 0 nan 0.587\nH 0.0 -0.757 0.587\n",
        "3\n energy: -5.07 gnorm: 0.0004 xtb: 6.7.1\n8 0 0 0 0.1\n1 0.0 0.757 0.587 0.1\n1 0.0 -0.757 0.587 0.1\n",
    ]
    items = read("".join(frames), "xyz")
    assert isinstance(items[0], Molecule)
    assert items[0].name == "water"
    assert isinstance(items[-1], Molecule)
    assert items[-1].name == ""
    expected = {
        "2 (bad)": (UnreadableRecordError, "coordinates of atom 2 are no numbers"),
        "3 (short)": (UnreadableRecordError, "announces 5 atoms and has 1"),
        "4 (close)": (OverlappingAtomsError, "0.10 Angstrom apart"),
        "5 (unknown)": (UnreadableRecordError, "'Xq', which is no element"),
        "6 (tritium)": (IsotopeError, "atom 3 (T)"),
        "7 (sodium)": (UnsupportedElementError, "atom 1 (Na)"),
        "8 (endless)": (MissingCoordinatesError, "not finite"),
    }
    errors = {item.record: item for item in items if isinstance(item, MoleculeError)}
    assert set(errors) == set(expected)
    for record, (kind, words) in expected.items():
        assert isinstance(errors[record], kind)
        assert words in str(errors[record])


def test_xyz_ensemble_keeps_every_frame_as_it_is():
    butane = embedded("CCCC", 8)
    (molecule,) = group_conformers(read(xyz(butane), "xyz"))
    expected = np.array([conformer.GetPositions() for conformer in butane.GetConformers()])
    np.testing.assert_allclose(molecule.positions, expected, atol=6e-5)


def test_xyz_ensemble_notices_another_molecule_and_a_mirror_image():
    mirrored = Chem.Mol(ALANINE)
    for conformer in mirrored.GetConformers():
        conformer.SetPositions(conformer.GetPositions() * [1, 1, -1])
    items = read(xyz(ALANINE) + xyz(mirrored) + WATER_XYZ, "xyz")
    grouped = list(group_conformers(items))
    assert [(m.formula, m.n_conformers) for m in grouped] == [("C3H7NO2", 3), ("C3H7NO2", 3), ("H2O", 1)]
    assert grouped[0].inchikey != grouped[1].inchikey
    broken = np.array([[0.0, 0, 0], [0.0, 0.757, 0.587], [0.0, -3.0, 0.587]])
    lines = "".join(f"{s} {x} {y} {z}\n" for s, (x, y, z) in zip("OHH", broken, strict=True))
    items = read(WATER_XYZ + "3\n\n" + lines, "xyz")
    assert isinstance(items[0], Molecule)
    assert isinstance(items[1], MoleculeError)


def test_complex_from_xyz_has_its_fragments():
    shifted = WATER_XYZ.splitlines()[2:]
    second = [f"{s} {x} {y} {float(z) + 3.2}" for s, x, y, z in (line.split() for line in shifted)]
    (dimer,) = read("6\ndimer\n" + "\n".join(shifted + second), "xyz")
    assert dimer.n_fragments == 2


def test_pdb_models_alternates_and_names():
    block = Chem.MolToPDBBlock(ALANINE)
    assert [item.n_conformers for item in read(block, "pdb")] == [1, 1, 1]
    single = Chem.MolToPDBBlock(ALANINE, confId=0)
    no_elements = "\n".join(line[:66] if line.startswith("HETATM") else line for line in single.splitlines())
    (molecule,) = read(no_elements, "pdb")
    assert molecule.same_structure(Molecule.from_rdkit(ALANINE))
    lines = [line for line in single.splitlines() if line.startswith("HETATM")]
    assert len(read("\n".join(lines), "pdb")) == 1
    lines[:1] = [lines[0][:16] + letter + lines[0][17:] for letter in "AB"]
    (error,) = read("\n".join(lines), "pdb")
    assert "alternate locations" in str(error)
    chlorine = "".join(
        f"HETATM    {k + 1} {name}  LIG A   1       {x:.3f}   0.000   0.000\n"
        for k, (name, x) in enumerate([("CL1", 0.0), (" H1", 1.275)])
    )
    assert read(chlorine, "pdb")[0].formula == "ClH"
