"""Kinds of rotatable bonds, ring systems and contacts of a molecule or complex as text, to be counted and looked up.

An atom is written as its element and number of neighbors, with `a` where it is aromatic and `u` where it has another
multiple bond: C3u is the carbon of a carbonyl group. A halogen or hydrogen is its element alone.

A rotatable bond is its two ends with the smallest ring of each and what is bonded to them, hydrogen, carbon or another
element X: `C3u(H,Xu)-N3(C,H)` is the amide bond of N-methylformamide. A ring system is the elements of each of its
rings with the number of aromatic and unsaturated atoms, smallest ring first: `C4N1a5/C6a6` is indole. A contact is two
atoms of different molecules, `H(O)...O1u(C)`: an atom with one neighbor names it, since that decides what it binds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from virialff.elements import ATOMIC_NUMBERS, ELEMENTS, VAN_DER_WAALS_RADII
from virialff.molecules.rings import ring_systems, smallest_rings
from virialff.molecules.topology import BOND_TYPES, fragment_indices

_SINGLE, _AROMATIC, _TRIPLE = (BOND_TYPES.index(name) for name in ("single", "aromatic", "triple"))
_PLAIN = ("H", "F", "Cl", "Br")
_MARKS = "au"
_LARGEST_NAMED_RING = 6
#: Atoms of different molecules touch up to this much beyond the sum of their van der Waals radii, Angstrom.
REACH = 0.3
_RADII = {symbol: VAN_DER_WAALS_RADII[number] for symbol, number in zip(ELEMENTS, ATOMIC_NUMBERS, strict=True)}


class Part(NamedTuple):
    """A rotatable bond, ring system or contact: its atoms (from 0) and its kind."""

    atoms: tuple[int, ...]
    kind: str


class Parts(NamedTuple):
    """What of a molecule or complex is looked up beyond its atoms and bonds; each kind of contact once."""

    rotatable_bonds: tuple[Part, ...]
    ring_systems: tuple[Part, ...]
    contacts: tuple[Part, ...]


def parts_of(
    symbols: Sequence[str], bonds: ArrayLike, bond_types: ArrayLike, positions: ArrayLike | None = None
) -> Parts:
    """The parts of a molecule or complex.

    symbols: (n_atoms,); bonds: (n_bonds, 2) pairs of atoms from 0, each bond once; bond_types: (n_bonds,) positions in
    topology.BOND_TYPES; positions: (n_conformers, n_atoms, 3) Angstrom, without which no contact is known.
    """
    graph = _Graph(symbols, np.asarray(bonds, dtype=np.int64).reshape(-1, 2), np.asarray(bond_types, dtype=np.int64))
    contacts = () if positions is None else _contacts(graph, np.asarray(positions, dtype=np.float64))
    return Parts(_rotatable_bonds(graph), _ring_systems(graph), contacts)


#: Up to this number of molecules a kind is counted.
COUNTED_TO = 5


def pack_counts(counts: Mapping[str, int]) -> dict[str, str]:
    """Counts of kinds as a model's card has them: by count, COUNTED_TO for any larger one, the kinds in one text."""
    by_count: dict[int, list[str]] = defaultdict(list)
    for kind, count in counts.items():
        by_count[min(count, COUNTED_TO)].append(kind)
    return {str(count): " ".join(sorted(by_count[count])) for count in sorted(by_count)}


def unpack_counts(packed: Mapping[str, str]) -> dict[str, int]:
    """What `pack_counts` has packed; counts of COUNTED_TO stand for larger ones too."""
    return {kind: int(count) for count, kinds in packed.items() for kind in kinds.split()}


def count_parts(molecules: Iterable[Parts]) -> dict[str, dict[str, str]]:
    """In how many molecules each kind occurs, packed, by the names of the fields of Parts."""
    counts = {name: Counter[str]() for name in Parts._fields}
    for parts in molecules:
        for name, found in zip(Parts._fields, parts, strict=True):
            counts[name].update({part.kind for part in found})
    return {name: pack_counts(found) for name, found in counts.items()}


