"""Interaction energies of one complex by several methods, vertical and relaxed, as one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from virialff.engines.dft import DftEngine
from virialff.errors import EngineError, MoleculeError
from virialff.interactions.energies import (
    RelaxedComplex,
    interaction_energy,
    n_calculations,
    relax_complex,
    relaxed_interaction_energy,
)
from virialff.methods.runs import uncertainty_of
from virialff.molecules.molecule import Molecule

if TYPE_CHECKING:
    from virialff.engines.base import Progress
    from virialff.methods.method import ForceMethod, Method

#: Per cent of the errors whose interval the table has.
_SHOWN = "95"
#: kcal/mol from which a half width is wide: about what those of weak complexes are.
_WIDE = 5.0
#: Steps of progress that relaxing counts for; the relaxations of complex and molecules are short beside DFT.
_RELAXING = 3


@dataclass(frozen=True)
class MethodInteraction:
    """E_int in kcal/mol by one method, negative = bound; None with the reason where it cannot compute the complex.

    half_widths: of the intervals that hold so many per cent of the errors on held-out labels, by per cent ("95"); empty
    for a method that does not know how far it may be off.
    """

    method: str
    level_of_theory: str
    energy: float | None
    reason: str = ""
    counterpoise: bool = False  #: whether the fragments had the basis of the whole complex
    half_widths: Mapping[str, float] = field(default_factory=dict)

    @property
    def doubt(self) -> str:
        """A sentence where the interval is wide, and more than half of the energy; else ""."""
        width = self.half_widths.get(_SHOWN)
        if width is None or self.energy is None or width < max(_WIDE, abs(self.energy) / 2):
            return ""
        return (
            f"{self.method}: its members disagree about this complex. The vertical energy may be off by {width:.1f} "
            "kcal/mol, more than half of what it says: go by the other methods."
        )


def vertical_interaction(
    name: str, method: Method, molecule: Molecule, *, progress: Progress | None = None
) -> MethodInteraction:
    """E_int of the first conformer with the monomers as they are in the complex; `progress` as `interaction_energy`."""
    found = _entry(
        name, method, lambda: interaction_energy(molecule, method, molecule.positions[0], progress=progress)[0]
    )
    known = None if found.energy is None else uncertainty_of(method, molecule, "interaction")
    if known is None:
        return found
    widths = known.intervals().by_percent()
    return replace(found, half_widths={percent: float(values[0]) for percent, values in widths.items()})


def relaxed_interaction(
    name: str, method: Method, relaxed: RelaxedComplex, *, progress: Progress | None = None
) -> MethodInteraction:
    """E_int at the minima of the method that relaxed the complex."""
    return _entry(name, method, lambda: relaxed_interaction_energy(relaxed, method, progress=progress))


def _entry(name: str, method: Method, energy: Callable[[], float]) -> MethodInteraction:
    value, reason = None, ""
    try:
        value = float(energy())
    except (EngineError, MoleculeError) as error:
        reason = str(error)
    # After the energy: ANI knows its level once its weights are there.
    counterpoise = isinstance(method, DftEngine)
    level = f"{method.level}, counterpoise-corrected" if counterpoise else method.level
    return MethodInteraction(name, level, value, reason, counterpoise)


@dataclass(frozen=True)
class ComplexInteractions:
    """What several methods say of one complex; `relaxed` is empty unless it was relaxed.

    geometry: the relaxed complex, one conformer, or None. geometry_level: of the relaxation; changes: sentences on what
    it changed beyond the shape.
    """

    vertical: tuple[MethodInteraction, ...]
    relaxed: tuple[MethodInteraction, ...] = ()
    geometry_level: str = ""
    changes: tuple[str, ...] = ()
    geometry: Molecule | None = None

    def beside(self, other: ComplexInteractions) -> ComplexInteractions:
        """What two calls say of the same complex by other methods, as one."""
        return ComplexInteractions(
            (*self.vertical, *other.vertical),
            (*self.relaxed, *other.relaxed),
            self.geometry_level or other.geometry_level,
            tuple(dict.fromkeys((*self.changes, *other.changes))),
            self.geometry or other.geometry,
        )

    @property
    def table(self) -> pd.DataFrame:
        """As `interaction_table`."""
        return interaction_table(self.vertical, self.relaxed)

    @property
    def doubts(self) -> list[str]:
        """Sentences on vertical energies by methods that disagree with themselves."""
        return [said for entry in self.vertical if (said := entry.doubt)]

    @property
    def reasons(self) -> dict[str, str]:
        """Why a method gave nothing, by method."""
        return {entry.method: entry.reason for entry in (*self.vertical, *self.relaxed) if entry.reason}


def complex_interactions(
    molecule: Molecule,
    methods: Mapping[str, Method],
    relaxer: ForceMethod | None = None,
    *,
    progress: Callable[[int, int, str], None] | None = None,
) -> ComplexInteractions:
    """E_int of a complex by every method, and of its minimum by `relaxer` where one is given.

    Parameters
    ----------
    molecule : Molecule
        Two or more fragments; its first conformer is taken.
    methods : mapping of str to Method
        By the names under which their results are shown.
    relaxer : ForceMethod, optional
        Relaxes the complex and its fragments.
    progress : callable, optional
        `progress(done, total, what)` is called before each step; what it raises stops the work.

    Returns
    -------
    ComplexInteractions
        Energies in kcal/mol; by DFT engines counterpoise-corrected (Boys and Bernardi, 1970).

    Raises
    ------
    MissingCoordinatesError, MoleculeError
        For what is no complex with coordinates.
    EngineError
        If the relaxer cannot relax it.
    """
    if molecule.n_fragments < 2:
        raise MoleculeError("an interaction energy needs two or more molecules and this is one; give a complex")
    molecule.require_3d()
    one = molecule.with_positions(molecule.positions[0])
    kinds = (False, True) if relaxer else (False,)
    size = {
        (name, relaxed): n_calculations(method, molecule.n_fragments, relaxed=relaxed)
        for name, method in methods.items()
        for relaxed in kinds
    }
    total = sum(size.values()) + (_RELAXING if relaxer else 0)
    done = 0

    def begin(what: str, calculations: int) -> Progress:
        """Say what is computed next; what comes back is told how far that is."""
        nonlocal done
        before, done = done, done + calculations

        def within(part: int, parts: int) -> None:
            if progress is not None and part < parts:
                progress(before + part, total, what)

        within(0, calculations)
        return within

    vertical = [
        vertical_interaction(name, method, one, progress=begin(f"{name}, vertical", size[name, False]))
        for name, method in methods.items()
    ]
    if relaxer is None:
        return ComplexInteractions(tuple(vertical))
    begin("relaxing the complex and its molecules", _RELAXING)
    relaxed = relax_complex(one, relaxer)
    energies = [
        relaxed_interaction(name, method, relaxed, progress=begin(f"{name}, relaxed", size[name, True]))
        for name, method in methods.items()
    ]
    level, changes = relaxed.level_of_theory, relaxed.changes
    return ComplexInteractions(tuple(vertical), tuple(energies), level, changes, relaxed.molecule)


def interaction_table(vertical: Sequence[MethodInteraction], relaxed: Sequence[MethodInteraction] = ()) -> pd.DataFrame:
    """One row a method: method, E_int vertical and relaxed (kcal/mol, NaN where there is none), level of theory."""
    names = list(dict.fromkeys(entry.method for entry in (*vertical, *relaxed)))
    columns: Mapping[str, Sequence[MethodInteraction]] = {"vertical": vertical, "relaxed": relaxed}
    table = pd.DataFrame({"method": names})
    for kind, entries in columns.items():
        energies = {entry.method: entry.energy for entry in entries}
        if entries:
            table[f"E_int {kind} (kcal/mol)"] = pd.array([energies.get(name) for name in names], dtype="Float64")
        widths = {entry.method: entry.half_widths[_SHOWN] for entry in entries if entry.half_widths}
        if widths:
            table[f"± {_SHOWN} % (kcal/mol)"] = pd.array([widths.get(name) for name in names], dtype="Float64")
    levels = {entry.method: entry.level_of_theory for entry in (*vertical, *relaxed)}
    table["level of theory"] = [levels[name] for name in names]
    return table
