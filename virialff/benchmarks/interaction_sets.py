"""Interaction energies of a set of reference complexes with several methods, as one typed result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import numpy as np
import pandas as pd

from virialff.benchmarks.psi4_databases import ReferenceComplex
from virialff.benchmarks.statistics import ErrorSummary, summarize_errors
from virialff.engines import Engine
from virialff.errors import EngineError, MoleculeError
from virialff.interactions.energies import InteractionMethod, interaction_method
from virialff.methods.energy_functions import check_available, level_of_theory, per_geometry
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule

#: Called as progress(complexes done, complexes in all) after every complex; what it raises stops the run.
Progress = Callable[[int, int], None]
UNIT = "kcal/mol"
OVERALL = "all"
_COLUMNS = ("set", "index", "name", "category", "separation_factor", "reference")


@dataclass(frozen=True, eq=False)
class InteractionResult:
    """Vertical interaction energies in kcal/mol, positive = bound, at the geometries of the reference.

    table: one row a geometry: set, index, name, category, separation_factor, `reference`, and a column a method, which
        is NaN where the method cannot compute the complex.
    methods: names of the methods' columns.
    reference_level: what `reference` is.
    levels: level of theory of each method, where it has told it.
    reasons: why a method left out a complex, by (method, index).
    """

    table: pd.DataFrame
    methods: tuple[str, ...]
    reference_level: str
    levels: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[tuple[str, int], str] = field(default_factory=dict)
    unit: str = UNIT

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories in the order of the table."""
        return tuple(dict.fromkeys(name for name in self.table["category"] if name))

    @cached_property
    def errors(self) -> pd.DataFrame:
        """The table with method - reference in the methods' columns."""
        table = self.table.copy()
        for method in self.methods:
            table[method] = table[method] - table["reference"]
        return table

    def summary(self, method: str, category: str | None = None) -> ErrorSummary:
        """Error statistics of a method over all computed complexes or one category; intervals over complexes.

        Raises ValueError where the method computed none of them.
        """
        errors = self.errors.dropna(subset=[method])
        if category is not None:
            errors = errors[errors["category"] == category]
        return summarize_errors(errors[method].to_numpy(), errors["index"].to_numpy())

    def with_units(self) -> pd.DataFrame:
        """The table for people: reference and methods as `name (kcal/mol)`."""
        return self.table.rename(columns={name: f"{name} ({self.unit})" for name in ("reference", *self.methods)})

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """One row a method and category (first `all`): n_values, n_groups, mae, rmse, mean_signed, with low and high.

        In kcal/mol, error = method - reference. A method that computed none of a category has no row for it.
        """
        rows = []
        for method in self.methods:
            for category in (None, *self.categories):
                part = self.table if category is None else self.table[self.table["category"] == category]
                if part[method].notna().any():
                    summary = self.summary(method, category)
                    rows.append({"method": method, "category": category or OVERALL, **summary.as_row()})
        return pd.DataFrame(rows)


def evaluate(
    complexes: Sequence[ReferenceComplex],
    methods: Mapping[str, "Engine | Model | InteractionMethod"],
    *,
    reference_level: str,
    progress: Progress | None = None,
) -> InteractionResult:
    """Vertical interaction energies of complexes with every method.

    complexes: of one set; the geometries of one complex stand one after the other.

    A complex that a method cannot compute is NaN with its reason in the result. Raises EngineError for an engine that
    cannot compute here at all, ShapeError for a function that does not give one energy a geometry, ValueError for a
    method named like another column.
    """
    clash = sorted(set(methods) & set(_COLUMNS))
    if clash:
        raise ValueError(f"a method cannot be named {clash[0]!r}: the table has a column of that name")
    for method in methods.values():
        check_available(method)
    functions = {name: interaction_method(method) for name, method in methods.items()}
    rows: list[dict[str, object]] = []
    reasons: dict[tuple[str, int], str] = {}
    for index, curve in groupby(complexes, key=lambda item: item.index):
        items = list(curve)
        molecule = Molecule.from_rdkit(items[0].to_rdkit())
        positions = np.stack([item.positions for item in items])
        energies = {}
        for name, function in functions.items():
            try:
                energies[name] = per_geometry(name, function(molecule, positions), len(items))
            except (EngineError, MoleculeError) as error:
                reasons[name, index] = str(error)
                energies[name] = np.full(len(items), np.nan)
        for number, item in enumerate(items):
            rows.append(
                {
                    "set": item.database,
                    "index": item.index,
                    "name": item.name,
                    "category": item.category,
                    "separation_factor": item.separation_factor,
                    "reference": item.interaction_energy,
                    **{name: float(values[number]) for name, values in energies.items()},
                }
            )
        if progress is not None:
            progress(len(rows), len(complexes))
    levels = {name: level_of_theory(method) for name, method in methods.items() if level_of_theory(method)}
    return InteractionResult(pd.DataFrame(rows), tuple(methods), reference_level, levels, reasons)
