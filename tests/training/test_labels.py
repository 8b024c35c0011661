import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from training import label_compute, labels
from training.label_plan import ComplexTask, LabelConfig, MoleculeTask, load_config, make_plan, stored_plan
from training.label_shards import ComplexLabels, LabelRecord, MoleculeLabels, read_failures, read_shard, read_shards
from virialff.datasets.evaluation import EvaluationSets, evaluation_reason
from virialff.engines.xtb import energy_and_forces
from virialff.errors import ConfigError, EvaluationSetError, VirialffError
from virialff.molecule import Molecule

MOLECULES = ("CCO", "CC(N)=O", "CS")
#: One of them takes a second or two, so that a kill falls into the middle.
SLOW_MOLECULES = ("CCO", "CC(N)=O", "O=C(NCc1ccccc1)c1ccccc1")
PRESET = Path(labels.__file__).parent / "presets" / "labels_gfn2.yaml"


def campaign(folder: Path, smiles: Sequence[str] = MOLECULES, **complexes: int) -> LabelConfig:
    folder.mkdir(parents=True, exist_ok=True)
    pool = folder / "pool.smi"
    pool.write_text("".join(f"{text}\n" for text in smiles))
    content = {
        "folder": str(folder / "labels"),
        "seed": 7,
        "molecules_per_shard": 1,
        "complexes_per_shard": 1,
        "molecules": {"pools": {str(pool): 10}, "n_conformers": 2, "n_geometries": 4, "relaxed_fraction": 1.0},
        "complexes": {"monomer_share": 0.0, **complexes},
    }
    (folder / "campaign.yaml").write_text(yaml.safe_dump(content))
    return load_config(folder / "campaign.yaml")


def run_in_process(config: LabelConfig) -> list[LabelRecord]:
    for shard in labels.shards(stored_plan(config), config):
        assert labels.compute_shard(shard, config)
    return list(read_shards(config.folder))


def command(config_file: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "training.labels", str(config_file), "--interval", "0.2", *options]


def task(first: str, second: str, family: str) -> ComplexTask:
    keys = (Molecule.from_smiles(first).inchikey, Molecule.from_smiles(second).inchikey)
    return ComplexTask(keys, (first, second), family, displaced=False)


def assert_same(records: list[LabelRecord], others: list[LabelRecord]) -> None:
    assert len(records) == len(others)
    for record, other in zip(records, others, strict=True):
        assert type(record) is type(other)
        assert (record.smiles, record.kinds) == (other.smiles, other.kinds)
        np.testing.assert_array_equal(record.positions, other.positions)
        np.testing.assert_allclose(record.energies, other.energies, atol=1e-6)
        np.testing.assert_allclose(record.forces, other.forces, atol=1e-3)


