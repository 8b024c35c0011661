"""The labels of one molecule or one complex: GFN2-xTB energies and forces at every geometry of it."""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from training.labelling.config import CampaignConfig, DftConfig, MoleculesConfig
from training.labelling.plan.draws import FROM_RELAXED, ComplexTask, MoleculeTask
from training.labelling.structures import complexes, geometries
from training.labelling.structures.geometries import FloatArray, seed_of
from training.labelling.tasks.single_points import Rows, gfn2_level
from virialff.conformers.held import HeldCoordinate
from virialff.conformers.relax import Minimum, minimize
from virialff.engines.xtb import energy_and_forces
from virialff.errors import EngineError, EvaluationSetError, VirialffError
from virialff.labels.check import NEAREST_OFF_MINIMUM
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.labels.schema import Label
from virialff.labels.structure import structure_fields
from virialff.molecules.changes import bond_changes, changes, connectivity_changes
from virialff.molecules.molecule import Molecule

#: Kind of a row by how its geometry was made.
_KINDS = {
    geometries.MINIMUM_MMFF: "minimum",
    geometries.MINIMUM_GFN2: "minimum",
    geometries.DISPLACED: "displaced",
    geometries.DISTORTED: "displaced",
    geometries.TORSION: "scan",
}


class FrozenMonomer(NamedTuple):
    """A monomer at the geometry it keeps in its complexes, with its energy (kcal/mol) and forces there."""

    molecule: Molecule
    energy: float
    forces: FloatArray


def gfn2_rows(task: str, molecule: Molecule, source: str) -> Rows:
    """The rows at GFN2-xTB of one molecule or complex, by the key of the task and the source of the molecule."""
    return Rows(task, source, **structure_fields(molecule), **gfn2_level())


def stored(positions: FloatArray) -> FloatArray:
    """Positions as 32-bit numbers hold them: labels belong to exactly these, and packs keep no more digits."""
    return positions.astype(np.float32).astype(np.float64)


def label_molecule(task: MoleculeTask, config: CampaignConfig) -> list[Label]:
    """Energies and forces at the geometries of one molecule; a geometry that has none is a row with the reason."""
    settings = config.molecules
    seed = seed_of(config.seed, task.inchikey)
    try:
        refuse_evaluation([task.inchikey])
        molecule = geometries.assign_stereo(task.smiles, seed)
        made = geometries.molecule_geometries(
            molecule, n_conformers=settings.n_conformers, n_geometries=settings.n_geometries, seed=seed
        )
    except VirialffError as error:
        return [failed_molecule(task, config, str(error))]
    rows = gfn2_rows(task.key, molecule, task.source)
    for detail, positions in zip(made.kinds, made.positions, strict=True):
        add_geometry(rows, molecule, _KINDS[detail], detail, positions)
    if task.relaxed:
        began = time.perf_counter()
        try:
            relaxed = _relaxed_geometries(molecule, made.positions[0], config, seed)
        except EngineError as error:
            rows.put(
                kind="minimum",
                detail=geometries.MINIMUM_GFN2,
                positions=None,
                seconds=time.perf_counter() - began,
                failure=str(error),
            )
        else:
            seconds = time.perf_counter() - began
            for detail, positions in zip(relaxed.kinds, relaxed.positions, strict=True):
                add_geometry(rows, molecule, _KINDS[detail], detail, positions, seconds)
                seconds = 0.0
    return rows.labels


def add_geometry(
    rows: Rows, molecule: Molecule, kind: str, detail: str, positions: FloatArray, seconds: float = 0.0
) -> None:
    """Add the row of a geometry (n_atoms, 3), Angstrom, as it is stored, that took `seconds` to make."""
    geometry = stored(positions)
    began = time.perf_counter()
    results: dict[str, Any]
    try:
        energy, forces = energy_and_forces(molecule.numbers, geometry)
        results = {"energy": energy, "forces": forces}
    except EngineError as error:
        results = {"failure": str(error)}
    seconds += time.perf_counter() - began
    rows.put(kind=kind, detail=detail, positions=geometry, seconds=seconds, **results)


