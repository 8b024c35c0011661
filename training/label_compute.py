"""The labels of one molecule or one complex: GFN2-xTB energies and forces at every geometry of it."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from training import complexes, geometries
from training.geometries import FloatArray, seed_of
from training.label_plan import ComplexTask, LabelConfig, MoleculeTask
from training.label_shards import ComplexLabels, Failure, MoleculeLabels
from virialff.connectivity import same_connectivity, same_stereochemistry
from virialff.datasets.evaluation import evaluation_reason
from virialff.engines.xtb import energy_and_forces
from virialff.errors import EngineError, EvaluationSetError, VirialffError
from virialff.molecule import Molecule


class FrozenMonomer(NamedTuple):
    """A monomer at the geometry it keeps in its complexes, with its energy (kcal/mol) and forces there."""

    molecule: Molecule
    energy: float
    forces: FloatArray


def label_molecule(task: MoleculeTask, config: LabelConfig) -> tuple[MoleculeLabels | None, list[Failure]]:
    """Energies and forces at the geometries of one molecule, and the geometries that have none, with reasons."""
    reason = evaluation_reason(task.inchikey)
    if reason:
        raise EvaluationSetError(f"{task.smiles} may not be labelled for training: {reason}.")
    settings = config.molecules
    seed = seed_of(config.seed, task.inchikey)
    failures: list[Failure] = []
    try:
        molecule = geometries.assign_stereo(task.smiles, seed)
        made = geometries.molecule_geometries(
            molecule, n_conformers=settings.n_conformers, n_geometries=settings.n_geometries, seed=seed
        )
    except VirialffError as error:
        return None, [Failure(task.inchikey, task.smiles, "all", str(error))]
    positions, kinds = list(made.positions), list(made.kinds)
    if task.relaxed:
        try:
            relaxed = _relaxed_geometries(molecule, made.positions[0], config, seed)
        except EngineError as error:
            failures.append(Failure(task.inchikey, task.smiles, geometries.MINIMUM_GFN2, str(error)))
        else:
            positions += list(relaxed.positions)
            kinds += relaxed.kinds
    kept: list[tuple[str, np.ndarray, float, FloatArray]] = []
    for kind, geometry in zip(kinds, positions, strict=True):
        # Labels belong to the coordinates as they are stored.
        stored = geometry.astype(np.float32)
        try:
            energy, forces = energy_and_forces(molecule.numbers, stored)
        except EngineError as error:
            failures.append(Failure(task.inchikey, task.smiles, kind, str(error)))
        else:
            kept.append((kind, stored, energy, forces))
    if not kept:
        return None, failures
    labels = MoleculeLabels(
        inchikey=molecule.inchikey,
        smiles=molecule.smiles,
        source=task.source,
        kinds=tuple(kind for kind, *_ in kept),
        numbers=molecule.numbers,
        bonds=molecule.bonds,
        orders=molecule.orders,
        positions=np.array([stored for _, stored, _, _ in kept]),
        energies=np.array([energy for _, _, energy, _ in kept]),
        forces=np.array([forces for *_, forces in kept], dtype=np.float32),
    )
    return labels, failures


def _relaxed_geometries(molecule: Molecule, start: FloatArray, config: LabelConfig, seed: int) -> geometries.Geometries:
    """The GFN2-xTB minimum below `start` and a displaced copy. EngineError if it is not the same molecule."""
    settings = config.molecules
    relaxed = geometries.relax(
        molecule, start, max_evaluations=settings.max_evaluations, gradient_norm=settings.gradient_norm
    )
    if np.abs(relaxed.forces).max() > settings.gradient_norm:
        raise EngineError(f"the relaxation did not converge in {settings.max_evaluations} evaluations")
    change = same_connectivity(molecule, relaxed.positions) or same_stereochemistry(molecule, start, relaxed.positions)
    if change:
        raise EngineError(f"while relaxing, {change}")
    copy = geometries.displaced(relaxed.positions, geometries.DISPLACEMENT, np.random.default_rng([seed, 1]))
    return geometries.Geometries(np.array([relaxed.positions, copy]), (geometries.MINIMUM_GFN2, geometries.DISPLACED))


@lru_cache(maxsize=4000)
def frozen_monomer(smiles: str, displacement_seed: int | None, seed: int) -> FrozenMonomer:
    """A monomer at its GFN2-xTB minimum (a short relaxation), or displaced from it by 0.04 Angstrom."""
    molecule = geometries.assign_stereo(smiles, seed_of(seed, smiles))
    start = geometries.embed(molecule, 1, seed_of(seed, smiles)).positions[0]
    relaxed = geometries.relax(molecule, start, max_evaluations=60, gradient_norm=1.0)
    change = same_connectivity(molecule, relaxed.positions)
    if change:
        raise EngineError(f"while {smiles} relaxed, {change}")
    positions = relaxed.positions
    if displacement_seed is not None:
        generator = np.random.default_rng(displacement_seed)
        positions = geometries.displaced(positions, geometries.DISPLACEMENT, generator)
    return _frozen(molecule.with_positions(positions[None]))


def _frozen(molecule: Molecule) -> FrozenMonomer:
    energy, forces = energy_and_forces(molecule.numbers, molecule.positions[0])
    return FrozenMonomer(molecule, energy, forces)


def label_complex(task: ComplexTask, config: LabelConfig) -> tuple[ComplexLabels | None, list[Failure]]:
    """Vertical interaction energies and forces of one pair's arrangements, and what failed, with reasons."""
    reason = evaluation_reason(task.inchikeys)
    if reason:
        raise EvaluationSetError(f"{'.'.join(task.smiles)} may not be labelled for training: {reason}.")
    smiles = ".".join(task.smiles)
    generator = np.random.default_rng(seed_of(config.seed, task.key))
    failures: list[Failure] = []
    try:
        monomers = [
            frozen_monomer(
                text,
                int(generator.integers(2**31)) if task.displaced and task.family != "relaxed" else None,
                config.seed,
            )
            for text in task.smiles
        ]
        arrangements, kinds, monomers = _arrange(task, monomers, config, generator)
    except VirialffError as error:
        return None, [Failure(task.key, smiles, task.family, str(error))]
    pair = Molecule.join(*(monomer.molecule for monomer in monomers))
    fragments = np.repeat([0, 1], [monomer.molecule.n_atoms for monomer in monomers])
    kept: list[tuple[str, np.ndarray, float, FloatArray, float, FloatArray]] = []
    for kind, geometry in zip(kinds, arrangements, strict=True):
        stored = geometry.astype(np.float32)
        try:
            energy, forces = energy_and_forces(pair.numbers, stored)
        except EngineError as error:
            failures.append(Failure(task.key, smiles, kind, str(error)))
            continue
        interaction = sum(monomer.energy for monomer in monomers) - energy
        alone = [_turned_forces(monomer, geometry[fragments == index]) for index, monomer in enumerate(monomers)]
        kept.append((kind, stored, energy, forces, interaction, forces - np.concatenate(alone)))
    if not kept:
        return None, failures
    labels = ComplexLabels(
        inchikeys=tuple(monomer.molecule.inchikey for monomer in monomers),
        smiles=".".join(monomer.molecule.smiles for monomer in monomers),
        family=task.family,
        kinds=tuple(row[0] for row in kept),
        numbers=pair.numbers,
        bonds=pair.bonds,
        orders=pair.orders,
        fragments=fragments,
        positions=np.array([row[1] for row in kept]),
        energies=np.array([row[2] for row in kept]),
        forces=np.array([row[3] for row in kept], dtype=np.float32),
        interaction_energies=np.array([row[4] for row in kept]),
        interaction_forces=np.array([row[5] for row in kept], dtype=np.float32),
    )
    return labels, failures


