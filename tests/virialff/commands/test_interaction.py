"""`virialff interaction`: vertical and relaxed energies of a complex."""

import json

import numpy as np
import pytest
from rdkit import Chem

from virialff import get_engine, load_model
from virialff.benchmarks.reference_data import load_references
from virialff.cli import main
from virialff.interactions.energies import interaction_energy
from virialff.molecules.molecule import Molecule
from virialff.settings import ASSETS


@pytest.fixture
def file(tmp_path):
    dimers = load_references(ASSETS / "data" / "references.parquet").dimers
    water = next(entry.molecule for entry in dimers if (entry.database, entry.index) == ("S66", 1))
    path = tmp_path / "water.sdf"
    path.write_text(Chem.MolToMolBlock(water.to_rdkit()) + "$$$$\n")
    return path


def test_energies_are_those_of_the_library(file, capsys):
    assert main(["interaction", str(file), "--method", "model,gfn2", "--relax", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    dimer = Molecule.from_file(file)
    methods = record["methods"]
    assert methods["gfn2"]["level_of_theory"] == "GFN2-xTB"
    assert methods["gfn2"]["vertical"] == pytest.approx(
        float(interaction_energy(dimer, get_engine("gfn2"))[0]), abs=1e-6
    )
    expected = load_model().force_field(dimer).interaction_energy(dimer.positions[:1])
    assert methods["model"]["vertical"] == pytest.approx(float(expected[0]), abs=1e-4)
    assert methods["gfn2"]["relaxed"] < -4
    moved = np.abs(np.array(record["relaxed_positions"]) - dimer.positions[0]).max()
    assert 0.005 < moved < 1.0


def test_dft_is_asked_for_by_the_name_of_its_program(file, capsys):
    assert main(["interaction", str(file), "--method", "pyscf", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["methods"]["pyscf"]["counterpoise"] is True
    assert record["methods"]["pyscf"]["vertical"] == pytest.approx(-5.37, abs=0.01)


def test_what_is_no_complex_with_coordinates(file, capsys):
    assert main(["interaction", "O.O"]) == 3
    assert "no coordinates" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main(["interaction", str(file), "--method", "psi"])
    assert stop.value.code == 2
    assert "there is no method 'psi'" in capsys.readouterr().err
