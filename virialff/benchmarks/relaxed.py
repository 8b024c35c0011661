"""Relaxed interaction energies (Eq. 25) of reference complexes: the quantity of the paper's table and Fig. 9.

They differ from the vertical ones by the deformation of the monomers and by the change of geometry, so they are never
compared with CCSD(T) energies, which belong to the reference's own geometries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from virialff.benchmarks.interaction_sets import Progress
from virialff.benchmarks.psi4_databases import ReferenceComplex
from virialff.engines import Engine
from virialff.errors import EngineError, MoleculeError
from virialff.interactions.energies import relax_complex, relaxed_interaction_energy
from virialff.methods.energy_functions import check_available, level_of_theory
from virialff.methods.method import Method
from virialff.molecules.molecule import Molecule


@dataclass(frozen=True, eq=False)
class RelaxedResult:
    """Relaxed interaction energies in kcal/mol, positive = bound.

    table: one row a complex: set, index, name, category, and a column a method; NaN where it cannot compute it.
    geometry_level: the level at which complexes and monomers were relaxed.
    changes: sentences on bonds or stereochemistry that changed, or forces left, by the complex's label.
    reasons: why a method left out a complex, by (method, label).
    """

    table: pd.DataFrame
    methods: tuple[str, ...]
    geometry_level: str
    levels: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def with_units(self) -> pd.DataFrame:
        """The table for people: energies as `name (kcal/mol)`."""
        return self.table.rename(columns={name: f"{name} (kcal/mol)" for name in self.methods})


def run_relaxed(
    complexes: Sequence[ReferenceComplex],
    methods: "Mapping[str, Method]",
    geometry_engine: Engine,
    *,
    progress: Progress | None = None,
) -> RelaxedResult:
    """Relax every complex and its monomers with geometry_engine, then Eq. 25 with every method at those geometries.

    methods: by column name: an engine, a model, or a function (molecule, positions) -> total energies in kcal/mol.

    Raises EngineError for an engine that cannot compute here, or a geometry_engine that cannot relax a complex.
    """
    for method in (geometry_engine, *methods.values()):
        check_available(method)
    rows: list[dict[str, object]] = []
    changes: dict[str, tuple[str, ...]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for item in complexes:
        relaxed = relax_complex(Molecule.from_rdkit(item.to_rdkit()), geometry_engine)
        if relaxed.changes:
            changes[item.label] = relaxed.changes
        row: dict[str, object] = {
            "set": item.database,
            "index": item.index,
            "name": item.name,
            "category": item.category,
        }
        for name, method in methods.items():
            try:
                row[name] = relaxed_interaction_energy(relaxed, method)
            except (EngineError, MoleculeError) as error:
                row[name] = float("nan")
                reasons[name, item.label] = str(error)
        rows.append(row)
        if progress is not None:
            progress(len(rows), len(complexes))
    levels = {name: level_of_theory(method) for name, method in methods.items() if level_of_theory(method)}
    return RelaxedResult(pd.DataFrame(rows), tuple(methods), geometry_engine.level, levels, changes, reasons)
