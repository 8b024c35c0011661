"""Files as people have them: every record is a molecule or a named error, and nothing else ever comes out."""

import gzip
import io

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor

from tests.virialff.sample_files import ALANINE, NITRO, WATER_XYZ, embedded, read, sdf, xyz
from virialff.errors import (
    FlatCoordinatesError,
    IsotopeError,
    MissingHydrogensError,
    NetChargeError,
    RadicalError,
    SeveralMoleculesError,
    TooManyAtomsError,
    UnknownFormatError,
    UnreadableRecordError,
    UnsupportedElementError,
)
from virialff.io.read import FORMATS, group_conformers, read_molecules, read_one_molecule
from virialff.molecules.molecule import Molecule

# --- the same molecule from every format ---


@pytest.mark.parametrize("mol", [ALANINE, NITRO, embedded("C/C=C\\C", 2)])
def test_every_format_gives_the_same_molecule(mol):
    expected = Molecule.from_rdkit(mol)
    texts = {"sdf": sdf(mol), "mol": sdf(mol, v3000=True), "xyz": xyz(mol), "pdb": Chem.MolToPDBBlock(mol)}
    for format, text in texts.items():
        for asked in (format, None):
            items = read(text, asked)
            assert len(items) == mol.GetNumConformers()
            (molecule,) = group_conformers(items)
            assert molecule.same_structure(expected), format
            assert molecule.inchikey == expected.inchikey
            tolerance = 6e-4 if format == "pdb" else 6e-5
            np.testing.assert_allclose(molecule.positions, expected.positions, atol=tolerance)
    (from_smiles,) = read(expected.smiles, "smi")
    assert from_smiles.inchikey == expected.inchikey
    assert sorted(from_smiles.orders) == sorted(expected.orders)


@pytest.mark.parametrize("wrap", ["plain", "gzip", "crlf", "cr", "bom", "utf-16", "latin-1"])
def test_encodings_and_line_ends(wrap, tmp_path):
    mol = embedded("CCO", 2, "éthanol" if wrap != "cr" else "ethanol")
    text = sdf(mol)
    data = {
        "plain": text.encode(),
        "gzip": gzip.compress(text.encode()[:900]) + gzip.compress(text.encode()[900:]),
        "crlf": text.replace("\n", "\r\n").encode(),
        "cr": text.replace("\n", "\r").encode(),
        "bom": text.encode("utf-8-sig"),
        "utf-16": text.encode("utf-16"),
        "latin-1": text.encode("latin-1"),
    }[wrap]
    path = tmp_path / ("mol.sdf.gz" if wrap == "gzip" else "mol.sdf")
    path.write_bytes(data)
    for source in (path, str(path), io.BytesIO(data)):
        items = read_molecules(source, format="sdf" if isinstance(source, io.BytesIO) else None)
        (molecule,) = group_conformers(item for item in items if isinstance(item, Molecule))
        assert (molecule.name, molecule.n_conformers) == (mol.GetProp("_Name"), 2)


def test_sources_are_paths_binary_and_text_files(tmp_path):
    path = tmp_path / "water.xyz"
    path.write_text(WATER_XYZ)
    with open(path) as text, open(path, "rb") as binary:
        sources = [path, str(path), text, binary, io.StringIO(WATER_XYZ), io.BytesIO(WATER_XYZ.encode())]
        for source in sources:
            (molecule,) = read_molecules(source)
            assert molecule.formula == "H2O"
        assert not binary.closed
    stream = io.BytesIO(WATER_XYZ.encode())
    list(read_molecules(stream))
    assert not stream.closed


def test_format_by_name_by_suffix_or_unknown(tmp_path):
    assert read(WATER_XYZ, ".XYZ")[0].formula == "H2O"
    table = tmp_path / "table.txt"
    table.write_text("smiles;name\nCCO;ethanol\n")
    assert next(read_molecules(table)).name == "ethanol"
    with pytest.raises(UnknownFormatError, match=r"'docx'.*sdf"):
        read_molecules(tmp_path / "a.docx")
    with pytest.raises(UnknownFormatError, match="'cif'"):
        read_molecules(io.BytesIO(b""), format="cif")
    with pytest.raises(FileNotFoundError):
        read_molecules(tmp_path / "nothing.sdf")
    assert {"smi", "csv", "sdf", "mol", "xyz", "pdb"} <= set(FORMATS)


# --- SDF and MOL ---


def test_sdf_goes_on_after_a_bad_record():
    blocks = sdf(ALANINE).split("$$$$\n")
    broken = blocks[1].replace(" 13 12 ", " 13 99 ")
    items = read("$$$$\n".join([blocks[0], broken, "", blocks[2], blocks[0][:500]]), "sdf")
    kinds = [type(item) for item in items]
    assert kinds == [Molecule, UnreadableRecordError, UnreadableRecordError, Molecule, UnreadableRecordError]
    assert items[1].record == "2 (alanine)"
    assert "cut off" in str(items[4])


