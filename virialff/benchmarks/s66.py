"""S66 and S66x8: interaction energies against CCSD(T)/CBS at the reference's own geometries (vertical).

Rezac, Riley, Hobza, J. Chem. Theory Comput. 7, 2427 (2011), in the values that psi4-data ships. The paper's Fig. 8
and 9 compare with counterpoise-corrected DFT instead, Fig. 9 at relaxed geometries.
"""

from collections.abc import Iterable, Mapping

from virialff.benchmarks.interaction_sets import InteractionResult, Progress, evaluate
from virialff.benchmarks.psi4_databases import ReferenceComplex, read_database
from virialff.engines import Engine
from virialff.errors import EvaluationSetError
from virialff.interactions.energies import InteractionMethod
from virialff.models.force_field import Model

REFERENCE_LEVEL = "CCSD(T)/CBS"


class S66Result(InteractionResult):
    """Interaction energies of S66 (one geometry a complex) or S66x8 (eight a complex)."""


def run_s66(
    methods: Mapping[str, "Engine | Model | InteractionMethod"],
    *,
    indices: Iterable[int] | None = None,
    progress: Progress | None = None,
) -> S66Result:
    """The 66 complexes, or those of `indices` (counted from 1), with every method.

    methods: by the name of their column: an engine, a model, or a function (complex, positions) -> E_int in kcal/mol.

    Raises EvaluationSetError without psi4-data or for an index that does not exist, EngineError for an engine that
    cannot compute here.
    """
    return _run("S66", methods, indices, progress)


def run_s66x8(
    methods: Mapping[str, "Engine | Model | InteractionMethod"],
    *,
    indices: Iterable[int] | None = None,
    progress: Progress | None = None,
) -> S66Result:
    """As `run_s66` at 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5 and 2.0 times the equilibrium distance."""
    return _run("S66x8", methods, indices, progress)


def _run(
    database: str,
    methods: Mapping[str, "Engine | Model | InteractionMethod"],
    indices: Iterable[int] | None,
    progress: Progress | None,
) -> S66Result:
    complexes = _chosen(read_database(database), indices)
    result = evaluate(complexes, methods, reference_level=REFERENCE_LEVEL, progress=progress)
    return S66Result(result.table, result.methods, result.reference_level, result.levels, result.reasons)


def _chosen(complexes: tuple[ReferenceComplex, ...], indices: Iterable[int] | None) -> list[ReferenceComplex]:
    if indices is None:
        return list(complexes)
    wanted = set(indices)
    unknown = sorted(wanted - {item.index for item in complexes})
    if unknown:
        raise EvaluationSetError(
            f"{complexes[0].database} has no complex {unknown[0]}: they are numbered from 1 to 66."
        )
    return [item for item in complexes if item.index in wanted]
