"""Reference energies of the evaluation sets: dimers and conformers at several levels, and CCSD(T)/CBS.

`virialff label training/presets/labels_references.yaml` computes the label store that ships with them. Vertical
interaction energies belong to the geometries of their sets; relaxed ones to complexes and monomers that
GFN2-xTB relaxed, as in the paper. The CCSD(T)/CBS energies of S66, A-T and G-C are vertical: Rezac, Riley, Hobza,
J. Chem. Theory Comput. 7, 2427 (2011) for S66; Jurecka, Sponer, Cerny, Hobza, Phys. Chem. Chem. Phys. 8, 1985 (2006)
for JSCH; Marshall, Burns, Sherrill, J. Chem. Phys. 135, 194102 (2011) for S22.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from virialff.errors import EvaluationSetError
from virialff.labels.groups import molecule_of
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.molecules.molecule import Molecule
from virialff.settings import ASSETS

Geometry = Literal["vertical", "relaxed"]
#: The reference energies that ship.
REFERENCES = ASSETS / "data" / "references.parquet"
#: The CCSD(T) energies that ship, so that they are there without psi4-data; scripts/coupled_cluster.py makes them.
COUPLED_CLUSTER_FILE = ASSETS / "evaluation" / "coupled_cluster.csv"
COLUMNS = ("set", "index", "name", "category", "interaction_energy_kcal_per_mol")
COUPLED_CLUSTER = "CCSD(T)/CBS"
_IN_COMPLEX, _RELAXED = "_in_complex", "_relaxed"
#: Largest difference of interatomic distances (Angstrom) of two geometries that are the same.
_SAME_DISTANCES = 0.02


@dataclass(frozen=True)
class CoupledClusterEnergy:
    """One complex at the geometry of its set; the energy in kcal/mol, negative = bound."""

    database: str
    index: int
    name: str
    category: str
    interaction_energy: float


@cache
def coupled_cluster_energies() -> dict[tuple[str, int], CoupledClusterEnergy]:
    """All shipped energies by set and number. Raises EvaluationSetError where the file is missing."""
    path = COUPLED_CLUSTER_FILE
    if not path.is_file():
        raise EvaluationSetError(f"the file {path} with the CCSD(T) energies is missing; restore it from the project")
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            CoupledClusterEnergy(row["set"], int(row["index"]), row["name"], row["category"], float(row[COLUMNS[-1]]))
            for row in csv.DictReader(file)
        ]
    return {(row.database, row.index): row for row in rows}


@dataclass(frozen=True, eq=False)
class DimerReference:
    """One complex at one geometry. Energies in kcal/mol by level of theory."""

    database: str
    index: int
    geometry: Geometry
    molecule: Molecule  #: the complex, with one conformer
    monomers: tuple[Molecule, ...]  #: at their own minima; empty for vertical
    vertical: Mapping[str, float]  #: E(12) - E(1) - E(2) with the monomers as in the complex, negative = bound
    deformation: Mapping[str, float]  #: what the monomers lie above their minima in the complex; empty for vertical

    @property
    def interaction_energies(self) -> dict[str, float]:
        """E_int of this geometry by level: the vertical one, for a relaxed one plus the deformation."""
        if self.geometry == "vertical":
            return dict(self.vertical)
        return {name: energy + self.deformation[name] for name, energy in self.vertical.items()}


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

    def find_dimer(self, molecule: Molecule) -> DimerReference | None:
        """The dimer at the geometry of the molecule's first conformer, in the same order of atoms; None if none is.

        Orientation does not matter; interatomic distances agree within 0.02 Angstrom.
        """
        if not molecule.n_conformers:
            return None
        for dimer in self.dimers:
            if np.array_equal(dimer.molecule.numbers, molecule.numbers):
                difference = _distances(dimer.molecule.positions[0]) - _distances(molecule.positions[0])
                if np.abs(difference).max() < _SAME_DISTANCES:
                    return dimer
        return None


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


def sort_dimers(dimers: Iterable[DimerReference]) -> list[DimerReference]:
    """By set, number and geometry."""
    return sorted(dimers, key=lambda dimer: (dimer.database, dimer.index, dimer.geometry))


def short_level(level: str) -> str:
    """The level of theory without its bracket: "ANI-2x" of "ANI-2x (trained on ...)"."""
    return level.partition(" (")[0]


def _distances(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(positions[:, None] - positions[None], axis=-1))


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
        "relaxed" if geometry == "relaxed" else "vertical",
        molecule_of([first]),
        tuple(molecule_of([next(iter(by_detail[monomer + _RELAXED].values()))]) for monomer in monomers),
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
    return ConformersReference(block, molecule_of([next(iter(g.values())) for g in geometries.values()]), energies)
