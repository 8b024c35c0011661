"""Atom environments: each atom with the atoms bonded to it, which of them were rare in training, and which bonds new.

An environment is written as the element with its bonds: `C(-C,-H,-H,=O)`, sorted, with - for single, = double,
# triple and : aromatic bonds. It is what the first step of message passing can tell apart, like the invariants of
Morgan fingerprints of radius 1 (Rogers, Hahn, J. Chem. Inf. Model. 50, 742 (2010)) with all hydrogens. A bond between
heavy atoms is written as the environments that it joins, with its symbol between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from virialff.molecules.kinds import parts_of
from virialff.molecules.zwitterions import Zwitterion

#: An environment in fewer training molecules than this is rare.
RARE_BELOW = 5
#: By position in topology.BOND_TYPES.
_SYMBOLS = ("-", "=", "#", ":")
_ATOMS_NAMED = 12


#: Names of the fields of `kinds.Parts` in sentences.
_PART_NAMES = {"rotatable_bonds": "rotatable bond", "ring_systems": "ring system", "contacts": "contact"}


class NewPart(NamedTuple):
    """A rotatable bond, ring system or contact of a kind that no training molecule has: its atoms are from 0."""

    what: str
    atoms: tuple[int, ...]
    kind: str


@dataclass(frozen=True, eq=False)
class RareAtoms:
    """How often the environment of each atom of a molecule occurred in the training of a model.

    mask: (n_atoms,), true where fewer than RARE_BELOW training molecules have the environment, at both ends of a
        new bond and of a proton that belongs elsewhere, and in every new part.
    counts: (n_atoms,), number of training molecules that have it.
    environments: of each atom, as text.
    symbols: elements of the atoms.
    new_bonds: pairs of atoms, from 0, whose environments are bonded to each other in no training molecule.
    new_parts: rotatable bonds, ring systems and contacts of kinds that are in no training molecule.
    zwitterion: which protons belong elsewhere, where the molecule is drawn as one.
    """

    mask: NDArray[np.bool_]
    counts: NDArray[np.int64]
    environments: tuple[str, ...]
    symbols: tuple[str, ...]
    new_bonds: tuple[tuple[int, int], ...] = ()
    new_parts: tuple[NewPart, ...] = ()
    zwitterion: Zwitterion | None = None

    @property
    def outside(self) -> NDArray[np.bool_]:
        """(n_atoms,): atoms whose environment no training molecule has, and those of a zwitterion."""
        return self.mask & ((self.counts == 0) | self._in_zwitterion)

    @property
    def any(self) -> bool:
        """Whether the molecule has a rare atom, a new bond or another new part."""
        return bool(self.mask.any())

    @property
    def sentence(self) -> str:
        """What a reader must know: what is rare or new, empty where nothing is. Atoms are counted from 1."""
        return " ".join(filter(None, (self._misplaced_protons(), self._rare_or_new())))

    def _misplaced_protons(self) -> str:
        if self.zwitterion is None:
            return ""
        donors, acceptors, neutral = self.zwitterion
        moves = [f"from {self._name(i)} to {self._name(j)}" for i, j in zip(donors, acceptors, strict=True)]
        moved = f"the proton moved {moves[0]}" if len(moves) == 1 else f"protons moved {_cut(moves)}"
        return (
            f"It is drawn as a zwitterion. In the gas phase, where all methods here compute, the form with {moved} is "
            f"the stable one, and relaxing may lead there: draw {neutral}."
        )

    def _rare_or_new(self) -> str:
        ends = {atom for part in (*self.new_bonds, *(part.atoms for part in self.new_parts)) for atom in part}
        # The atoms of what is named below are named with it, unless they are rare by themselves.
        ends |= set(np.flatnonzero(self._in_zwitterion).tolist())
        rare = [int(atom) for atom in np.flatnonzero(self.mask) if atom not in ends or self._few(int(atom))]
        said = []
        if rare:
            named = [f"{self._name(atom)} (in {self.counts[atom] or 'none'})" for atom in rare]
            plural = "s" if len(rare) > 1 else ""
            said.append(
                f"The surroundings of atom{plural} {_cut(named)} were in fewer than {RARE_BELOW} molecules of the "
                "training"
            )
        if self.new_bonds:
            named = [f"{self._name(i)}-{self._name(j)}" for i, j in self.new_bonds]
            which = f"bonds {_cut(named)} join" if len(named) > 1 else f"bond {named[0]} joins"
            said.append(f"{'the' if said else 'The'} {which} groups that no molecule of the training joins")
        for what in dict.fromkeys(part.what for part in self.new_parts):
            named = [self._part(part) for part in self.new_parts if part.what == what]
            which = f"{what}s {_cut(named)} are of kinds" if len(named) > 1 else f"{what} {named[0]} is of a kind"
            said.append(f"{'the' if said else 'The'} {which} that nothing in the training has")
        return f"{'; '.join(said)}: take what the model says of this molecule with care." if said else ""

    def _part(self, part: NewPart) -> str:
        names = [self._name(atom) for atom in part.atoms]
        return "-".join(names) if len(names) == 2 else f"of {', '.join(names[:-1])} and {names[-1]}"

    @property
    def _in_zwitterion(self) -> NDArray[np.bool_]:
        found = np.zeros(len(self.mask), dtype=bool)
        if self.zwitterion is not None:
            found[[*self.zwitterion.donors, *self.zwitterion.acceptors]] = True
        return found

    def _few(self, atom: int) -> bool:
        return bool(self.counts[atom] < RARE_BELOW)

    def _name(self, atom: int) -> str:
        return f"{self.symbols[atom]}{atom + 1}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON, atoms counted from 0: atoms, new_bonds, new_parts (what, atoms, kind), zwitterion and sentence.

        zwitterion has the donors and acceptors of protons and the SMILES of the neutral form, or is None.
        """
        return {
            "atoms": np.flatnonzero(self.mask).tolist(),
            "new_bonds": [list(bond) for bond in self.new_bonds],
            "new_parts": [part._asdict() for part in self.new_parts],
            "zwitterion": None if self.zwitterion is None else self.zwitterion._asdict(),
            "sentence": self.sentence,
        }

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


