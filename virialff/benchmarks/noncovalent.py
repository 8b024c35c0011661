"""Interaction energies of the sets of reference complexes, with any methods: one table of sets, one `run`.

Vertical energies belong to the geometries of a set, where CCSD(T) is known (Fig. 8 of the paper); relaxed ones
to complexes and monomers each at a GFN2-xTB minimum, as in the paper's Fig. 9 and its table of base pairs. They differ
by the deformation of the monomers and never share a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from virialff.benchmarks.psi4_databases import PAIRS, read_database
from virialff.benchmarks.reference_data import (
    COUPLED_CLUSTER,
    Geometry,
    References,
    coupled_cluster_energies,
    short_level,
    sort_dimers,
)
from virialff.benchmarks.statistics import ErrorSummary, summarize_errors
from virialff.engines.base import Progress
from virialff.engines.dft import LEVEL_OF_THEORY as DFT
from virialff.errors import EngineError, EvaluationSetError, MoleculeError
from virialff.interactions.complexes import ComplexInteractions
from virialff.interactions.energies import RelaxedComplex, interaction_energy, relaxed_interaction_energy
from virialff.methods.method import MODEL, Method, level_of_theory, require
from virialff.methods.runs import per_geometry
from virialff.molecules.molecule import Molecule

OVERALL = "all"
#: Relaxed binding energies of the paper's table as printed: kcal/mol, Eq. 25, positive = bound.
PAPER_BINDING_ENERGIES = pd.DataFrame(
    {"reference": [12.4, 25.4], "model": [14.8, 30.5], "ANI": [10.7, 17.2], "GFN2-xTB": [16.1, 29.2]},
    index=["A-T", "G-C"],
)
_PAIR_OF = {place: pair for pair, places in PAIRS.items() for place in places}
_Computed = dict[tuple[str, str, int, Geometry], NDArray[np.float64]]
_COLUMNS = ("set", "index", "name", "category", "separation_factor", "reference")


@dataclass(frozen=True)
class InteractionSet:
    """One benchmark: which complexes, at which geometries, against what.

    level: of the reference energies. geometry: vertical or relaxed.
    source: geometries and energies are those of psi4-data, or those of a label store of references; its energies of
        other levels then stand beside the methods.
    databases: the sets that the complexes belong to; pairs: only the places of PAIRS, with the pair as category.
    statistic: what a report shows: statistics of the errors, or every value, where the complexes are few.
    with_coupled_cluster: CCSD(T)/CBS stands beside the methods too.
    """

    name: str
    databases: tuple[str, ...]
    level: str
    geometry: Geometry = "vertical"
    source: Literal["psi4-data", "references"] = "psi4-data"
    pairs: bool = False
    statistic: Literal["errors", "values"] = "errors"
    with_coupled_cluster: bool = False


S66 = InteractionSet("S66", ("S66",), COUPLED_CLUSTER)
S66X8 = InteractionSet("S66x8", ("S66x8",), COUPLED_CLUSTER)
BASE_PAIRS = InteractionSet("base pairs", ("JSCH", "S22"), COUPLED_CLUSTER, pairs=True, statistic="values")
_STORED = replace(S66, level=DFT, source="references")
#: What a report of models gives, of the references that ship.
REPORTED = (
    replace(_STORED, name=f"S66 vertical against {COUPLED_CLUSTER}", level=COUPLED_CLUSTER),
    replace(_STORED, name=f"S66 vertical against {DFT} with counterpoise"),
    replace(_STORED, name=f"S66 relaxed against {DFT} with counterpoise", geometry="relaxed"),
    replace(BASE_PAIRS, name="base pairs vertical", level=DFT, source="references"),
    replace(BASE_PAIRS, name="base pairs relaxed", level=DFT, source="references", geometry="relaxed"),
)
_ALL_DIMERS = replace(_STORED, name="dimers vertical", databases=("JSCH", "S22", "S66"), with_coupled_cluster=True)
#: Fig. 8 and 9: every dimer of the references.
REFERENCE_DIMERS: Mapping[Geometry, InteractionSet] = {
    "vertical": _ALL_DIMERS,
    "relaxed": replace(_ALL_DIMERS, name="dimers relaxed", geometry="relaxed"),
}


@dataclass(frozen=True, eq=False)
class InteractionResult:
    """Interaction energies in kcal/mol, negative = bound, at the geometries of a set.

    table: one row a geometry: set, index, name, category, separation_factor, `reference`, and a column a method, which
        is NaN where the method cannot compute the complex.
    methods: names of the methods' columns.
    reference_level: what `reference` is.
    levels: level of theory of each method.
    reasons: why a method left out a complex, by (method, index).
    """

    table: pd.DataFrame
    methods: tuple[str, ...]
    reference_level: str
    levels: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[tuple[str, int], str] = field(default_factory=dict)

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
        complexes = errors.groupby(["set", "index"]).ngroup()
        return summarize_errors(errors[method].to_numpy(), complexes.to_numpy())

    def with_units(self) -> pd.DataFrame:
        """The table for people: reference and methods as `name (kcal/mol)`."""
        return self.table.rename(columns={name: f"{name} (kcal/mol)" for name in ("reference", *self.methods)})

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


def run(
    benchmark: InteractionSet,
    methods: Mapping[str, Method],
    *,
    references: References | None = None,
    indices: Iterable[int] | None = None,
    progress: Progress | None = None,
) -> InteractionResult:
    """Interaction energies of a set's complexes with every method.

    methods: by the name of their column.
    references: for a set of that source, see `reference_data.load_references`; its complexes are those that have an
        energy of the set's level, which may be none.
    indices: only the complexes of these numbers. progress: counts geometries, called after every complex.

    A complex that a method cannot compute is NaN with its reason in the result. Raises EvaluationSetError without
    psi4-data, without references and for an index that does not exist, EngineError for an engine that cannot compute
    here at all, ShapeError for a method that does not give one energy a geometry, ValueError for a method named like
    another column.
    """
    wanted = None if indices is None else set(indices)
    if benchmark.source == "psi4-data":
        complexes = _from_psi4(benchmark, wanted)
    elif references is None:
        raise EvaluationSetError(f"{benchmark.name} needs reference energies: give them as references")
    else:
        complexes = [e for e in _from_store(benchmark, references) if wanted is None or e.index in wanted]
    if unknown := sorted((wanted or set()) - {entry.index for entry in complexes}):
        raise EvaluationSetError(f"{benchmark.name} has no complex {unknown[0]}")
    return _run(benchmark, complexes, methods, {}, progress)


def run_reported(methods: Mapping[str, Method], references: References) -> dict[str, InteractionResult]:
    """The sets of REPORTED of which the references hold something, by name; see `run`."""
    computed: _Computed = {}
    results = {entry.name: _run(entry, _from_store(entry, references), methods, computed, None) for entry in REPORTED}
    return {name: result for name, result in results.items() if len(result.table)}


def _run(
    benchmark: InteractionSet,
    complexes: Sequence[_Complex],
    methods: Mapping[str, Method],
    computed: _Computed,
    progress: Progress | None,
) -> InteractionResult:
    """computed: energies by method and complex, which are not computed again for another set of the same geometries."""
    clash = sorted(set(methods) & set(_COLUMNS))
    if clash:
        raise ValueError(f"a method cannot be named {clash[0]!r}: the table has a column of that name")
    for method in methods.values():
        require(method)
    n_geometries = sum(len(entry.factors) for entry in complexes)
    rows: list[dict[str, object]] = []
    reasons: dict[tuple[str, int], str] = {}
    stored: dict[str, str] = {}
    for entry in complexes:
        n = len(entry.factors)
        energies: dict[str, NDArray[np.float64]] = {}
        for name, method in methods.items():
            try:
                if (key := (name, entry.database, entry.index, benchmark.geometry)) not in computed:
                    computed[key] = per_geometry(name, _energies(method, entry), n)
                energies[name] = computed[key]
            except (EngineError, MoleculeError) as error:
                reasons[name, entry.index] = str(error)
                energies[name] = np.full(n, np.nan)
        beside = {level: values for level, values in entry.energies.items() if level != benchmark.level}
        stored |= dict(zip(beside, beside, strict=True))
        for number, factor in enumerate(entry.factors):
            values = (entry.database, entry.index, entry.name, entry.category, factor)
            reference = entry.energies[benchmark.level][number]
            row = dict(zip(_COLUMNS, (*values, reference), strict=True))
            rows.append(row | {name: float(found[number]) for name, found in (energies | beside).items()})
        if progress is not None:
            progress(len(rows), n_geometries)
    levels = {name: level_of_theory(method) for name, method in methods.items()}
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*_COLUMNS, *methods])
    return InteractionResult(table, (*methods, *stored), benchmark.level, levels | stored, reasons)


def reference_comparison(
    references: References, model: Method, geometry: Geometry, *, progress: Progress | None = None
) -> InteractionResult:
    """Interaction energies of all dimers of one kind of geometry that have a DFT energy: Fig. 8 and 9 of the paper.

    Parameters
    ----------
    references : References
        Of the evaluation sets; `load_references` reads them.
    model : Method
        What is compared.
    geometry : {"vertical", "relaxed"}
        Which geometries of the complexes and their fragments.
    progress : callable, optional
        Called with the dimers done and their total.

    Returns
    -------
    InteractionResult
        In kcal/mol. `reference` is DFT with counterpoise correction; the methods are the model, what the references
        hold beside it (GFN2-xTB, ANI) and, at vertical geometries, CCSD(T) where it is known. A method that lacks a
        dimer is NaN there.

    Raises
    ------
    EvaluationSetError
        If there is no such dimer.
    """
    ordered = replace(references, dimers=tuple(sort_dimers(references.dimers)))
    result = run(REFERENCE_DIMERS[geometry], {MODEL: model}, references=ordered, progress=progress)
    if result.table.empty:
        raise EvaluationSetError(f"the references hold no {geometry} dimer at {DFT} yet")
    short = {name: short_level(name) for name in result.methods}
    return replace(
        result,
        table=result.table.rename(columns=short),
        methods=tuple(short.values()),
        levels={short[name]: level for name, level in result.levels.items()},
        reference_level=f"{DFT}, counterpoise-corrected",
    )


def paper_table(pairs: Mapping[str, ComplexInteractions]) -> pd.DataFrame:
    """The paper's table with our columns: one row a pair, relaxed energies in kcal/mol, negative = bound."""
    rows = []
    for pair, paper in (-PAPER_BINDING_ENERGIES).iterrows():
        row: dict[str, object] = {"pair": pair, "paper: reference (kcal/mol)": paper["reference"]}
        row |= {f"paper: {name} (kcal/mol)": paper[name] for name in ("model", "ANI", "GFN2-xTB")}
        if pair in pairs:
            row |= {f"ours: {entry.method} (kcal/mol)": entry.energy for entry in pairs[str(pair)].relaxed}
        rows.append(row)
    return pd.DataFrame(rows)


