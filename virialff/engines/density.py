"""What an electron density says of atoms and bonds: virial descriptors and Löwdin charges.

Virial descriptors are the electronic kinetic energy as a sum over atoms and bonds (paper, Eq. 9-12):
T = Tr(D K) = sum_ij sum_{mu on i, nu on j} D_mu,nu K_mu,nu over ordered pairs of atoms. The terms of one atom are
its own (Eq. 11); the two orders of a pair of atoms are added up, so a pair carries twice Eq. 12. Terms of pairs
without a covalent bond form the remainder, which the paper's first stage leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from virialff.errors import ShapeError

FloatArray = NDArray[np.float64]
#: How `lowdin_charges` is named in tables and label files.
LOWDIN = "Löwdin"


@dataclass(frozen=True, eq=False)
class VirialDescriptors:
    """The kinetic energy in parts, Eh. atoms + bonds + nonbonded is Tr(D K)."""

    atoms: FloatArray  #: (n_atoms,), Eq. 11
    bonds: FloatArray  #: (n_bonds,), both orders of each bond: twice Eq. 12
    nonbonded: float  #: both orders of all pairs of atoms without a bond

    @property
    def kinetic_energy(self) -> float:
        """T = Tr(D K), Eh."""
        return float(self.atoms.sum() + self.bonds.sum() + self.nonbonded)


def kinetic_energy_matrix(density: Any, kinetic: Any, ao_atoms: Any, n_atoms: int) -> FloatArray:
    """T by ordered pairs of atoms, (n_atoms, n_atoms), Eh; symmetric, its sum is Tr(D K) (Eq. 9 and 10).

    `density` D and `kinetic` K are (n_ao, n_ao) in the same non-orthogonal basis, K in Eh; `ao_atoms` (n_ao,) is the
    index of the atom that carries each basis function. Raises ShapeError for arrays that do not fit, or an index
    beyond `n_atoms`.
    """
    d, k = np.asarray(density, dtype=np.float64), np.asarray(kinetic, dtype=np.float64)
    owners = np.asarray(ao_atoms, dtype=np.int64)
    if d.ndim != 2 or d.shape != k.shape or owners.shape != (len(d),) or d.shape[0] != d.shape[1]:
        raise ShapeError(
            f"density, kinetic-energy integrals and basis map have shapes {d.shape}, {k.shape} and {owners.shape}, "
            "expected (n_ao, n_ao), (n_ao, n_ao) and (n_ao,)"
        )
    if owners.size and (owners.min() < 0 or owners.max() >= n_atoms):
        raise ShapeError(f"the basis map names atoms {owners.min()} to {owners.max()} of {n_atoms} (counted from 0)")
    on_atom = np.zeros((len(owners), n_atoms))
    on_atom[np.arange(len(owners)), owners] = 1.0
    matrix: FloatArray = on_atom.T @ (d * k) @ on_atom
    return (matrix + matrix.T) / 2.0


def virial_descriptors(density: Any, kinetic: Any, ao_atoms: Any, bonds: Any, n_atoms: int) -> VirialDescriptors:
    """Atom terms, bond terms and the non-bonded remainder of T (paper, Eq. 9-12), Eh.

    `density`, `kinetic`, `ao_atoms` as for `kinetic_energy_matrix`; `bonds` (n_bonds, 2) pairs of atom indices, each
    bond once. Raises ShapeError also for bonds that are not pairs of two atoms of the molecule, or are given twice.
    """
    pairs = np.asarray(bonds, dtype=np.int64)
    if pairs.size == 0:
        pairs = pairs.reshape(0, 2)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ShapeError(f"bonds have shape {pairs.shape}, expected (n_bonds, 2)")
    ordered = np.sort(pairs, axis=1)
    if ordered.size and (ordered.min() < 0 or ordered.max() >= n_atoms or (ordered[:, 0] == ordered[:, 1]).any()):
        raise ShapeError(f"a bond joins an atom to itself or names an atom beyond the {n_atoms} of the molecule")
    if len(np.unique(ordered, axis=0)) != len(ordered):
        raise ShapeError("a bond is given twice; each bond is one row, in either order of its atoms")
    matrix = kinetic_energy_matrix(density, kinetic, ao_atoms, n_atoms)
    atoms = np.diagonal(matrix).copy()
    rest = matrix - np.diag(atoms)
    bond_terms = 2.0 * rest[ordered[:, 0], ordered[:, 1]]
    rest[ordered[:, 0], ordered[:, 1]] = rest[ordered[:, 1], ordered[:, 0]] = 0.0
    return VirialDescriptors(atoms, bond_terms, float(rest.sum()))


def virial_ratio(energy: float, kinetic_energy: float) -> float:
    """-E/T of a total energy and a kinetic energy in the same unit.

    The virial theorem makes it 1 at equilibrium for the exact T; the non-interacting T of Kohn and Sham leaves it
    about 1 % higher (1.011 for ibuprofen at wB97X-D/def2-SVP). Raises ValueError for a T that is not positive.
    """
    if not kinetic_energy > 0.0:
        raise ValueError(f"a kinetic energy is positive, got {kinetic_energy}")
    return -energy / kinetic_energy


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
