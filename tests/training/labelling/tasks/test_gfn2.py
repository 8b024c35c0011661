from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.labelling.small_campaign import campaign, complex_task
from training.labelling.config import CampaignConfig
from training.labelling.plan.draws import MoleculeTask
from training.labelling.tasks.kinds import Task
from training.labelling.tasks.kinds import compute as compute_task
from virialff.engines.xtb import energy_and_forces
from virialff.labels.check import row_problems
from virialff.labels.evaluation_sets import EvaluationSets
from virialff.labels.schema import from_table, to_table
from virialff.molecules.changes import connectivity_changes
from virialff.molecules.molecule import Molecule


@pytest.fixture
def config(tmp_path: Path) -> CampaignConfig:
    return campaign(tmp_path)


def molecule_task(smiles: str, *, relaxed: bool = False) -> MoleculeTask:
    return MoleculeTask(Molecule.from_smiles(smiles).inchikey, smiles, "test", relaxed)


def compute(task: Task, config: CampaignConfig) -> list[Any]:
    """The rows, with values that a test may take to be there."""
    return list(compute_task(task, config))


def test_rows_are_the_energies_and_forces_of_the_stored_geometries(config: CampaignConfig) -> None:
    task = molecule_task("CC(N)=O", relaxed=True)
    rows: list[Any] = list(from_table(to_table(compute(task, config))))
    assert [row.identifier for row in rows] == [f"{task.key}/{n}" for n in range(len(rows))]
    assert {"minimum_mmff", "minimum_gfn2", "displaced", "torsion"} <= {row.detail for row in rows}
    assert {(row.kind, row.detail) for row in rows} <= {
        ("minimum", "minimum_mmff"),
        ("minimum", "minimum_gfn2"),
        ("displaced", "displaced"),
        ("displaced", "distorted"),
        ("scan", "torsion"),
    }
    for row in rows:
        energy, forces = energy_and_forces(row.numbers, row.positions)
        assert row.energy == pytest.approx(energy, abs=1e-6)
        np.testing.assert_allclose(row.forces, forces, atol=1e-3)
        assert row.level_of_theory == "GFN2-xTB"
        assert row.seconds > 0
        assert row.failure is None
    lowest = min(rows, key=lambda row: row.energy)
    assert lowest.detail == "minimum_gfn2"
    assert np.abs(lowest.forces).max() < config.molecules.gradient_norm + 0.01
    rebuilt = Molecule.from_arrays(lowest.numbers, lowest.bonds, lowest.orders)
    assert (rebuilt.inchikey,) == lowest.inchikeys
    assert connectivity_changes(rebuilt, lowest.positions) == ()


@pytest.mark.parametrize("family", ["contact", "hydrogen_bond", "stack", "relaxed", "pushed"])
def test_interaction_rows_are_vertical(config: CampaignConfig, family: str) -> None:
    rows = compute(complex_task("CC(N)=O", "CS", family), config)
    assert len(rows) >= 4
    for row in rows:
        assert row.failure is None
        assert row.kind == "complex"
        alone = [
            energy_and_forces(row.numbers[row.fragments == part], row.positions[row.fragments == part])
            for part in (0, 1)
        ]
        # Monomers are computed once, before their coordinates are rounded to 32 bits.
        interaction = row.energy - sum(energy for energy, _ in alone)
        assert row.interaction_energy == pytest.approx(interaction, abs=2e-3)
        forces = row.forces - np.concatenate([own for _, own in alone])
        np.testing.assert_allclose(row.interaction_forces, forces, atol=2e-2)
        assert row.counterpoise is False
        assert row.inchikeys == tuple(Molecule.from_smiles(text).inchikey for text in ("CC(N)=O", "CS"))
    if family in ("relaxed", "pushed"):
        (relaxed,) = [row for row in rows if row.detail == "relaxed"]
        assert relaxed.interaction_energy < -1.0


def test_a_complex_is_pushed_up_its_wall(config: CampaignConfig) -> None:
    first, *wall = compute(complex_task("CO", "CF", "pushed"), config)
    assert first.detail == "relaxed"
    assert {row.detail for row in wall} == {"pushed"}
    energies = [row.interaction_energy for row in (first, *wall)]
    assert energies == sorted(energies)
    assert energies[0] < 0 < energies[-1]
    own = first.fragments == 0
    nearest = [
        np.linalg.norm(row.positions[own][:, None] - row.positions[~own], axis=-1).min() for row in (first, wall[-1])
    ]
    assert nearest[1] < 0.7 * nearest[0]


