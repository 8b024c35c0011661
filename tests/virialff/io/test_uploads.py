import io

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor

from virialff.conformers.generation import search
from virialff.elements import ELEMENTS
from virialff.errors import UnknownFormatError
from virialff.io.examples import FOLDER, examples
from virialff.io.read import table_columns
from virialff.io.uploads import read_upload
from virialff.molecules.molecule import Molecule


def sdf(molecule: Molecule, title: str) -> str:
    mol = molecule.to_rdkit()
    mol.SetProp("_Name", title)
    return "".join(Chem.MolToMolBlock(mol, confId=c.GetId()) + "$$$$\n" for c in mol.GetConformers())


@pytest.fixture(scope="module")
def text() -> str:
    butanol = search(Molecule.from_smiles("CCCCO"), 3).molecule
    water = search(Molecule.from_smiles("O"), 1).molecule
    return sdf(butanol, "butanol") + sdf(water, "water")


def test_records_of_one_molecule_become_its_conformers(text):
    upload = read_upload(text.encode(), "Two.SDF")
    assert [(m.name, m.n_conformers) for m in upload.molecules] == [("butanol", 3), ("water", 1)]
    assert upload.errors == ()
    assert not upload.truncated


def test_reading_stops_at_the_limit_and_says_so(text):
    upload = read_upload(text.encode(), "two.sdf", max_records=2)
    assert [(m.name, m.n_conformers) for m in upload.molecules] == [("butanol", 2)]
    assert upload.truncated


def test_bad_records_are_kept_apart(text):
    upload = read_upload(text.replace(" O ", " Xe ", 1).encode(), "two.sdf")
    assert len(upload.errors) == 1
    assert "record 1" in str(upload.errors[0])
    assert [(m.name, m.n_conformers) for m in upload.molecules] == [("butanol", 2), ("water", 1)]


def test_unknown_suffix_is_refused():
    with pytest.raises(UnknownFormatError):
        read_upload(b"", "structure.docx")


def test_drawings_get_hydrogens_only_on_request():
    mol = Chem.MolFromSmiles("CCO")
    rdDepictor.Compute2DCoords(mol)
    data = Chem.MolToMolBlock(mol).encode()
    (error,) = read_upload(data, "drawn.mol").errors
    assert "hydrogen" in str(error)
    (molecule,) = read_upload(data, "drawn.mol", add_hydrogens=True).molecules
    assert (molecule.n_atoms, molecule.n_conformers) == (9, 0)


def test_example_file_has_the_conformers_its_name_promises():
    example = next(entry for entry in examples() if entry.file)
    upload = read_upload((FOLDER / example.file).read_bytes(), example.file)
    (molecule,) = upload.molecules
    assert str(molecule.n_conformers) in example.name


def test_examples_cover_every_element():
    symbols = {symbol for example in examples() for symbol in example.molecule().symbols}
    assert symbols == set(ELEMENTS)


def test_progress_counts_records_and_can_stop_the_reading():
    seen = []

    def progress(count):
        seen.append(count)
        if count == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_upload(b"CCO\nCC(O\nCC\n", "three.smi", progress=progress)
    assert seen == [1, 2]


TABLE = b"id,drug,structure\n1,ethanol,CCO\n2,water,O\n"


def test_the_column_of_smiles_can_be_chosen():
    assert table_columns(io.BytesIO(TABLE)) == ["id", "drug", "structure"]
    found = read_upload(TABLE, "drugs.csv", column="structure")
    assert [molecule.formula for molecule in found.molecules] == ["C2H6O", "H2O"]
    assert found.errors == ()
    (wrong,) = read_upload(TABLE, "drugs.csv", column="smiles").errors
    assert "no column named smiles but id, drug, structure; choose one of these" in str(wrong)
    (none,) = read_upload(TABLE, "drugs.csv").errors
    assert "or choose it" in str(none)


def test_hydrogens_are_placed_in_geometries_on_request_and_said():
    whole = search(Molecule.from_smiles("CCO"), 1).molecule
    heavy = Chem.RemoveHs(whole.to_rdkit())
    block = Chem.MolToMolBlock(heavy).encode()
    (refused,) = read_upload(block, "heavy.sdf").errors
    assert "lacks" in str(refused)
    (completed,) = read_upload(block, "heavy.sdf", complete_geometries=True).molecules
    assert completed.formula == "C2H6O"
    assert completed.notes == ("6 hydrogens missing in its geometry were placed by RDKit after its atoms",)
    np.testing.assert_allclose(completed.positions[0, :3], whole.positions[0, :3], atol=1e-3)
    lengths = [np.linalg.norm(completed.positions[0, i] - completed.positions[0, j]) for i, j in completed.bonds]
    assert 0.9 < min(lengths) < max(lengths) < 1.7
    (untouched,) = read_upload(
        Chem.MolToMolBlock(whole.to_rdkit()).encode(), "w.sdf", complete_geometries=True
    ).molecules
    assert untouched.notes == ()
