from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rdkit import Chem

from tests.training.labelling.small_campaign import torsion_campaign
from training.labelling.plan.torsion_draws import DftTorsionTask, TorsionTask, turned_bonds
from training.labelling.structures.pools import read_smiles_file
from training.labelling.tasks.kinds import compute
from training.labelling.tasks.torsions import torsion_of
from training.recipes.recipe import PRESETS
from virialff.conformers.scans import value_of
from virialff.engines.xtb import energy_and_forces
from virialff.errors import ConfigError
from virialff.labels.check import row_problems
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.labels.splits import split_of
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


def test_dft_leaves_out_the_mirror_images_of_achiral_molecules(tmp_path: Path) -> None:
    config = torsion_campaign(tmp_path, dft_every=6)
    plain = task("OO")
    rows: list[Any] = compute(DftTorsionTask(plain.inchikey, plain.smiles, plain.source, plain.bond), config)
    dft = [row for row in rows if row.level_of_theory == "wB97X-D/def2-SVP"]
    molecule = Molecule.from_smiles("OO")
    atoms = torsion_of(molecule, plain.bond).atoms
    angles = sorted(round(value_of(molecule.with_positions(row.positions), atoms)) % 360 for row in dft)
    assert angles == [0, 90, 180]


def test_map_numbers_name_the_bond_to_turn() -> None:
    fragments = list(turned_bonds("C[C:1](=O)[O:2]CC", "test"))
    assert len(fragments) == 1
    mol = Molecule.from_smiles(fragments[0].smiles)
    assert sorted(mol.numbers[list(fragments[0].bond)]) == [6, 8]
    assert ":" not in fragments[0].smiles
    with pytest.raises(ConfigError, match="1 and 2"):
        list(turned_bonds("C[C:1]CC[O:2]", "test"))


def test_the_torsion_test_set_is_of_the_test_part() -> None:
    for name in ("torsions_test.smi", "conformers_test.smi"):
        for text in read_smiles_file(PRESETS / name):
            mol = Chem.MolFromSmiles(text)
            for atom in mol.GetAtoms():
                atom.SetAtomMapNum(0)
            key = Chem.MolToInchiKey(Chem.MolFromSmiles(Chem.MolToSmiles(mol)))
            assert split_of(key, seed=2026, fractions=(0.88, 0.04, 0.08)) == "test", text
            assert evaluation_reason(key) is None
