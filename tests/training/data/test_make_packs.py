"""Packs hold what the store holds, split by graph, read where they lie, and nothing kept for evaluation."""

from __future__ import annotations

import dataclasses
import json
import pickle
import resource
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.conftest import write_store
from training.data.batches import draw_conformers, make_batch
from training.data.make_packs import labelled_graph, make_packs
from training.data.pack import COMPLEXES, KINDS, MOLECULES, SPLITS, LabelledGraph, PackWriter, intermolecular, load_pack
from virialff.cli import main
from virialff.documents import read_object
from virialff.errors import ConfigError, EvaluationSetError, StoreDamagedError, StoreError, StoreSchemaError
from virialff.molecules.molecule import Molecule

ROOT = Path(__file__).resolve().parents[3]


def pack_all(stores: list[Path], folder: Path, level: str | None = None) -> dict[str, Any]:
    """Packs in which every record trains; their counts."""
    return make_packs(stores, folder, seed=3, fractions=(1.0, 0.0, 0.0), level_of_theory=level)


def every(packs: Path, name: str) -> list[LabelledGraph]:
    pack = load_pack(packs / name)
    return [record for split in SPLITS for record in getattr(pack, split)]


def tasks(labels, kind: str):
    return [list(rows) for task, rows in groupby(labels, key=lambda label: label.task) if task.startswith(kind)]


def assert_same_record(record: LabelledGraph, other: LabelledGraph) -> None:
    for mine, theirs in zip((*record.graph, *record[1:]), (*other.graph, *other[1:]), strict=True):
        if isinstance(mine, torch.Tensor):
            assert mine.dtype == theirs.dtype
            torch.testing.assert_close(mine, theirs, rtol=0.0, atol=0.0, equal_nan=True)
        else:
            assert mine == theirs


def test_pack_returns_what_the_store_holds(labels, packs):
    records = {record.identifier: record for record in every(packs, MOLECULES)}
    assert len(records) == 16
    for rows in tasks(labels, "molecule"):
        record = records[rows[0].inchikeys[0]]
        assert_same_record(record, labelled_graph(rows))
        np.testing.assert_array_equal(record.energies.numpy(), [row.energy for row in rows])
        np.testing.assert_allclose(record.positions.numpy(), [row.positions for row in rows], atol=1e-6)
        np.testing.assert_allclose(record.forces.numpy(), [row.forces for row in rows], rtol=1e-6, atol=1e-6)
        assert [KINDS[kind] for kind in record.kinds] == ["classical_minimum", "displaced", "displaced", "displaced"]
        assert record.kinetic_atoms is None
        assert record.dipoles is None


def test_complexes_hold_interaction_energies_negative_where_bound(labels, packs):
    records = {record.identifier: record for record in every(packs, COMPLEXES)}
    for rows in tasks(labels, "complex"):
        record = records["+".join(rows[0].inchikeys)]
        np.testing.assert_array_equal(record.energies.numpy(), [row.interaction_energy for row in rows])
        np.testing.assert_allclose(record.forces.numpy(), [row.interaction_forces for row in rows], atol=1e-5)


def test_every_part_has_molecules_and_no_graph_is_in_two(packs):
    pack = load_pack(packs / MOLECULES)
    parts = [{record.identifier for record in getattr(pack, part)} for part in SPLITS]
    assert all(parts)
    assert len(set.union(*parts)) == sum(len(part) for part in parts)


def test_complexes_of_held_out_molecules_are_held_out(packs):
    molecules, complexes = load_pack(packs / MOLECULES), load_pack(packs / COMPLEXES)
    held_out = {record.identifier for part in (molecules.validation, molecules.test) for record in part}
    training = [record.identifier.split("+") for record in complexes.train]
    assert training
    assert not any(key in held_out for keys in training for key in keys)


def test_our_monomers_always_train(labels, tmp_path):
    ours = [dataclasses.replace(label, source="monomers") for label in labels]
    counts = make_packs([write_store(tmp_path / "store", ours)], tmp_path, seed=3, fractions=(0.1, 0.45, 0.45))
    assert counts["molecules"]["train"] == {"records": 16, "geometries": 64}
    assert counts["molecules"]["test"]["records"] == 0
    assert read_object(tmp_path / "counts.json") == counts


def test_an_evaluation_pair_is_refused(labels, tmp_path):
    water = Molecule.from_smiles("O").inchikey
    rows = [dataclasses.replace(row, inchikeys=(water, water)) for row in tasks(labels, "complex")[0]]
    with pytest.raises(EvaluationSetError, match="S66"):
        pack_all([write_store(tmp_path / "store", rows)], tmp_path / "packs")
    assert not (tmp_path / "packs").exists()


