"""Flexible molecules: conformers from folded to extended, each along a short relaxation at GFN2-xTB."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from training.labelling.config import CampaignConfig, FlexibleConfig
from training.labelling.plan.draws import CleanPools
from training.labelling.structures.geometries import FloatArray, assign_stereo, embed, seed_of
from training.labelling.structures.pools import PoolMolecule, clean, read_smiles_file
from training.labelling.tasks.gfn2 import gfn2_rows, refuse_evaluation
from training.labelling.tasks.relaxations import add_failure, add_relaxation
from virialff.errors import MoleculeError, VirialffError
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.labels.schema import Label
from virialff.molecules.molecule import Molecule

#: Source of the molecules of the written list.
WRITTEN = "flexible"


@dataclass(frozen=True)
class FlexibleTask:
    """One molecule with many shapes."""

    inchikey: str
    smiles: str
    source: str

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"flexible/{self.inchikey}"


def draw_flexible(
    config: CampaignConfig, refused: list[tuple[str, str]], say: Callable[[str], None] = print
) -> list[FlexibleTask]:
    """The molecules of the list and of the pools with enough rotatable bonds, in turns.

    Raises ConfigError for an unknown pool.
    """
    settings = config.flexible
    if settings is None:
        return []
    parts = [_written(settings, refused)]
    pool = CleanPools(config, refused)
    for name, count in settings.pools.items():
        molecules = [molecule for molecule in pool.clean(name) if _is_flexible(molecule, settings)]
        molecules.sort(key=lambda molecule: seed_of(config.seed, molecule.inchikey))
        parts.append(molecules[:count])
        say(f"pool {name}: {len(molecules)} flexible molecules, {len(parts[-1])} chosen")
    placed = [(number / len(part), place, one) for place, part in enumerate(parts) for number, one in enumerate(part)]
    placed.sort(key=lambda item: item[:2])
    tasks = {one.inchikey: FlexibleTask(one.inchikey, one.smiles, one.source) for _, _, one in placed}
    return list(tasks.values())


def _written(settings: FlexibleConfig, refused: list[tuple[str, str]]) -> list[PoolMolecule]:
    if settings.smiles is None:
        return []
    found = []
    for text in read_smiles_file(settings.smiles):
        cleaned = clean(text, WRITTEN, min_heavy=settings.min_heavy, max_heavy=settings.max_heavy)
        reason = str(cleaned) if isinstance(cleaned, MoleculeError) else evaluation_reason(cleaned.inchikey)
        if isinstance(cleaned, PoolMolecule) and not reason:
            found.append(cleaned)
        else:
            refused.append((text, str(reason)))
    # Peptides, chains and sugars stand together in the file.
    random.Random(0).shuffle(found)
    return found


def _is_flexible(molecule: PoolMolecule, settings: FlexibleConfig) -> bool:
    if not settings.min_heavy <= molecule.n_heavy <= settings.max_heavy:
        return False
    mol = Chem.MolFromSmiles(molecule.smiles)
    return bool(rdMolDescriptors.CalcNumRotatableBonds(mol) >= settings.min_rotatable)


def label_flexible(task: FlexibleTask, config: CampaignConfig) -> list[Label]:
    """Energies and forces along the relaxation of each chosen conformer; one that fails is a row with the reason."""
    settings, seed = config.flexible or FlexibleConfig(), seed_of(config.seed, task.key)
    try:
        refuse_evaluation([task.inchikey])
        molecule = assign_stereo(task.smiles, seed)
        starts = embed(molecule, settings.n_embedded, seed).positions
    except VirialffError as error:
        return [failed_flexible(task, config, str(error))]
    rows = gfn2_rows(task.key, molecule, task.source)
    for start in from_folded_to_extended(starts, settings.n_conformers):
        add_relaxation(rows, molecule, start, settings, settings.kept_steps - 1)
    return rows.labels


def from_folded_to_extended(positions: FloatArray, count: int) -> FloatArray:
    """`count` of the conformers (n_conformers, n_atoms, 3), evenly spaced in their radius of gyration."""
    if len(positions) <= count:
        return positions
    radii = np.sqrt(((positions - positions.mean(axis=1, keepdims=True)) ** 2).sum(-1).mean(-1))
    left = list(np.argsort(radii))
    chosen = []
    for wanted in np.linspace(radii.min(), radii.max(), count):
        chosen.append(left.pop(int(np.abs(radii[left] - wanted).argmin())))
    return positions[chosen]


def failed_flexible(task: FlexibleTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a molecule that has no label at all."""
    rows = gfn2_rows(task.key, Molecule.from_smiles(task.smiles), task.source)
    add_failure(rows, reason)
    return rows.labels[0]
