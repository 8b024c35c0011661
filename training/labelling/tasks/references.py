"""Reference energies of the evaluation sets, at wB97X-D/def2-SVP, GFN2-xTB and ANI: dimers and conformers.

These rows are for measuring models. Packs for training refuse them (virialff.labels.evaluation_sets).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from training.labelling.config import CampaignConfig, ReferencesConfig
from training.labelling.structures.geometries import seed_of
from training.labelling.tasks.single_points import ANI, DFT_COMPLEX, DFT_ENERGY, GFN2, GFN2_COMPLEX, Rows
from virialff.benchmarks.psi4_databases import PAIRS, ReferenceComplex, read_database
from virialff.conformers.ensembles import ENERGY_TOLERANCE, distinct
from virialff.conformers.generation import generate
from virialff.conformers.relax import RelaxedConformer, relax
from virialff.engines.xtb import Gfn2Engine
from virialff.errors import VirialffError
from virialff.labels.evaluation_sets import EvaluationSets
from virialff.labels.schema import Label
from virialff.molecules.molecule import Molecule

#: Largest force on an atom of a GFN2-xTB minimum, kcal/mol/Angstrom.
FORCE_TOLERANCE = 0.2

#: What is computed at a minimum, and at a complex.
LEVELS = (GFN2, ANI, DFT_ENERGY)
COMPLEX_LEVELS = (GFN2_COMPLEX, ANI, DFT_COMPLEX)

Geometry = Literal["vertical", "relaxed"]


@dataclass(frozen=True)
class DimerTask:
    """One complex of a psi4-data set: as the set gives it, or relaxed with GFN2-xTB as in the paper."""

    database: str
    index: int
    geometry: Geometry

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"dimer/{self.database}-{self.index}-{self.geometry}"


@dataclass(frozen=True)
class ConformersTask:
    """Conformers of one molecule of the frozen conformer set."""

    inchikey_block: str
    smiles: str
    n_conformers: int
    after: int = 0  #: conformers started for it by an earlier task, whose minima are left out

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"conformers/{self.inchikey_block}" + (f"/after_{self.after}" if self.after else "")


class ReferenceTasks(NamedTuple):
    """What a campaign of references computes, in the order of work."""

    vertical: list[DimerTask]  #: S66 and the base pairs as they are
    conformers: list[ConformersTask]
    relaxed: list[DimerTask]
    further: list[ConformersTask]


def reference_tasks(config: ReferencesConfig) -> ReferenceTasks:
    """The tasks of all evaluation sets."""
    places = [("S66", item.index) for item in read_database("S66")]
    pairs = sorted({place for several in PAIRS.values() for place in several})
    vertical = [DimerTask(*place, "vertical") for place in [*places, *pairs]]
    relaxed = [DimerTask(*place, "relaxed") for place in [*places, *(several[0] for several in PAIRS.values())]]
    molecules = EvaluationSets.load().molecules.items()
    conformers = [ConformersTask(block, smiles, config.n_conformers) for block, smiles in molecules]
    more = config.further_conformers
    further = [ConformersTask(block, smiles, more, config.n_conformers) for block, smiles in molecules] if more else []
    return ReferenceTasks(vertical, conformers, relaxed, further)


def label_dimer(task: DimerTask, config: CampaignConfig) -> list[Label]:
    """Vertical interaction energies at every level; for `relaxed` also each monomer, as in the complex and relaxed.

    The relaxed interaction energy is the vertical one of the relaxed complex plus what the monomers, in their own
    basis, lie above their minima there.
    """
    entry = _entry(task)
    molecule = Molecule.from_rdkit(entry.to_rdkit())
    rows = Rows(task.key, task.database)
    if task.geometry == "vertical":
        rows.add(molecule, molecule.positions[0], "complex", "vertical", COMPLEX_LEVELS)
        return rows.labels
    try:
        from virialff.interactions.energies import relax_complex

        relaxed = relax_complex(molecule, Gfn2Engine(), force_tolerance=FORCE_TOLERANCE)
    except VirialffError as error:
        rows.fail(molecule, "complex", "relaxed", DFT_COMPLEX, str(error))
        return rows.labels
    if relaxed.changes:
        rows.fail(molecule, "complex", "relaxed", DFT_COMPLEX, "; ".join(relaxed.changes))
        return rows.labels
    both = relaxed.molecule
    rows.add(both, both.positions[0], "complex", "relaxed", COMPLEX_LEVELS)
    for index, monomer in enumerate(relaxed.monomers):
        inside = both.positions[0][both.fragments == index]
        rows.add(monomer, inside, "displaced", f"monomer_{index + 1}_in_complex", LEVELS)
        rows.add(monomer, monomer.positions[0], "minimum", f"monomer_{index + 1}_relaxed", LEVELS)
    return rows.labels


def failed_dimer(task: DimerTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a dimer that could not be computed at all."""
    rows = Rows(task.key, task.database)
    rows.fail(Molecule.from_rdkit(_entry(task).to_rdkit()), "complex", task.geometry, DFT_COMPLEX, reason)
    return rows.labels[0]


