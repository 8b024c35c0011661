"""Spread and rare atoms in `virialff params` and `virialff energy`, as text, JSON and CSV."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from tests.virialff.sample_models import calibrated, change_card, make_ensemble, make_model
from virialff.cli import main
from virialff.documents import read_object
from virialff.models.members import charge_spread
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule

SMILES = "OCC"
ENVIRONMENTS = {"H(-C)": 900, "C(-C,-H,-H,-H)": 90, "C(-C,-H,-H,-O)": 3, "O(-C,-H)": 60, "H(-O)": 70}


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory) -> str:
    folder = make_ensemble(tmp_path_factory.mktemp("spread") / "model")
    change_card(folder, environments=ENVIRONMENTS)
    return str(folder)


def test_parameters(ensemble, capsys):
    model = load_model(ensemble)
    expected = charge_spread(model, Molecule.from_smiles(SMILES))
    assert expected is not None
    assert main(["params", SMILES, "--model", ensemble]) == 0
    text = capsys.readouterr().out
    assert "The surroundings of atom C2 (in 3) were in fewer than 5 molecules of the training" in text
    assert "charge_spread_e" in text
    assert main(["params", SMILES, "--model", ensemble, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["charge_spread"] == pytest.approx(expected.spread.tolist())
    assert record["rare_atoms"] == [1]
    assert record["training_molecules"][0] == 60
    assert main(["params", SMILES, "--model", ensemble, "--table", "charges", "--output", "-"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    np.testing.assert_allclose(table["charge_spread_e"], expected.spread, rtol=1e-9)
    assert table.loc[table["rare"], "atom"].tolist() == [2]


def test_energies(ensemble, capsys):
    command = ["energy", "OCCCO", "--generate", "4", "--model", ensemble]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "relative spread" in text
    assert "The surroundings of atoms C2 (in 3)" in text
    assert main([*command, "--json"]) == 0
    ((name, record),) = json.loads(capsys.readouterr().out)["methods"].items()
    assert 0.0 in record["relative_spread"]
    assert max(record["relative_spread"]) > 0.0
    assert len(record["rank_spread"]) == len(record["total_spread"]) == len(record["total"])
    assert main([*command, "--output", "-"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    spreads = ("total_spread_kcal_per_mol", "relative_spread_kcal_per_mol", "rank_spread")
    assert {f"{name}_{column}" for column in spreads} <= set(table)
    assert (table[f"{name}_rare_atoms"] == 3).all()


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory) -> str:
    """A calibrated model whose training had rings and rotatable bonds of one kind each, and no contact."""
    folder = make_ensemble(tmp_path_factory.mktemp("doubtful") / "model")
    parts = {"rotatable_bonds": {"5": "C4(H,H,H)-C4(C,H,H)"}, "ring_systems": {"5": "C6a6"}, "contacts": {}}
    change_card(folder, parts=parts)
    quantities = ("total", "conformers", "torsion", "interaction")
    calibrated(folder, **{name: {"constant": 0.5, "spread": 2.0} for name in quantities})
    return str(folder)


def test_intervals_of_energies(doubtful, capsys):
    command = ["energy", "OCCCO", "--generate", "4", "--model", doubtful]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    record = document["methods"]["mine"]
    for kind in ("total", "relative"):
        assert list(record[f"{kind}_half_widths"]) == ["68", "90", "95"]
    expected = 3.0 * (0.5 + 2.0 * np.array(record["relative_spread"]))
    expected[np.argmin(record["relative"])] = 0.0
    assert record["relative_half_widths"]["95"] == pytest.approx(expected.tolist())
    assert record["rare"]["new_parts"][0]["what"] == "rotatable bond"
    assert any("rotatable bonds" in note for note in document["notes"])
    assert main([*command, "--unit", "kJ/mol", "--output", "-"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    np.testing.assert_allclose(table["mine_relative_half_width_95_percent_kJ_per_mol"], 4.184 * expected, rtol=1e-6)
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "relative ± 95 %" in text
    assert "are of kinds that nothing in the training has" in text


@pytest.mark.parametrize("command", ["conformers", "scan"])
def test_intervals_of_rankings_and_scans(doubtful, capsys, command):
    words = {
        "conformers": ["conformers", "OCCCO", "--generate", "3"],
        "scan": ["scan", "OCC", "--atoms", "1,2,3,9", "--points", "3"],
    }[command]
    words += ["--model", doubtful, "--method", "model"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    widths = document["methods"]["mine"]["relative_half_widths"]
    lowest = int(np.argmin(document["methods"]["mine"]["relative"]))
    assert widths["95"][lowest] == 0.0
    others = np.delete(np.array(widths["95"]), lowest)
    assert (others >= 1.5).all()
    assert any("rotatable bond" in note for note in document["notes"])
    assert main([*words, "--output", "-"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    np.testing.assert_allclose(table["mine ± 95 % (kcal/mol)"], widths["95"], rtol=1e-6)
    assert {"mine ± 68 % (kcal/mol)", "mine ± 90 % (kcal/mol)"} <= set(table)
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "mine ± 95 % (kcal/mol)" in text
    assert "nothing in the training has" in text


def test_a_bond_that_is_stretched_has_no_interval(doubtful, capsys):
    words = ["scan", "OCC", "--atoms", "1,2", "--points", "3", "--model", doubtful, "--method", "model", "--json"]
    assert main(words) == 0
    assert "relative_half_widths" not in json.loads(capsys.readouterr().out)["methods"]["mine"]


def test_intervals_and_contacts_of_complexes(doubtful, capsys, tmp_path):
    water = [("O", 0.0, 0.0, 0.0), ("H", 0.0, 0.0, 0.96), ("H", 0.93, 0.0, -0.24)]
    other = [("O", 0.0, 0.0, 2.9), ("H", 0.76, 0.0, 3.49), ("H", -0.76, 0.0, 3.49)]
    lines = [f"{symbol} {x} {y} {z}" for symbol, x, y, z in water + other]
    path = tmp_path / "dimer.xyz"
    path.write_text("\n".join(["6", "", *lines, ""]))
    words = ["interaction", str(path), "--model", doubtful, "--method", "model"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    widths = document["methods"]["mine"]["vertical_half_widths"]
    assert widths["95"] == pytest.approx(3 * widths["68"])
    assert widths["68"] > 0.5
    assert any("The contact" in note or "the contact" in note for note in document["notes"])
    assert main(words) == 0
    assert "± 95 % (kcal/mol)" in capsys.readouterr().out


def test_a_model_without_either_says_nothing(tmp_path, capsys):
    folder = make_model(tmp_path / "model")
    card = read_object(folder / "card.json")
    card.pop("environments", None)
    (folder / "card.json").write_text(json.dumps(card))
    assert main(["params", SMILES, "--model", str(folder), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["charge_spread"] is record["rare_atoms"] is record["training_molecules"] is None
    assert main(["energy", SMILES, "--generate", "1", "--model", str(folder), "--output", "-"]) == 0
    header = capsys.readouterr().out.splitlines()[0]
    assert "spread" not in header
    assert "rare" not in header
