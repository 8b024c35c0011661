"""Headers that say where things are, are obeyed: extended XYZ, SMILES and CSV tables, PDB columns, V3000 indices."""

import itertools

import numpy as np
import pytest

from tests.virialff.sample_files import read
from virialff.errors import NetChargeError, RadicalError, UnreadableRecordError
from virialff.molecules.molecule import Molecule

WATER = [("O", (0.0, 0.0, 0.1173)), ("H", (0.0, 0.7572, -0.4692)), ("H", (0.0, -0.7572, -0.4692))]
COLUMNS = {
    "species:S:1": lambda symbol, place: symbol,
    "charges:R:1": lambda symbol, place: "-0.66",
    "pos:R:3": lambda symbol, place: "{} {} {}".format(*place),
    "forces:R:3": lambda symbol, place: "1.0 2.0 3.0",
}


def extended(order, comment="", species="species:S:1"):
    names = ":".join(order).replace("species:S:1", species)
    lines = [" ".join(COLUMNS[name](*atom) for name in order) for atom in WATER]
    return "\n".join(["3", f"Properties={names} {comment}", *lines, ""])


@pytest.mark.parametrize("order", list(itertools.permutations(COLUMNS)))
def test_columns_of_the_extended_format_in_any_order(order):
    (molecule,) = read(extended(order), "xyz")
    assert molecule.symbols == ("O", "H", "H")
    np.testing.assert_allclose(molecule.positions[0], [place for _, place in WATER])
    assert molecule.notes == ()


def test_other_spellings_of_the_header():
    for text in (
        extended(["pos:R:3", "species:S:1"]).replace(
            "Properties=pos:R:3:species:S:1", 'energy=-1.0 properties="POS:R:3:Species:S:1"'
        ),
        extended(["pos:R:3", "species:S:1"], species="Z:I:1").replace("O", "8").replace("H", "1"),
    ):
        (molecule,) = read(text.replace("Pr8perties", "Properties"), "xyz")
        assert molecule.formula == "H2O"
        assert molecule.positions[0, 0, 2] == 0.1173


def test_a_header_without_positions_is_refused():
    (error,) = read(extended(["pos:R:3", "species:S:1"]).replace("pos:R:3:", "place:R:3:"), "xyz")
    assert isinstance(error, UnreadableRecordError)
    assert "without species:S:1 and pos:R:3" in str(error)


def test_too_few_columns_for_the_header():
    (error,) = read(extended(["charges:R:1", "species:S:1", "pos:R:3"]).replace("-0.66 H", "H", 1), "xyz")
    assert "columns; it needs a symbol and x, y, z" in str(error)


@pytest.mark.parametrize(
    ("comment", "error"),
    [
        ("charge=1", NetChargeError),
        ("total_charge=-1 energy=-76.4", NetChargeError),
        ('charge="+2"', NetChargeError),
        ("Charge: -1 Multiplicity: 1", NetChargeError),
        ("multiplicity=3", RadicalError),
        ("charge=0 spin=2", RadicalError),
        ("total_spin=3", RadicalError),
        ("charge=0", None),
        ("charge=0.0 spin=1", None),
        ("charges=none Multiplicity: 1", None),
    ],
)
def test_a_charge_or_multiplicity_in_the_comment_is_obeyed(comment, error):
    text = extended(["species:S:1", "pos:R:3"], comment)
    for form in (text, text.replace("Properties=species:S:1:pos:R:3 ", "")):
        (item,) = read(form, "xyz")
        assert isinstance(item, Molecule if error is None else error), item


