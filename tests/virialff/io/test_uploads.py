import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor

from virialff.conformers.generation import search
from virialff.elements import ELEMENTS
from virialff.errors import UnknownFormatError
from virialff.io.examples import FOLDER, examples
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