def vertical_table(pairs: Mapping[str, ComplexInteractions]) -> pd.DataFrame:
    """Vertical energies at the JSCH geometries beside CCSD(T)/CBS: one row a pair, kcal/mol, negative = bound."""
    known = coupled_cluster_energies()
    rows = []
    for pair, places in PAIRS.items():
        row: dict[str, object] = {
            "pair": pair,
            f"JSCH: {COUPLED_CLUSTER} (kcal/mol)": known[places[0]].interaction_energy,
        }
        if pair in pairs:
            row |= {f"{entry.method} (kcal/mol)": entry.energy for entry in pairs[pair].vertical}
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class _Complex:
    """One complex of a set: the molecule has a conformer a geometry, `energies` by level (n_geometries,) in kcal/mol.

    monomers: at their own minima; empty for vertical energies.
    """

    database: str
    index: int
    name: str
    category: str
    factors: tuple[float, ...]
    molecule: Molecule
    monomers: tuple[Molecule, ...]
    energies: Mapping[str, NDArray[np.float64]]


def _energies(method: Method, entry: _Complex) -> NDArray[np.float64]:
    """E_int (n_geometries,): vertical, or relaxed where the monomers have minima of their own."""
    if not entry.monomers:
        return interaction_energy(entry.molecule, method)
    return np.array([relaxed_interaction_energy(RelaxedComplex(entry.molecule, entry.monomers, "", ()), method)])


