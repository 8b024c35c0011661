"""Do molecules keep their bonds under a model's forces? Relaxation, then Langevin dynamics of several at once.

The integrator is BAOAB (Leimkuhler, Matthews, Appl. Math. Res. Express 2013, 34), whose configurations are right to
second order in the time step. Molecules do not feel each other; one batch of them costs less than one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from virialff.conformers.relax import relax
from virialff.elements import ATOMIC_WEIGHTS, of_atoms
from virialff.errors import EngineError, MoleculeError
from virialff.models.force_field import ForceField, Model
from virialff.molecules.changes import connectivity_changes
from virialff.molecules.molecule import Molecule
from virialff.potential.energy import pair_energies_and_forces
from virialff.potential.parameters import PairParameters
from virialff.units import GAS_CONSTANT

#: Molecules that are moved together.
BATCH = 8
TIME_STEP = 0.5  # fs
FRICTION = 0.01  # 1/fs
#: Bonds are looked at every so many fs.
CHECK_EVERY = 100.0
_MAX_RELAXATION_STEPS = 300
# 1 kcal/mol/Angstrom/amu in Angstrom/fs^2.
_ACCELERATION = 4.184e-4

#: Called as progress(done, in all) after every check of the bonds of a batch; what it raises stops the run.
Progress = Callable[[float, float], None]


@dataclass(frozen=True)
class StabilityRow:
    """One molecule: what became of its bonds. `failure` says why it could not be tried; then nothing else holds."""

    key: str  #: what identifies the molecule, its InChIKey
    smiles: str
    n_heavy: int
    n_atoms: int
    relaxed_converged: bool = False
    relaxation_changes: tuple[str, ...] = ()  #: sentences on bonds broken or formed
    dynamics_changes: tuple[str, ...] = ()
    changed_after_ps: float | None = None  #: when the bonds were first seen changed, ps
    failure: str = ""

    @property
    def keeps_relaxed(self) -> bool:
        """Whether relaxation left all bonds."""
        return not self.failure and not self.relaxation_changes

    @property
    def keeps_moving(self) -> bool:
        """Whether dynamics, too, left all bonds."""
        return self.keeps_relaxed and not self.dynamics_changes


@dataclass(frozen=True)
class StabilityResult:
    """Molecules relaxed, then moved for `picoseconds` at `temperature` (K) with a time step of TIME_STEP fs."""

    rows: tuple[StabilityRow, ...]
    picoseconds: float
    temperature: float

    def share(self, what: str) -> tuple[float, float, float]:
        """Share of molecules that keep their bonds through `relaxation` or `dynamics`, with its 95 % interval.

        Of the molecules that could be tried; the interval is Wilson's (J. Am. Stat. Assoc. 22, 209 (1927)). Raises
        ValueError where there is none.
        """
        tried = [row for row in self.rows if not row.failure]
        if not tried:
            raise ValueError("no molecule could be tried")
        kept = [row.keeps_relaxed if what == "relaxation" else row.keeps_moving for row in tried]
        n, p, z = len(kept), sum(kept) / len(kept), 1.959964
        centre, width = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return p, float((centre - width) / (1 + z**2 / n)), float((centre + width) / (1 + z**2 / n))


def stability(
    model: Model,
    molecules: Sequence[Molecule],
    *,
    picoseconds: float = 5.0,
    temperature: float = 300.0,
    seed: int = 1,
    progress: Progress | None = None,
) -> Iterator[StabilityRow]:
    """Relax the first conformer of each molecule and move it; rows come in the order of the molecules, batch by batch.

    A molecule that the model does not know, or whose relaxation fails, has the reason in its row. One whose bonds
    changed is not moved on. progress counts picoseconds times molecules. Raises MissingCoordinatesError.
    """
    for molecule in molecules:
        molecule.require_3d()
    total = picoseconds * len(molecules)
    for first in range(0, len(molecules), BATCH):
        batch = molecules[first : first + BATCH]
        report = None if progress is None else _Batched(progress, picoseconds * first, len(batch), total)
        yield from _batch(model, batch, picoseconds, temperature, seed + first, report)


@dataclass(frozen=True)
class _Batched:
    """Turns the time of one batch into picoseconds times molecules of all."""

    progress: Progress
    before: float
    molecules: int
    total: float

    def __call__(self, picoseconds: float) -> None:
        self.progress(self.before + picoseconds * self.molecules, self.total)


def _batch(
    model: Model,
    molecules: Sequence[Molecule],
    picoseconds: float,
    temperature: float,
    seed: int,
    report: Callable[[float], None] | None,
) -> list[StabilityRow]:
    rows: list[StabilityRow] = []
    moving: list[tuple[int, ForceField, NDArray[np.float64]]] = []
    for molecule in molecules:
        facts: dict[str, Any] = {
            "key": molecule.inchikey,
            "smiles": molecule.smiles,
            "n_heavy": int((molecule.numbers > 1).sum()),
            "n_atoms": molecule.n_atoms,
        }
        try:
            force_field = model.force_field(molecule)
            single = molecule.with_positions(molecule.positions[:1])
            relaxed = relax(single, model, max_steps=_MAX_RELAXATION_STEPS).conformers[0]
        except (EngineError, MoleculeError) as error:
            rows.append(StabilityRow(**facts, failure=str(error)))
            continue
        # Not the stereochemistry: only bonds are counted here.
        changes = connectivity_changes(molecule, relaxed.positions)
        rows.append(StabilityRow(**facts, relaxed_converged=relaxed.converged, relaxation_changes=changes))
        if not changes:
            moving.append((len(rows) - 1, force_field, relaxed.positions))
    for (row, _, _), (changes, after) in zip(
        moving,
        _dynamics([(field, start) for _, field, start in moving], picoseconds, temperature, seed, report),
        strict=True,
    ):
        rows[row] = replace(rows[row], dynamics_changes=changes, changed_after_ps=after)
    return rows


def _dynamics(
    starts: Sequence[tuple[ForceField, NDArray[np.float64]]],
    picoseconds: float,
    temperature: float,
    seed: int,
    report: Callable[[float], None] | None,
) -> list[tuple[tuple[str, ...], float | None]]:
    """What changed in the bonds of each molecule, and when it was first seen (ps); None for nothing."""
    if not starts:
        return []
    found: list[tuple[tuple[str, ...], float | None]] = [((), None)] * len(starts)
    molecules = [field.molecule for field, _ in starts]
    ends = np.cumsum([molecule.n_atoms for molecule in molecules])
    trajectory = Langevin(
        join_parameters([field.parameters for field, _ in starts]),
        np.concatenate([molecule.numbers for molecule in molecules]),
        np.concatenate([start for _, start in starts]),
        temperature,
        np.random.default_rng(seed),
    )
    n_checks = max(1, round(1000 * picoseconds / CHECK_EVERY))
    steps = round(1000 * picoseconds / TIME_STEP / n_checks)
    for check in range(1, n_checks + 1):
        trajectory.run(steps)
        time = check * steps * TIME_STEP / 1000
        for index, (molecule, end) in enumerate(zip(molecules, ends, strict=True)):
            if found[index][1] is not None:
                continue
            atoms = slice(int(end) - molecule.n_atoms, int(end))
            positions = trajectory.positions[atoms]
            if not np.isfinite(positions).all():
                found[index] = (("the coordinates are no longer finite numbers",), time)
            elif changes := connectivity_changes(molecule, positions):
                found[index] = (changes, time)
            if found[index][1] is not None:
                trajectory.stop(atoms)
        if report is not None:
            report(time)
        if all(after is not None for _, after in found):
            break
    return found


class Langevin:
    """Langevin dynamics of the atoms of one set of parameters: Angstrom, fs, kcal/mol, amu, K.

    positions, velocities: (n_atoms, 3), Angstrom and Angstrom/fs; velocities begin as Maxwell's.
    """

    def __init__(
        self,
        parameters: PairParameters,
        numbers: NDArray[np.int64],
        positions: NDArray[np.float64],
        temperature: float,
        generator: np.random.Generator,
    ) -> None:
        self.masses = of_atoms(ATOMIC_WEIGHTS, numbers)[:, None]
        self._parameters = parameters
        self._generator = generator
        self._thermal = np.sqrt(GAS_CONSTANT * temperature * _ACCELERATION / self.masses)
        self._kept = np.exp(-FRICTION * TIME_STEP)
        self._free = np.ones((len(numbers), 1))
        self.positions = positions.copy()
        self.velocities = self._thermal * generator.normal(size=positions.shape)
        self._accelerations = self._compute()

    def run(self, steps: int) -> None:
        """Move on by so many time steps."""
        noise = self._thermal * np.sqrt(1 - self._kept**2)
        for _ in range(steps):
            self.velocities += 0.5 * TIME_STEP * self._accelerations
            self.positions += 0.5 * TIME_STEP * self.velocities
            self.velocities *= self._kept
            self.velocities += self._free * noise * self._generator.normal(size=self.velocities.shape)
            self.positions += 0.5 * TIME_STEP * self.velocities
            self._accelerations = self._compute()
            self.velocities += 0.5 * TIME_STEP * self._accelerations

    def stop(self, atoms: slice) -> None:
        """Hold these atoms where they are, apart from each other, from now on."""
        self._free[atoms] = 0.0
        self.velocities[atoms] = 0.0
        self._accelerations[atoms] = 0.0
        # Whatever they came to: on a line 3 Angstrom apart no force overflows.
        self.positions[atoms] = 3.0 * np.arange(atoms.stop - atoms.start)[:, None]

    def _compute(self) -> NDArray[np.float64]:
        charges = self._parameters.charges
        positions = torch.as_tensor(self.positions, dtype=charges.dtype, device=charges.device).unsqueeze(0)
        with torch.inference_mode():
            _, forces = pair_energies_and_forces(self._parameters, positions)
        accelerations = forces[0].double().cpu().numpy() * (_ACCELERATION / self.masses)
        return np.asarray(np.where(self._free > 0, accelerations, 0.0))


def join_parameters(parts: Sequence[PairParameters]) -> PairParameters:
    """The parameters of several molecules, each alone in its own, as one batch with their atoms in turn.

    Raises ValueError for parts of different weights or thresholds, which belong to different models.
    """
    if len({(part.weight, part.threshold) for part in parts}) != 1:
        raise ValueError("parameters of different models, or none, cannot be one batch")
    atoms = np.cumsum([0, *(len(part.charges) for part in parts)])
    molecules = np.cumsum([0, *(part.n_molecules for part in parts)])
    return parts[0]._replace(
        charges=torch.cat([part.charges for part in parts]),
        pair_index=torch.cat([part.pair_index + int(first) for part, first in zip(parts, atoms, strict=False)], dim=1),
        bonded=torch.cat([part.bonded for part in parts]),
        coefficients=torch.cat([part.coefficients for part in parts]),
        pair_molecules=torch.cat(
            [part.pair_molecules + int(first) for part, first in zip(parts, molecules, strict=False)]
        ),
        n_molecules=int(molecules[-1]),
    )