class _Graph:
    """What the three searches share."""

    def __init__(self, symbols: Sequence[str], bonds: NDArray[np.int64], types: NDArray[np.int64]) -> None:
        self.symbols, self.bonds, self.types = symbols, bonds, types
        self.neighbors: list[list[int]] = [[] for _ in symbols]
        self.bond_types: list[list[int]] = [[] for _ in symbols]
        for (first, second), kind in zip(bonds.tolist(), types.tolist(), strict=True):
            for atom, other in ((first, second), (second, first)):
                self.neighbors[atom].append(other)
                self.bond_types[atom].append(kind)
        self.kinds = [self._kind(atom) for atom in range(len(symbols))]
        self.rings = smallest_rings(len(symbols), bonds)
        self.smallest_ring: dict[int, int] = {}
        for ring in self.rings:
            for atom in ring:
                self.smallest_ring[atom] = min(len(ring), self.smallest_ring.get(atom, len(ring)))

    def _kind(self, atom: int) -> str:
        symbol, types = self.symbols[atom], self.bond_types[atom]
        if symbol in _PLAIN and len(types) == 1:
            return symbol
        mark = "a" if _AROMATIC in types else "u" if any(kind != _SINGLE for kind in types) else ""
        return f"{symbol}{len(types)}{mark}"


def _rotatable_bonds(graph: _Graph) -> tuple[Part, ...]:
    """Single bonds in no ring whose two ends have further neighbors; an atom of a triple bond ends no torsion."""
    together = defaultdict(set)
    for number, ring in enumerate(graph.rings):
        for atom in ring:
            together[atom].add(number)
    found = []
    for (first, second), kind in zip(graph.bonds.tolist(), graph.types.tolist(), strict=True):
        ends = (first, second)
        if kind != _SINGLE or together[first] & together[second]:
            continue
        if any(len(graph.neighbors[atom]) < 2 or _is_linear(graph, atom) for atom in ends):
            continue
        texts = sorted(_end(graph, atom, other) for atom, other in (ends, ends[::-1]))
        found.append(Part(ends, "-".join(texts)))
    return tuple(found)


def _is_linear(graph: _Graph, atom: int) -> bool:
    types = graph.bond_types[atom]
    return len(types) == 2 and (_TRIPLE in types or (graph.symbols[atom] == "C" and _SINGLE not in types))


def _end(graph: _Graph, atom: int, other: int) -> str:
    size = graph.smallest_ring.get(atom)
    ring = "" if size is None else f"r{size}" if size <= _LARGEST_NAMED_RING else "r"
    around = sorted(_neighbor(graph, neighbor) for neighbor in graph.neighbors[atom] if neighbor != other)
    return f"{graph.kinds[atom]}{ring}({','.join(around)})"


def _neighbor(graph: _Graph, atom: int) -> str:
    symbol, kind = graph.symbols[atom], graph.kinds[atom]
    return (symbol if symbol in "HC" else "X") + (kind[-1] if kind[-1] in _MARKS else "")


def _ring_systems(graph: _Graph) -> tuple[Part, ...]:
    found = []
    for atoms, rings in ring_systems(graph.rings):
        texts = sorted((len(ring), _ring(graph, ring)) for ring in rings)
        found.append(Part(tuple(sorted(atoms)), "/".join(text for _, text in texts)))
    return tuple(found)


def _ring(graph: _Graph, ring: tuple[int, ...]) -> str:
    elements = sorted(graph.symbols[atom] for atom in ring)
    counts = "".join(f"{symbol}{elements.count(symbol)}" for symbol in sorted(set(elements)))
    marks = [graph.kinds[atom][-1] for atom in ring]
    return counts + "".join(f"{mark}{marks.count(mark)}" for mark in _MARKS if mark in marks)


def _contacts(graph: _Graph, positions: NDArray[np.float64]) -> tuple[Part, ...]:
    """Of each kind the pair that is closest in any of the conformers."""
    fragments = fragment_indices(len(graph.symbols), graph.bonds)
    if not fragments.any():
        return ()
    radii = np.array([_RADII[symbol] for symbol in graph.symbols])
    first, second = np.triu_indices(len(radii), k=1)
    apart = fragments[first] != fragments[second]
    first, second = first[apart], second[apart]
    distances = np.min([np.linalg.norm(geometry[first] - geometry[second], axis=1) for geometry in positions], axis=0)
    beyond = distances - radii[first] - radii[second]
    closest: dict[str, Part] = {}
    for pair in np.argsort(beyond, kind="stable"):
        if beyond[pair] > REACH:
            break
        atoms = int(first[pair]), int(second[pair])
        kind = "...".join(sorted(_touching(graph, atom) for atom in atoms))
        closest.setdefault(kind, Part(atoms, kind))
    return tuple(closest.values())


def _touching(graph: _Graph, atom: int) -> str:
    neighbors = graph.neighbors[atom]
    only = f"({graph.symbols[neighbors[0]]})" if len(neighbors) == 1 else ""
    return graph.kinds[atom] + only