def _turned_forces(monomer: FrozenMonomer, placed: FloatArray) -> FloatArray:
    # The monomer's forces turn with it (Kabsch rotation), so they are computed once a frozen geometry.
    own = monomer.molecule.positions[0]
    u, _, vt = np.linalg.svd((own - own.mean(0)).T @ (placed - placed.mean(0)))
    u[:, 2] *= np.sign(np.linalg.det(u) * np.linalg.det(vt))
    return monomer.forces @ u @ vt


def _arrange(
    task: ComplexTask, monomers: list[FrozenMonomer], config: LabelConfig, generator: np.random.Generator
) -> tuple[list[FloatArray], list[str], list[FrozenMonomer]]:
    a, b = (monomer.molecule for monomer in monomers)
    if task.family == complexes.CONTACT:
        positions: list[FloatArray] = []
        for near in (complexes.CONTACT_FACTORS[:2], complexes.CONTACT_FACTORS[1:4]):
            factors = (generator.choice(near), *generator.choice(complexes.CONTACT_FACTORS[2:], 2, replace=False))
            positions += list(complexes.contact_pair(a, b, factors, generator))
        return positions, [complexes.CONTACT] * len(positions), monomers
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
    return _relaxed_scan(a, b, config, generator)


def _relaxed_scan(
    a: Molecule, b: Molecule, config: LabelConfig, generator: np.random.Generator
) -> tuple[list[FloatArray], list[str], list[FrozenMonomer]]:
    """Relax the best of some starts, then pull its monomers apart, frozen as they are in it."""
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
    relaxed = geometries.relax(
        pair, best, max_evaluations=settings.max_evaluations, gradient_norm=settings.gradient_norm
    )
    change = same_connectivity(pair, relaxed.positions)
    if change:
        raise EngineError(f"while the complex relaxed, {change}")
    fragments = np.repeat([0, 1], [a.n_atoms, b.n_atoms])
    monomers = [
        _frozen(molecule.with_positions(relaxed.positions[None, fragments == index]))
        for index, molecule in enumerate((a, b))
    ]
    factors = complexes.SCAN_FACTORS
    kinds = [complexes.RELAXED if factor == 1.0 else complexes.SCAN for factor in factors]
    return list(complexes.scan(relaxed.positions, fragments, factors)), kinds, monomers
