"""Spread and rare atoms in `virialff params` and `virialff energy`, as text, JSON and CSV."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from tests.virialff.sample_models import change_card, make_ensemble, make_model
from virialff.cli import main
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
    record = json.loads(capsys.readouterr().out)["methods"]["model"]
    assert 0.0 in record["relative_spread"]
    assert max(record["relative_spread"]) > 0.0
    assert len(record["rank_spread"]) == len(record["total_spread"]) == len(record["total"])
    assert main([*command, "--output", "-"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert {"model_total_spread_kcal_per_mol", "model_relative_spread_kcal_per_mol", "model_rank_spread"} <= set(table)
    assert (table["model_rare_atoms"] == 3).all()


def test_a_model_without_either_says_nothing(tmp_path, capsys):
    folder = make_model(tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    card.pop("environments", None)
    (folder / "card.json").write_text(json.dumps(card))
    assert main(["params", SMILES, "--model", str(folder), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["charge_spread"] is record["rare_atoms"] is record["training_molecules"] is None
    assert main(["energy", SMILES, "--generate", "1", "--model", str(folder), "--output", "-"]) == 0
    header = capsys.readouterr().out.splitlines()[0]
    assert "spread" not in header
    assert "rare" not in header
