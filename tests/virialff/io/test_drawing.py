import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor

from virialff.errors import (
    NetChargeError,
    NoAtomsError,
    RadicalError,
    UnreadableRecordError,
    UnsupportedElementError,
    ValenceError,
)
from virialff.io.drawing import drawing_of, molecule_from_drawing
from virialff.io.examples import examples
from virialff.molecules.molecule import Molecule

EMPTY = "\n  Ketcher\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n"


def block(smiles: str, sanitize: bool = True) -> str:
    mol = Chem.MolFromSmiles(smiles, sanitize=sanitize)
    mol.UpdatePropertyCache(strict=False)
    rdDepictor.Compute2DCoords(mol)
    return Chem.MolToMolBlock(mol, kekulize=sanitize)


@pytest.mark.parametrize("smiles", [example.smiles for example in examples() if example.smiles])
def test_drawing_and_reading_back_is_the_same_molecule(smiles):
    molecule = Molecule.from_smiles(smiles)
    again = molecule_from_drawing(drawing_of(molecule))
    assert again.smiles == molecule.smiles
    assert again.n_conformers == 0


def test_hydrogens_follow_the_drawn_atoms():
    molecule = molecule_from_drawing(block("OCC"))
    assert molecule.symbols == ("O", "C", "C", "H", "H", "H", "H", "H", "H")


def test_wedges_are_stereochemistry():
    for smiles in ("C[C@H](O)F", "C[C@@H](O)F"):
        assert molecule_from_drawing(block(smiles)).smiles == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (EMPTY, NoAtomsError, "empty"),
        ("nonsense", UnreadableRecordError, "cannot be read"),
        (block("CC(C)(C)(C)C", sanitize=False), ValenceError, "atom 2 (C) has too many bonds"),
        (block("C[Si](C)C"), UnsupportedElementError, "atom 2 (Si)"),
        (block("CC(=O)[O-]"), NetChargeError, "net charge -1"),
        (block("C[CH2]"), RadicalError, "atom 2 (C)"),
        (block("*CC"), UnsupportedElementError, "atom 1"),
    ],
)
def test_drawings_that_cannot_be_used_say_why(text, error, words):
    with pytest.raises(error) as caught:
        molecule_from_drawing(text)
    assert words in str(caught.value)
