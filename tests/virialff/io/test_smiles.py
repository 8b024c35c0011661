"""SMILES files and CSV tables as people write them."""

import io

import pytest

from virialff.errors import MoleculeError, UnreadableRecordError
from virialff.io.read import read_molecules
from virialff.molecules.molecule import Molecule


def read(content, format=None, **options):
    data = content if isinstance(content, bytes) else content.encode()
    return list(read_molecules(io.BytesIO(data), format=format, **options))


def test_smiles_file():
    items = read(
        "SMILES Name\nCCO ethanol 96 %\n\n# a comment\nC(C\nc1ccccc1\tbenzene\n[Na+].[Cl-] salt\nO |$water$| water\n"
    )
    assert [item.name for item in items if isinstance(item, Molecule)] == ["ethanol 96 %", "benzene", "water"]
    assert [item.record for item in items if isinstance(item, MoleculeError)] == ["2", "4 (salt)"]
    assert str(items[3]).startswith("record 4 (salt): atom 1 (Na) is of an element")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("column", ["smiles", "SMILES", "Canonical_SMILES"])
def test_csv_finds_its_columns(delimiter, column):
    rows = [["id", column, "mw"], ["a1", "CCO", "46"], ["a2", '"C1CC"', ""], ["a3", "", "1"], ["a4", "N#N", "28"]]
    items = read("\n".join(delimiter.join(row) for row in rows), "csv")
    assert [getattr(item, "name", None) or item.record for item in items] == ["a1", "2 (a2)", "3 (a3)", "a4"]
    assert "cell of the SMILES is empty" in str(items[2])


def test_csv_with_quotes_over_lines_and_both_columns():
    items = read('canonical_smiles,smiles,name\nC,CCO,"ethanol,\n96 %"\n', "csv")
    assert [(item.formula, item.name) for item in items] == [("C2H6O", "ethanol,\n96 %")]


def test_csv_without_smiles_says_what_there_is():
    (error,) = read("name,mass\nwater,18\n", "csv")
    assert isinstance(error, UnreadableRecordError)
    assert "no column named smiles but name, mass" in str(error)
