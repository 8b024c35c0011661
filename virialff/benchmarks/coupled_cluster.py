"""CCSD(T)/CBS interaction energies of S66, A-T and G-C, shipped so that they are there without psi4-data.

Vertical, at the geometries of their sets: Rezac, Riley, Hobza, J. Chem. Theory Comput. 7, 2427 (2011) for S66; Jurecka,
Sponer, Cerny, Hobza, Phys. Chem. Chem. Phys. 8, 1985 (2006) for JSCH; Marshall, Burns, Sherrill, J. Chem. Phys. 135,
194102 (2011) for S22.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from virialff.errors import EvaluationSetError
from virialff.settings import ASSETS

FILE = ASSETS / "evaluation" / "coupled_cluster.csv"
COLUMNS = ("set", "index", "name", "category", "interaction_energy_kcal_per_mol")
LEVEL = "CCSD(T)/CBS"


@dataclass(frozen=True)
class CoupledClusterEnergy:
    """One complex at the geometry of its set; the energy in kcal/mol, positive = bound."""

    database: str
    index: int
    name: str
    category: str
    interaction_energy: float


@cache
def coupled_cluster_energies() -> dict[tuple[str, int], CoupledClusterEnergy]:
    """All shipped energies by set and number. Raises EvaluationSetError where the file is missing."""
    if not FILE.is_file():
        raise EvaluationSetError(f"the file {FILE} with the CCSD(T) energies is missing; restore it from the project")
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = [
            CoupledClusterEnergy(row["set"], int(row["index"]), row["name"], row["category"], float(row[COLUMNS[-1]]))
            for row in csv.DictReader(file)
        ]
    return {(row.database, row.index): row for row in rows}
