"""A small real training set: GFN2-xTB energies and forces of displaced small molecules and a few complexes."""

from pathlib import Path

import numpy as np
import pytest

from training.geometries import DISPLACED, MINIMUM_MMFF, embed
from training.label_shards import ComplexLabels, LabelRecord, MoleculeLabels
from training.pack import make_packs
from virialff.engines.xtb import energy_and_forces
from virialff.molecule import Molecule

SMILES = ("C", "CC", "CO", "O", "N", "C=O", "CCO", "CN", "C#N", "CC=O", "COC", "CF", "CCl", "CS", "C=C", "CC#N")


def label_molecule(smiles: str, seed: int) -> MoleculeLabels:
    molecule = Molecule.from_smiles(smiles)
    minimum = embed(molecule, 1, seed).positions[0]
    noise = np.random.default_rng(seed).normal(scale=0.04, size=(3, molecule.n_atoms, 3))
    positions = np.concatenate([minimum[None], minimum + noise])
    labels = [energy_and_forces(molecule.numbers, geometry) for geometry in positions]
    return MoleculeLabels(
        inchikey=molecule.inchikey,
        smiles=smiles,
        source="test",
        kinds=(MINIMUM_MMFF, DISPLACED, DISPLACED, DISPLACED),
        numbers=molecule.numbers,
        bonds=molecule.bonds,
        orders=molecule.orders,
        positions=positions.astype(np.float32),
        energies=np.array([energy for energy, _ in labels]),
        forces=np.array([forces for _, forces in labels], dtype=np.float32),
    )


def label_complex(first: MoleculeLabels, second: MoleculeLabels) -> ComplexLabels:
    molecule = Molecule.from_smiles(f"{first.smiles}.{second.smiles}")
    joined = Molecule.join(
        Molecule.from_arrays(first.numbers, first.bonds, first.orders),
        Molecule.from_arrays(second.numbers, second.bonds, second.orders),
    )
    a, b = first.positions[0].astype(float), second.positions[0].astype(float)
    apart = [np.concatenate([a, b + np.array([distance, 0.5, 0.2])]) for distance in (4.0, 5.0, 7.0)]
    alone = [energy_and_forces(part.numbers, x) for part, x in ((first, a), (second, b))]
    together = [energy_and_forces(joined.numbers, x) for x in apart]
    return ComplexLabels(
        inchikeys=(first.inchikey, second.inchikey),
        smiles=molecule.smiles,
        family="contact",
        kinds=("contact",) * 3,
        numbers=joined.numbers,
        bonds=joined.bonds,
        orders=joined.orders,
        fragments=joined.fragments,
        positions=np.array(apart, dtype=np.float32),
        energies=np.array([energy for energy, _ in together]),
        forces=np.array([forces for _, forces in together], dtype=np.float32),
        interaction_energies=np.array([alone[0][0] + alone[1][0] - energy for energy, _ in together]),
        interaction_forces=np.array(
            [forces - np.concatenate([alone[0][1], alone[1][1]]) for _, forces in together], dtype=np.float32
        ),
    )


@pytest.fixture(scope="session")
def label_records() -> list[LabelRecord]:
    molecules = [label_molecule(smiles, seed) for seed, smiles in enumerate(SMILES)]
    # Pairs that are on no evaluation list.
    pairs = [(1, 5), (8, 13), (12, 15), (6, 11), (9, 12), (10, 13)]
    return [*molecules, *[label_complex(molecules[i], molecules[j]) for i, j in pairs]]


@pytest.fixture(scope="session")
def packs(label_records: list[LabelRecord], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("packs")
    make_packs(label_records, folder, seed=3, fractions=(0.6, 0.2, 0.2))
    return folder
