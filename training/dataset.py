"""Labelled molecules and complexes in memory, and the batches made of them: torch and numpy only."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from virialff.graph_tensors import GraphTensors, collate
from virialff.topology import RELATIONS

SPLITS = ("train", "validation", "test")
#: Kinds of geometry: minimum of a classical force field, minimum of GFN2-xTB, minimum with one torsion turned,
#: thermally displaced (also every complex that is not a minimum), strongly distorted.
KINDS = ("classical_minimum", "gfn2_minimum", "torsion", "displaced", "distorted")
#: Positions in KINDS of the minima.
MINIMA = (0, 1)
_INTERMOLECULAR = RELATIONS.index("intermolecular")


class LabelledGraph(NamedTuple):
    """One molecule or complex and its labels."""

    graph: GraphTensors
    positions: Tensor
    """(n_conformers, n_atoms, 3) float64, Angstrom."""
    energies: Tensor
    """(n_conformers,) float64, kcal/mol: total energies; of a complex E(complex) - E(fragments), negative = bound."""
    forces: Tensor
    """(n_conformers, n_atoms, 3) float32, kcal/mol/A: minus the gradient of `energies`."""
    kinds: Tensor
    """(n_conformers,) int64, position in KINDS."""
    identifier: str


class Batch(NamedTuple):
    """Several labelled graphs, each with the same number of conformers."""

    graph: GraphTensors
    positions: Tensor
    """(n_conformers, n_atoms, 3)."""
    energies: Tensor
    """(n_conformers, n_molecules)."""
    forces: Tensor
    """(n_conformers, n_atoms, 3)."""
    kinds: Tensor
    """(n_conformers, n_molecules)."""


@dataclass(frozen=True)
class Pack:
    """The labelled graphs of one kind (molecules or complexes) by split."""

    train: list[LabelledGraph]
    validation: list[LabelledGraph]
    test: list[LabelledGraph]


def save_pack(path: Path, records: list[LabelledGraph], splits: list[str]) -> None:
    """Write records and their splits (of SPLITS) to one .npz file, arrays concatenated."""
    graphs = [record.graph for record in records]
    arrays: dict[str, Any] = {
        "n_atoms": np.array([graph.n_atoms for graph in graphs]),
        "n_bonds": np.array([graph.bond_types.shape[0] for graph in graphs]),
        "n_conformers": np.array([len(record.energies) for record in records]),
        "elements": _concatenate([graph.elements for graph in graphs], np.int8),
        "fragments": _concatenate([graph.atom_fragments for graph in graphs], np.int8),
        "bond_index": _concatenate([graph.bond_index.T for graph in graphs], np.int16),
        "bond_types": _concatenate([graph.bond_types for graph in graphs], np.int8),
        "pair_types": _concatenate([graph.pair_types for graph in graphs], np.int8),
        "pair_relations": _concatenate([graph.pair_relations for graph in graphs], np.int8),
        "positions": _concatenate([record.positions.reshape(-1, 3) for record in records], np.float32),
        "forces": _concatenate([record.forces.reshape(-1, 3) for record in records], np.float32),
        "energies": _concatenate([record.energies for record in records], np.float64),
        "kinds": _concatenate([record.kinds for record in records], np.int8),
        "identifiers": np.array([record.identifier for record in records]),
        "splits": np.array([SPLITS.index(split) for split in splits], dtype=np.int8),
    }
    temporary = path.with_name(path.stem + ".partial.npz")
    np.savez(temporary, **arrays)
    temporary.replace(path)


def load_pack(path: Path) -> Pack:
    """Read a file of `save_pack`. Only all-pairs graphs of one molecule each are stored."""
    with np.load(path, allow_pickle=False) as file:
        data = {name: torch.from_numpy(file[name]) for name in file.files if name != "identifiers"}
        identifiers = file["identifiers"].tolist()
    counts = [data[name].tolist() for name in ("n_atoms", "n_bonds", "n_conformers")]
    pack = Pack([], [], [])
    lists = {name: getattr(pack, name) for name in SPLITS}
    atom = bond = pair = conformer = row = 0
    for index, (n, b, k) in enumerate(zip(*counts, strict=True)):
        p = n * (n - 1) // 2
        fragments = data["fragments"][atom : atom + n].long()
        graph = GraphTensors(
            elements=data["elements"][atom : atom + n].long(),
            atom_fragments=fragments,
            fragment_molecules=torch.zeros(int(fragments.max()) + 1, dtype=torch.int64),
            bond_index=data["bond_index"][bond : bond + b].long().T.contiguous(),
            bond_types=data["bond_types"][bond : bond + b].long(),
            pair_index=torch.triu_indices(n, n, offset=1),
            pair_types=data["pair_types"][pair : pair + p].long(),
            pair_relations=data["pair_relations"][pair : pair + p].long(),
            pair_molecules=torch.zeros(p, dtype=torch.int64),
            n_molecules=1,
        )
        lists[SPLITS[int(data["splits"][index])]].append(
            LabelledGraph(
                graph,
                data["positions"][row : row + n * k].view(k, n, 3),
                data["energies"][conformer : conformer + k],
                data["forces"][row : row + n * k].view(k, n, 3),
                data["kinds"][conformer : conformer + k].long(),
                identifiers[index],
            )
        )
        atom, bond, pair, conformer, row = atom + n, bond + b, pair + p, conformer + k, row + n * k
    return pack


def intermolecular(record: LabelledGraph) -> LabelledGraph:
    """The same complex with only the pairs between fragments: all that a vertical interaction energy needs."""
    graph = record.graph.select_pairs(record.graph.pair_relations == _INTERMOLECULAR)
    return record._replace(graph=graph)


def make_batch(
    records: list[LabelledGraph],
    n_conformers: int,
    generator: np.random.Generator | None,
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """Join records, taking `n_conformers` of each at random; one that has fewer repeats some.

    Without a generator the first conformers are taken in order.
    """
    chosen = []
    for record in records:
        total = len(record.energies)
        order = np.arange(total) if generator is None else generator.permutation(total)
        chosen.append(torch.from_numpy(np.resize(order, n_conformers)))
    pairs = list(zip(records, chosen, strict=True))
    return Batch(
        graph=collate([record.graph for record in records]),
        positions=torch.cat([record.positions[index] for record, index in pairs], dim=1).to(dtype),
        energies=torch.stack([record.energies[index] for record, index in pairs], dim=1),
        forces=torch.cat([record.forces[index] for record, index in pairs], dim=1).to(dtype),
        kinds=torch.stack([record.kinds[index] for record, index in pairs], dim=1),
    )


def epoch_batches(sizes: list[int], batch_pairs: int, generator: np.random.Generator) -> list[list[int]]:
    """Indices of the records of each batch of one epoch: batches of about `batch_pairs` pairs, in random order.

    Records of any size share a batch, so that every step sees the whole range of molecules.
    """
    batches: list[list[int]] = [[]]
    filled = 0
    for index in generator.permutation(len(sizes)):
        if filled and filled + sizes[index] > batch_pairs:
            batches.append([])
            filled = 0
        batches[-1].append(int(index))
        filled += sizes[index]
    return batches


def endless_batches(
    sizes: list[int], batch_pairs: int, seed: int, first_step: int = 0
) -> Iterator[tuple[int, list[int]]]:
    """(step, record indices) for ever, the same for the same seed from whatever step it is resumed."""
    step = 0
    epoch = 0
    while True:
        for batch in epoch_batches(sizes, batch_pairs, np.random.default_rng([seed, epoch])):
            if step >= first_step:
                yield step, batch
            step += 1
        epoch += 1


def _concatenate(tensors: list[Tensor], dtype: type) -> np.ndarray:
    return torch.cat(tensors).numpy().astype(dtype)
