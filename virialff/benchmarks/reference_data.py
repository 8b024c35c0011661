"""Reference energies of the evaluation sets, read from label stores: dimers and conformers at several levels.

`virialff label training/presets/labels_references.yaml` computes them. Vertical interaction energies belong to the
geometries of their sets; relaxed ones (Eq. 25) to complexes and monomers that GFN2-xTB relaxed, as in the paper.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from virialff.errors import EvaluationSetError
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.molecules.molecule import Molecule

_IN_COMPLEX, _RELAXED = "_in_complex", "_relaxed"


@dataclass(frozen=True, eq=False)
class DimerReference:
    """One complex at one geometry. Energies in kcal/mol by level of theory."""

    database: str
    index: int
    geometry: str  #: vertical or relaxed
    molecule: Molecule  #: the complex, with one conformer
    monomers: tuple[Molecule, ...]  #: at their own minima; empty for vertical
    vertical: Mapping[str, float]  #: E(1) + E(2) - E(12) with the monomers as in the complex, positive is bound
    deformation: Mapping[str, float]  #: what the monomers lie above their minima in the complex; empty for vertical

    @property
    def interaction_energies(self) -> dict[str, float]:
        """E_int of this geometry by level: the vertical one, or less the deformation (Eq. 25)."""
        if self.geometry == "vertical":
            return dict(self.vertical)
        return {name: energy - self.deformation[name] for name, energy in self.vertical.items()}


@dataclass(frozen=True, eq=False)
class ConformersReference:
    """The GFN2-xTB minima of one molecule of the conformer set."""

    inchikey_block: str
    molecule: Molecule  #: with all conformers
    energies: Mapping[str, NDArray[np.float64]]  #: (n_conformers,) total energies by level, kcal/mol


@dataclass(frozen=True)
class References:
    """What a store holds of the evaluation sets, and what could not be computed (identifier, level, reason)."""

    dimers: tuple[DimerReference, ...]
    conformers: tuple[ConformersReference, ...]
    failures: tuple[tuple[str, str, str], ...]

    def dimer_table(self, geometry: str) -> pd.DataFrame:
        """One row a complex: set, index, and E_int in kcal/mol in a column a level of theory, positive is bound."""
        rows = [
            {"set": dimer.database, "index": dimer.index}
            | {f"{level} (kcal/mol)": energy for level, energy in dimer.interaction_energies.items()}
            for dimer in self.dimers
            if dimer.geometry == geometry
        ]
        return pd.DataFrame(rows)


def load_references(path: Path | str) -> References:
    """Read a store or Parquet file of reference rows. A level that failed at a geometry is left out there.

    Raises StoreError as reading the store does, and EvaluationSetError for rows of another campaign.
    """
    tasks: dict[str, list[Label]] = defaultdict(list)
    failures = []
    for row in LabelStore(path).labels():
        tasks[row.task].append(row)
        if row.failure is not None:
            failures.append((row.identifier, row.level_of_theory, row.failure))
    dimers, conformers = [], []
    for task, rows in tasks.items():
        kind, _, name = task.partition("/")
        computed = [row for row in rows if row.failure is None]
        if kind == "dimer":
            if any(row.kind == "complex" for row in computed):
                dimers.append(_dimer(name, computed))
        elif kind == "conformers":
            if computed:
                conformers.append(_conformers(name, computed))
        else:
            raise EvaluationSetError(f"{path} holds the task {task!r}, which is no reference energy: give their store.")
    return References(tuple(dimers), tuple(conformers), tuple(failures))


def _dimer(name: str, rows: list[Label]) -> DimerReference:
    database, index, geometry = name.rsplit("-", 2)
    by_detail: dict[str, dict[str, Label]] = defaultdict(dict)
    for row in rows:
        by_detail[row.detail][row.level_of_theory] = row
    whole = by_detail[geometry]
    monomers = sorted({detail.removesuffix(_IN_COMPLEX) for detail in by_detail if detail.endswith(_IN_COMPLEX)})
    vertical = {level: row.interaction_energy for level, row in whole.items() if row.interaction_energy is not None}
    deformation = {}
    for level in list(vertical):
        pairs = [(by_detail[m + _IN_COMPLEX].get(level), by_detail[m + _RELAXED].get(level)) for m in monomers]
        energies = [inside.energy - own.energy for inside, own in pairs if inside and own]  # type: ignore[operator]
        if len(energies) == len(monomers):
            deformation[level] = sum(energies)
        else:
            del vertical[level]
    first = next(iter(whole.values()))
    return DimerReference(
        database,
        int(index),
        geometry,
        _molecule([first]),
        tuple(_molecule([next(iter(by_detail[monomer + _RELAXED].values()))]) for monomer in monomers),
        vertical,
        deformation if monomers else {},
    )


def _conformers(block: str, rows: list[Label]) -> ConformersReference:
    geometries: dict[bytes, dict[str, Label]] = {}
    for row in rows:
        assert row.positions is not None
        geometries.setdefault(row.positions.tobytes(), {})[row.level_of_theory] = row
    levels = {row.level_of_theory for row in rows}
    # A level with a gap has no place in a comparison of conformers.
    whole = sorted(level for level in levels if all(level in geometry for geometry in geometries.values()))
    energies = {
        level: np.array([geometry[level].energy for geometry in geometries.values()], dtype=np.float64)
        for level in whole
    }
    return ConformersReference(block, _molecule([next(iter(g.values())) for g in geometries.values()]), energies)


def _molecule(rows: Iterable[Label]) -> Molecule:
    rows = list(rows)
    first = rows[0]
    return Molecule.from_arrays(first.numbers, first.bonds, first.orders, np.array([row.positions for row in rows]))
