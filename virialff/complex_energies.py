"""Interaction energies of one complex by several methods, vertical and relaxed, as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from virialff.energy_functions import level_of_theory
from virialff.errors import EngineError, MoleculeError
from virialff.interactions import RelaxedComplex, interaction_method, relaxed_interaction_energy
from virialff.molecule import Molecule

if TYPE_CHECKING:
    from virialff.engines import Engine
    from virialff.forcefield import Model


@dataclass(frozen=True)
class MethodInteraction:
    """E_int in kcal/mol by one method, positive = bound; None with the reason where it cannot compute the complex."""

    method: str
    level_of_theory: str
    energy: float | None
    reason: str = ""


def vertical_interaction(name: str, method: Engine | Model, molecule: Molecule) -> MethodInteraction:
    """E_int of the first conformer with the monomers as they are in the complex."""
    level = level_of_theory(method)
    try:
        energy = float(interaction_method(method)(molecule, molecule.positions[:1])[0])
    except (EngineError, MoleculeError) as error:
        return MethodInteraction(name, level, None, str(error))
    return MethodInteraction(name, level, energy)


def relaxed_interaction(name: str, method: Engine | Model, relaxed: RelaxedComplex) -> MethodInteraction:
    """E_int of Eq. 25 at the minima of the engine that relaxed the complex and its monomers."""
    level = level_of_theory(method)
    try:
        energy = relaxed_interaction_energy(relaxed, method)
    except (EngineError, MoleculeError) as error:
        return MethodInteraction(name, level, None, str(error))
    return MethodInteraction(name, level, energy)


def interaction_table(vertical: Sequence[MethodInteraction], relaxed: Sequence[MethodInteraction] = ()) -> pd.DataFrame:
    """One row a method: method, E_int vertical and relaxed (kcal/mol, NaN where there is none), level of theory."""
    names = list(dict.fromkeys(entry.method for entry in (*vertical, *relaxed)))
    columns: Mapping[str, Sequence[MethodInteraction]] = {"vertical": vertical, "relaxed": relaxed}
    table = pd.DataFrame({"method": names})
    for kind, entries in columns.items():
        energies = {entry.method: entry.energy for entry in entries}
        if entries:
            table[f"E_int {kind} (kcal/mol)"] = pd.array([energies.get(name) for name in names], dtype="Float64")
    levels = {entry.method: entry.level_of_theory for entry in (*vertical, *relaxed)}
    table["level of theory"] = [levels[name] for name in names]
    return table


def reasons(entries: Sequence[MethodInteraction]) -> dict[str, str]:
    """Why a method gave nothing, by method."""
    return {entry.method: entry.reason for entry in entries if entry.reason}