def failed_molecule(task: MoleculeTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a molecule that has no label at all."""
    rows = gfn2_rows(task.key, Molecule.from_smiles(task.smiles), task.source)
    rows.put(kind="minimum", detail=geometries.MINIMUM_MMFF, positions=None, seconds=0.0, failure=reason)
    return rows.labels[0]


def refuse_evaluation(inchikeys: Sequence[str]) -> None:
    """Raise EvaluationSetError for what is kept for evaluation, given one InChIKey a fragment."""
    reason = evaluation_reason(inchikeys)
    if reason:
        raise EvaluationSetError(f"it may not be labelled for training: {reason}")


def minimum_below(molecule: Molecule, start: FloatArray, settings: MoleculesConfig | DftConfig) -> Minimum:
    """The GFN2-xTB minimum below `start` (n_atoms, 3), Angstrom. EngineError if it is none, or another molecule's."""
    relaxed = minimized(molecule, start, settings.max_evaluations, settings.gradient_norm)
    if not relaxed.converged:
        raise EngineError(f"the relaxation did not converge in {settings.max_evaluations} evaluations")
    found = changes(molecule, start, relaxed.positions)
    if found:
        raise EngineError(f"while relaxing, {found[0]}")
    return relaxed


def minimized(
    molecule: Molecule,
    start: FloatArray,
    max_evaluations: int,
    gradient_norm: float,
    *,
    held: HeldCoordinate | None = None,
    on_step: Callable[[Minimum], object] | None = None,
) -> Minimum:
    """`minimize` at GFN2-xTB, from `start` (n_atoms, 3), Angstrom, within a budget of evaluations. EngineError."""
    return minimize(
        partial(energy_and_forces, molecule.numbers),
        molecule.bonds,
        start,
        force_tolerance=gradient_norm,
        max_steps=max_evaluations - 1,
        held=held,
        on_step=on_step,
    )


def _relaxed_geometries(
    molecule: Molecule, start: FloatArray, config: CampaignConfig, seed: int
) -> geometries.Geometries:
    """The GFN2-xTB minimum below `start` and a displaced copy. EngineError if it is not the same molecule."""
    relaxed = minimum_below(molecule, start, config.molecules)
    copy = geometries.displaced(relaxed.positions, geometries.DISPLACEMENT, np.random.default_rng([seed, 1]))
    return geometries.Geometries(np.array([relaxed.positions, copy]), (geometries.MINIMUM_GFN2, geometries.DISPLACED))


@lru_cache(maxsize=4000)
def frozen_monomer(smiles: str, displacement_seed: int | None, seed: int) -> FrozenMonomer:
    """A monomer at its GFN2-xTB minimum (a short relaxation), or displaced from it by 0.04 Angstrom."""
    molecule = geometries.assign_stereo(smiles, seed_of(seed, smiles))
    start = geometries.embed(molecule, 1, seed_of(seed, smiles)).positions[0]
    relaxed = minimized(molecule, start, 60, 1.0)
    found = connectivity_changes(molecule, relaxed.positions)
    if found:
        raise EngineError(f"while {smiles} relaxed, {found[0]}")
    positions = relaxed.positions
    if displacement_seed is not None:
        generator = np.random.default_rng(displacement_seed)
        positions = geometries.displaced(positions, geometries.DISPLACEMENT, generator)
    return _frozen(molecule.with_positions(positions[None]))


def _frozen(molecule: Molecule) -> FrozenMonomer:
    energy, forces = energy_and_forces(molecule.numbers, molecule.positions[0])
    return FrozenMonomer(molecule, energy, forces)


def label_complex(task: ComplexTask, config: CampaignConfig) -> list[Label]:
    """Vertical interaction energies and forces of one pair's arrangements; what failed is a row with the reason."""
    began = time.perf_counter()
    try:
        pair, monomers, made = arrangements(task, config)
    except VirialffError as error:
        return [failed_complex(task, config, str(error))]
    fragments = pair.fragments
    rows = gfn2_rows(task.key, pair, "+".join(task.sources))
    seconds = (time.perf_counter() - began) / len(made.positions)
    for detail, arrangement in zip(made.kinds, made.positions, strict=True):
        geometry = stored(arrangement)
        began = time.perf_counter()
        results: dict[str, Any]
        try:
            energy, forces = energy_and_forces(pair.numbers, geometry)
        except EngineError as error:
            results = {"failure": str(error)}
        else:
            alone = [_turned_forces(monomer, arrangement[fragments == index]) for index, monomer in enumerate(monomers)]
            results = {
                "energy": energy,
                "forces": forces,
                "interaction_energy": energy - sum(monomer.energy for monomer in monomers),
                "interaction_forces": forces - np.concatenate(alone),
                "counterpoise": False,
            }
        rows.put(
            kind="complex", detail=detail, positions=geometry, seconds=seconds + time.perf_counter() - began, **results
        )
    return rows.labels


def failed_complex(task: ComplexTask, config: CampaignConfig, reason: str) -> Label:
    """The row of a pair that has no label at all."""
    pair = Molecule.join(*(Molecule.from_smiles(text) for text in task.smiles))
    rows = gfn2_rows(task.key, pair, "+".join(task.sources))
    rows.put(kind="complex", detail=task.family, positions=None, seconds=0.0, failure=reason)
    return rows.labels[0]


def arrangements(
    task: ComplexTask, config: CampaignConfig
) -> tuple[Molecule, list[FrozenMonomer], geometries.Geometries]:
    """The complex of a task, its two monomers as they are frozen in it, and its arrangements.

    Raises EvaluationSetError for an evaluation complex, EngineError and MoleculeError where nothing can be built.
    """
    generator = np.random.default_rng(seed_of(config.seed, task.name))
    refuse_evaluation(task.inchikeys)
    monomers = [
        frozen_monomer(
            text,
            int(generator.integers(2**31)) if task.displaced and task.family not in FROM_RELAXED else None,
            config.seed,
        )
        for text in task.smiles
    ]
    positions, details, monomers = _arrange(task, monomers, config, generator)
    pair = Molecule.join(*(monomer.molecule for monomer in monomers))
    return pair, monomers, geometries.Geometries(np.array(positions), tuple(details))


def _turned_forces(monomer: FrozenMonomer, placed: FloatArray) -> FloatArray:
    # The monomer's forces turn with it (Kabsch rotation), so they are computed once a frozen geometry.
    own = monomer.molecule.positions[0]
    turn, _ = Rotation.align_vectors(placed - placed.mean(0), own - own.mean(0))
    return np.asarray(turn.apply(monomer.forces))


def _arrange(
    task: ComplexTask, monomers: list[FrozenMonomer], config: CampaignConfig, generator: np.random.Generator
) -> tuple[list[FloatArray], list[str], list[FrozenMonomer]]:
    a, b = (monomer.molecule for monomer in monomers)
    if task.family == complexes.CONTACT:
        positions: list[FloatArray] = []
        for near in (complexes.CONTACT_FACTORS[:2], complexes.CONTACT_FACTORS[1:4]):
            factors = (generator.choice(near), *generator.choice(complexes.CONTACT_FACTORS[2:], 2, replace=False))
            positions += list(complexes.contact_pair(a, b, factors, generator))
        return positions, [complexes.CONTACT] * len(positions), monomers
    if task.family in complexes.FACING:
        positions = complexes.facing_pair(task.family, a, b, generator)
        return positions, [task.family] * len(positions), monomers
    if task.family == complexes.STACK:
        positions = list(complexes.stacked_pair(a, b, complexes.CONTACT_FACTORS[:5], generator))
        return positions, [complexes.STACK] * len(positions), monomers
    if task.family == complexes.HYDROGEN_BOND:
        built = [
            complexes.hydrogen_bonded_pair(a, b, distances, generator) for distances in complexes.HYDROGEN_BOND_RANGES
        ]
        positions = [geometry for geometry in built if geometry is not None]
        if not positions:
            raise EngineError("no hydrogen bond from the first molecule to the second fits without a clash")
        return positions, [complexes.HYDROGEN_BOND] * len(positions), monomers
    pair = Molecule.join(a, b)
    relaxed, monomers = _relaxed_complex(a, b, config, generator)
    if task.family == complexes.PUSHED:
        walls = _wall(pair, relaxed, generator)
        return [relaxed, *walls], [complexes.RELAXED, *[complexes.PUSHED] * len(walls)], monomers
    factors = complexes.SCAN_FACTORS
    details = [complexes.RELAXED if factor == 1.0 else complexes.SCAN for factor in factors]
    return list(complexes.scan(pair, relaxed, factors)), details, monomers


def _wall(pair: Molecule, relaxed: FloatArray, generator: np.random.Generator) -> list[FloatArray]:
    """A relaxed complex pushed together, for as long as its energy rises: beyond that a bond forms, no wall."""
    axis = complexes.contact_axis(relaxed, pair.fragments, generator)
    kept: list[FloatArray] = []
    last = energy_and_forces(pair.numbers, relaxed)[0]
    for geometry in complexes.scan(pair, relaxed, complexes.PUSHED_FACTORS, axis):
        if bond_changes(pair.numbers, pair.bonds, geometry, nearest=NEAREST_OFF_MINIMUM):
            break
        try:
            energy = energy_and_forces(pair.numbers, geometry)[0]
        except EngineError:
            break  # GFN2-xTB has no answer so far inside the wall; the geometries before it have.
        if energy <= last:
            break
        kept.append(geometry)
        last = energy
    return kept


def _relaxed_complex(
    a: Molecule, b: Molecule, config: CampaignConfig, generator: np.random.Generator
) -> tuple[FloatArray, list[FrozenMonomer]]:
    """Positions (n_atoms, 3) of the relaxed best of some starts, and the monomers frozen as they are in it."""
    pair = Molecule.join(a, b)
    # The lowest of several starts often carries both hydrogen bonds of a doubly bound pair.
    starts = []
    for _ in range(5):
        start = complexes.hydrogen_bonded_pair(a, b, (1.8, 2.1), generator)
        if start is None:
            start = complexes.hydrogen_bonded_pair(b, a, (1.8, 2.1), generator)
            if start is not None:
                start = np.concatenate([start[b.n_atoms :], start[: b.n_atoms]])
        if start is not None:
            starts.append(start)
    if not starts or generator.random() < 0.25:
        starts = [complexes.stacked_pair(a, b, (1.0,), generator)[0] for _ in range(3)]
        starts += [complexes.contact_pair(a, b, (1.0,), generator)[0] for _ in range(2)]
    best = min(starts, key=lambda start: energy_and_forces(pair.numbers, start)[0])
    settings = config.complexes
    relaxed = minimized(pair, best, settings.max_evaluations, settings.gradient_norm)
    found = connectivity_changes(pair, relaxed.positions)
    if found:
        raise EngineError(f"while the complex relaxed, {found[0]}")
    fragments = np.repeat([0, 1], [a.n_atoms, b.n_atoms])
    monomers = [
        _frozen(molecule.with_positions(relaxed.positions[None, fragments == index]))
        for index, molecule in enumerate((a, b))
    ]
    return relaxed.positions, monomers