def bond_environments(environments: Sequence[str], bonds: ArrayLike, bond_types: ArrayLike) -> tuple[str | None, ...]:
    """The two environments that each bond joins as text, such as `C(#N,-C)-C(#N,-C)`; None for a bond of hydrogen.

    environments: those of `atom_environments`, whose other arguments these are. What hydrogen is bonded to stands in
    its own environment.
    """
    pairs = zip(np.asarray(bonds).reshape(-1, 2).tolist(), np.asarray(bond_types).tolist(), strict=True)
    return tuple(
        None if any(end.startswith("H(") for end in ends) else _SYMBOLS[kind].join(ends)
        for ends, kind in ((sorted((environments[i], environments[j])), kind) for (i, j), kind in pairs)
    )


def count_environments(molecules: Iterable[Iterable[str]]) -> dict[str, int]:
    """In how many molecules each environment occurs, the most frequent first; a molecule is its atoms' environments."""
    counts = Counter(environment for molecule in molecules for environment in set(molecule))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def rare_atoms(
    symbols: Sequence[str],
    bonds: ArrayLike,
    bond_types: ArrayLike,
    counts: Mapping[str, int],
    known_bonds: Iterable[str] | None = None,
    known_parts: Mapping[str, Mapping[str, int]] | None = None,
    positions: ArrayLike | None = None,
    *,
    zwitterion: Zwitterion | None = None,
) -> RareAtoms:
    """Look the atoms of a molecule, given as to `atom_environments`, up in the counts of `count_environments`.

    known_bonds: the `bond_environments` of the training molecules; without them no bond is looked up.
    known_parts: counts of the kinds of parts in the training by the names of the fields of `kinds.Parts`; a field that
    is missing is not looked up. positions: (n_conformers, n_atoms, 3) Angstrom, by which contacts are found.
    zwitterion: what `zwitterions.zwitterion` found; its atoms are marked.

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
    mask = found < np.where(whole, 1, RARE_BELOW)
    new: tuple[tuple[int, int], ...] = ()
    if known_bonds is not None:
        known = {None, *known_bonds}
        texts = bond_environments(environments, bonds, bond_types)
        joined = zip(np.asarray(bonds).reshape(-1, 2).tolist(), texts, strict=True)
        new = tuple((i, j) for (i, j), text in joined if text not in known)
        mask[[atom for bond in new for atom in bond]] = True
    parts = _new_parts(symbols, bonds, bond_types, known_parts, positions) if known_parts else ()
    mask[[atom for part in parts for atom in part.atoms]] = True
    if zwitterion is not None:
        mask[[*zwitterion.donors, *zwitterion.acceptors]] = True
    return RareAtoms(mask, found, environments, tuple(symbols), new, parts, zwitterion)


def _new_parts(
    symbols: Sequence[str],
    bonds: ArrayLike,
    bond_types: ArrayLike,
    known: Mapping[str, Mapping[str, int]],
    positions: ArrayLike | None,
) -> tuple[NewPart, ...]:
    found = parts_of(symbols, bonds, bond_types, positions if "contacts" in known else None)
    return tuple(
        NewPart(what, part.atoms, part.kind)
        for name, what in _PART_NAMES.items()
        if name in known
        for part in getattr(found, name)
        if part.kind not in known[name]
    )


def _cut(names: list[str]) -> str:
    more = [f"{len(names) - _ATOMS_NAMED} more"] if len(names) > _ATOMS_NAMED else []
    return ", ".join(names[:_ATOMS_NAMED] + more)
