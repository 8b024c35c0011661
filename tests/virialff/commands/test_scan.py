"""The command that scans a coordinate."""

import csv
import io
import json

import pytest

from virialff.cli import main


def test_torsion_by_two_methods(capsys):
    words = ["scan", "CCO", "--atoms", "1,2,3,9", "--points", "5", "--method", "model,gfn2", "--reference", "gfn2"]
    assert main([*words, "--output", "-"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [float(row["value_degree"]) for row in rows] == [-180, -90, 0, 90, 180]
    for row in rows:
        difference = float(row["model (kcal/mol)"]) - float(row["gfn2 (kcal/mol)"])
        assert float(row["model - gfn2 (kcal/mol)"]) == pytest.approx(difference, abs=1e-6)
    assert min(float(row["gfn2 (kcal/mol)"]) for row in rows) == 0


def test_separation_of_a_complex(capsys, tmp_path):
    from virialff.conformers.display import display_geometry
    from virialff.molecules.molecule import Molecule

    molecule = Molecule.from_smiles("O.O")
    positions = display_geometry(molecule).positions
    path = tmp_path / "dimer.xyz"
    lines = [f"{s} {x} {y} {z}" for s, (x, y, z) in zip(molecule.symbols, positions, strict=True)]
    path.write_text("\n".join(["6", "", *lines, ""]))
    assert main(["scan", str(path), "--separate", "2", "--from", "3", "--to", "6", "--points", "4", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["values"] == [3, 4, 5, 6]
    assert record["units"] == {"coordinate": "A", "energy": "kcal/mol"}
    assert len(record["methods"]["model"]["relative"]) == 4
    assert list(record["extrema"]) == ["model"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["C1CCCCC1", "--atoms", "1,2"], 3, "part of a ring"),
        (["CCO", "--separate", "1"], 3, "single molecule"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(capsys, words, code, sentence):
    assert main(["scan", *words]) == code
    assert sentence in capsys.readouterr().err


def test_a_reference_that_is_no_method_is_usage(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["scan", "CCO", "--atoms", "1,2", "--reference", "gfn2"])
    assert stop.value.code == 2
    assert "not among the methods" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["1", "a,b", "1,2,3,4,5"])
def test_wrong_atoms_are_usage(capsys, text):
    with pytest.raises(SystemExit) as stop:
        main(["scan", "CCO", "--atoms", text])
    assert stop.value.code == 2


def test_the_rest_is_relaxed_where_a_method_is_named(capsys):
    words = ["scan", "OO", "--atoms", "3,1,2,4", "--from", "60", "--to", "165", "--points", "4", "-m", "gfn2", "--json"]
    assert main(words) == 0
    rigid = json.loads(capsys.readouterr().out)
    assert main([*words, "--relax", "gfn2"]) == 0
    relaxed = json.loads(capsys.readouterr().out)
    assert relaxed["values"] == rigid["values"]
    for result in (rigid, relaxed):
        assert min(result["methods"]["gfn2"]["relative"]) == 0
    assert max(relaxed["methods"]["gfn2"]["relative"]) < max(rigid["methods"]["gfn2"]["relative"])
    assert list(relaxed["extrema"]) == ["gfn2"]
    assert relaxed["notes"][0] == "relaxed at each point with GFN2-xTB, the coordinate held"
