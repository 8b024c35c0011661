"""Interaction energies of one complex by several methods, vertical and relaxed, as one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from virialff.energy_functions import level_of_theory
from virialff.errors import EngineError, MoleculeError
from virialff.interactions import RelaxedComplex, interaction_method, relax_complex, relaxed_interaction_energy
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
    try:
        energy = float(interaction_method(method)(molecule, molecule.positions[:1])[0])
    except (EngineError, MoleculeError) as error:
        return MethodInteraction(name, level_of_theory(method), None, str(error))
    # After the energy: ANI knows its level once its weights are there.
    return MethodInteraction(name, level_of_theory(method), energy)


def relaxed_interaction(name: str, method: Engine | Model, relaxed: RelaxedComplex) -> MethodInteraction:
    """E_int of Eq. 25 at the minima of the engine that relaxed the complex and its monomers."""
    try:
        energy = relaxed_interaction_energy(relaxed, method)
    except (EngineError, MoleculeError) as error:
        return MethodInteraction(name, level_of_theory(method), None, str(error))
    return MethodInteraction(name, level_of_theory(method), energy)


@dataclass(frozen=True)
class ComplexInteractions:
    """What several methods say of one complex; `relaxed` is empty unless it was relaxed.

    geometry_level: of the relaxation; changes: sentences on what it changed beyond the shape.
    """

    vertical: tuple[MethodInteraction, ...]
    relaxed: tuple[MethodInteraction, ...] = ()
    geometry_level: str = ""
    changes: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """As `interaction_table`."""
        return interaction_table(self.vertical, self.relaxed)

    @property
    def reasons(self) -> dict[str, str]:
        """Why a method gave nothing, by method."""
        return {entry.method: entry.reason for entry in (*self.vertical, *self.relaxed) if entry.reason}


def complex_interactions(
    molecule: Molecule,
    methods: Mapping[str, Engine | Model],
    relaxer: Engine | None = None,
    *,
    progress: Callable[[int, int, str], None] | None = None,
) -> ComplexInteractions:
    """E_int of a complex's first conformer by every method, and of its minimum by `relaxer` where one is given.

    `progress(done, total, what)` is called before each step; what it raises stops the work.

    Raises MissingCoordinatesError and MoleculeError for what is no complex with coordinates, EngineError where the
    relaxer cannot relax it.
    """
    if molecule.n_fragments < 2:
        raise MoleculeError("an interaction energy needs two or more molecules and this is one; give a complex")
    molecule.require_3d()
    one = molecule.with_positions(molecule.positions[0])
    total = len(methods) * (1 if relaxer is None else 2) + (0 if relaxer is None else 3)
    done = 0

    def step(what: str, size: int = 1) -> None:
        nonlocal done
        if progress is not None:
            progress(done, total, what)
        done += size

    vertical, relaxed_energies = [], []
    for name, method in methods.items():
        step(f"{name}, vertical")
        vertical.append(vertical_interaction(name, method, one))
    if relaxer is None:
        return ComplexInteractions(tuple(vertical))
    step("relaxing the complex and its molecules", 3)
    relaxed = relax_complex(one, relaxer)
    for name, method in methods.items():
        step(f"{name}, relaxed")
        relaxed_energies.append(relaxed_interaction(name, method, relaxed))
    return ComplexInteractions(tuple(vertical), tuple(relaxed_energies), relaxed.level_of_theory, relaxed.changes)


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
