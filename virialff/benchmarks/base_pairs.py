"""The Watson-Crick pairs A-T and G-C, vertical and relaxed.

Vertical: at the geometries and beside the CCSD(T)/CBS energies of JSCH-2005 and S22. Relaxed (Eq. 25): the quantity of
the paper's table (`PAPER`, whose references are 12.4 and 25.4 kcal/mol). The two differ by the deformation of the
monomers, so the paper's numbers never stand beside the vertical ones.
"""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from virialff.benchmarks.coupled_cluster import coupled_cluster_energies
from virialff.benchmarks.interaction_sets import InteractionResult, Progress, evaluate
from virialff.benchmarks.psi4_databases import ReferenceComplex, read_database
from virialff.benchmarks.relaxed import RelaxedResult, run_relaxed
from virialff.engines import Engine
from virialff.interactions.complexes import ComplexInteractions
from virialff.interactions.energies import InteractionMethod
from virialff.methods.energy_functions import EnergyFunction
from virialff.models.force_field import Model

REFERENCE_LEVEL = "CCSD(T)/CBS"
#: Relaxed interaction energies of the paper's table (kcal/mol, Eq. 25).
PAPER = pd.DataFrame(
    {"reference": [12.4, 25.4], "model": [14.8, 30.5], "ANI": [10.7, 17.2], "GFN2-xTB": [16.1, 29.2]},
    index=["A-T", "G-C"],
)
PAIRS = {"A-T": (("JSCH", 3), ("S22", 7)), "G-C": (("JSCH", 1),)}


def paper_table(pairs: Mapping[str, ComplexInteractions]) -> pd.DataFrame:
    """The paper's table (relaxed, Eq. 25) with our columns: one row a pair, energies in kcal/mol, positive = bound."""
    rows = []
    for pair, paper in PAPER.iterrows():
        row: dict[str, object] = {"pair": pair, "paper: reference (kcal/mol)": paper["reference"]}
        row |= {f"paper: {name} (kcal/mol)": paper[name] for name in ("model", "ANI", "GFN2-xTB")}
        if pair in pairs:
            row |= {f"ours: {entry.method} (kcal/mol)": entry.energy for entry in pairs[str(pair)].relaxed}
        rows.append(row)
    return pd.DataFrame(rows)


def vertical_table(pairs: Mapping[str, ComplexInteractions]) -> pd.DataFrame:
    """Vertical energies at the JSCH geometries beside CCSD(T)/CBS: one row a pair, kcal/mol, positive = bound."""
    known = coupled_cluster_energies()
    rows = []
    for pair, places in PAIRS.items():
        row: dict[str, object] = {
            "pair": pair,
            f"JSCH: {REFERENCE_LEVEL} (kcal/mol)": known[places[0]].interaction_energy,
        }
        if pair in pairs:
            row |= {f"{entry.method} (kcal/mol)": entry.energy for entry in pairs[pair].vertical}
        rows.append(row)
    return pd.DataFrame(rows)


class BasePairResult(InteractionResult):
    """Vertical interaction energies of A-T (JSCH and S22 geometries) and G-C (JSCH); `category` is the pair."""


def run_base_pairs(
    methods: Mapping[str, "Engine | Model | InteractionMethod"], *, progress: Progress | None = None
) -> BasePairResult:
    """Both pairs with every method, given as in `run_s66`; the same errors."""
    tables: list[pd.DataFrame] = []
    reasons: dict[tuple[str, int], str] = {}
    levels: dict[str, str] = {}
    entries = [(pair, place) for pair, places in PAIRS.items() for place in places]
    for done, (pair, (database, index)) in enumerate(entries, start=1):
        result = evaluate([_entry(database, index)], methods, reference_level=REFERENCE_LEVEL)
        tables.append(result.table.assign(category=pair))
        reasons.update(result.reasons)
        levels.update(result.levels)
        if progress is not None:
            progress(done, len(entries))
    return BasePairResult(pd.concat(tables, ignore_index=True), tuple(methods), REFERENCE_LEVEL, levels, reasons)


def run_relaxed_base_pairs(
    methods: "Mapping[str, Engine | Model | EnergyFunction]",
    geometry_engine: Engine,
    *,
    progress: Progress | None = None,
) -> RelaxedResult:
    """Relaxed interaction energies of both pairs, from JSCH geometries; `category` is the pair. As `run_relaxed`."""
    starts = [_entry(*places[0]) for places in PAIRS.values()]
    result = run_relaxed(starts, methods, geometry_engine, progress=progress)
    return replace(result, table=result.table.assign(category=list(PAIRS)))


def _entry(database: str, index: int) -> ReferenceComplex:
    return next(item for item in read_database(database) if item.index == index)