def _from_psi4(benchmark: InteractionSet, wanted: set[int] | None) -> list[_Complex]:
    found: list[_Complex] = []
    for database in benchmark.databases:
        for index, curve in groupby(read_database(database), key=lambda item: item.index):
            pair = _PAIR_OF.get((database, index), "")
            if (wanted is not None and index not in wanted) or (benchmark.pairs and not pair):
                continue
            items = list(curve)
            molecule = Molecule.from_rdkit(items[0].to_rdkit())
            found.append(
                _Complex(
                    database,
                    index,
                    items[0].name,
                    pair if benchmark.pairs else items[0].category,
                    tuple(item.separation_factor for item in items),
                    molecule.with_positions(np.stack([item.positions for item in items])),
                    (),
                    {COUPLED_CLUSTER: np.array([item.interaction_energy for item in items])},
                )
            )
    return sorted(found, key=lambda entry: entry.category) if benchmark.pairs else found


def _from_store(benchmark: InteractionSet, references: References) -> list[_Complex]:
    found = []
    for dimer in references.dimers:
        place = (dimer.database, dimer.index)
        chosen = place in _PAIR_OF if benchmark.pairs else dimer.database in benchmark.databases
        if not chosen or dimer.geometry != benchmark.geometry:
            continue
        energies = {level: np.array([energy]) for level, energy in dimer.interaction_energies.items()}
        exact = coupled_cluster_energies().get(place)
        known = benchmark.with_coupled_cluster or benchmark.level == COUPLED_CLUSTER
        if known and exact and dimer.geometry == "vertical":
            energies[COUPLED_CLUSTER] = np.array([exact.interaction_energy])
        if benchmark.level not in energies:
            continue
        category = exact.category if exact else ""
        found.append(
            _Complex(
                *place,
                exact.name if exact else f"{dimer.database} {dimer.index}",
                _PAIR_OF[place] if benchmark.pairs else category,
                (1.0,),
                dimer.molecule,
                dimer.monomers,
                energies,
            )
        )
    return found