def test_killed_campaign_ends_with_the_rows_of_an_uninterrupted_one(tmp_path: Path) -> None:
    config = campaign(tmp_path / "killed", SLOW_MOLECULES, contact=1, hydrogen_bond=1)
    file = tmp_path / "killed" / "campaign.yaml"
    process = subprocess.Popen(command(file), start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(config.folder.rglob("shard_*.npz")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in config.folder.rglob("shard_*.npz")}
    assert 0 < len(before) < 5

    finished = subprocess.run(command(file, "--workers", "2"), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "5/5 shards" in finished.stdout
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    assert not [path for path in config.folder.rglob("*") if path.suffix in (".tmp", ".suspects")]

    whole = campaign(tmp_path / "whole", SLOW_MOLECULES, contact=1, hydrogen_bond=1)
    # The pool's path is part of the recipe, so the other campaign gets this one's plan.
    whole = config.model_copy(update={"folder": whole.folder})
    assert_same(list(read_shards(config.folder)), run_in_process(whole))


def test_labels_are_the_energies_and_forces_of_the_stored_geometries(tmp_path: Path) -> None:
    records = [r for r in run_in_process(campaign(tmp_path, ("CC(N)=O",))) if isinstance(r, MoleculeLabels)]
    (record,) = records
    assert {"minimum_mmff", "minimum_gfn2", "displaced", "torsion"} <= set(record.kinds)
    for positions, energy, forces in zip(record.positions, record.energies, record.forces, strict=True):
        expected = energy_and_forces(record.numbers, positions)
        assert energy == pytest.approx(expected[0], abs=1e-6)
        np.testing.assert_allclose(forces, expected[1], atol=1e-3)
    assert record.energies.argmin() == record.kinds.index("minimum_gfn2")
    rebuilt = Molecule.from_arrays(record.numbers, record.bonds, record.orders)
    assert rebuilt.inchikey == record.inchikey


@pytest.mark.parametrize("family", ["contact", "hydrogen_bond", "stack", "relaxed"])
def test_interaction_labels_are_vertical(tmp_path: Path, family: str) -> None:
    config = campaign(tmp_path)
    record, failures = label_compute.label_complex(task("CC(N)=O", "CS", family), config)
    assert record is not None
    assert not failures
    for index, positions in enumerate(record.positions):
        parts = [
            energy_and_forces(record.numbers[record.fragments == part], positions[record.fragments == part])
            for part in (0, 1)
        ]
        interaction = sum(energy for energy, _ in parts) - record.energies[index]
        # Monomers are computed once, before their coordinates are rounded to 32 bits.
        assert record.interaction_energies[index] == pytest.approx(interaction, abs=2e-3)
        forces = record.forces[index] - np.concatenate([own for _, own in parts])
        np.testing.assert_allclose(record.interaction_forces[index], forces, atol=2e-2)
    if family == "relaxed":
        assert record.kinds.count("relaxed") == 1
        assert record.interaction_energies[record.kinds.index("relaxed")] > 1.0


def test_turned_forces_follow_a_linear_monomer() -> None:
    record, _ = label_compute.label_complex(task("C#N", "CCl", "contact"), load_config(PRESET))
    assert record is not None
    own = record.fragments == 0
    _, expected = energy_and_forces(record.numbers[own], record.positions[0][own])
    np.testing.assert_allclose(record.forces[0][own] - record.interaction_forces[0][own], expected, atol=2e-2)


def test_a_relaxed_acid_pair_binds_twice(tmp_path: Path) -> None:
    record, _ = label_compute.label_complex(task("CC(O)=O", "CC(N)=O", "relaxed"), campaign(tmp_path))
    assert record is not None
    assert record.interaction_energies.max() > 10.0


def test_the_seed_decides(tmp_path: Path) -> None:
    config = campaign(tmp_path)
    other = config.model_copy(update={"seed": 8})
    molecule = MoleculeTask(Molecule.from_smiles("CCO").inchikey, "CCO", "test", False)
    first, again, different = (label_compute.label_molecule(molecule, c)[0] for c in (config, config, other))
    assert first is not None
    assert again is not None
    assert different is not None
    assert_same([first], [again])
    assert not np.array_equal(first.positions, different.positions)


def test_a_failing_molecule_is_recorded_and_the_rest_goes_on(tmp_path: Path) -> None:
    config = campaign(tmp_path, ("CS", "O[C@]12CC=C3C[C@@H]1[C@@]32O"))
    records = run_in_process(config)
    failures = list(read_failures(config.folder))
    assert [record.smiles for record in records] == ["CS"]
    assert len(failures) == 1
    assert failures[0].kind == "all"
    assert "ETKDG found no three-dimensional geometry" in failures[0].reason


def test_a_molecule_that_kills_its_worker_is_given_up(tmp_path: Path) -> None:
    config = campaign(tmp_path, ("CS",))
    shard = labels.shards(stored_plan(config), config)[0]
    shard.path.parent.mkdir(parents=True)
    key = Molecule.from_smiles("CS").inchikey
    state = {"deaths": {key: labels.MAX_ATTEMPTS - 1}, "current": key}
    shard.path.with_suffix(".suspects").write_text(json.dumps(state))
    assert labels.compute_shard(shard, config)
    records, failures = read_shard(shard.path)
    assert not records
    assert failures[0].reason == "the worker process died while computing it"


def test_a_shard_in_other_hands_is_left_alone(tmp_path: Path) -> None:
    config = campaign(tmp_path, ("CS",))
    shard = labels.shards(stored_plan(config), config)[0]
    shard.path.parent.mkdir(parents=True)
    with labels.locked(shard.path.with_suffix(".lock")) as mine:
        assert mine
        assert not labels.compute_shard(shard, config)
    assert not labels.compute_shard(shard, config, alive=lambda: False)
    assert not shard.path.exists()


def test_evaluation_complexes_are_refused(tmp_path: Path) -> None:
    config = campaign(tmp_path, ("O", "CO"), contact=3)
    plan = make_plan(config, lambda text: None)
    assert [(task.smiles, reason) for task in plan.complexes if (reason := evaluation_reason(task.inchikeys))] == []
    assert any(name == "O.O" and "S66" in reason for name, reason in plan.refused)
    with pytest.raises(EvaluationSetError, match=r"O\.O may not be labelled for training: .*S66"):
        label_compute.label_complex(task("O", "O", "contact"), config)


def test_conformer_set_molecules_are_refused(tmp_path: Path) -> None:
    listed = next(iter(EvaluationSets.load().molecules.values()))
    plan = make_plan(campaign(tmp_path, ("CS", listed)), lambda text: None)
    assert [task.smiles for task in plan.molecules] == ["CS"]
    assert "conformer evaluation set" in plan.refused[0][1]
    molecule = MoleculeTask(Molecule.from_smiles(listed).inchikey, listed, "test", False)
    with pytest.raises(EvaluationSetError, match="may not be labelled for training"):
        label_compute.label_molecule(molecule, campaign(tmp_path))


def test_labels_of_another_recipe_do_not_mix(tmp_path: Path) -> None:
    config = campaign(tmp_path)
    stored_plan(config, lambda text: None)
    with pytest.raises(ConfigError, match="holds labels of another configuration"):
        stored_plan(config.model_copy(update={"seed": 8}))


def test_an_empty_pool_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hold no molecule that can be labelled"):
        make_plan(campaign(tmp_path, ("[Na+].[Cl-]",)), lambda text: None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: [", "not valid YAML"),
        ("seed: 1", "wrong at folder"),
        (PRESET.read_text().replace("n_conformers: 4", "n_conformers: none"), "wrong at molecules.n_conformers"),
        (PRESET.read_text() + "tpyo: 1\n", "wrong at tpyo"),
    ],
)
def test_a_wrong_configuration_is_a_sentence(
    tmp_path: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(text)
    assert labels.main([str(file)]) == 1
    assert words in capsys.readouterr().err


def test_an_unknown_pool_is_an_error(tmp_path: Path) -> None:
    config = campaign(tmp_path)
    molecules = config.molecules.model_copy(update={"pools": {"nowhere": 1}})
    with pytest.raises(ConfigError, match="no pool 'nowhere'"):
        make_plan(config.model_copy(update={"molecules": molecules}), lambda text: None)


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    config = campaign(tmp_path, ("CS",))
    run_in_process(config)
    (path,) = config.folder.rglob("shard_*.npz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(VirialffError, match=f"The shard {path} is damaged"):
        list(read_shards(config.folder))


def test_the_shipped_preset_is_large_enough() -> None:
    config = load_config(PRESET)
    assert sum(config.molecules.pools.values()) >= 5000
    pairs = config.complexes
    assert 6 * pairs.contact + 4 * pairs.hydrogen_bond + 5 * pairs.stack + 6 * pairs.relaxed >= 12000


def test_complex_records_carry_both_molecules(tmp_path: Path) -> None:
    records = [r for r in run_in_process(campaign(tmp_path, contact=2)) if isinstance(r, ComplexLabels)]
    assert len(records) == 2
    for record in records:
        keys = tuple(Molecule.from_smiles(part).inchikey for part in record.smiles.split("."))
        assert record.inchikeys == keys
        assert record.positions.dtype == np.float32
        assert record.energies.dtype == np.float64
        assert set(record.fragments.tolist()) == {0, 1}
