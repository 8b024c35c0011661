"""Packs hold what the shards held, split by graph, and nothing kept for evaluation."""

import dataclasses

import numpy as np
import pytest
import torch

from training.dataset import KINDS, SPLITS, intermolecular, load_pack, make_batch
from training.pack import labelled_graph, make_packs
from virialff.errors import EvaluationSetError
from virialff.molecule import Molecule


def test_pack_returns_what_was_saved(label_records, packs):
    pack = load_pack(packs / "molecules.npz")
    records = {record.identifier: record for part in SPLITS for record in getattr(pack, part)}
    originals = [record for record in label_records if hasattr(record, "inchikey")]
    assert len(records) == len(originals)
    for original in originals:
        record = records[original.smiles]
        expected = labelled_graph(original)
        for ours, theirs in zip(record.graph, expected.graph, strict=True):
            assert torch.equal(torch.as_tensor(ours), torch.as_tensor(theirs))
        assert np.array_equal(record.positions.numpy(), original.positions)
        assert np.array_equal(record.energies.numpy(), original.energies)
        assert np.array_equal(record.forces.numpy(), original.forces)
        assert [KINDS[kind] for kind in record.kinds] == ["classical_minimum", "displaced", "displaced", "displaced"]


def test_every_part_has_molecules_and_no_graph_is_in_two(packs):
    pack = load_pack(packs / "molecules.npz")
    parts = [{record.identifier for record in getattr(pack, part)} for part in SPLITS]
    assert all(parts)
    assert len(set.union(*parts)) == sum(len(part) for part in parts)


def test_complexes_of_held_out_molecules_are_held_out(label_records, packs):
    molecules, complexes = load_pack(packs / "molecules.npz"), load_pack(packs / "complexes.npz")
    held_out = {
        Molecule.from_smiles(record.identifier).inchikey
        for part in ("validation", "test")
        for record in getattr(molecules, part)
    }
    training = [record.identifier.split("+") for record in complexes.train]
    assert training
    assert not any(key in held_out for keys in training for key in keys)


def test_our_monomers_always_train(label_records, tmp_path):
    ours = [dataclasses.replace(r, source="monomers") if hasattr(r, "source") else r for r in label_records]
    counts = make_packs(ours, tmp_path, seed=3, fractions=(0.1, 0.45, 0.45))
    assert counts["molecules"]["train"]["records"] == 16
    assert counts["molecules"]["test"]["records"] == 0


def test_an_evaluation_pair_is_refused(label_records, tmp_path):
    water = Molecule.from_smiles("O").inchikey
    record = next(record for record in label_records if hasattr(record, "inchikeys"))
    with pytest.raises(EvaluationSetError, match="S66"):
        make_packs([dataclasses.replace(record, inchikeys=(water, water))], tmp_path, seed=3, fractions=(1, 0, 0))


def test_batches_keep_atoms_and_labels_together(packs):
    records = load_pack(packs / "molecules.npz").train[:3]
    batch = make_batch(records, 6, np.random.default_rng(0))
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
    record = load_pack(packs / "complexes.npz").train[0]
    graph = intermolecular(record).graph
    i, j = graph.pair_index
    assert graph.n_pairs == int((record.graph.atom_fragments == 0).sum() * (record.graph.atom_fragments == 1).sum())
    assert (graph.atom_fragments[i] != graph.atom_fragments[j]).all()
