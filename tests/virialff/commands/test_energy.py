"""`virialff energy` against a reference, and the name of its model."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from tests.virialff.sample_files import embedded, sdf
from virialff import cli
from virialff.commands import ExitCode
from virialff.io.sdf import data_fields
from virialff.io.xyz import comment_fields
from virialff.models import registry
from virialff.units import KJ_IN_KCAL

ENERGIES = np.array([3.0, 1.0, 8.5])


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    try:
        code = cli.main(["energy", *map(str, arguments)])
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def with_fields(mol: Chem.Mol, name: str, values: list[object]) -> str:
    records = sdf(mol).split("$$$$\n")[:-1]
    return "".join(f"{record}>  <{name}>\n{value}\n\n$$$$\n" for record, value in zip(records, values, strict=True))


@pytest.fixture(scope="module")
def molecules():
    return embedded("CCCCO", 3, "butanol"), embedded("CCCF", 2, "fluoropropane")


def test_energies_of_the_file_are_a_reference(capsys, tmp_path, molecules):
    file = tmp_path / "in.sdf"
    other = ENERGIES[:2] + 100
    name = "DFT energy (kJ/mol)"
    file.write_text(with_fields(molecules[0], name, list(ENERGIES)) + with_fields(molecules[1], name, list(other)))
    code, out, err = run(capsys, file, "--method", "gfn2", "--reference", "DFT energy", "--json")
    butanol, fluoropropane, summary = map(json.loads, out.splitlines())
    assert (code, err) == (0, "")
    reference = (ENERGIES - ENERGIES.min()) * KJ_IN_KCAL
    np.testing.assert_allclose(butanol["reference"]["relative"], reference)
    found = butanol["reference"]["methods"]["gfn2"]
    expected = np.array(butanol["methods"]["gfn2"]["relative"]) - reference
    np.testing.assert_allclose(found["difference"], expected, atol=1e-9)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(expected**2)))
    assert found["mae"] == pytest.approx(np.abs(expected).mean())
    pooled = np.concatenate([expected, fluoropropane["reference"]["methods"]["gfn2"]["difference"]])
    row = summary["methods"]["gfn2"]
    assert summary["schema"]["name"] == "virialff.energy_summary"
    assert (row["n_molecules"], row["n_conformers"]) == (2, 5)
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean(pooled**2)))
    assert row["largest"] == pytest.approx(np.abs(pooled).max())

    _, text, _ = run(capsys, file, "--method", "gfn2", "--reference", name)
    assert text.splitlines()[-1].startswith("  gfn2: MAE ")
    assert text.splitlines()[-1].endswith("5 conformers of 2 molecules")
    assert run(capsys, file, "-m", "gfn2", "--reference", name, "--sdf", tmp_path / "out.sdf", "-o", tmp_path / "o.csv")
    table = pd.read_csv(tmp_path / "o.csv")
    np.testing.assert_allclose(table["gfn2_minus_reference_kcal_per_mol"][:3], expected, atol=1e-4)
    written = list(Chem.SDMolSupplier(str(tmp_path / "out.sdf"), removeHs=False))
    assert written[2].GetDoubleProp("reference_relative_kcal_per_mol") == pytest.approx(reference[2])


def test_a_method_is_a_reference(capsys, tmp_path, molecules):
    file = tmp_path / "in.sdf"
    file.write_text(sdf(molecules[0]))
    code, out, _ = run(capsys, file, "--reference", "gfn2", "--json", "--unit", "kJ/mol")
    result, summary = map(json.loads, out.splitlines())
    relative = {name: np.array(entry["relative"]) for name, entry in result["methods"].items()}
    assert (code, set(relative)) == (0, {"model", "gfn2"})
    found = result["reference"]["methods"]
    assert set(found) == {"model"}
    np.testing.assert_allclose(found["model"]["difference"], relative["model"] - relative["gfn2"], atol=1e-9)
    assert summary["units"] == {"energy": "kJ/mol"}


@pytest.mark.parametrize(
    ("name", "values", "options", "says"),
    [
        ("Energy", ENERGIES, (), "the name of the field Energy says no unit; give it by --reference-unit"),
        ("E_Eh", ENERGIES, ("--reference", "Energy"), "there is no field Energy in it; its fields are E_Eh"),
        ("Energy_eV", ["1", "x", "2"], ("--reference", "Energy_eV"), "of conformer 2 is no number: 'x'"),
    ],
)
def test_a_reference_that_cannot_be_used_is_said(capsys, tmp_path, molecules, name, values, options, says):
    file = tmp_path / "in.sdf"
    file.write_text(with_fields(molecules[0], name, list(values)))
    code, _, err = run(capsys, file, *(options or ("--reference", name)))
    assert code == ExitCode.INPUT
    assert says in err


def test_a_unit_can_be_given_and_generated_conformers_have_no_reference(capsys, tmp_path, molecules):
    file = tmp_path / "in.xyz"
    frames = [Chem.MolToXYZBlock(molecules[0], confId=number).splitlines(keepends=True) for number in range(3)]
    lines = [
        "".join([frame[0], f"energy: {value}\n", *frame[2:]]) for frame, value in zip(frames, ENERGIES, strict=True)
    ]
    file.write_text("".join(lines))
    code, out, _ = run(capsys, file, "--reference", "energy", "--reference-unit", "kcal/mol", "--json")
    assert code == 0
    np.testing.assert_allclose(json.loads(out.splitlines()[0])["reference"]["relative"], ENERGIES - 1.0)
    code, _, err = run(capsys, "CCO", "CO", "--generate", "2", "--reference", "energy", "--reference-unit", "Eh")
    assert code == ExitCode.INPUT
    assert "belong to geometries, and the input has none" in err or "there is no field energy" in err


def test_a_named_model_is_called_by_its_name(capsys, tmp_path, molecules, model, models):
    registry.add(model, "mine")
    file = tmp_path / "in.sdf"
    file.write_text(sdf(molecules[1]))
    code, out, _ = run(capsys, file, "--model", "mine", "--json")
    entry = json.loads(out)["methods"]
    assert (code, list(entry)) == (0, ["mine"])
    assert entry["mine"]["model"] == "mine"
    assert {"pair", "total"} <= set(entry["mine"])
    assert run(capsys, file, "--model", "mine", "-o", tmp_path / "o.sdf")[0] == 0
    text = (tmp_path / "o.sdf").read_text()
    assert "<mine_total_kcal_per_mol>" in text
    assert "<LEVEL_OF_THEORY_mine>" in text
    registry.set_default("mine")
    code, out, _ = run(capsys, file)
    assert "\n  model: mine, trained on GFN2-xTB\n" in out


@pytest.mark.parametrize(
    ("comment", "fields"),
    [
        ("-40.123", {"energy": "-40.123"}),
        ("energy: -40.1 gnorm: 0.1", {"energy": "-40.1", "gnorm": "0.1"}),
        ('energy=-1.5 name="a b"', {"energy": "-1.5", "name": "a b"}),
        ("Energy (kJ/mol) = -3.5", {"Energy (kJ/mol)": "-3.5"}),
        ("butane, conformer 1", {}),
    ],
)
def test_what_a_comment_names(comment, fields):
    assert comment_fields(comment) == fields


def test_the_last_data_field_needs_no_blank_line():
    assert data_fields("M  END\n> <A>\n1\n\n>  <B> (2)\n2\n3\n") == {"A": "1", "B": "2\n3"}
