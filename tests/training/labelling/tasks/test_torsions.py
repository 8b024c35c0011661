from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.labelling.small_campaign import torsion_campaign
from training.labelling.plan.torsion_draws import DftTorsionTask, TorsionTask, turned_bonds
from training.labelling.tasks.kinds import compute
from training.labelling.tasks.torsions import torsion_of
from virialff.conformers.scans import value_of
from virialff.engines.xtb import energy_and_forces
from virialff.labels.check import row_problems
from virialff.molecules.molecule import Molecule


def task(smiles: str, number: int = 0) -> TorsionTask:
    fragment = list(turned_bonds(smiles, "test"))[number]
    return TorsionTask(Molecule.from_smiles(smiles).inchikey, fragment.smiles, "test", fragment.bond)


def test_the_scan_of_formamide_has_its_barrier(tmp_path: Path) -> None:
    config = torsion_campaign(tmp_path)
    rows: list[Any] = compute(task("NC=O"), config)
    assert {(row.kind, row.detail) for row in rows} == {
        ("minimum", "minimum_gfn2"),
        ("scan", "torsion_relaxed"),
        ("scan", "torsion_rigid"),
        ("displaced", "torsion_displaced"),
    }
    assert [problem for row in rows for problem in row_problems(row)] == []
    scan = [row for row in rows if row.detail == "torsion_relaxed"]
    assert len(scan) == 24
    molecule = Molecule.from_smiles("NC=O")
    atoms = torsion_of(molecule, (0, 1)).atoms
    good = [row for row in scan if row.failure is None]
    angles = sorted(round(value_of(molecule.with_positions(row.positions), atoms)) % 360 for row in good)
    assert len(set(angles)) == len(angles) > 18
    assert all(angle % 15 == 0 for angle in angles)
    # GFN2-xTB has its barrier 15 to 20 kcal/mol above the planar form.
    assert 12.0 < max(row.energy for row in good) - min(row.energy for row in good) < 30.0
    row = good[3]
    assert row.energy == pytest.approx(energy_and_forces(row.numbers, row.positions)[0], abs=1e-6)


@pytest.mark.parametrize(("smiles", "period"), [("CC", 120.0), ("Cc1ccccc1", 60.0), ("c1ccc(-c2ccccc2)cc1", 180.0)])
def test_a_symmetric_end_shortens_the_scan(smiles: str, period: float) -> None:
    fragment = next(iter(turned_bonds(smiles, "test")))
    assert torsion_of(Molecule.from_smiles(fragment.smiles), fragment.bond).period == period


def test_dft_points_are_those_of_the_scan(tmp_path: Path) -> None:
    config = torsion_campaign(tmp_path, dft_every=4)
    plain = task("CO")
    rows: list[Any] = compute(DftTorsionTask(plain.inchikey, plain.smiles, plain.source, plain.bond), config)
    dft = [row for row in rows if row.level_of_theory == "wB97X-D/def2-SVP"]
    beside = [row for row in rows if row.level_of_theory == "GFN2-xTB"]
    assert len(dft) == len(beside) == 2
    scan: list[Any] = [row for row in compute(plain, config) if row.detail == "torsion_relaxed"]
    for row, other in zip(dft, beside, strict=True):
        np.testing.assert_array_equal(row.positions, other.positions)
        assert any(np.array_equal(row.positions, point.positions) for point in scan)
    # Methanol's barrier is about 1 kcal/mol.
    assert 0.2 < abs(dft[0].energy - dft[1].energy) < 2.5
