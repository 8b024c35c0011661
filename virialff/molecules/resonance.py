"""Bond orders that do not depend on the Kekule or charge-separated form in which a molecule was given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from rdkit import Chem

from virialff.molecules import rdkit_log
from virialff.molecules.aromaticity import set_aromaticity
from virialff.molecules.lewis import Lewis, lewis_structure
from virialff.molecules.rdkit_items import bonds_of
from virialff.molecules.topology import fragment_indices

BOND_TYPES = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
DELOCALISED = 1.5


class Bonding(NamedTuple):
    """One Lewis structure of a molecule or complex, and the orders that all its Lewis structures share.

    kekule_orders: 1, 2 or 3, (n_bonds,) int64. charges: formal charges, (n_atoms,) int64.
    orders: 1, 2, 3, and 1.5 for aromatic and delocalised bonds, (n_bonds,) float64.
    """

    kekule_orders: np.ndarray
    charges: np.ndarray
    orders: np.ndarray


def resonance_bonding(
    numbers: np.ndarray, bonds: np.ndarray, *, allowed: Sequence[tuple[int, ...]] | None = None
) -> Bonding | None:
    """Bonding of neutral closed-shell fragments from elements and connectivity, or None where a fragment has none.

    A bond counts as 1.5 if RDKit's model calls it aromatic or if its order differs between equally good Lewis
    structures (nitro, carboxylate and guanidinium groups, conjugated rings without aromaticity). Equivalent bonds
    get equal orders, and the result follows a renumbering of the atoms.

    numbers: (n_atoms,). bonds: (n_bonds, 2), atoms from 0. allowed: the orders that each bond may have.
    """
    numbers, bonds = np.asarray(numbers, dtype=np.int64), np.asarray(bonds, dtype=np.int64)
    kekule = np.ones(len(bonds), dtype=np.int64)
    charges = np.zeros(len(numbers), dtype=np.int64)
    orders = np.ones(len(bonds))
    fragments = fragment_indices(len(numbers), bonds)
    bond_fragments = fragments[bonds[:, 0]] if len(bonds) else np.zeros(0, dtype=np.int64)
    for fragment in range(int(fragments.max()) + 1):
        atoms = np.flatnonzero(fragments == fragment)
        chosen = np.flatnonzero(bond_fragments == fragment)
        local = np.searchsorted(atoms, bonds[chosen])
        if allowed is None:
            found = _free_bonding(numbers[atoms].tobytes(), local.tobytes())
        else:
            found = _fragment_bonding(numbers[atoms], local, [allowed[int(bond)] for bond in chosen])
        if found is None:
            return None
        kekule[chosen], charges[atoms], orders[chosen] = found
    return Bonding(kekule, charges, orders)


def pinned_bonding(numbers: np.ndarray, bonds: np.ndarray, orders: np.ndarray) -> Bonding | None:
    """Kekule orders and charges that agree with given orders 1, 2, 3, 1.5, or None; N with five bonds is corrected."""
    sums = np.zeros(len(numbers))
    np.add.at(sums, bonds.ravel(), np.repeat(orders, 2))
    free = (orders == DELOCALISED) | ((numbers[bonds] == 7) & (sums[bonds] >= 5)).any(axis=1)
    allowed = [(1, 2, 3) if is_free else (int(order),) for is_free, order in zip(free, orders, strict=True)]
    return resonance_bonding(numbers, bonds, allowed=allowed)


@lru_cache(maxsize=512)
def _free_bonding(numbers: bytes, bonds: bytes) -> Bonding | None:
    """Bonding of a fragment given as bytes of int64 arrays; conformers and equal molecules of a complex share it."""
    return _fragment_bonding(np.frombuffer(numbers, np.int64), np.frombuffer(bonds, np.int64).reshape(-1, 2), None)


def _fragment_bonding(
    numbers: np.ndarray, bonds: np.ndarray, allowed: Sequence[tuple[int, ...]] | None
) -> Bonding | None:
    if len(bonds) < len(numbers):
        lewis = lewis_structure(numbers, bonds, allowed=allowed)
        return None if lewis is None else _without_rings(lewis)
    # The choice among equal structures is made in canonical numbering, so that it does not follow the atom order.
    skeleton = rdkit_mol(numbers, bonds, np.ones(len(bonds), dtype=np.int64), np.zeros_like(numbers))
    rank = np.array(Chem.CanonicalRankAtoms(skeleton, breakTies=True, includeChirality=False))
    order = np.argsort(rank)
    moved = np.sort(rank[bonds], axis=1)
    bond_order = np.lexsort((moved[:, 1], moved[:, 0]))
    permitted = None if allowed is None else [allowed[int(bond)] for bond in bond_order]
    lewis = lewis_structure(numbers[order], moved[bond_order], allowed=permitted)
    if lewis is None:
        return None
    canonical = rdkit_mol(numbers[order], moved[bond_order], lewis.orders, lewis.charges)
    set_aromaticity(canonical)
    aromatic = np.array([bond.GetIsAromatic() for bond in bonds_of(canonical)], dtype=bool)
    orders = np.where(aromatic | lewis.delocalised, DELOCALISED, lewis.orders)
    back = np.argsort(bond_order)
    return Bonding(lewis.orders[back], lewis.charges[rank], orders[back])


def _without_rings(lewis: Lewis) -> Bonding:
    return Bonding(lewis.orders, lewis.charges, np.where(lewis.delocalised, DELOCALISED, lewis.orders))


def rdkit_mol(numbers: np.ndarray, bonds: np.ndarray, orders: np.ndarray, charges: np.ndarray) -> Chem.Mol:
    """An RDKit molecule with rings and valences perceived, not sanitised; bonds in the given order."""
    mol = Chem.RWMol()
    for number, charge in zip(numbers.tolist(), charges.tolist(), strict=True):
        atom = Chem.Atom(number)
        atom.SetNoImplicit(True)
        atom.SetFormalCharge(charge)
        mol.AddAtom(atom)
    for (i, j), order in zip(bonds.tolist(), orders.tolist(), strict=True):
        mol.AddBond(i, j, BOND_TYPES[order])
    with rdkit_log.captured():
        mol.UpdatePropertyCache(strict=False)
        Chem.GetSymmSSSR(mol)
    return mol.GetMol()
