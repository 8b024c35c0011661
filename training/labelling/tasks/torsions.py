"""The labels of one torsion: GFN2-xTB along a scan relaxed with the torsion held, and wB97X-D/def2-SVP beside."""

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from rdkit import Chem

from training.labelling.config import CampaignConfig, TorsionsConfig
from training.labelling.plan.torsion_draws import TorsionTask
from training.labelling.structures.geometries import (
    DISPLACEMENT,
    MINIMUM_GFN2,
    FloatArray,
    displaced,
    embed,
    seed_of,
)
from training.labelling.tasks.gfn2 import add_geometry, gfn2_rows, minimized, refuse_evaluation, stored
from training.labelling.tasks.single_points import DFT_ENERGY, GFN2, Rows
from virialff.conformers.held import HeldCoordinate
from virialff.conformers.relax import Minimum
from virialff.conformers.scans import value_of, with_value
from virialff.errors import EngineError, VirialffError
from virialff.labels.schema import Label
from virialff.molecules.changes import connectivity_changes
from virialff.molecules.molecule import Molecule

#: How a row's geometry was made: relaxed with the torsion held, displaced from such a geometry, or the free minimum
#: with the bond turned and nothing else changed.
TORSION_RELAXED = "torsion_relaxed"
TORSION_RIGID = "torsion_rigid"
TORSION_DISPLACED = "torsion_displaced"
#: A turned geometry whose free forces are larger than this (kcal/mol/Angstrom) after its relaxation is a failure.
LARGEST_FREE_FORCE = 8.0


class Torsion(NamedTuple):
    """A bond to turn: its dihedral, and after how many degrees the molecule comes back to itself."""

    atoms: tuple[int, int, int, int]
    period: float


class Point(NamedTuple):
    """One point of a scan: degrees, geometry (n_atoms, 3) in Angstrom, and why it is no label."""

    angle: float
    positions: FloatArray
    failure: str | None
    seconds: float


def torsion_of(molecule: Molecule, bond: tuple[int, int]) -> Torsion:
    """The torsion about a bond of `molecule`, along the neighbours that rank first on either side, the smaller last."""
    mol = molecule.with_positions(molecule.positions[:0]).to_rdkit()
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))
    j, k = bond
    cut = Chem.FragmentOnBonds(mol, [mol.GetBondBetweenAtoms(j, k).GetIdx()], addDummies=False)
    if k in max(Chem.GetMolFrags(cut), key=len):
        j, k = k, j
    period = 360.0 / math.lcm(_fold(mol, ranks, j, k), _fold(mol, ranks, k, j))
    ends = []
    for atom, other in ((j, k), (k, j)):
        around = [n for n in mol.GetAtomWithIdx(atom).GetNeighbors() if n.GetIdx() != other]
        ends.append(max(around, key=lambda n: (n.GetAtomicNum(), ranks[n.GetIdx()], -n.GetIdx())).GetIdx())
    return Torsion((ends[0], j, k, ends[1]), period)


def _fold(mol: Chem.Mol, ranks: list[int], atom: int, other: int) -> int:
    """3 for an end like CH3, 2 for one like phenyl, 1 for the others."""
    around = [n for n in mol.GetAtomWithIdx(atom).GetNeighbors() if n.GetIdx() != other]
    alike = len({ranks[n.GetIdx()] for n in around}) == 1
    if alike and len(around) == 3 and all(n.GetDegree() == 1 for n in around):
        return 3
    planar = mol.GetAtomWithIdx(atom).GetIsAromatic() or all(n.GetDegree() == 1 for n in around)
    flat = mol.GetAtomWithIdx(atom).GetHybridization() == Chem.HybridizationType.SP2
    return 2 if alike and len(around) == 2 and planar and flat and mol.GetAtomWithIdx(atom).GetAtomicNum() == 6 else 1


def label_torsion(task: TorsionTask, config: CampaignConfig) -> list[Label]:
    """The free minimum, and every point of the scan with, by turns, a displaced geometry or one turned rigidly."""
    settings, seed = _settings(config), seed_of(config.seed, task.name)
    try:
        refuse_evaluation([task.inchikey])
        began = time.perf_counter()
        molecule, start = _start(task, settings, seed)
    except VirialffError as error:
        return [failed_torsion(task, config, str(error))]
    rows = gfn2_rows(task.key, molecule, task.source)
    if start.converged:
        add_geometry(rows, molecule, "minimum", MINIMUM_GFN2, start.positions, time.perf_counter() - began)
    generator = np.random.default_rng([seed, 1])
    torsion = torsion_of(molecule, task.bond)
    for point in scan(molecule, torsion, start.positions, settings):
        if point.failure is None:
            add_geometry(rows, molecule, "scan", TORSION_RELAXED, point.positions, point.seconds)
        else:
            rows.put(
                kind="scan",
                detail=TORSION_RELAXED,
                positions=stored(point.positions),
                seconds=point.seconds,
                failure=point.failure,
            )
        if round(point.angle * settings.points / 360.0) % 2 == 0:
            turned = with_value(molecule, start.positions, "torsion", torsion.atoms, point.angle)
            if not connectivity_changes(molecule, turned):
                add_geometry(rows, molecule, "scan", TORSION_RIGID, turned)
        elif point.failure is None:
            moved = displaced(point.positions, DISPLACEMENT, generator)
            add_geometry(rows, molecule, "displaced", TORSION_DISPLACED, moved)
    return rows.labels


