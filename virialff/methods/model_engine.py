"""The model as an `Engine`, so that what relaxes with an engine relaxes with the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from virialff.engines.base import FloatArray, Progress, conformer_axis
from virialff.errors import EngineError

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField
    from virialff.molecules.molecule import Molecule


class ModelEngine:
    """The force field of one molecule as an `Engine`; it can be pickled for another process."""

    name = "model"

    def __init__(self, force_field: ForceField, level_of_theory: str) -> None:
        """`level_of_theory` says which model this is and what it was trained on."""
        self._force_field = force_field
        self.level = level_of_theory
        self.elements = frozenset(int(number) for number in force_field.molecule.numbers)

    def available(self) -> str | None:
        """None: it is there."""
        return None

    def unsupported(self, molecule: Molecule) -> str | None:
        """None for the molecule that the force field belongs to, otherwise a sentence."""
        own = self._force_field.molecule
        same = (
            np.array_equal(own.numbers, molecule.numbers)
            and np.array_equal(own.bonds, molecule.bonds)
            and np.array_equal(own.orders, molecule.orders)
        )
        return None if same else f"this force field belongs to {own.formula} in another order of atoms or bonds"

    def energy(self, molecule: Molecule, positions: Any, *, progress: Progress | None = None) -> FloatArray:
        """Total energies (n_conformers,), kcal/mol. Raises EngineError, ShapeError."""
        return self.energy_and_forces(molecule, positions, progress=progress)[0]

    def forces(self, molecule: Molecule, positions: Any, *, progress: Progress | None = None) -> FloatArray:
        """Forces (n_conformers, n_atoms, 3), kcal/mol/Angstrom. Raises EngineError, ShapeError."""
        return self.energy_and_forces(molecule, positions, progress=progress)[1]

    def energy_and_forces(
        self, molecule: Molecule, positions: Any, *, progress: Progress | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Energies (n_conformers,) and forces (n_conformers, n_atoms, 3). Raises EngineError, ShapeError."""
        geometries = conformer_axis(molecule.n_atoms, positions)
        reason = self.unsupported(molecule)
        if reason is not None:
            raise EngineError(reason)
        energies, forces = self._force_field.energy_and_forces(geometries)
        if progress is not None:
            progress(len(geometries), len(geometries))
        return energies, forces

    def atomic_energies(self, numbers: Any) -> FloatArray:
        """Energies of isolated atoms at the model's level of theory, shape of `numbers`, kcal/mol.

        Raises EngineError for an element that the molecule does not have.
        """
        own = dict(zip(self._force_field.molecule.numbers.tolist(), self._force_field.atomic_energies, strict=True))
        atoms = np.asarray(numbers, dtype=np.int64)
        missing = set(atoms.ravel().tolist()) - set(own)
        if missing:
            raise EngineError(f"the force field has no atom of atomic number {min(missing)}")
        return np.array([own[number] for number in atoms.ravel().tolist()]).reshape(atoms.shape)
