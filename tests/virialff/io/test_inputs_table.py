"""docs/inputs.md: every row of its tables is an input, and the words are those printed."""

import gzip
import re
from pathlib import Path

import pytest
from rdkit import Chem

from tests.virialff.io.test_incomplete import SRU, block, v3000
from tests.virialff.sample_files import read
from virialff import errors
from virialff.conformers import crest
from virialff.conformers.generation import generate
from virialff.errors import MoleculeError
from virialff.molecules.molecule import Molecule

DOCUMENT = (Path(__file__).parents[3] / "docs" / "inputs.md").read_text(encoding="utf-8")
CELL = '3\nLattice="9 0 0 0 9 0 0 0 9"\nO 0 0 0.1173\nH 0 0.7572 -0.4692\nH 0 -0.7572 -0.4692\n'
PDB = (
    "ATOM      1  O  {}HOH A   1       0.000   0.000   0.117  1.00 20.00           O\n"
    "ATOM      2  O  {}HOH A   1       0.500   0.000   0.117  1.00 20.00           O\n"
)
WATER = CELL.replace("Lattice", "x")


def first(text, format, **options):
    return read(text, format, **options)[0]


def energy_in_rydberg(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text(WATER.replace('x="9 0 0 0 9 0 0 0 9"', "energy: -10.1 Ry"))
    with pytest.raises(MoleculeError) as caught:
        crest.read_ensemble(path, Molecule.from_smiles("O"))
    return caught.value


def energies_of_no_conformers(tmp_path):
    """Relative energies in kcal/mol whose unit nobody wrote."""
    path = tmp_path / "a.xyz"
    path.write_text("".join(WATER.replace('x="9 0 0 0 9 0 0 0 9"', f"energy: {value}") for value in ("0.00", "1.25")))
    with pytest.raises(MoleculeError) as caught:
        crest.read_ensemble(path, Molecule.from_smiles("O"))
    return caught.value


def in_bohr():
    molecule = generate(Molecule.from_smiles("CCO"), 1)
    mol = molecule.to_rdkit()
    mol.GetConformer().SetPositions(molecule.positions[0] / 0.529177)
    return Chem.MolToMolBlock(mol)


NOTES = {
    "several columns of SMILES": lambda: first("smiles,isomeric_smiles\nCO,CO\n", "csv"),
    "other atom map numbers": lambda: Molecule.from_smiles("[CH3:2][OH:5]"),
    "a periodic cell": lambda: first(CELL, "xyz"),
    "a configuration written at an allene or cumulene": lambda: Molecule.from_smiles("CC=[C@]=CC"),
    "a trans double bond written in a ring of up to seven atoms": lambda: Molecule.from_smiles("C1CC/C=C/C1"),
    "configurations of a ring that hold each other up (alkylidenes on two sides)": lambda: Molecule.from_smiles(
        "C/C=C1/CC/C(=C/C)CC1"
    ),
    "a configuration written at nitrogen with three neighbours": lambda: Molecule.from_smiles("C[N@](CC)CCC"),
    "a square, bipyramidal or octahedral arrangement in SMILES": lambda: first("C[P@TB1](F)(F)(F)F\n", "smi"),
    "a hindered axis between two rings (atropisomers)": lambda: first("Cc1cccc(O)c1-c1c(C)cccc1O\n", "smi"),
    "AND or OR groups of stereochemistry": lambda: Molecule.from_smiles("C[C@H](F)Cl |o1:1|"),
    "a geometry made for an open configuration": lambda: generate(Molecule.from_smiles("FC=CF"), 1),
}
REFUSED = {
    "XYZ or PDB without all its hydrogens": lambda: first("2\n\nC -0.37 -0.03 -0.03\nO 0.98 -0.44 -0.17\n", "xyz"),
    "SDF or MOL geometry without all its hydrogens": lambda: first(block().replace("2D", "3D"), "sdf"),
    "O2, S2 and SO, whose ground states are triplets": lambda: first("2\n\nO 0 0 0\nO 0 0 1.21\n", "xyz"),
    "radicals": lambda: first("C[CH2]\n", "smi"),
    "ions": lambda: first("[NH4+]\n", "smi"),
    "other elements": lambda: first("C[Si](C)(C)C\n", "smi"),
    "isotopes": lambda: first("[13CH4]\n", "smi"),
    "a charge in the comment of XYZ": lambda: first(WATER.replace("x=", "charge=1 x="), "xyz"),
    "a multiplicity above 1 in the comment of XYZ": lambda: first(WATER.replace("x=", "multiplicity=3 x="), "xyz"),
    "geometries in another unit, or of other atoms than the bonds": lambda: first(in_bohr(), "sdf"),
    "atoms of MOL files that are labelled as a group (`CF3`, `COOH`)": lambda: first(
        block("A    2\nCF3\n", "C"), "sdf"
    ),
    "attachment points": lambda: first(block("M  APO  1   2   1\n"), "sdf"),
    "query atoms, atom lists": lambda: first(block(second="A"), "sdf"),
    "R groups": lambda: first(block("M  RGP  1   2   1\n", "R#"), "sdf"),
    "repeat units, mixtures, monomers (S-groups but DAT and SUP)": lambda: first(block(SRU.format("SRU")), "sdf"),
    "link nodes": lambda: first(block("M  LIN  1   1   2   2   1\n"), "sdf"),
    "bonds with several possible ends": lambda: first(v3000(bond=" ENDPTS=(2 2 3) ATTACH=ANY"), "sdf"),
    "query bonds, dative bonds": lambda: first(block(bond="  1  2  8  0"), "sdf"),
    "type 4 outside a ring without hydrogens": lambda: first(block(bond="  1  2  4  0"), "sdf"),
    "impossible valences": lambda: first("CN(C)(C)(C)C\n", "smi"),
    "alternate locations in a PDB file": lambda: first(PDB.format(" ", "B"), "pdb"),
    "`Properties=` without species or positions": lambda: first(WATER.replace("x=", "Properties=id:I:1 x="), "xyz"),
    "energies in another unit": energy_in_rydberg,
    "energies in ensembles that conformers of one molecule do not have": energies_of_no_conformers,
}


def all_bonded(n_atoms):
    """A MOL block of atoms that are all bonded to each other."""
    atoms = [f"{k:10.4f}{0:10.4f}{0:10.4f} C   0  0" for k in range(n_atoms)]
    bonds = [f"{j + 1:3d}{i + 1:3d}  1  0" for i in range(n_atoms) for j in range(i)]
    return "\n".join(["", "", "", f"{n_atoms:3d}{len(bonds):3d}  0  0  0  0999 V2000", *atoms, *bonds, "M  END", ""])


LIMITS = {
    "bonds of an atom in a molecule of 32 rings and more": lambda: first(all_bonded(20), "mol"),
    "atoms of a molecule": lambda: first("C" * 200 + "\n", "smi", max_atoms=50),
    "characters of a line": lambda: first("C" * 1_000_001, "smi"),
    "blank lines in a row": lambda: read("C\n" + "\n" * 100_005, "smi")[-1],
    "characters of a SMILES": lambda: first("C" * 12_001 + "\n", "smi"),
    "size of a compressed file when unpacked": lambda: read(gzip.compress((b"#" * 999 + b"\n") * 22_000), "smi")[-1],
    "characters of a row of a table": lambda: read("smiles\n" + 15 * f'"{99_999 * "x"}\n{99_999 * "x"}",', "csv")[-1],
    "coordinates": lambda: first(WATER.replace("0.7572", "2e6"), "xyz"),
}
ELSEWHERE = {
    "imported energies of a level without atomic energies that are no total energies": "labels/imports/test_sdf.py",
    "the search for the best Lewis structure": "molecules/test_lewis.py",
    "headers inside QMugs' archive": "labels/imports/qmugs/test_structures.py",
    "atoms and parts of a SMARTS": "molecules/test_patterns.py",
    "atoms tried in matching a SMARTS": "molecules/test_patterns.py",
    "reading uploads in the app; SMILES and drawings over 120 characters or 30 atoms": "../pages/test_background.py",
    "a file whose name is a SMILES too": "commands/test_output.py",
}


def table(title):
    text = DOCUMENT.split(f"## {title}\n")[1].split("\n\n")[0]
    return [
        [cell.strip() for cell in row.strip("|").split(" | ")] for row in text.splitlines()[2:] if row.startswith("|")
    ]


def words_of(row):
    match = re.fullmatch(r"`(.*)`", row[-1].strip(" |"))
    assert match
    return match[1]


def made(case, tmp_path):
    return case(tmp_path) if case.__code__.co_argcount else case()


@pytest.mark.parametrize(
    "row", [row for row in table("Said in a note") if row[0] not in ELSEWHERE], ids=lambda row: row[0]
)
def test_notes(row):
    assert any(words_of(row) in note for note in NOTES[row[0]]().notes)


@pytest.mark.parametrize("row", [row for row in table("Refused") if row[0] not in ELSEWHERE], ids=lambda row: row[0])
def test_refusals(row, tmp_path):
    try:
        item = made(REFUSED[row[0]], tmp_path)
    except MoleculeError as error:
        item = error
    assert isinstance(item, getattr(errors, row[1]))
    assert words_of(row) in str(item)


@pytest.mark.parametrize("row", [row for row in table("Limits") if row[0] not in ELSEWHERE], ids=lambda row: row[0])
def test_limits(row):
    assert words_of(row) in str(LIMITS[row[0]]())


def test_every_row_has_its_test():
    rows = {row[0] for title in ("Said in a note", "Refused", "Limits") for row in table(title)}
    assert rows == set(NOTES) | set(REFUSED) | set(LIMITS) | set(ELSEWHERE)
    for name, file in ELSEWHERE.items():
        (row,) = (row for title in ("Said in a note", "Refused", "Limits") for row in table(title) if row[0] == name)
        assert words_of(row) in (Path(__file__).parents[1] / file).read_text(encoding="utf-8")