def test_turned_forces_follow_a_linear_monomer(config: CampaignConfig) -> None:
    row = compute(complex_task("C#N", "CCl", "contact"), config)[0]
    own = row.fragments == 0
    _, expected = energy_and_forces(row.numbers[own], row.positions[own])
    np.testing.assert_allclose(row.forces[own] - row.interaction_forces[own], expected, atol=2e-2)


def test_a_relaxed_acid_pair_binds_twice(config: CampaignConfig) -> None:
    rows = compute(complex_task("CC(O)=O", "CC(N)=O", "relaxed"), config)
    assert min(row.interaction_energy for row in rows) < -10.0


def test_the_seed_decides(config: CampaignConfig) -> None:
    task = molecule_task("CCO")
    first, again = compute(task, config), compute(task, config)
    for row, other in zip(first, again, strict=True):
        assert (row.identifier, row.detail) == (other.identifier, other.detail)
        np.testing.assert_array_equal(row.positions, other.positions)
        assert row.energy == pytest.approx(other.energy, abs=1e-6)
    other = compute(task, config.model_copy(update={"seed": 8}))
    assert not np.array_equal(first[0].positions, other[0].positions)


def test_a_molecule_without_a_geometry_is_a_row_with_the_reason(config: CampaignConfig) -> None:
    (row,) = compute(molecule_task("O[C@]12CC=C3C[C@@H]1[C@@]32O"), config)
    assert "no three-dimensional geometry of" in row.failure
    assert row.positions is None
    assert (row.numbers > 1).sum() == 9
    (stored,) = from_table(to_table([row]))
    assert stored.failure == row.failure


def test_a_relaxation_that_does_not_converge_is_a_row_with_the_reason(config: CampaignConfig) -> None:
    hasty = config.molecules.model_copy(update={"max_evaluations": 2})
    *others, last = compute(molecule_task("CCO", relaxed=True), config.model_copy(update={"molecules": hasty}))
    assert last.failure == "the relaxation did not converge in 2 evaluations"
    assert last.detail == "minimum_gfn2"
    assert all(row.failure is None for row in others)


def test_what_is_kept_for_evaluation_gets_no_label(config: CampaignConfig) -> None:
    (row,) = compute(complex_task("O", "O", "contact"), config)
    assert "may not be labelled for training" in row.failure
    assert "S66" in row.failure
    listed = next(iter(EvaluationSets.load().molecules.values()))
    (row,) = compute(molecule_task(listed), config)
    assert "conformer evaluation set" in row.failure
    assert row.energy is None


@pytest.mark.parametrize(
    ("first", "second", "family", "atoms"),
    [
        ("BrC#N", "N", "halogen_bond", (35, 7)),
        ("FSF", "O", "chalcogen_bond", (16, 8)),
        ("FP(F)F", "N", "pnictogen_bond", (15, 7)),
    ],
)
def test_a_hole_faces_a_lone_pair_and_binds(
    tmp_path: Path, first: str, second: str, family: str, atoms: tuple[int, int]
) -> None:
    rows: list[Any] = compute(complex_task(first, second, family), campaign(tmp_path))
    assert [problem for row in rows for problem in row_problems(row)] == []
    assert {row.detail for row in rows} == {family}
    assert min(row.interaction_energy for row in rows) < -1.0
    for row in rows:
        one = int(np.flatnonzero(row.numbers == atoms[0])[0])
        other = int(np.flatnonzero((row.numbers == atoms[1]) & (row.fragments == 1))[0])
        axis = row.positions[other] - row.positions[one]
        partner = next(int(b) for a, b in [*row.bonds, *row.bonds[:, ::-1]] if a == one)
        away = row.positions[one] - row.positions[partner]
        # Of several bonds to the atom any may be the one that is prolonged.
        if family == "halogen_bond":
            cosine = axis @ away / np.linalg.norm(axis) / np.linalg.norm(away)
            assert cosine > 0.85


def test_lone_pairs_facing_each_other_repel(tmp_path: Path) -> None:
    rows: list[Any] = compute(complex_task("C=O", "CF", "repulsive"), campaign(tmp_path))
    nearest = min(
        rows,
        key=lambda row: np.linalg.norm(
            row.positions[row.fragments == 0][:, None] - row.positions[row.fragments == 1][None], axis=-1
        ).min(),
    )
    assert nearest.interaction_energy > 0.5


def test_a_molecule_without_the_atom_is_a_failure(tmp_path: Path) -> None:
    rows = compute(complex_task("CC", "O", "halogen_bond"), campaign(tmp_path))
    assert "no halogen bond" in str(rows[0].failure)