def test_a_periodic_cell_is_said_to_be_left_out():
    cell = 'Lattice="10 0 0 0 10 0 0 0 10"'
    order = ["species:S:1", "pos:R:3"]
    for comment, n_notes in ((cell, 1), (f'{cell} pbc="T T T"', 1), (f'{cell} pbc="F F F"', 0), ('pbc="F F F"', 0)):
        (molecule,) = read(extended(order, comment), "xyz")
        assert len(molecule.notes) == n_notes, comment
        assert all("periodic cell is not used" in note for note in molecule.notes)


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("id smiles\n1 C[C@H](N)C(=O)O\n", "smi"),
        ("name\tsmiles\nL-alanine of mine\tC[C@H](N)C(=O)O\n", "smi"),
        ("smiles name\nC[C@H](N)C(=O)O alanine\n", "smi"),
        ("id,canonical_smiles,isomeric_smiles\n1,CC(N)C(=O)O,C[C@H](N)C(=O)O\n", "csv"),
        ("smiles,isomeric_smiles\nCC(N)C(=O)O,C[C@H](N)C(=O)O\n", "csv"),
        ("isosmiles;smiles\nC[C@H](N)C(=O)O;CC(N)C(=O)O\n", "csv"),
        ("CID,CanonicalSMILES,IsomericSMILES\n1,CC(N)C(=O)O,C[C@H](N)C(=O)O\n", "csv"),
        ("CID,ConnectivitySMILES,SMILES\n1,CC(N)C(=O)O,C[C@H](N)C(=O)O\n", "csv"),
        ("canonical_smiles,my_smiles\nCC(N)C(=O)O,C[C@H](N)C(=O)O\n", "csv"),
    ],
)
def test_the_column_of_smiles_is_found_and_the_isomeric_one_taken(text, format):
    (molecule,) = read(text, format)
    assert molecule.smiles == "C[C@H](N)C(=O)O"
    several = text.splitlines()[0].lower().count("smiles") > 1
    assert [note.startswith("its SMILES is from the column '") for note in molecule.notes] == [True] * several


def test_a_first_molecule_is_no_header():
    assert [item.formula for item in read("CCO smiles\nCO b\n", "smi")] == ["C2H6O", "CH4O"]


# --- alternate locations ---


def pdb(rows):
    """(name, alternate, occupancy, element, place) as ATOM lines of one residue."""
    return "".join(
        f"HETATM{k:5d} {name:<4}{alternate}LIG A   1    {x:8.3f}{y:8.3f}{z:8.3f}{occupancy:6.2f} 20.00"
        f"          {element:>2}\n"
        for k, (name, alternate, occupancy, element, (x, y, z)) in enumerate(rows, start=1)
    )


def water_at(shift, alternate, occupancy=1.0, names=("O", "H1", "H2")):
    return [
        (name, alternate, occupancy, element, np.array(place) + shift)
        for name, (element, place) in zip(names, WATER, strict=True)
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((" ", 1.0), ("B", 0.4)),
        ((" ", 0.6), ("B", 0.4)),
        (("A", 0.6), ("B", 0.4)),
        (("A", 0.5), (" ", 0.5)),
        ((" ", 1.0), ("B", 1.0)),
    ],
)
@pytest.mark.parametrize("shift", [0.9, 6.0])
def test_alternate_locations_are_refused(first, second, shift):
    (error,) = read(pdb(water_at(0.0, *first) + water_at(shift, *second)), "pdb")
    assert isinstance(error, UnreadableRecordError)
    assert "has alternate locations" in str(error)
    assert "keep one of them" in str(error)


def test_part_of_a_residue_at_alternate_locations_is_refused():
    rows = water_at(0.0, " ")
    (error,) = read(pdb([*rows, *water_at(5.0, "C", 0.3, names=("O9", "H8", "H9"))]), "pdb")
    assert "(C, blank)" in str(error)


def test_one_location_kept_with_its_letter_is_read():
    for letter in "AB":
        (molecule,) = read(pdb(water_at(0.0, letter, 0.6)), "pdb")
        assert molecule.formula == "H2O"
    rows = water_at(0.0, " ")
    rows[1] = (rows[1][0], "A", *rows[1][2:])
    (molecule,) = read(pdb(rows), "pdb")
    assert molecule.formula == "H2O"
    (pair,) = read(pdb(water_at(0.0, " ") + water_at(6.0, " ")), "pdb")  # names that repeat, as Open Babel writes them
    assert pair.n_fragments == 2


def test_v3000_atoms_are_told_by_their_index():
    block = """
  t

  0  0  0     0  0            999 V3000
M  V30 BEGIN CTAB
M  V30 COUNTS 3 2 0 0 0
M  V30 BEGIN ATOM
M  V30 7 H 0 0.7572 -0.4692 0
M  V30 3 O 0 0 0.1173 0
M  V30 5 H 0 -0.7572 -0.4692 0
M  V30 END ATOM
M  V30 BEGIN BOND
M  V30 1 1 3 7
M  V30 2 1 5 3
M  V30 END BOND
M  V30 END CTAB
M  END
"""
    (molecule,) = read(block, "sdf")
    assert isinstance(molecule, Molecule)
    assert molecule.bonds.tolist() == [[0, 1], [1, 2]]
