"""Atomic charges from a density matrix in a non-orthogonal basis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from virialff.errors import ShapeError

#: How `lowdin_charges` is named in tables and label files.
LOWDIN = "Löwdin"


def lowdin_charges(density: Any, overlap: Any, ao_atoms: Any, nuclear_charges: Any) -> NDArray[np.float64]:
    """Löwdin charges Z_i - sum_{mu on i} (S^1/2 D S^1/2)_mu,mu, (n_atoms,), e (Löwdin, J. Chem. Phys. 1950, 18, 365).

    `density` D and `overlap` S are (n_ao, n_ao) in the same basis, `ao_atoms` (n_ao,) the index of the atom of each
    function, `nuclear_charges` (n_atoms,), 0 for a ghost. Raises ShapeError for arrays that do not fit.
    """
    d, s = np.asarray(density, dtype=np.float64), np.asarray(overlap, dtype=np.float64)
    owners, nuclei = np.asarray(ao_atoms, dtype=np.int64), np.asarray(nuclear_charges, dtype=np.float64)
    if d.ndim != 2 or d.shape != s.shape or owners.shape != (len(d),) or d.shape[0] != d.shape[1]:
        raise ShapeError(
            f"density, overlap and basis map have shapes {d.shape}, {s.shape} and {owners.shape}, "
            "expected (n_ao, n_ao), (n_ao, n_ao) and (n_ao,)"
        )
    if owners.size and (owners.min() < 0 or owners.max() >= len(nuclei)):
        raise ShapeError(f"the basis map names atoms {owners.min()} to {owners.max()} of {len(nuclei)} (from 0)")
    values, vectors = np.linalg.eigh(s)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    populations = np.einsum("ij,jk,ki->i", root, d, root, optimize=True)
    return nuclei - np.bincount(owners, weights=populations, minlength=len(nuclei))
