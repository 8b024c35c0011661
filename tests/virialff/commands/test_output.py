"""Files by their suffix, several inputs, and what is a file and what a SMILES."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from tests.virialff.sample_files import embedded, sdf, xyz
from virialff import Molecule, cli, load_model
from virialff.commands import ExitCode
from virialff.commands.output import form_of, require_folder, write
from virialff.commands.parser import UsageError
from virialff.errors import ConfigError
from virialff.io.read import group_conformers, read_molecules


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    try:
        code = cli.main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(scope="module")
def butanol():
    return embedded("CCCCO", 3, "butanol")


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.csv", "csv"), ("A.SDF", "sdf"), ("a.sd", "sdf"), ("a.b.json.gz", "json"), ("a", "csv"), ("-", "csv")],
)
def test_the_suffix_says_the_form(tmp_path, monkeypatch, name, form):
    monkeypatch.chdir(tmp_path)
    assert form_of(name, ("csv", "json", "sdf")) == form


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet", "a.xyz", "a.sdf.gz.txt"])
def test_what_is_not_written_is_refused_with_what_is(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"argument --sdf: a\..* is not written here, only \.csv, \.json"):
        form_of(name, ("csv", "json"), "--sdf")
    with pytest.raises(UsageError, match="is not written here"):
        form_of("a.parquet.gz", ("parquet",))


def test_what_cannot_be_written_is_said_before_anything_is_computed(tmp_path):
    with pytest.raises(ConfigError, match="there is no folder"):
        form_of(str(tmp_path / "no" / "a.csv"), ("csv",))
    with pytest.raises(ConfigError, match="it is a folder"):
        form_of(str(tmp_path), ("csv",))
    with pytest.raises(UsageError, match=r"only a folder, or one \.parquet file"):
        require_folder("store.csv", also=("parquet",))
    require_folder("store.parquet", also=("parquet",))
    require_folder("labels.v2")


def test_a_file_is_there_whole_or_as_it_was(tmp_path):
    file = tmp_path / "a.json"
    file.write_text("before")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(str(file), "json", [{"x": float("nan")}])
    assert file.read_text() == "before"
    write(str(file), "json", [{"x": 1.0}])
    assert json.loads(file.read_text()) == [{"x": 1.0}]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_one_result_in_every_form(capsys, tmp_path, butanol):
    file = tmp_path / "in.sdf"
    file.write_text(sdf(butanol))
    model = load_model()
    molecule = next(group_conformers(item for item in read_molecules(file) if isinstance(item, Molecule)))
    expected = model.energy(molecule, molecule.positions)
    column = "model_total_kcal_per_mol"
    for form, read in (
        ("csv", pd.read_csv),
        ("tsv", lambda path: pd.read_csv(path, sep="\t")),
        ("csv.gz", pd.read_csv),
        ("parquet", pd.read_parquet),
    ):
        code, out, _ = run(capsys, "energy", file, "-o", tmp_path / f"out.{form}")
        assert (code, out) == (0, ""), form
        np.testing.assert_allclose(read(tmp_path / f"out.{form}")[column], expected, rtol=1e-11)
    assert run(capsys, "energy", file, "-o", tmp_path / "out.json")[0] == 0
    (document,) = json.loads((tmp_path / "out.json").read_text())
    np.testing.assert_allclose(document["methods"]["model"]["total"], expected, rtol=1e-12)
    assert run(capsys, "energy", file, "-o", tmp_path / "out.jsonl.gz")[0] == 0
    assert json.loads(gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes())) == document
    assert run(capsys, "energy", file, "--sdf", tmp_path / "also.sdf", "-o", tmp_path / "out.sdf")[0] == 0
    assert (tmp_path / "also.sdf").read_text() == (tmp_path / "out.sdf").read_text()
    written = list(Chem.SDMolSupplier(str(tmp_path / "out.sdf"), removeHs=False))
    np.testing.assert_allclose([mol.GetDoubleProp(column) for mol in written], expected, rtol=1e-8)
    np.testing.assert_allclose(written[2].GetConformer().GetPositions(), molecule.positions[2], atol=1e-4)
    assert written[0].GetProp("LEVEL_OF_THEORY_model") == model.level
    assert run(capsys, "energy", file, "-o", tmp_path / "out.xyz")[0] == 0
    (again,) = group_conformers(found for found in read_molecules(tmp_path / "out.xyz") if isinstance(found, Molecule))
    np.testing.assert_allclose(again.positions, molecule.positions, atol=1e-7)


@pytest.mark.parametrize(
    "command",
    [
        ["params", "CCO"],
        ["energy", "CCO"],
        ["conformers", "CCO"],
        ["interaction", "O.O"],
        ["scan", "CCO", "--atoms", "1,2"],
        ["distribution", "CCO"],
        ["evaluate", "default"],
        ["stability", "default"],
        ["data", "merge", "x"],
        ["data", "import-sdf", "x", "--energy", "E", "--level", "L"],
        ["data", "import", "x"],
        ["data", "export", "x"],
    ],
)
def test_every_command_refuses_a_form_that_it_cannot_give(capsys, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    name = "a.csv" if command[0] in ("stability", "data") else "a.docx"
    code, out, err = run(capsys, *command, "-o", name)
    assert (code, out) == (ExitCode.USAGE, "")
    assert f"{name}: {name[1:]} is not written here, only " in err.splitlines()[-1]
    assert not (tmp_path / name).exists()


def test_results_of_several_files_say_where_they_are_from(capsys, tmp_path):
    (tmp_path / "a.smi").write_text("CCO ethanol\nX wrong\n")
    (tmp_path / "b.smi").write_text("CO methanol\n")
    files = [tmp_path / "a.smi", tmp_path / "missing.sdf", tmp_path / "b.smi", "CC"]
    code, out, err = run(capsys, "params", files[0], "--table", "charges", *files[1:], "--json")
    found = [(row["file"], row["record"], row["name"], "error" in row) for row in map(json.loads, out.splitlines())]
    assert code == ExitCode.SOME_FAILED
    assert found == [
        (str(files[0]), 1, "ethanol", False),
        (str(files[0]), 2, "wrong", True),
        (str(files[1]), None, "", True),
        (str(files[2]), 1, "methanol", False),
        ("CC", 1, "", False),
    ]
    assert len(err.splitlines()) == 2
    assert err.splitlines()[1].endswith("missing.sdf; check its name and folder")
    assert not err.splitlines()[1].startswith("virialff: record")
    code, _, _ = run(capsys, "params", *files, "--table", "charges", "-o", tmp_path / "c.csv")
    table = pd.read_csv(tmp_path / "c.csv")
    assert list(table.columns[:3]) == ["file", "record", "name"]
    assert table.groupby("file", sort=False).size().tolist() == [9, 6, 8]
    code, out, err = run(capsys, "params", tmp_path / "missing.sdf", tmp_path / "gone.smi")
    assert (code, out, len(err.splitlines())) == (ExitCode.INPUT, "", 2)


def test_conformers_of_several_files_are_ranked_together(capsys, tmp_path, butanol):
    files = [tmp_path / f"{name}.xyz" for name in "abc"]
    for number, file in enumerate(files):
        file.write_text(Chem.MolToXYZBlock(butanol, confId=number))
    code, out, _ = run(capsys, "conformers", *files, "--json")
    result = json.loads(out)
    assert (code, result["n_conformers"]) == (0, 3)
    assert result["conformers_from"] == [{"file": str(file), "record": 1} for file in files]
    assert sorted(result["methods"]["model"]["rank"]) == [1, 2, 3]
    lowest = int(np.argmin(result["methods"]["model"]["relative"]))
    window = ["--window", "0.0", "--rmsd", "0"]
    assert run(capsys, "conformers", *files, *window, "-o", tmp_path / "one.csv")[0] == 0
    assert pd.read_csv(tmp_path / "one.csv")["file"].tolist() == [str(files[lowest])]
    assert run(capsys, "conformers", *files, "-o", tmp_path / "all.sdf")[0] == 0
    written = list(Chem.SDMolSupplier(str(tmp_path / "all.sdf"), removeHs=False))
    assert written[0].GetProp("FILE") == str(files[lowest])
    assert f"conformer 2 is record 1 of {files[1]}" in run(capsys, "conformers", *files)[1]


def test_other_commands_keep_files_apart(capsys, tmp_path, butanol):
    files = [tmp_path / f"{name}.xyz" for name in "ab"]
    for file in files:
        file.write_text(xyz(butanol))
    code, out, _ = run(capsys, "energy", *files, "--json")
    assert (code, [json.loads(line)["n_conformers"] for line in out.splitlines()]) == (0, [3, 3])
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(file) for file in files]


@pytest.mark.parametrize("length", [256, 5000, 12_001, 200_000])
def test_smiles_of_any_length(capsys, tmp_path, length):
    smiles = "C" * length
    code, out, err = run(capsys, "params", smiles)
    assert (code, out) == (ExitCode.INPUT, "")
    assert len(err.splitlines()) == 1
    assert "name too long" not in err
    assert len(err) < 300
    assert ("raise the limit by --max-atoms" if length < 10_000 else f"has {length} characters") in err
    file = tmp_path / "long.csv"
    file.write_text(f"smiles\n{smiles}\nCO\n")
    code, out, err = run(capsys, "params", file, "--json")
    assert code == ExitCode.SOME_FAILED
    assert [json.loads(line)["record"] for line in out.splitlines()] == [1, 2]


def test_a_long_smiles_is_whole():
    glycines = "NCC(=O)" * 40 + "O"
    assert len(glycines) > 255
    found = Molecule.from_smiles(glycines)
    assert found.formula == "C80H122N40O41"
    explicit = "C([H])([H])" * 920
    assert len(explicit) > 10_000
    assert Molecule.from_smiles(explicit, max_atoms=3000).n_atoms == 3 * 920 + 2


def test_a_smiles_is_told_from_a_path(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "CCC").mkdir()
    (tmp_path / "CO").write_text("N ammonia\n")
    assert json.loads(run(capsys, "params", "CCC", "--json")[1])["smiles"] == "CCC"
    code, out, err = run(capsys, "params", "CO", "--json")
    assert json.loads(out)["smiles"] == "N"
    assert "CO is read as the file of that name" in err
    assert run(capsys, "params", "./CO", "--json")[2] == ""
    assert json.loads(run(capsys, "params", "C/C=C/C", "--json")[1])["smiles"] == "C/C=C/C"
    (tmp_path / "results").mkdir()
    for source, says in (
        ("results", "results is a folder; name the files in it"),
        ("gone.sdf.gz", "there is no file gone.sdf.gz"),
        ("data/gone", "'data/gone' is no file here, and the SMILES"),
        ("a\0b", "is no file here, and the SMILES"),
        ("x" * 5000, "is no file here, and the SMILES"),
    ):
        code, out, err = run(capsys, "params", source)
        assert (code, out) == (ExitCode.INPUT, "")
        assert says in err
        assert len(err) < 400


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\x9b31mb", "\u202eevil", "bell\x07"])
def test_names_of_files_command_no_terminal(capsys, tmp_path, name):
    # A name and a column of the table; in JSON it is read back as it was.
    path = tmp_path / "in.csv"
    path.write_text(f"smiles,name\nCCO,{name}\nC[X],{name}\n", encoding="utf-8")
    for more in ((), ("--json",), ("-o", "-")):
        _, out, err = run(capsys, "params", path, *more)
        assert out
        assert all(c.isprintable() or c in "\n\t" for c in out + err)


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "@SUM(1)", "-2+3*cmd", "+x"])
def test_names_are_no_formulas_and_are_read_back(capsys, tmp_path, name):
    path, written = tmp_path / "in.csv", tmp_path / "out.csv"
    pd.DataFrame({"smiles": ["CCO"], "name": [name]}).to_csv(path, index=False)
    code, _, _ = run(capsys, "params", path, "-o", written)
    assert code == ExitCode.OK
    table = pd.read_csv(written)
    assert set(table["name"]) == {f"'{name}"}
    assert table["charge_e"].min() < 0 if "charge_e" in table else table.select_dtypes("number").min().min() < 0
    again = tmp_path / "again.csv"
    pd.DataFrame({"smiles": ["CCO"], "name": [table["name"][0]]}).to_csv(again, index=False)
    (molecule,) = read_molecules(again)
    assert molecule.name == name
