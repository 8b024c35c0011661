"""Geometries with energies from SDF: rows that the store accepts, and a reason for every record that it does not."""

from typing import Any

import numpy as np
import pytest
from rdkit import Chem

from virialff.cli import main
from virialff.conformers.generation import search
from virialff.engines.xtb import energy_and_forces
from virialff.errors import ConfigError, DatasetError
from virialff.labels.check import check
from virialff.labels.imports.sdf import import_sdf
from virialff.labels.store import LabelStore
from virialff.molecules.molecule import Molecule
from virialff.units import HARTREE_IN_KCAL_MOL

LEVEL: dict[str, Any] = {"energy_field": "E_TOT", "unit": "Eh", "level_of_theory": "GFN2-xTB"}


def record(molecule: Molecule, **fields: str) -> str:
    tags = "".join(f">  <{name}>\n{value}\n\n" for name, value in fields.items())
    return Chem.MolToMolBlock(molecule.to_rdkit()) + tags + "$$$$\n"


@pytest.fixture(scope="module")
def ethanol() -> Molecule:
    return search(Molecule.from_smiles("CCO"), 1).molecule


@pytest.fixture(scope="module")
def energy(ethanol: Molecule) -> float:
    return float(energy_and_forces(ethanol.numbers, ethanol.positions[0])[0])


@pytest.fixture
def file(tmp_path, ethanol, energy):
    hartree = energy / HARTREE_IN_KCAL_MOL
    path = tmp_path / "set.sdf"
    methanol = Molecule.from_smiles("CO")
    path.write_text(
        record(ethanol, E_TOT=f"{hartree:.9f}")
        + record(ethanol, OTHER="1")
        + record(ethanol, E_TOT="much")
        + record(ethanol, E_TOT=f"{energy:.6f}")
        + record(methanol, E_TOT="-8.0")
        + "no molecule\n$$$$\n"
    )
    return path


def test_good_records_become_rows_and_others_are_counted_by_reason(file, tmp_path, ethanol, energy):
    store = LabelStore(tmp_path / "store")
    report = import_sdf(file, store, **LEVEL)
    assert (report.n_records, report.n_new, report.n_known, report.refused.total()) == (6, 1, 0, 5)
    words = "\n".join(report.problems)
    for number, reason in ((2, "lacks the data field"), (3, "no finite number"), (5, "no three-dimensional geometry")):
        assert f"record {number}:" in words
        assert reason in words
    (label,) = store.labels()
    assert label.energy == pytest.approx(energy, abs=1e-4)
    assert label.positions is not None
    np.testing.assert_allclose(label.positions, ethanol.positions[0], atol=1e-4)
    assert (label.level_of_theory, label.kind, label.detail) == ("GFN2-xTB", "minimum", "imported")
    assert check(store.path).problems == ()

    again = import_sdf(file, store, **LEVEL)
    assert (again.n_new, again.n_known) == (0, 1)
    # What was wrong is put right: only that is added.
    with file.open("a") as end:
        end.write(record(ethanol.with_positions(ethanol.positions + 1.0), E_TOT=f"{energy / HARTREE_IN_KCAL_MOL:.9f}"))
    third = import_sdf(file, store, **LEVEL)
    assert (third.n_new, third.n_known) == (1, 1)
    assert check(store.path).rows == 2


def test_a_field_that_no_record_has_and_impossible_wishes(file, tmp_path):
    store = LabelStore(tmp_path / "store")
    with pytest.raises(DatasetError, match=r"No record of set\.sdf has the data field 'ENERGY'"):
        import_sdf(file, store, **LEVEL | {"energy_field": "ENERGY"})
    with pytest.raises(ConfigError, match="no energy unit 'Ry'"):
        import_sdf(file, store, **LEVEL | {"unit": "Ry"})
    with pytest.raises(DatasetError, match="cannot be read"):
        import_sdf(tmp_path / "none.sdf", store, **LEVEL)
    assert list(store.path.glob("*")) == []


def test_the_command(file, tmp_path, capsys, monkeypatch):
    command = ["data", "import-sdf", str(file), "--output", str(tmp_path / "store"), "--energy", "E_TOT"]
    assert main([*command, "--level", "GFN2-xTB"]) == 1
    out = capsys.readouterr().out
    assert "6 records: 1 new row, 0 known before" in out
    assert "1 x refused: it lacks the data field of the energy" in out
    monkeypatch.setenv("VIRIALFF_READ_ONLY", "1")
    assert main([*command, "--level", "GFN2-xTB"]) == 4
    assert "Importing labels is refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("level", "hartree", "taken"),
    [
        ("B3LYP/6-31G*", -155.03, True),
        ("HF/cc-pVTZ", -154.14, True),
        ("B3LYP/6-31G*", -155.03 * 27.2114, False),  # eV
        ("B3LYP/6-31G*", -155.03 * 627.509, False),  # kcal/mol
        ("B3LYP/6-31G*", -11.394, False),  # valence electrons alone
        ("PM7", -0.0895, False),  # a heat of formation
        ("CCSD(T)", 0.0, False),  # a relative energy
        ("MP2", 155.03, False),
    ],
)
def test_energies_of_other_levels_are_taken_where_they_are_total_energies(tmp_path, ethanol, level, hartree, taken):
    path = tmp_path / "set.sdf"
    path.write_text(record(ethanol, E_TOT=f"{hartree:.6f}"))
    report = import_sdf(path, LabelStore(tmp_path / "store"), **LEVEL | {"level_of_theory": level})
    assert report.n_new == taken
    if not taken:
        assert "at a level without atomic energies here, and that is no total energy" in report.problems[0]


def test_hydrogen_and_methane_are_within_the_range_of_other_levels(tmp_path):
    for smiles, hartree in (("[H][H]", -1.17), ("C", -40.5), ("N", -56.5), ("O", -76.4), ("FC(F)(F)F", -437.6)):
        path = tmp_path / "set.sdf"
        path.write_text(record(search(Molecule.from_smiles(smiles), 1).molecule, E_TOT=f"{hartree}"))
        report = import_sdf(path, LabelStore(tmp_path / f"{hartree}"), **LEVEL | {"level_of_theory": "B3LYP"})
        assert report.n_new == 1, report.problems
