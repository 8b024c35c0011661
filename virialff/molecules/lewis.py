"""Lewis structures of a closed-shell fragment, from elements and connectivity alone.

A neutral molecule with all its hydrogens has, up to resonance, one best assignment of bond orders and formal charges.
It is found exactly: each atom is a table of the ways to spread its valence over its bonds, tables are joined bond by
bond (min-plus contraction, leaves first), and the joins remember every way of reaching the minimum. So the result does
not depend on the Kekule form, on charge-separated drawing (nitro, ylides, sulfoxides) or on the order of atoms, and the
bonds whose order differs between equally good structures are known.

Joining grows exponentially with the width of a ring system. Beyond a number of steps the same minimum is found by
linear programming (`virialff.molecules.lewis_program`), which takes seconds for graphene flakes and fullerenes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from virialff.elements import VALENCES
from virialff.errors import LewisBudgetError

# Costs are relative; only their order matters. Charges sit on the more fitting element, hypervalent P, S, Cl and Br
# are written without charges, and nothing neutral and octet-obeying costs anything.
_CHARGED = {
    6: ((3, +1, 16), (3, -1, 14)),
    7: ((4, +1, 10), (2, -1, 12)),
    8: ((3, +1, 13), (1, -1, 10)),
    15: ((4, +1, 10), (2, -1, 14)),
    16: ((3, +1, 11), (5, +1, 14), (1, -1, 11)),
    17: ((2, +1, 16),),
    35: ((2, +1, 16),),
}
_EXPANDED_OCTET = 3
_TRIPLE = 3
# R2N+=O beside R2N-O- would cost fewer charges than two N-oxides, at the price of an aromatic ring.
_OXOAMMONIUM = 25
#: Most bonds that an atom of each element can have here.
MAX_NEIGHBOURS = {number: max(valences) for number, valences in VALENCES.items()} | {7: 4, 8: 3}
# How far above the sum of the atoms' best states a structure is looked for, in steps: the search is exact at each step.
_SLACK = (0, 2, 6, 14, 30, 60, 120, 240)
# Groups with at most two open bonds (nitro, carboxylate, chains) are joined first with this much room at least, so that
# their forced charges count in the floor and not in the slack.
_GROUP_SLACK = 60
#: Pairs that are looked at, of tables and of partial structures, before linear programming takes over.
MOST_JOINS = 100_000

#: The states of an atom that has all its bonds, as `_states` has them.
_SATURATED = ((0, 0, 0),)

_Key = tuple[tuple[int, ...], int]


class Lewis(NamedTuple):
    """The best Lewis structures of one fragment.

    orders: bond orders 1, 2, 3 of one of them, (n_bonds,) int64.
    charges: its formal charges, (n_atoms,) int64.
    delocalised: whether the order of a bond differs among the best ones, (n_bonds,) bool.
    cost: their common cost, 0 for structures without charges and expanded octets.
    """

    orders: np.ndarray
    charges: np.ndarray
    delocalised: np.ndarray
    cost: int


@dataclass
class _Table:
    """Cost of each assignment of extra bond orders to the open bonds, and charge; `sources` are its best origins."""

    bonds: tuple[int, ...]
    costs: dict[_Key, int]
    sources: dict[_Key, list[tuple[_Key, _Key]]]
    parts: tuple[_Table, _Table] | None = None
    atom: int = -1

    def floor(self) -> int:
        return min(self.costs.values())


def lewis_structure(
    numbers: np.ndarray,
    bonds: np.ndarray,
    *,
    charge: int = 0,
    allowed: Sequence[tuple[int, ...]] | None = None,
    quick: bool = False,
) -> Lewis | None:
    """Best Lewis structures of one connected fragment, or None where no closed-shell one of usual valences exists.

    numbers: atomic numbers (n_atoms,). bonds: (n_bonds, 2), atoms counted from 0. charge: net charge, e.
    allowed: for each bond the orders it may have; 1, 2 and 3 by default. quick: give up where joins do not find it.

    Raises LewisBudgetError where neither the joins nor linear programming end within their limits.
    """
    if (int(np.sum(numbers)) - charge) % 2:  # valences and charges of all states have the parity of the electrons
        return None
    bonds = np.asarray(bonds, dtype=np.int64).reshape(-1, 2)
    degree = np.bincount(bonds.ravel(), minlength=len(numbers))
    pairs = bonds.tolist()
    states = [_states(number, n) for number, n in zip(np.asarray(numbers).tolist(), degree.tolist(), strict=True)]
    if any(not options for options in states):
        return None
    extra = [tuple(order - 1 for order in orders) for orders in allowed] if allowed is not None else None
    incident: list[list[int]] = [[] for _ in numbers]
    may_grow = [options != _SATURATED and any(excess for excess, _, _ in options) for options in states]
    for bond, (i, j) in enumerate(pairs):
        if (may_grow[i] and may_grow[j]) or (extra is not None and 0 not in extra[bond]):
            incident[i].append(bond)
            incident[j].append(bond)
    terminal = (np.asarray(numbers) == 8) & (degree == 1)
    oxo = set(np.flatnonzero(terminal[bonds].any(axis=1)).tolist())
    leaves = []
    for atom, options in enumerate(states):
        if not incident[atom] and options == _SATURATED:
            continue
        penalised = oxo.intersection(incident[atom]) if numbers[atom] == 7 and degree[atom] == 3 else set()
        if len(penalised) > 1:  # a nitro group
            penalised = set()
        table = _atom_table(atom, options, incident[atom], pairs, extra, penalised)
        if not table.costs:
            return None
        if table.bonds or table.costs != {((), 0): 0}:
            leaves.append(table)
    if not leaves:
        return _unpack(None, ((), 0), len(numbers), len(bonds), 0) if charge == 0 else None
    budget = _Budget(MOST_JOINS)
    try:
        for slack in _SLACK:
            root = _contract(leaves, slack, budget)
            key = ((), charge)
            if root is not None and key in root.costs:
                return _unpack(root, key, len(numbers), len(bonds), root.costs[key])
    except _BudgetSpentError:
        if quick:
            raise LewisBudgetError("the joins of its Lewis structures have come to their limit") from None
        return _by_programming(leaves, charge, len(numbers), len(bonds))
    return None


class _BudgetSpentError(Exception):
    """More joins than allowed."""


@dataclass
class _Budget:
    joins: int

    def spend(self, joins: int) -> None:
        self.joins -= joins
        if self.joins < 0:
            raise _BudgetSpentError


@lru_cache(maxsize=1024)
def _states(number: int, degree: int) -> tuple[tuple[int, int, int], ...]:
    """(valence beyond the single bonds, charge, cost) of each state of an atom with `degree` neighbours."""
    found = []
    usual = VALENCES[number][0]
    fitting = [valence for valence in VALENCES[number] if valence >= degree]
    # A hypervalent centre is expected to share its odd electron pair with a neighbour: P(=O), S(=O), S(=O)(=O).
    expected = min(2 * degree - 2, VALENCES[number][-1])
    for valence in fitting:
        cost = 0
        if valence > usual:
            cost = _EXPANDED_OCTET * (1 + abs(valence - expected) // 2) if degree > 2 else _EXPANDED_OCTET * valence
        found.append((valence - degree, 0, cost))
    found += [(v - degree, q, cost) for v, q, cost in _CHARGED.get(number, ()) if v >= degree]
    return tuple(found)


def _atom_table(
    atom: int,
    options: tuple[tuple[int, int, int], ...],
    incident: list[int],
    bonds: list[list[int]],
    extra: list[tuple[int, ...]] | None,
    oxo: set[int],
) -> _Table:
    choices = tuple((0, 1, 2) if extra is None else extra[bond] for bond in incident)
    owned = tuple(min(bonds[bond]) == atom for bond in incident)
    costs = _atom_costs(options, choices, owned, tuple(bond in oxo for bond in incident))
    return _Table(tuple(incident), costs, {}, atom=atom)


@lru_cache(maxsize=4096)
def _atom_costs(
    options: tuple[tuple[int, int, int], ...],
    choices: tuple[tuple[int, ...], ...],
    owned: tuple[bool, ...],
    oxo: tuple[bool, ...],
) -> dict[_Key, int]:
    """Costs of an atom, the same for all in such surroundings; nobody changes them.

    choices: for each bond the orders beyond one that it may have. owned: whether its triple bond counts here.
    """
    costs: dict[_Key, int] = {}
    by_excess: dict[int, list[tuple[int, int]]] = {}
    for excess, charge, cost in options:
        by_excess.setdefault(excess, []).append((charge, cost))
    for values in product(*choices):
        for charge, cost in by_excess.get(sum(values), ()):
            total = cost + _TRIPLE * sum(value == 2 and own for value, own in zip(values, owned, strict=True))
            total += _OXOAMMONIUM * sum(value > 0 and bond for value, bond in zip(values, oxo, strict=True))
            key = (values, charge)
            if total < costs.get(key, total + 1):
                costs[key] = total
    return costs


def _contract(leaves: list[_Table], slack: int, budget: _Budget) -> _Table | None:
    """Join all tables into one without what costs more than the sum of floors plus `slack`; None if nothing is left."""
    room = max(slack, _GROUP_SLACK)
    tables = {index: _pruned(table, table.floor() + room) for index, table in enumerate(leaves)}
    holders: dict[int, list[int]] = {}
    for index, table in tables.items():
        for bond in table.bonds:
            holders.setdefault(bond, []).append(index)
    ceiling: int | None = None
    fresh = len(leaves)
    while len(tables) > 1:
        budget.spend(len(tables))
        first, second, open_bonds = _next_pair(tables, holders)
        if ceiling is None and (open_bonds > 2 or not tables[first].bonds):
            floors = {index: table.floor() for index, table in tables.items()}
            ceiling = sum(floors.values()) + slack
            tables = {index: _pruned(table, floors[index] + slack) for index, table in tables.items()}
        a, b = tables.pop(first), tables.pop(second)
        if ceiling is None:
            joined = _join(a, b, None, budget)
            if joined.costs:
                joined = _pruned(joined, joined.floor() + room)
        else:
            joined = _join(a, b, ceiling - sum(table.floor() for table in tables.values()), budget)
        if not joined.costs:
            return None
        for bond in (*a.bonds, *b.bonds):
            holders[bond] = [fresh if index in (first, second) else index for index in holders[bond]]
        tables[fresh] = joined
        fresh += 1
    return next(iter(tables.values()))


def _pruned(table: _Table, limit: int) -> _Table:
    costs = {key: cost for key, cost in table.costs.items() if cost <= limit}
    return replace(table, costs=costs)


def _next_pair(tables: dict[int, _Table], holders: dict[int, list[int]]) -> tuple[int, int, int]:
    """The two tables whose joint has the fewest open bonds, and that number; unconnected ones when no bond is left."""
    best: tuple[int, int, int, int] | None = None
    for index, table in tables.items():
        for other in {sum(holders[bond]) - index for bond in table.bonds}:
            if other <= index:
                continue
            shared = sum(sum(holders[bond]) - index == other for bond in table.bonds)
            open_bonds = len(table.bonds) + len(tables[other].bonds) - 2 * shared
            size = len(table.costs) * len(tables[other].costs)
            if best is None or (open_bonds, size, index, other) < best:
                best = (open_bonds, size, index, other)
    if best is not None:
        return best[2], best[3], best[0]
    first, second = list(tables)[:2]
    return first, second, 0


def _join(a: _Table, b: _Table, limit: int | None, budget: _Budget) -> _Table:
    common = set(a.bonds) & set(b.bonds)
    in_a = [k for k, bond in enumerate(a.bonds) if bond in common]
    in_b = [b.bonds.index(a.bonds[k]) for k in in_a]
    rest_a = [k for k, bond in enumerate(a.bonds) if bond not in common]
    rest_b = [k for k, bond in enumerate(b.bonds) if bond not in common]
    matching: dict[tuple[int, ...], list[tuple[_Key, tuple[int, ...], int]]] = {}
    for key, cost in b.costs.items():
        values = key[0]
        shared = tuple(values[k] for k in in_b)
        matching.setdefault(shared, []).append((key, tuple(values[k] for k in rest_b), cost))
    costs: dict[_Key, int] = {}
    sources: dict[_Key, list[tuple[_Key, _Key]]] = {}
    for key_a, cost_a in a.costs.items():
        values = key_a[0]
        left = tuple(values[k] for k in rest_a)
        partners = matching.get(tuple(values[k] for k in in_a), ())
        budget.spend(1 + len(partners))
        for key_b, right, cost_b in partners:
            cost = cost_a + cost_b
            if limit is not None and cost > limit:
                continue
            key = (left + right, key_a[1] + key_b[1])
            known = costs.get(key)
            if known is None or cost < known:
                costs[key] = cost
                sources[key] = [(key_a, key_b)]
            elif cost == known:
                sources[key].append((key_a, key_b))
    open_bonds = (*(a.bonds[k] for k in rest_a), *(b.bonds[k] for k in rest_b))
    return _Table(open_bonds, costs, sources, parts=(a, b))


def _unpack(root: _Table | None, key: _Key, n_atoms: int, n_bonds: int, cost: int) -> Lewis:
    """Follow the sources of the best structures down to the atoms: one structure, and all values of each bond."""
    orders = np.ones(n_bonds, dtype=np.int64)
    charges = np.zeros(n_atoms, dtype=np.int64)
    values: list[set[int]] = [set() for _ in range(n_bonds)]
    stack = [] if root is None else [(root, key, {key})]
    while stack:
        table, chosen, reached = stack.pop()
        if table.parts is None:
            charges[table.atom] = chosen[1]
            for position, bond in enumerate(table.bonds):
                orders[bond] = 1 + chosen[0][position]
                values[bond].update(entry[0][position] for entry in reached)
            continue
        origins = [source for entry in reached for source in table.sources[entry]]
        picked = table.sources[chosen][0]
        for part in (0, 1):
            stack.append((table.parts[part], picked[part], {origin[part] for origin in origins}))
    delocalised = np.array([len(found) > 1 for found in values], dtype=bool)
    return Lewis(orders, charges, delocalised, cost)


def _by_programming(leaves: list[_Table], charge: int, n_atoms: int, n_bonds: int) -> Lewis | None:
    """The same answer as by joins."""
    from virialff.molecules.lewis_program import Atom, best_structures

    atoms = [Atom(leaf.bonds, tuple((*key, cost) for key, cost in leaf.costs.items())) for leaf in leaves]
    best = best_structures(atoms, charge)
    if best is None:
        return None
    orders = np.ones(n_bonds, dtype=np.int64)
    charges = np.zeros(n_atoms, dtype=np.int64)
    for leaf, atom, row in zip(leaves, atoms, best.rows, strict=True):
        values, charges[leaf.atom], _ = atom.rows[row]
        orders[list(leaf.bonds)] = 1 + np.array(values, dtype=np.int64)
    delocalised = np.array([len(best.orders.get(bond, ())) > 1 for bond in range(n_bonds)], dtype=bool)
    return Lewis(orders, charges, delocalised, best.cost)