def test_sdf_errors_name_record_and_atom():
    charged = embedded("C[NH3+]", name="methylammonium")
    cases = {
        "C[Si](C)C": (UnsupportedElementError, "record 2 (x): atom 2 (Si)"),
        "[CH2]C": (RadicalError, "record 2 (x): atom 1 (C) has unpaired electrons"),
        "[2H]C": (IsotopeError, "record 2 (x): atom 1 (H) carries the isotope"),
        "CC(=O)[O-]": (NetChargeError, "record 2 (x): it has the net charge -1"),
    }
    for smiles, (kind, words) in cases.items():
        item = read(sdf(charged, embedded(smiles, name="x")), "sdf")[1]
        assert type(item) is kind
        assert str(item).startswith(words)
    (limited,) = read(sdf(NITRO), "sdf", max_atoms=10)
    assert isinstance(limited, TooManyAtomsError)


def test_geometry_without_hydrogens():
    bare = Chem.RemoveHs(ALANINE)
    for item in read(sdf(bare), "sdf") + read(xyz(bare), "xyz") + read(Chem.MolToPDBBlock(bare), "pdb"):
        assert isinstance(item, MissingHydrogensError)
        assert "add them with their coordinates" in str(item)
    for item in read(sdf(bare), "sdf", add_hydrogens=True):
        assert isinstance(item, MissingHydrogensError)


def test_planar_geometry_without_hydrogens_is_no_drawing():
    angles = np.arange(6) * np.pi / 3
    benzene = Chem.MolFromSmiles("c1ccccc1")
    conformer = Chem.Conformer(6)
    conformer.SetPositions(np.stack([1.39 * np.cos(angles), 1.39 * np.sin(angles), np.zeros(6)], axis=1))
    benzene.AddConformer(conformer)
    (item,) = read(Chem.MolToMolBlock(benzene), "mol", add_hydrogens=True)
    assert isinstance(item, MissingHydrogensError)
    assert "with their coordinates" in str(item)


def test_drawings():
    drawing = Chem.MolFromSmiles("C[C@H](N)C(=O)O")
    rdDepictor.Compute2DCoords(drawing)
    (refused,) = read(Chem.MolToMolBlock(drawing), "mol")
    assert isinstance(refused, MissingHydrogensError)
    assert "drawing without geometry" in str(refused)
    (completed,) = read(Chem.MolToMolBlock(drawing), "mol", add_hydrogens=True)
    assert completed.inchikey == Molecule.from_rdkit(ALANINE).inchikey
    full = Chem.AddHs(drawing)
    rdDepictor.Compute2DCoords(full)
    (molecule,) = read(Chem.MolToMolBlock(full), "mol")
    for item in (completed, molecule):
        assert item.n_conformers == 0
        with pytest.raises(FlatCoordinatesError):
            item.require_3d()


def test_stereochemistry_comes_from_the_geometry():
    (first, *_) = read(sdf(ALANINE), "sdf")
    assert first.inchikey == Chem.MolToInchiKey(ALANINE)
    (again, *_) = read(xyz(ALANINE), "xyz")
    assert again.inchikey == first.inchikey


# --- one molecule ---


def test_from_file_takes_all_conformers(tmp_path):
    path = tmp_path / "alanine.sdf"
    path.write_text(sdf(ALANINE))
    molecule = Molecule.from_file(path)
    assert (molecule.n_conformers, molecule.name) == (3, "alanine")


def test_from_file_refuses_several_molecules(tmp_path):
    path = tmp_path / "two.sdf"
    path.write_text(sdf(ALANINE, NITRO))
    with pytest.raises(SeveralMoleculesError, match="4 records, and not all are the same molecule"):
        Molecule.from_file(path)
    reordered = Chem.RenumberAtoms(ALANINE, list(range(ALANINE.GetNumAtoms()))[::-1])
    path.write_text(sdf(ALANINE, reordered))
    with pytest.raises(SeveralMoleculesError, match="6 records"):
        Molecule.from_file(path)
    with pytest.raises(UnreadableRecordError, match="empty"):
        read_one_molecule(io.BytesIO(b"\n"))
    path.write_text(sdf(embedded("C[NH3+]", name="ion")))
    with pytest.raises(NetChargeError, match=r"record 1 \(ion\)"):
        Molecule.from_file(path)


def test_group_conformers_joins_neighbours_only():
    first, second, third = read(sdf(ALANINE), "sdf")
    water = read(WATER_XYZ)[0]
    grouped = list(group_conformers([first, second, water, third]))
    assert [molecule.n_conformers for molecule in grouped] == [2, 1, 1]
    drawn = [Molecule.from_smiles("O"), Molecule.from_smiles("O")]
    assert [molecule.n_conformers for molecule in group_conformers(drawn)] == [0, 0]
