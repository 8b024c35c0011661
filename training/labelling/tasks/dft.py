"""The labels of one molecule or complex at wB97X-D/def2-SVP, with those of GFN2-xTB at the same geometries."""

import numpy as np

from training.labelling.config import CampaignConfig
from training.labelling.plan.dft_draws import DftComplexTask, DftMoleculeTask
from training.labelling.structures import geometries
from training.labelling.structures.geometries import seed_of
from training.labelling.tasks import gfn2
from training.labelling.tasks.single_points import DFT, DFT_COMPLEX, DFT_ENERGY, GFN2, GFN2_COMPLEX, Rows
from virialff.conformers import crest
from virialff.conformers.ensembles import ENERGY_TOLERANCE, distinct
from virialff.conformers.relax import Minimum
from virialff.errors import EngineError, VirialffError
from virialff.labels.schema import Label
from virialff.molecules.molecule import Molecule


def label_molecule(task: DftMoleculeTask, config: CampaignConfig) -> list[Label]:
    """Energy, dipole, charges and kinetic energies at GFN2-xTB minima; one that cannot be had is a row with why.

    The energy alone where the campaign wants no densities.
    """
    level = DFT if config.dft.densities else DFT_ENERGY
    rows = Rows(task.key, task.source)
    seed = seed_of(config.seed, task.inchikey)
    try:
        gfn2.refuse_evaluation([task.inchikey])
        molecule, starts = _starts(task, config, seed)
    except VirialffError as error:
        return [failed_molecule(task, config, str(error))]
    minima: list[Minimum] = []
    for start in starts:
        try:
            minima.append(gfn2.minimum_below(molecule, start, config.dft))
        except EngineError as error:
            rows.fail(molecule, "minimum", geometries.MINIMUM_GFN2, level, str(error))
    if minima:
        ensemble = molecule.with_positions(np.array([gfn2.stored(minimum.positions) for minimum in minima]))
        energies = [minimum.energy for minimum in minima]
        for index in distinct(ensemble, energies, range(len(minima)), energy_tolerance=ENERGY_TOLERANCE):
            rows.add(molecule, ensemble.positions[index], "minimum", geometries.MINIMUM_GFN2, (GFN2, level))
    return rows.labels


def _starts(task: DftMoleculeTask, config: CampaignConfig, seed: int) -> tuple[Molecule, np.ndarray]:
    """The molecule and the geometries (n_conformers, n_atoms, 3) that GFN2-xTB relaxes."""
    if task.ensemble:
        given = Molecule.from_file(task.ensemble)
        return given, given.positions
    molecule = geometries.assign_stereo(task.smiles, seed)
    if config.dft.conformers == "etkdg":
        return molecule, geometries.embed(molecule, task.n_conformers, seed).positions
    first = molecule.with_positions(geometries.embed(molecule, 1, seed).positions)
    return molecule, crest.search(first).molecule.positions[: task.n_conformers]


def failed_molecule(task: DftMoleculeTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a molecule that has no label at all."""
    rows = Rows(task.key, task.source)
    rows.fail(Molecule.from_smiles(task.smiles), "minimum", geometries.MINIMUM_GFN2, DFT, reason)
    return rows.labels[0]


def label_complex(task: DftComplexTask, config: CampaignConfig) -> list[Label]:
    """Counterpoise-corrected vertical interaction energies of the first arrangements of a pair."""
    rows = Rows(task.key, "+".join(task.sources))
    try:
        pair, _, made = gfn2.arrangements(task, config)
    except VirialffError as error:
        return [failed_complex(task, config, str(error))]
    chosen = list(zip(made.kinds, made.positions, strict=True))
    # The minimum of a relaxed complex comes first, whatever its place in the scan.
    chosen.sort(key=lambda entry: entry[0] != "relaxed")
    for detail, positions in chosen[: config.dft.arrangements]:
        rows.add(pair, gfn2.stored(positions), "complex", detail, (GFN2_COMPLEX, DFT_COMPLEX))
    return rows.labels


def failed_complex(task: DftComplexTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a pair that has no label at all."""
    rows = Rows(task.key, "+".join(task.sources))
    rows.fail(Molecule.join(*map(Molecule.from_smiles, task.smiles)), "complex", task.family, DFT_COMPLEX, reason)
    return rows.labels[0]
