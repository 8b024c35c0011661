"""The rules by which the conformer set was drawn, on rows in the layout of qm9pack."""

import csv
import json

import pytest
from rdkit import Chem

from scripts.freeze_evaluation import UNLIKELY, choose_conformer_set, conformer_candidates, main, text_of
from virialff.errors import EvaluationSetError
from virialff.labels.evaluation_sets import SHIPPED

FIT = ["CC(=O)OCCCO", "COCC(C)(C)O", "CCNC(C)C(F)(F)F"]
UNFIT = {
    "six heavy atoms": "CCCOCC",
    "no two rotatable bonds": "CC1CCCCC1",
    "three-membered ring": "CCCC(=O)C1CC1",
    "peroxide": "CCCOOCCC",
    "hemiaminal": "CCCC(O)NCC",
    "zwitterion": "C[N+](C)(C)CCC(=O)[O-]",
    "seen already": "OCCCOC(C)=O",
}


def _write_qm9(folder, smiles, inchi=None):
    for part in (1, 2, 3):
        with (folder / f"qm9_part{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["XYZ_file", "Index", "SMILES", "InChi"])
            for index, text in enumerate(smiles if part == 1 else [], start=1):
                writer.writerow([f"{index}.xyz", index, text, inchi or Chem.MolToInchi(Chem.MolFromSmiles(text))])


def test_candidates_are_those_that_the_rules_let_through(tmp_path):
    _write_qm9(tmp_path, [*FIT, *UNFIT.values()])
    found = conformer_candidates(tmp_path)
    assert {entry["smiles"] for entry in found} == {Chem.CanonSmiles(text) for text in FIT}
    assert {entry["heavy_atoms"] for entry in found} == {7, 8, 9}
    assert all(entry["rotatable_bonds"] >= 2 for entry in found)


def test_the_order_of_the_rows_does_not_matter(tmp_path):
    for name, smiles in {"a": FIT, "b": FIT[::-1]}.items():
        (tmp_path / name).mkdir()
        _write_qm9(tmp_path / name, smiles)
    first, second = (
        [entry["inchikey_block"] for entry in conformer_candidates(tmp_path / name)] for name in ("a", "b")
    )
    assert first == second


def test_a_row_whose_geometry_became_another_molecule_is_left_out(tmp_path):
    _write_qm9(tmp_path, FIT[:1], inchi=Chem.MolToInchi(Chem.MolFromSmiles("COCC(C)(C)O")))
    assert conformer_candidates(tmp_path) == []


def test_too_few_candidates_are_refused(tmp_path):
    _write_qm9(tmp_path, FIT)
    with pytest.raises(EvaluationSetError, match="short of"):
        choose_conformer_set(conformer_candidates(tmp_path))


def test_every_pattern_can_be_read():
    assert all(Chem.MolFromSmarts(text) is not None for text in UNLIKELY.values())


def test_the_command_says_what_is_missing(tmp_path, capsys):
    assert main(["--qm9", str(tmp_path), "--output", str(tmp_path / "list.json")]) == 2
    assert "qm9_part1.csv, qm9_part2.csv, qm9_part3.csv not found" in capsys.readouterr().err
    assert not (tmp_path / "list.json").exists()


def test_the_shipped_file_is_written_by_text_of():
    text = SHIPPED.read_text(encoding="utf-8")
    assert text_of(json.loads(text)) == text
