"""A small real training set: GFN2-xTB energies and forces of displaced small molecules and a few complexes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.data.make_packs import make_packs
from training.labelling.structures.geometries import embed
from virialff.engines.xtb import energy_and_forces
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.labels.structure import structure_fields
from virialff.molecules.molecule import Molecule

SMILES = ("C", "CC", "CO", "O", "N", "C=O", "CCO", "CN", "C#N", "CC=O", "COC", "CF", "CCl", "CS", "C=C", "CC#N")
LEVEL: dict[str, Any] = {
    "level_of_theory": "GFN2-xTB",
    "program": "xtb",
    "settings": "{}",
    "source": "test",
    "seconds": 0.01,
}


def label_molecule(smiles: str, seed: int) -> list[Label]:
    molecule = Molecule.from_smiles(smiles)
    minimum = embed(molecule, 1, seed).positions[0]
    noise = np.random.default_rng(seed).normal(scale=0.04, size=(3, molecule.n_atoms, 3))
    task = f"molecule/{molecule.inchikey}"
    labels = []
    for row, positions in enumerate([minimum, *(minimum + noise)]):
        energy, forces = energy_and_forces(molecule.numbers, positions)
        labels.append(
            Label(
                identifier=f"{task}/{row}",
                task=task,
                **structure_fields(molecule),
                positions=positions,
                kind="displaced" if row else "minimum",
                detail="displaced" if row else "minimum_mmff",
                energy=energy,
                forces=forces,
                **LEVEL,
            )
        )
    return labels


def label_complex(first: Label, second: Label) -> list[Label]:
    assert first.positions is not None
    assert second.positions is not None
    parts = [Molecule.from_arrays(part.numbers, part.bonds, part.orders) for part in (first, second)]
    pair = Molecule.join(*parts)
    alone = [energy_and_forces(part.numbers, part.positions) for part in (first, second)]
    task = f"complex/{first.inchikeys[0]}.{second.inchikeys[0]}.contact"
    labels = []
    for row, distance in enumerate((4.0, 5.0, 7.0)):
        positions = np.concatenate([first.positions, second.positions + np.array([distance, 0.5, 0.2])])
        energy, forces = energy_and_forces(pair.numbers, positions)
        labels.append(
            Label(
                identifier=f"{task}/{row}",
                task=task,
                **structure_fields(pair),
                positions=positions,
                kind="complex",
                detail="contact",
                energy=energy,
                forces=forces,
                interaction_energy=energy - alone[0][0] - alone[1][0],
                interaction_forces=forces - np.concatenate([alone[0][1], alone[1][1]]),
                **LEVEL,
            )
        )
    return labels


def write_store(folder: Path, labels: Iterable[Label]) -> Path:
    """A store of one part with these rows, task by task."""
    with LabelStore(folder).writer("labels") as writer:
        for _, rows in groupby(labels, key=lambda label: label.task):
            writer.append(list(rows))
        writer.finish()
    return folder


@pytest.fixture(scope="session")
def labels() -> list[Label]:
    molecules = [label_molecule(smiles, seed) for seed, smiles in enumerate(SMILES)]
    # Pairs that are on no evaluation list.
    pairs = [(1, 5), (8, 13), (12, 15), (6, 11), (9, 12), (10, 13)]
    complexes = [label_complex(molecules[i][0], molecules[j][0]) for i, j in pairs]
    return [label for rows in [*molecules, *complexes] for label in rows]


@pytest.fixture(scope="session")
def label_store(labels: list[Label], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("labels") / "store", labels)


@pytest.fixture(scope="session")
def packs(label_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("packs")
    make_packs([label_store], folder, seed=3, fractions=(0.6, 0.2, 0.2))
    return folder


#: Kinetic energy of the hydrogen atoms bonded to it, in kcal/mol a hydrogen, that a count of elements cannot tell.
PER_HYDROGEN = 7.0
SHIFT = 1000.0


def with_kinetic_energies(label: Label) -> Label:
    """A label with kinetic energies and a dipole that follow a rule: negative where atoms are electronegative."""
    hydrogens = np.zeros(len(label.numbers))
    for i, j in label.bonds:
        hydrogens[i] += label.numbers[j] == 1
        hydrogens[j] += label.numbers[i] == 1
    charges = np.where(label.numbers == 1, 0.1, 0.0)
    charges[label.numbers != 1] -= charges.sum() / (label.numbers != 1).sum()
    return dataclasses.replace(
        label,
        kinetic_atoms=300.0 * label.numbers.astype(float) ** 2 + PER_HYDROGEN * hydrogens**2,
        kinetic_bonds=40.0 * label.orders,
        kinetic_nonbonded=2.0,
        dipole=charges @ label.positions,
        energy=None if label.energy is None else label.energy + SHIFT * len(label.numbers),
    )


@pytest.fixture(scope="session")
def kinetic_packs(labels, tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("kinetic_packs")
    store = write_store(folder / "store", [with_kinetic_energies(label) for label in labels if label.kind != "complex"])
    make_packs([store], folder, seed=3, fractions=(0.6, 0.2, 0.2))
    return folder
