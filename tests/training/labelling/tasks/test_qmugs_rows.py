"""Rows of QMugs at conformers of our own: a row is made up from GFN2-xTB here, so that what must match is known."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.labelling.small_campaign import campaign
from training.labelling.config import CampaignConfig
from training.labelling.plan.plan import make_plan
from training.labelling.structures.geometries import embed
from training.labelling.tasks.gfn2 import minimized
from training.labelling.tasks.kinds import compute, from_json, to_json
from training.labelling.tasks.qmugs_rows import QmugsRowTask
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.engines.xtb import energy_and_forces
from virialff.errors import ConfigError
from virialff.labels.check import row_problems
from virialff.labels.imports.qmugs.rows import nuclear_repulsion, rotational_constants
from virialff.molecules.molecule import Molecule
from virialff.units import HARTREE_IN_KCAL_MOL

SMILES = "O=C1CCCN1"
#: Eh, about that of its atoms.
DFT_MINUS_GFN2 = -267.9


def row_of_minimum(shift: float = 0.0) -> dict[str, str]:
    molecule = Molecule.from_smiles(SMILES)
    minimum = minimized(molecule, embed(molecule, 1, 5).positions[0], 200, 0.05)
    constants = rotational_constants(molecule.numbers, minimum.positions)
    energy = minimum.energy / HARTREE_IN_KCAL_MOL + shift
    return {
        "chembl_id": "CHEMBL1",
        "smiles_qmugs": SMILES,
        "rotatable_bonds": "0.0",
        "GFN2_TOTAL_ENERGY": str(energy),
        "DFT_TOTAL_ENERGY": str(energy + DFT_MINUS_GFN2),
        **{f"GFN2_ROT_CONSTANT_{axis}": str(value) for axis, value in zip("ABC", constants, strict=True)},
        "DFT_NUCLEAR_REPULSION_ENERGY": str(nuclear_repulsion(molecule.numbers, minimum.positions)),
    }


def rows_campaign(folder: Path, *rows: dict[str, str]) -> CampaignConfig:
    path = folder / "rows.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return campaign(folder, ("CCO",), rounds=[], qmugs_rows={"file": str(path)})


def labels(config: CampaignConfig) -> tuple[QmugsRowTask, list[Any]]:
    task: Any = next(make_plan(config, lambda line: None).tasks)
    assert from_json(to_json(task)) == task
    rows = compute(task, config)
    assert [problem for row in rows for problem in row_problems(row)] == []
    return task, list(rows)


def test_the_row_of_our_own_minimum_is_matched(tmp_path: Path) -> None:
    task, rows = labels(rows_campaign(tmp_path, row_of_minimum()))
    dft = [row for row in rows if row.level_of_theory == LEVEL_OF_THEORY]
    assert [row.detail for row in dft] == ["minimum_gfn2_matched"]
    assert dft[0].energy == pytest.approx(task.dft_energy * HARTREE_IN_KCAL_MOL)
    assert dft[0].program == "Psi4 (QMugs)"
    steps = [row for row in rows if row.level_of_theory == "GFN2-xTB"]
    assert {row.detail for row in steps} == {"relaxation_step", "minimum_gfn2"}
    for row in steps:
        energy, forces = energy_and_forces(row.numbers, row.positions)
        assert row.energy == pytest.approx(energy, abs=1e-6)
        np.testing.assert_allclose(row.forces, forces, atol=1e-3)
    np.testing.assert_array_equal(steps[-1].positions, dft[0].positions)


def test_elsewhere_the_difference_of_the_levels_is_added(tmp_path: Path) -> None:
    _, rows = labels(rows_campaign(tmp_path, row_of_minimum(shift=0.002)))
    dft = [row for row in rows if row.level_of_theory == LEVEL_OF_THEORY]
    assert [row.detail for row in dft] == ["minimum_gfn2_additive"]
    beside = next(row for row in rows if np.array_equal(row.positions, dft[0].positions))
    assert dft[0].energy - beside.energy == pytest.approx(DFT_MINUS_GFN2 * HARTREE_IN_KCAL_MOL)
    assert "Psi4 (QMugs) - xtb (QMugs)" in dft[0].program


def test_a_geometry_of_other_nuclear_repulsion_is_not_the_rows(tmp_path: Path) -> None:
    row = row_of_minimum()
    row["DFT_NUCLEAR_REPULSION_ENERGY"] = str(1.002 * float(row["DFT_NUCLEAR_REPULSION_ENERGY"]))
    _, rows = labels(rows_campaign(tmp_path, row))
    assert "minimum_gfn2_additive" in {row.detail for row in rows}


def test_what_cannot_be_labelled_is_refused(tmp_path: Path) -> None:
    row = row_of_minimum()
    config = rows_campaign(tmp_path, row, row | {"chembl_id": "CHEMBL2", "smiles_qmugs": "CCI"})
    plan = make_plan(config, lambda line: None)
    assert [task.key for task in plan.tasks] == ["qmugs_row/CHEMBL1"]
    assert any("I" in reason for _, reason in plan.refused)


def test_a_file_without_a_column_is_one_sentence(tmp_path: Path) -> None:
    row = row_of_minimum()
    del row["DFT_TOTAL_ENERGY"]
    with pytest.raises(ConfigError, match="lack the column DFT_TOTAL_ENERGY"):
        make_plan(rows_campaign(tmp_path, row), lambda line: None)