def test_conformers_of_one_molecule_join_wherever_they_are(labels, tmp_path):
    """A task of each conformer, in two stores; another atom order and another level stay apart."""
    rows = tasks(labels, "molecule")[6]
    alone = [dataclasses.replace(row, task=row.identifier, identifier=f"{row.identifier}/0") for row in rows]
    first = write_store(tmp_path / "one", [alone[0], *tasks(labels, "molecule")[7], alone[1]])
    second = write_store(tmp_path / "two", alone[2:])
    counts = pack_all([first, second], tmp_path / "packs")
    assert counts["molecules"]["train"] == {"records": 2, "geometries": 8}
    records = {record.identifier: record for record in every(tmp_path / "packs", MOLECULES)}
    assert_same_record(records[rows[0].inchikeys[0]], labelled_graph(rows))


def test_one_level_of_theory_is_packed(labels, tmp_path):
    rows = tasks(labels, "molecule")[6]
    other = [dataclasses.replace(row, level_of_theory="wB97X-D/def2-SVP") for row in rows]
    failed = [dataclasses.replace(rows[0], energy=None, forces=None, failure="it failed")]
    store = write_store(tmp_path / "store", [*failed, *rows[1:]])
    write_store(tmp_path / "other", other)
    with pytest.raises(ConfigError, match="hold labels of GFN2-xTB, wB97X-D/def2-SVP: name one level of theory"):
        pack_all([store, tmp_path / "other"], tmp_path / "packs")
    pack_all([store, tmp_path / "other"], tmp_path / "packs", "GFN2-xTB")
    (record,) = every(tmp_path / "packs", MOLECULES)
    assert len(record.energies) == 3
    with pytest.raises(ConfigError, match="holds no labels of CCSD"):
        pack_all([store], tmp_path / "packs", "CCSD")


def test_what_only_some_conformers_have(labels, tmp_path):
    rows = tasks(labels, "molecule")[6]
    n_bonds = len(rows[0].bonds)
    turned = rows[0].bonds[::-1, ::-1].copy()
    rows = [
        dataclasses.replace(rows[0], forces=None),
        dataclasses.replace(rows[1], kinetic_atoms=np.arange(9.0), dipole=np.arange(3.0)),
        dataclasses.replace(rows[2], kinetic_bonds=np.arange(float(n_bonds))),
        dataclasses.replace(rows[3], kinetic_bonds=np.arange(float(n_bonds))[::-1].copy(), bonds=turned),
    ]
    pack_all([write_store(tmp_path / "store", rows)], tmp_path / "packs")
    (record,) = every(tmp_path / "packs", MOLECULES)
    assert record.kinetic_atoms is not None
    assert record.kinetic_bonds is not None
    assert record.dipoles is not None
    assert record.forces.isnan().all(dim=(1, 2)).tolist() == [True, False, False, False]
    assert record.kinetic_atoms.isnan().all(dim=1).tolist() == [True, False, True, True]
    assert record.kinetic_atoms[1].tolist() == list(range(9))
    assert record.dipoles.isnan().all(dim=1).tolist() == [True, False, True, True]
    # Values follow the bonds of the graph, in whatever order a row lists them.
    torch.testing.assert_close(record.kinetic_bonds[2], record.kinetic_bonds[3])
    of_bond = {tuple(sorted(bond)): float(value) for value, bond in enumerate(rows[0].bonds.tolist())}
    graph_bonds = record.graph.bond_index.T[:n_bonds].tolist()
    assert record.kinetic_bonds[2].tolist() == [of_bond[tuple(sorted(bond))] for bond in graph_bonds]


def test_complex_rows_without_an_interaction_energy_are_counted(labels, tmp_path):
    rows = tasks(labels, "complex")[0]
    bare = dataclasses.replace(rows[0], interaction_energy=None, interaction_forces=None)
    counts = pack_all([write_store(tmp_path / "store", [bare, *rows[1:]])], tmp_path)
    assert counts["complexes"]["train"] == {"records": 1, "geometries": 2}
    assert counts["complex_rows_without_interaction_energy"] == 1


def test_sizes_are_known_without_decoding(packs):
    for name in (MOLECULES, COMPLEXES):
        records = load_pack(packs / name).train
        assert records.n_pairs.tolist() == [record.graph.n_pairs for record in records]
        assert records.n_intermolecular_pairs.tolist() == [intermolecular(record).graph.n_pairs for record in records]
        assert records.n_conformers.tolist() == [len(record.energies) for record in records]
    records = load_pack(packs / MOLECULES).train
    assert [record.identifier for record in records[1:3]] == [records[1].identifier, records[2].identifier]
    assert records[-1].identifier == records[len(records) - 1].identifier
    with pytest.raises(IndexError):
        records[len(records)]


def test_records_can_be_sent_to_another_process_and_changed(packs):
    records = load_pack(packs / MOLECULES).train
    copy = pickle.loads(pickle.dumps(records))
    assert len(pickle.dumps(records)) < 1000
    copy[0].positions.add_(1.0)
    assert_same_record(copy[0], records[0])