def _settings(config: CampaignConfig) -> TorsionsConfig:
    return config.torsions or TorsionsConfig()


def _start(task: TorsionTask, settings: TorsionsConfig, seed: int) -> tuple[Molecule, Minimum]:
    """The molecule and the minimum below its lowest conformer, whose stereochemistry it takes where it leaves it open.

    Its atoms are in the order of the task's SMILES. A double bond that is to be turned stays open.
    """
    molecule = Molecule.from_smiles(task.smiles)
    positions = embed(molecule, settings.n_conformers, seed).positions
    mol = molecule.with_positions(positions[:1]).to_rdkit()
    if mol.GetBondBetweenAtoms(*task.bond).GetBondType() != Chem.BondType.DOUBLE:
        Chem.AssignStereochemistryFrom3D(mol)
        mol.RemoveAllConformers()
        molecule = Molecule.from_rdkit(mol)
    relaxed = minimized(molecule, positions[0], settings.max_evaluations_free, settings.gradient_norm)
    found = connectivity_changes(molecule, relaxed.positions)
    if found:
        raise EngineError(f"while relaxing, {found[0]}")
    return molecule, relaxed


def scan(molecule: Molecule, torsion: Torsion, start: FloatArray, settings: TorsionsConfig) -> Iterator[Point]:
    """The points of a scan over one period, up and then down from the grid point next to `start` (n_atoms, 3).

    Each is relaxed from its neighbour, so that the geometry follows the torsion. The angles are whole multiples of
    the step, so that planar forms are among them.
    """
    step = 360.0 / settings.points
    n_points = round(torsion.period / step)
    first = round(value_of(molecule.with_positions(start), torsion.atoms) / step)
    above = n_points // 2 + 1
    for numbers in (range(first, first + above), range(first - 1, first + above - 1 - n_points, -1)):
        last = start
        for number in numbers:
            point = _point(molecule, torsion, last, number * step, settings)
            if point.failure is None:
                last = point.positions
            yield point


def _point(molecule: Molecule, torsion: Torsion, last: FloatArray, angle: float, settings: TorsionsConfig) -> Point:
    began = time.perf_counter()
    held = HeldCoordinate(molecule, "torsion", torsion.atoms, angle)
    turned = held.put_back(last)
    try:
        relaxed = minimized(molecule, turned, settings.max_evaluations, settings.gradient_norm, held=held)
    except EngineError as error:
        return Point(angle, turned, str(error), time.perf_counter() - began)
    found = connectivity_changes(molecule, relaxed.positions)
    remains = np.linalg.norm(held.free(relaxed.positions, relaxed.forces), axis=1).max()
    failure = None
    if found:
        failure = f"with the torsion at {angle:g} degrees, {found[0]}"
    elif remains > LARGEST_FREE_FORCE:
        failure = f"with the torsion at {angle:g} degrees, a force of {remains:.0f} kcal/mol/Angstrom remains"
    return Point(angle, relaxed.positions, failure, time.perf_counter() - began)


def failed_torsion(task: TorsionTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a torsion that has no label at all."""
    rows = gfn2_rows(task.key, Molecule.from_smiles(task.smiles), task.source)
    rows.put(kind="scan", detail=TORSION_RELAXED, positions=None, seconds=0.0, failure=reason)
    return rows.labels[0]


def label_dft_torsion(task: TorsionTask, config: CampaignConfig) -> list[Label]:
    """wB97X-D/def2-SVP at every `dft_every`-th point of the scan, GFN2-xTB beside it.

    Of an achiral molecule half a turn: the other half is its mirror image, with the same energies.
    """
    settings, seed = _settings(config), seed_of(config.seed, task.name)
    rows = Rows(task.key, task.source)
    try:
        refuse_evaluation([task.inchikey])
        molecule, start = _start(task, settings, seed)
    except VirialffError as error:
        return [failed_dft_torsion(task, config, str(error))]
    torsion = torsion_of(molecule, task.bond)
    half = torsion.period if _is_chiral(molecule) else torsion.period / 2
    for point in scan(molecule, torsion, start.positions, settings):
        if (
            round(point.angle * settings.points / 360.0) % settings.dft_every
            or point.angle % torsion.period > half + 0.1
        ):
            continue
        if point.failure is not None:
            rows.fail(molecule, "scan", TORSION_RELAXED, DFT_ENERGY, point.failure)
        else:
            rows.add(molecule, stored(point.positions), "scan", TORSION_RELAXED, (GFN2, DFT_ENERGY))
    return rows.labels


def _is_chiral(molecule: Molecule) -> bool:
    mol = molecule.with_positions(molecule.positions[:0]).to_rdkit()
    return any(found.type == Chem.StereoType.Atom_Tetrahedral for found in Chem.FindPotentialStereo(mol))


def failed_dft_torsion(task: TorsionTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a torsion that has no label at all."""
    rows = Rows(task.key, task.source)
    rows.fail(Molecule.from_smiles(task.smiles), "scan", TORSION_RELAXED, DFT_ENERGY, reason)
    return rows.labels[0]
