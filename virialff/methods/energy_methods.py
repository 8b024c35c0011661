"""The model and the engines as interchangeable sources of conformer energies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from virialff.engines import DFT_ENGINES, Engine, get_engine
from virialff.engines.dft import CAMPAIGN_ENERGIES, QMUGS_ATOMIC_ENERGIES
from virialff.methods.comparison import MethodEnergies
from virialff.methods.old_runs import EnergyFunction, EnergyRun
from virialff.molecules.molecule import Molecule
from virialff.units import HARTREE_IN_KCAL_MOL

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField, Model

_PROGRAMS = {"pyscf": "PySCF", "psi4": "Psi4"}


@dataclass(frozen=True)
class EnergyMethod:
    """A method ready to compute one molecule.

    `key` names method and parameters for caches, `energy` gives total energies (n,) in kcal/mol of positions
    (n, n_atoms, 3) in A and can be pickled for another process, `atoms` is the sum of the isolated atoms' energies at
    the same level, kcal/mol. `pace` is how long a conformer takes: next to nothing, well below a second, or minutes.
    """

    key: str
    label: str
    level_of_theory: str
    energy: EnergyFunction
    atoms: float
    pace: Literal["instant", "quick", "slow"] = "quick"

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
        pace="instant",
    )


def engine_method(name: str, molecule: Molecule) -> EnergyMethod | str:
    """The engine of this name as a method, or the sentence saying why it cannot compute this molecule.

    ANI looks for its weights here, which can take a download.
    """
    engine = get_engine(name)
    reason = engine.available() or engine.unsupported(molecule)
    if reason is not None:
        return reason
    level = engine.level
    return EnergyMethod(
        key=f"{name}: {level}",
        label=level.partition(" (")[0],
        level_of_theory=level,
        energy=partial(_engine_energy, name, molecule),
        atoms=float(engine.atomic_energies(molecule.numbers).sum()),
    )


def dft_method(molecule: Molecule) -> EnergyMethod | str:
    """wB97X-D/def2-SVP by the first program that is here, or the sentence saying why it cannot be computed.

    It takes from seconds to many minutes a conformer. Nothing is started here.
    """
    found = dft_engine(molecule)
    if isinstance(found, str):
        return found
    return EnergyMethod(
        key=f"{found.name}: {found.level}, energies",
        label=found.level,
        level_of_theory=f"{found.level} ({_PROGRAMS[found.name]})",
        energy=partial(_engine_energy, found.name, molecule),
        atoms=HARTREE_IN_KCAL_MOL * sum(QMUGS_ATOMIC_ENERGIES[int(number)] for number in molecule.numbers),
        pace="slow",
    )


def dft_engine(molecule: Molecule) -> Engine | str:
    """The first DFT engine that can compute this molecule here, or the sentence saying why none can."""
    reasons = []
    for name in DFT_ENGINES:
        engine = energy_engine(name)
        reason = engine.available() or engine.unsupported(molecule)
        if reason is None:
            return engine
        reasons.append(reason)
    return "; ".join(dict.fromkeys(reasons))


@cache
def energy_engine(name: str) -> Engine:
    """The engine of this name at its settings for energies alone, which PySCF has faster ones for."""
    from virialff.engines.pyscf import PyscfEngine

    return PyscfEngine(CAMPAIGN_ENERGIES) if name == "pyscf" else get_engine(name)


def _engine_energy(name: str, molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    return energy_engine(name).energy(molecule, positions)
