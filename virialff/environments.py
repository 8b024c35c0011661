"""Atom environments: each atom with the atoms bonded to it, and which of them were rare in training.

An environment is written as the element with its bonds: `C(-C,-H,-H,=O)`, sorted, with - for single, = double,
# triple and : aromatic bonds. It is what the first step of message passing can tell apart, like the invariants of
Morgan fingerprints of radius 1 (Rogers, Hahn, J. Chem. Inf. Model. 50, 742 (2010)) with all hydrogens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

#: An environment in fewer training molecules than this is rare.
RARE_BELOW = 5
#: By position in topology.BOND_TYPES.
_SYMBOLS = ("-", "=", "#", ":")
_ATOMS_NAMED = 12


@dataclass(frozen=True, eq=False)
class RareAtoms:
    """How often the environment of each atom of a molecule occurred in the training of a model.

    mask: (n_atoms,), true where fewer than RARE_BELOW training molecules have the environment.
    counts: (n_atoms,), number of training molecules that have it.
    environments: of each atom, as text.
    symbols: elements of the atoms.
    """

    mask: NDArray[np.bool_]
    counts: NDArray[np.int64]
    environments: tuple[str, ...]
    symbols: tuple[str, ...]

    @property
    def any(self) -> bool:
        """Whether the molecule has a rare atom."""
        return bool(self.mask.any())

    @property
    def sentence(self) -> str:
        """What a reader must know: which atoms are rare, empty where none is. Atoms are counted from 1."""
        rare = np.flatnonzero(self.mask)
        if not len(rare):
            return ""
        named = [f"{self.symbols[atom]}{atom + 1} (in {self.counts[atom] or 'none'})" for atom in rare[:_ATOMS_NAMED]]
        if len(rare) > _ATOMS_NAMED:
            named.append(f"{len(rare) - _ATOMS_NAMED} more")
        plural = "s" if len(rare) > 1 else ""
        return (
            f"The surroundings of atom{plural} {', '.join(named)} were in fewer than {RARE_BELOW} molecules of the "
            "training: take what the model says of this molecule with care."
        )

    @property
    def table(self) -> pd.DataFrame:
        """One row an atom (from 1): atom, element, environment, training_molecules, rare."""
        return pd.DataFrame(
            {
                "atom": np.arange(1, len(self.mask) + 1),
                "element": list(self.symbols),
                "environment": list(self.environments),
                "training_molecules": self.counts,
                "rare": self.mask,
            }
        )


def atom_environments(symbols: Sequence[str], bonds: ArrayLike, bond_types: ArrayLike) -> tuple[str, ...]:
    """The environment of each atom as text.

    symbols: (n_atoms,); bonds: (n_bonds, 2) pairs of atoms from 0, each bond once; bond_types: (n_bonds,) positions in
    topology.BOND_TYPES.
    """
    partners: list[list[str]] = [[] for _ in symbols]
    for (i, j), kind in zip(np.asarray(bonds).reshape(-1, 2).tolist(), np.asarray(bond_types).tolist(), strict=True):
        partners[i].append(_SYMBOLS[kind] + symbols[j])
        partners[j].append(_SYMBOLS[kind] + symbols[i])
    return tuple(f"{symbol}({','.join(sorted(own))})" for symbol, own in zip(symbols, partners, strict=True))


def count_environments(molecules: Iterable[Iterable[str]]) -> dict[str, int]:
    """In how many molecules each environment occurs, the most frequent first; a molecule is its atoms' environments."""
    counts = Counter(environment for molecule in molecules for environment in set(molecule))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def rare_atoms(symbols: Sequence[str], bonds: ArrayLike, bond_types: ArrayLike, counts: Mapping[str, int]) -> RareAtoms:
    """Look the atoms of a molecule, given as to `atom_environments`, up in the counts of `count_environments`.

    An environment that makes a whole molecule, such as the oxygen of water, can be in one only: once is enough.
    """
    environments = atom_environments(symbols, bonds, bond_types)
    found = np.array([int(counts.get(environment, 0)) for environment in environments], dtype=np.int64)
    partners = np.bincount(np.asarray(bonds, dtype=np.int64).ravel(), minlength=len(symbols))
    to_hydrogen = np.zeros(len(symbols), dtype=np.int64)
    for pair in np.asarray(bonds, dtype=np.int64).reshape(-1, 2):
        for atom, other in (pair, pair[::-1]):
            to_hydrogen[atom] += symbols[other] == "H"
    whole = (to_hydrogen == partners) & (np.array(symbols) != "H")
    return RareAtoms(found < np.where(whole, 1, RARE_BELOW), found, environments, tuple(symbols))
