"""Best Lewis structures by linear programming, for ring systems too wide to join atom by atom.

One row of its table is chosen for each atom, alike at both ends of each bond. For alternating double bonds that is a
matching, whose relaxation fails at odd sets of atoms alone (Edmonds 1965). Here an atom may also take a charge or
expand its octet, so the sets are those of the parity polytope (Jeroslow 1975): in any set of atoms the number of odd
choices, of atoms and of the bonds that leave the set, is even. Such rows are added where a solution breaks them, which
leaves few branches or none to integer programming (HiGHS; Huangfu and Hall, Math. Program. Comput. 2018, 10, 119).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, sparse

from virialff.errors import LewisBudgetError
from virialff.molecules.topology import fragment_indices

#: Limits of one search: linear programs that are solved, and then branches of integer programming.
MOST_PROGRAMS = 400
MOST_BRANCHES = 200
#: The last resort, for all of one search, processor time: programs and branches differ in what they cost.
MOST_SECONDS = 6.0
_MOST_CUT_ROUNDS = 30
_TOLERANCE = 1e-6
# Bonds further than this from a whole order are taken into a set that is tested for its parity.
_LOOSE = (1e-6, 0.1, 0.2, 0.3, 0.4)


class Atom(NamedTuple):
    """The bonds of an atom whose orders are open, and the rows of its table: extra orders, charge, cost."""

    bonds: tuple[int, ...]
    rows: tuple[tuple[tuple[int, ...], int, int], ...]


class Best(NamedTuple):
    """A row for each atom, the extra orders that each bond has in some best structure, and their common cost."""

    rows: list[int]
    orders: dict[int, set[int]]
    cost: int


def best_structures(atoms: Sequence[Atom], charge: int) -> Best | None:
    """The best choice of rows with this net charge, or None where there is none. Raises LewisBudgetError."""
    return _Program(atoms, charge).best()


class _Program:
    """The linear program with what has been added to it."""

    def __init__(self, atoms: Sequence[Atom], charge: int) -> None:
        self._atoms = atoms
        self._starts = np.cumsum([0, *(len(atom.rows) for atom in atoms)])
        self._rows = [(k, values, q) for k, atom in enumerate(atoms) for values, q, _ in atom.rows]
        self._costs = np.array([cost for atom in atoms for _, _, cost in atom.rows], dtype=float)
        n = len(self._rows)
        self._holders: dict[int, list[int]] = {}
        for k, atom in enumerate(atoms):
            for bond in atom.bonds:
                self._holders.setdefault(bond, []).append(k)
        shown: dict[tuple[int, int, int], list[int]] = {}  # columns by bond, atom and extra order
        for column, (k, values, _) in enumerate(self._rows):
            for bond, value in zip(atoms[k].bonds, values, strict=True):
                shown.setdefault((bond, k, value), []).append(column)
        entries = [(k, column, 1.0) for column, (k, _, _) in enumerate(self._rows)]
        entries += [(len(atoms), column, float(q)) for column, (_, _, q) in enumerate(self._rows)]
        totals = [1.0] * len(atoms) + [float(charge)]
        for bond, (first, second) in self._holders.items():
            for value in (1, 2):
                entries += [(len(totals), column, 1.0) for column in shown.get((bond, first, value), ())]
                entries += [(len(totals), column, -1.0) for column in shown.get((bond, second, value), ())]
                totals.append(0.0)
        self._equations = _matrix(entries, len(totals), n)
        self._totals = np.array(totals)
        # Which columns make an atom's choice, or a bond's order, odd.
        self._bonds = list(self._holders)
        self._ends = np.array([self._holders[bond] for bond in self._bonds], dtype=np.int64).reshape(-1, 2)
        self._odd_bond = _matrix(
            [
                (index, column, 1.0)
                for index, bond in enumerate(self._bonds)
                for column in shown.get((bond, self._holders[bond][0], 1), ())
            ],
            len(self._bonds),
            n,
        )
        self._odd_atom = _matrix(
            [(k, column, 1.0) for column, (k, values, _) in enumerate(self._rows) if sum(values) % 2], len(atoms), n
        )
        self._cuts: list[np.ndarray] = []
        self._bounds: list[float] = []
        # A row for each atom bounds its columns by 1; bounds of their own would take duals from the others.
        self._upper = np.full(n, np.inf)
        self._programs = 0
        self._end = time.process_time() + MOST_SECONDS

    def best(self) -> Best | None:
        found = self._solve(self._costs)
        if found is None:
            return None
        rows, duals = found
        lowest = float(self._costs[rows].sum())
        if duals is None:
            # Beyond the relaxation only the costs themselves say what else is best.
            self._cuts.append(self._costs)
            self._bounds.append(lowest + 0.5)
        else:
            # Complementary slackness: what every best structure has, as the relaxation has the same optimum.
            reduced, tight = duals
            self._upper = np.where(reduced > _TOLERANCE, 0.0, self._upper)
            for index in np.flatnonzero(tight < -_TOLERANCE):
                self._cuts.append(-self._cuts[index])
                self._bounds.append(-self._bounds[index])
        orders = {bond: set[int]() for bond in self._bonds}
        while True:
            news = np.zeros(len(self._rows))
            for column, (k, values, _) in enumerate(self._rows):
                news[column] = sum(
                    value not in orders[bond] for bond, value in zip(self._atoms[k].bonds, values, strict=True)
                )
            found = (rows, None) if not any(orders.values()) else self._solve(-news)
            if found is None or not news[found[0]].sum():
                break
            for k, values, _ in (self._rows[int(row)] for row in found[0]):
                for bond, value in zip(self._atoms[k].bonds, values, strict=True):
                    orders[bond].add(value)
        return Best((np.asarray(rows) - self._starts[:-1]).tolist(), orders, round(lowest))

    def _solve(self, objective: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None] | None:
        """The columns of a best solution, or None without one; where the relaxation has it, its duals.

        These are the reduced costs and the duals of the added rows.
        """
        for _ in range(_MOST_CUT_ROUNDS):
            self._programs += 1
            if self._programs > MOST_PROGRAMS or time.process_time() > self._end:
                raise self._spent()
            cuts = sparse.csr_array(np.array(self._cuts)) if self._cuts else None
            found = optimize.linprog(
                objective,
                A_ub=cuts,
                b_ub=self._bounds or None,
                A_eq=self._equations,
                b_eq=self._totals,
                bounds=np.column_stack([np.zeros_like(self._upper), self._upper]),
                method="highs",
            )
            if found.status == 2:
                return None
            if found.status != 0:
                raise self._spent()
            if (np.minimum(found.x, np.abs(1 - found.x)) < _TOLERANCE).all():
                return np.flatnonzero(found.x > 0.5), (found.lower.marginals, found.ineqlin.marginals)
            if not self._cut(found.x):
                break
        return self._branch(objective)

    def _branch(self, objective: np.ndarray) -> tuple[np.ndarray, None] | None:
        constraints = [optimize.LinearConstraint(self._equations, self._totals, self._totals)]
        if self._cuts:
            cuts = sparse.csr_array(np.array(self._cuts))
            constraints.append(optimize.LinearConstraint(cuts, -np.inf, np.array(self._bounds)))
        found = optimize.milp(
            objective,
            integrality=np.ones(len(objective)),
            bounds=optimize.Bounds(0, np.minimum(self._upper, 1.0)),
            constraints=constraints,
            options={
                "node_limit": MOST_BRANCHES,
                "time_limit": max(self._end - time.process_time(), 0.0),
                "mip_rel_gap": 0.0,
            },
        )
        if found.status == 2:
            return None
        if found.status != 0:
            raise self._spent()
        return np.flatnonzero(found.x > 0.5), None

    def _cut(self, x: np.ndarray) -> bool:
        """Add the rows of the sets whose parity a fractional solution breaks; False where none is found."""
        bonds, odd_atoms = self._odd_bond @ x, self._odd_atom @ x
        loose = np.minimum(bonds, 1 - bonds)
        before = len(self._cuts)
        seen: set[bytes] = set()
        for limit in _LOOSE:
            sets = fragment_indices(len(self._atoms), self._ends[loose > limit])
            for index in range(int(sets.max()) + 1):
                inside = sets == index
                if inside.sum() < 2 or inside.tobytes() in seen:
                    continue
                seen.add(inside.tobytes())
                leaving = inside[self._ends].sum(axis=1) == 1
                values = np.concatenate([bonds[leaving], odd_atoms[inside]])
                odd = values > 0.5
                distance = np.where(odd, 1 - values, values)
                if odd.sum() % 2 == 0 and len(values):
                    nearest = int(np.abs(values - 0.5).argmin())
                    odd[nearest] = ~odd[nearest]
                    distance[nearest] = 1 - distance[nearest]
                if odd.sum() % 2 == 0 or distance.sum() > 1 - 1e-4:
                    continue
                signs = np.where(odd, 1.0, -1.0)
                leave = np.flatnonzero(leaving)
                row = signs[: len(leave)] @ self._odd_bond[leave] + signs[len(leave) :] @ self._odd_atom[inside]
                self._cuts.append(np.asarray(row).ravel())
                self._bounds.append(float(odd.sum() - 1))
        return len(self._cuts) > before

    def _spent(self) -> LewisBudgetError:
        return LewisBudgetError(
            f"its {len(self._bonds)} bonds of open order allow too many Lewis structures to find the best one; check "
            "the coordinates and their unit (Angstrom), or give a format with bond orders for a part of it"
        )


def _matrix(entries: list[tuple[int, int, float]], n_rows: int, n_columns: int) -> sparse.csr_array:
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    return sparse.csr_array((values, (rows, columns)), shape=(n_rows, n_columns), dtype=float)
