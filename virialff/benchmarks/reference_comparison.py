"""The reference dimers against counterpoise-corrected DFT: Fig. 8 and 9 of the paper.

Vertical energies belong to the geometries of the sets, where CCSD(T) is known (Fig. 8); relaxed ones (Eq. 25) to
complexes and monomers that GFN2-xTB relaxed, as in Fig. 9 of the paper.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from virialff.benchmarks.coupled_cluster import LEVEL as COUPLED_CLUSTER
from virialff.benchmarks.coupled_cluster import coupled_cluster_energies
from virialff.benchmarks.interaction_sets import InteractionResult, Progress
from virialff.benchmarks.reference_data import DimerReference, References
from virialff.errors import EvaluationSetError, MoleculeError
from virialff.interactions.energies import RelaxedComplex, relaxed_interaction_energy
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule

Geometry = Literal["vertical", "relaxed"]
MODEL = "model"
REFERENCE = "wB97X-D/def2-SVP"
#: Largest difference of interatomic distances (Angstrom) of two geometries that are the same.
_SAME_DISTANCES = 0.02


def reference_comparison(
    references: References, model: Model, geometry: Geometry, *, progress: Progress | None = None
) -> InteractionResult:
    """Interaction energies (kcal/mol) of all dimers of one kind of geometry that have a DFT energy.

    `reference` is DFT with counterpoise correction; the methods are the model, what the references hold beside it
    (GFN2-xTB, ANI) and, at vertical geometries, CCSD(T) where it is known. A method that lacks a dimer is NaN there.

    Raises EvaluationSetError where there is no such dimer.
    """
    dimers = [
        dimer
        for dimer in sort_dimers(references.dimers)
        if dimer.geometry == geometry and REFERENCE in dimer.interaction_energies
    ]
    if not dimers:
        raise EvaluationSetError(f"the references hold no {geometry} dimer at {REFERENCE} yet")
    known = coupled_cluster_energies()
    rows, reasons = [], {}
    for done, dimer in enumerate(dimers, start=1):
        exact = known.get((dimer.database, dimer.index))
        energies = {short_level(level): energy for level, energy in dimer.interaction_energies.items()}
        row: dict[str, object] = {
            "set": dimer.database,
            "index": dimer.index,
            "name": exact.name if exact else f"{dimer.database} {dimer.index}",
            "category": exact.category if exact else "",
            "separation_factor": 1.0,
            "reference": energies.pop(REFERENCE),
        }
        try:
            row[MODEL] = model_energy(model, dimer)
        except MoleculeError as error:
            row[MODEL] = np.nan
            reasons[MODEL, dimer.index] = str(error)
        row |= energies
        if geometry == "vertical" and exact is not None:
            row[COUPLED_CLUSTER] = exact.interaction_energy
        rows.append(row)
        if progress is not None:
            progress(done, len(dimers))
    table = pd.DataFrame(rows)
    first = ("set", "index", "name", "category", "separation_factor", "reference")
    methods = tuple(str(name) for name in table.columns if name not in first)
    return InteractionResult(table, methods, f"{REFERENCE}, counterpoise-corrected", {}, reasons)


def model_energy(model: Model, dimer: DimerReference) -> float:
    """E_int (kcal/mol) of a model for a reference dimer: vertical, or relaxed at the GFN2-xTB minima (Eq. 25).

    Raises UnsupportedElementError for an element that the model was not trained on.
    """
    if dimer.geometry == "vertical":
        return float(model.force_field(dimer.molecule).interaction_energy(dimer.molecule.positions)[0])
    relaxed = RelaxedComplex(dimer.molecule, dimer.monomers, "GFN2-xTB", ())
    return relaxed_interaction_energy(relaxed, model)


def short_level(level: str) -> str:
    """The level of theory without its bracket: "ANI-2x" of "ANI-2x (trained on ...)"."""
    return level.partition(" (")[0]


def sort_dimers(dimers: tuple[DimerReference, ...]) -> list[DimerReference]:
    """By set, number and geometry."""
    return sorted(dimers, key=lambda dimer: (dimer.database, dimer.index, dimer.geometry))


def find_dimer(references: References, molecule: Molecule) -> DimerReference | None:
    """The reference dimer at the geometry of the molecule's first conformer, in the same order; None if there is none.

    Orientation does not matter; interatomic distances agree within 0.02 Angstrom.
    """
    if not molecule.n_conformers:
        return None
    for dimer in references.dimers:
        if np.array_equal(dimer.molecule.numbers, molecule.numbers):
            difference = _distances(dimer.molecule.positions[0]) - _distances(molecule.positions[0])
            if np.abs(difference).max() < _SAME_DISTANCES:
                return dimer
    return None


def _distances(positions: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(positions[:, None] - positions[None], axis=-1))