def label_conformers(task: ConformersTask, config: CampaignConfig) -> list[Label]:
    """GFN2-xTB minima from ETKDG conformers, no two alike, at every level."""
    rows = Rows(task.key, "conformer set")
    molecule = Molecule.from_smiles(task.smiles)
    seed = seed_of(config.seed, f"conformers/{task.inchikey_block}")
    earlier = _minima(molecule, task.after, seed) if task.after else _Minima([], [])
    minima = _minima(molecule, task.after + task.n_conformers, seed)
    for reason in minima.failures:
        rows.fail(molecule, "minimum", "minimum_gfn2", DFT_ENERGY, reason)
    both = [*earlier.found, *minima.found]
    # Those of before come first, so that what repeats one of them is left out.
    for index in _distinct(molecule, both) if both else []:
        if index >= len(earlier.found):
            rows.add(molecule, both[index].positions, "minimum", "minimum_gfn2", LEVELS)
    if not rows.labels:
        rows.fail(molecule, "minimum", "minimum_gfn2", DFT_ENERGY, "further conformers relax to no further minimum")
    return rows.labels


class _Minima(NamedTuple):
    found: list[RelaxedConformer]
    """Lowest first, no two alike."""
    failures: list[str]
    """Why conformers were left out."""


def _minima(molecule: Molecule, n_conformers: int, seed: int) -> _Minima:
    minima = _Minima([], [])
    started = generate(molecule, n_conformers, seed=seed)
    for conformer in relax(started, Gfn2Engine(), force_tolerance=FORCE_TOLERANCE).conformers:
        reason = "; ".join(conformer.changes) or ("" if conformer.converged else "the relaxation did not converge")
        if reason:
            minima.failures.append(reason)
        else:
            minima.found.append(conformer)
    minima.found.sort(key=lambda minimum: minimum.energy)
    kept = _distinct(molecule, minima.found) if minima.found else []
    return minima._replace(found=[minima.found[index] for index in kept])


def _distinct(molecule: Molecule, minima: list[RelaxedConformer]) -> list[int]:
    ensemble = molecule.with_positions(np.array([minimum.positions for minimum in minima]))
    energies = [minimum.energy for minimum in minima]
    return distinct(ensemble, energies, range(len(minima)), energy_tolerance=ENERGY_TOLERANCE)


def failed_conformers(task: ConformersTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a molecule that could not be computed at all."""
    rows = Rows(task.key, "conformer set")
    rows.fail(Molecule.from_smiles(task.smiles), "minimum", "minimum_gfn2", DFT_ENERGY, reason)
    return rows.labels[0]


def _entry(task: DimerTask) -> ReferenceComplex:
    return next(item for item in read_database(task.database) if item.index == task.index)
