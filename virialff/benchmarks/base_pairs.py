"""The Watson-Crick pairs A-T and G-C, vertical, at the geometries and CCSD(T)/CBS energies of JSCH-2005 and S22.

The paper's table gives 12.4 and 25.4 kcal/mol as references, with monomers relaxed (Eq. 25). Those are other
quantities than the vertical energies here, by the deformation of the monomers, so they stand in `PAPER`, not in a
column beside them.
"""

from collections.abc import Mapping

import pandas as pd

from virialff.benchmarks.interaction_sets import InteractionResult, Progress, evaluate
from virialff.datasets.psi4_databases import ReferenceComplex, read_database
from virialff.engines import Engine
from virialff.forcefield import Model
from virialff.interactions import InteractionMethod

REFERENCE_LEVEL = "CCSD(T)/CBS"
#: Relaxed interaction energies of the paper's table (kcal/mol, Eq. 25).
PAPER = pd.DataFrame(
    {"reference": [12.4, 25.4], "model": [14.8, 30.5], "ANI": [10.7, 17.2], "GFN2-xTB": [16.1, 29.2]},
    index=["A-T", "G-C"],
)
_PAIRS = {"A-T": (("JSCH", 3), ("S22", 7)), "G-C": (("JSCH", 1),)}


class BasePairResult(InteractionResult):
    """Vertical interaction energies of A-T (JSCH and S22 geometries) and G-C (JSCH); `category` is the pair."""


def run_base_pairs(
    methods: Mapping[str, "Engine | Model | InteractionMethod"], *, progress: Progress | None = None
) -> BasePairResult:
    """Both pairs with every method, given as in `run_s66`; the same errors."""
    tables: list[pd.DataFrame] = []
    reasons: dict[tuple[str, int], str] = {}
    levels: dict[str, str] = {}
    entries = [(pair, place) for pair, places in _PAIRS.items() for place in places]
    for done, (pair, (database, index)) in enumerate(entries, start=1):
        result = evaluate([_entry(database, index)], methods, reference_level=REFERENCE_LEVEL)
        tables.append(result.table.assign(category=pair))
        reasons.update(result.reasons)
        levels.update(result.levels)
        if progress is not None:
            progress(done, len(entries))
    return BasePairResult(pd.concat(tables, ignore_index=True), tuple(methods), REFERENCE_LEVEL, levels, reasons)


def _entry(database: str, index: int) -> ReferenceComplex:
    return next(item for item in read_database(database) if item.index == index)
