"""The model and the engines as interchangeable sources of conformer energies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from virialff.comparison import MethodEnergies
from virialff.energy_runs import EnergyFunction, EnergyRun
from virialff.engines import get_engine
from virialff.molecule import Molecule

if TYPE_CHECKING:
    from virialff.forcefield import ForceField, Model


@dataclass(frozen=True)
class EnergyMethod:
    """A method ready to compute one molecule.

    `key` names method and parameters for caches, `energy` gives total energies (n,) in kcal/mol of positions
    (n, n_atoms, 3) in A and can be pickled for another process, `atoms` is the sum of the isolated atoms' energies at
    the same level, kcal/mol.
    """

    key: str
    label: str
    level_of_theory: str
    energy: EnergyFunction
    atoms: float

    def result(self, run: EnergyRun) -> MethodEnergies:
        """The energies of a run that may be incomplete, NaN where there is none yet."""
        missing = run.n_conformers - run.n_done
        energies = np.pad(run.energies, (0, missing), constant_values=np.nan)
        return MethodEnergies(self.label, self.level_of_theory, energies, self.atoms - energies, dict(run.failures))


def model_method(model: Model, force_field: ForceField) -> EnergyMethod:
    """The trained model as a method."""
    return EnergyMethod(
        key=model.sha256,
        label="Model",
        level_of_theory=f"{model.name}, trained on {model.level_of_theory}",
        energy=force_field.energy,
        atoms=float(force_field.atomic_energies.sum()),
    )


def engine_method(name: str, molecule: Molecule) -> EnergyMethod | str:
    """The engine of this name as a method, or the sentence saying why it cannot compute this molecule.

    ANI looks for its weights here, which can take a download.
    """
    engine = get_engine(name)
    reason = engine.available() or engine.unsupported(molecule)
    if reason is not None:
        return reason
    level = engine.level_of_theory
    return EnergyMethod(
        key=f"{name}: {level}",
        label=level.partition(" (")[0],
        level_of_theory=level,
        energy=partial(_engine_energy, name, molecule),
        atoms=float(engine.atomic_energies(molecule.numbers).sum()),
    )


def _engine_energy(name: str, molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    return get_engine(name).energy(molecule, positions)
