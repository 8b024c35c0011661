"""Interaction energies at wB97X-D/def2-SVP without the basis-set superposition error (Boys and Bernardi, 1970).

Every fragment is computed in the basis of the whole complex, so that it gains nothing by borrowing functions there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from virialff.units import HARTREE_IN_KCAL_MOL

if TYPE_CHECKING:
    from virialff.engines.base import Progress
    from virialff.engines.dft import DftEngine


class CounterpoiseEnergies(NamedTuple):
    """One geometry of a complex, kcal/mol."""

    complex_energy: float  #: total energy of the complex
    interaction_energy: float  #: complex minus fragments in the basis of the complex, negative = bound


def counterpoise_energies(
    engine: DftEngine, numbers: Any, fragments: Any, positions: Any, *, progress: Progress | None = None
) -> CounterpoiseEnergies:
    """Counterpoise-corrected vertical interaction energy of one geometry, with the energy of the complex.

    Parameters
    ----------
    engine : DftEngine
        A program that can compute a fragment in the basis of the complex.
    numbers : array_like, shape (n_atoms,)
        Atomic numbers.
    fragments : array_like, shape (n_atoms,)
        Index of the fragment of each atom, from 0.
    positions : array_like, shape (n_atoms, 3)
        In Angstrom.
    progress : callable, optional
        Called with the calculations done and their total: of the complex, and of every fragment.

    Returns
    -------
    CounterpoiseEnergies
        In kcal/mol.

    Raises
    ------
    EngineError
        As `DftEngine.electronic_structure`.
    """
    fragments = np.asarray(fragments)
    n_fragments = int(fragments.max()) + 1
    energies = []
    for ghosts in (None, *(fragments != index for index in range(n_fragments))):
        result = engine.electronic_structure(numbers, positions, ghosts=ghosts, settings=engine.energy_settings)
        energies.append(result.energy * HARTREE_IN_KCAL_MOL)
        if progress is not None:
            progress(len(energies), n_fragments + 1)
    return CounterpoiseEnergies(energies[0], energies[0] - sum(energies[1:]))