def test_a_pack_larger_than_memory_is_read_where_it_lies(packs, tmp_path):
    """Every record of a pack of 45 MB is decoded by a process that never holds a fifth of it."""
    record = load_pack(packs / MOLECULES).train[0]
    many = record._replace(
        positions=record.positions.repeat(300, 1, 1),
        forces=record.forces.repeat(300, 1, 1),
        energies=record.energies.repeat(300),
        kinds=record.kinds.repeat(300),
    )
    with PackWriter(tmp_path / "large.arrow") as writer:
        for _ in range(300):
            writer.append(many, "train")
    size = (tmp_path / "large.arrow").stat().st_size
    assert size > 40e6
    code = """
import sys
from pathlib import Path
from training.data.pack import load_pack
def private():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))
records = load_pack(Path(sys.argv[1])).train
sum(len(records[index].energies) for index in range(20))
before = private()
total = sum(len(record.energies) for record in records)
print(total, private() - before)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "large.arrow")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    total, more = (int(word) for word in done.stdout.split())
    assert total == 300 * len(many.energies)
    assert more < size / 5


def test_a_pack_appears_whole_or_not_at_all(packs, tmp_path):
    record = load_pack(packs / MOLECULES).train[0]
    path = tmp_path / "a.arrow"

    def interrupted() -> None:
        with PackWriter(path) as writer:
            writer.append(record, "train")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())
    code = f"""
import resource, sys
from pathlib import Path
from training.data.pack import PackWriter, load_pack
record = load_pack(Path(sys.argv[1])).train[0]
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, {resource.RLIM_INFINITY}))
with PackWriter(Path(sys.argv[2])) as writer:
    for _ in range(1000):
        writer.append(record, "train")
"""
    command = [sys.executable, "-c", code, str(packs / MOLECULES), str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert f"StoreError: The training pack {path} could not be written" in done.stderr
    assert not list(tmp_path.iterdir())


def test_what_is_no_pack_is_a_sentence(packs, label_store, tmp_path):
    with pytest.raises(StoreError, match=r"There is no training pack .*nowhere"):
        load_pack(tmp_path / "nowhere.arrow")
    (tmp_path / "cut.arrow").write_bytes((packs / MOLECULES).read_bytes()[:-100])
    for path in (tmp_path / "cut.arrow", label_store / "labels.parquet"):
        with pytest.raises(StoreDamagedError, match="no whole training pack"):
            load_pack(path)
    content = (packs / MOLECULES).read_bytes().replace(b"virialff_pack", b"virialff_kcap")
    (tmp_path / "foreign.arrow").write_bytes(content)
    with pytest.raises(StoreSchemaError, match="no training pack of version 3"):
        load_pack(tmp_path / "foreign.arrow")


def test_packs_are_made_from_the_command_line(label_store, packs, tmp_path, capsys):
    options = ["--seed", "3", "--fractions", "0.6", "0.2", "0.2", "--level", "GFN2-xTB"]
    assert main(["data", "pack", str(label_store), "--output", str(tmp_path), *options]) == 0
    assert json.loads(capsys.readouterr().out)["complexes"]["train"]["records"] > 0
    for name in (MOLECULES, COMPLEXES):
        assert (tmp_path / name).read_bytes() == (packs / name).read_bytes()


def test_batches_keep_atoms_and_labels_together(packs):
    records = load_pack(packs / MOLECULES).train[:3]
    batch = make_batch(
        records, draw_conformers([len(record.energies) for record in records], 6, np.random.default_rng(0))
    )
    n_atoms = sum(record.graph.n_atoms for record in records)
    assert batch.positions.shape == (6, n_atoms, 3)
    assert batch.forces.shape == (6, n_atoms, 3)
    first = 0
    for molecule, record in enumerate(records):
        atoms = slice(first, first + record.graph.n_atoms)
        for row in range(6):
            (match,) = (record.energies == batch.energies[row, molecule]).nonzero().flatten()[:1].tolist()
            assert torch.equal(batch.positions[row, atoms], record.positions[match])
            assert torch.equal(batch.forces[row, atoms], record.forces[match])
            assert batch.kinds[row, molecule] == record.kinds[match]
        first += record.graph.n_atoms
    assert set(batch.kinds.flatten().tolist()) <= set(range(len(KINDS)))


def test_intermolecular_keeps_only_pairs_between_fragments(packs):
    record = load_pack(packs / COMPLEXES).train[0]
    graph = intermolecular(record).graph
    i, j = graph.pair_index
    assert graph.n_pairs == int((record.graph.atom_fragments == 0).sum() * (record.graph.atom_fragments == 1).sum())
    assert (graph.atom_fragments[i] != graph.atom_fragments[j]).all()
