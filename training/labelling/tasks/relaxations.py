"""Labels along a relaxation at GFN2-xTB: its minimum and geometries on the way."""

import time
from collections.abc import Sequence

import numpy as np

from training.labelling.config import FlexibleConfig, QmugsRowsConfig
from training.labelling.structures.geometries import MINIMUM_GFN2, FloatArray
from training.labelling.tasks.gfn2 import add_geometry, minimized
from training.labelling.tasks.single_points import Rows
from virialff.conformers.relax import Minimum
from virialff.errors import EngineError
from virialff.molecules.changes import changes
from virialff.molecules.molecule import Molecule

#: How the geometry of a row was made: it is on the way of a relaxation.
STEP = "relaxation_step"


def add_relaxation(
    rows: Rows, molecule: Molecule, start: FloatArray, settings: FlexibleConfig | QmugsRowsConfig, kept_steps: int
) -> Minimum | None:
    """Add the rows of a relaxation from `start` (n_atoms, 3), Angstrom: `kept_steps` of its geometries, then its end.

    Returns the minimum with its positions as they are stored and the energy there, or None where it ended elsewhere. A
    relaxation that fails, or changes more than coordinates, is one row with the reason.
    """
    began = time.perf_counter()
    steps: list[Minimum] = []
    try:
        end = minimized(molecule, start, settings.max_evaluations, settings.gradient_norm, on_step=steps.append)
    except EngineError as error:
        add_failure(rows, str(error), start, time.perf_counter() - began)
        return None
    seconds = time.perf_counter() - began
    found = changes(molecule, start, end.positions)
    if found:
        add_failure(rows, f"while relaxing, {found[0]}", start, seconds)
        return None
    for step in chosen_steps(steps[:-1], kept_steps, settings.gradient_norm):
        add_geometry(rows, molecule, "displaced", STEP, step.positions)
    kind, detail = ("minimum", MINIMUM_GFN2) if end.converged else ("displaced", STEP)
    add_geometry(rows, molecule, kind, detail, end.positions, seconds)
    row = rows.labels[-1]
    if not end.converged or row.positions is None or row.energy is None:
        return None
    return end._replace(positions=row.positions, energy=row.energy)


def add_failure(rows: Rows, reason: str, positions: FloatArray | None = None, seconds: float = 0.0) -> None:
    """Add the row that says why a relaxation gave no minimum; `positions` (n_atoms, 3), Angstrom, are its start."""
    rows.put(kind="minimum", detail=MINIMUM_GFN2, positions=positions, seconds=seconds, failure=reason)


def chosen_steps(steps: Sequence[Minimum], count: int, gradient_norm: float) -> list[Minimum]:
    """`count` of the steps from first to last, as evenly spaced in energy as they are; none close to a minimum."""
    away = [step for step in steps if step.largest_force > 2.0 * gradient_norm]
    if len(away) <= count:
        return away
    drop = np.array([away[0].energy - step.energy for step in away])
    # Most of the energy goes in the first steps: even in its square root, so that both ends are there.
    scale = np.sqrt(np.maximum(drop, 0.0))
    wanted = np.linspace(scale[0], scale[-1], count)
    return [away[index] for index in sorted({int(np.abs(scale - value).argmin()) for value in wanted})]
