"""What a labelled data set is made of, by split: elements, sizes and energies per atom (Fig. 1 to 3 of the paper)."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from virialff.elements import ELEMENTS, SYMBOL_OF
from virialff.errors import DatasetError
from virialff.labels.schema import COLUMN_OF, Label
from virialff.labels.splits import DEFAULT_FRACTIONS, SPLITS, Fractions, Split, split_of, split_of_complex
from virialff.labels.store import LabelStore

#: Bins of the table of energies per atom.
ENERGY_BINS = 60
_ROWS_BETWEEN_REPORTS = 2000
_COLUMNS = ("inchikeys", "numbers", "kind", "level_of_theory", "energy", "failure")


@dataclass(frozen=True, eq=False)
class SplitStatistics:
    """One part of a data set at one level of theory. A molecule with several conformers counts as one molecule."""

    n_molecules: int  #: molecules, or complexes: distinct sets of InChIKeys
    n_conformers: int
    #: For each element: molecules by the number of its atoms, 0 included.
    element_counts: dict[str, Counter[int]]
    #: Molecules by their number of atoms.
    sizes: Counter[int]
    #: Total energy of each conformer over its number of atoms (n_conformers,), kcal/mol.
    energies_per_atom: np.ndarray


@dataclass(frozen=True, eq=False)
class DatasetStatistics:
    """The parts of a data set at one level of theory."""

    level_of_theory: str
    seed: int
    fractions: Fractions
    n_failures: int  #: rows without a label; they count nowhere else
    splits: dict[Split, SplitStatistics]

    def overview(self) -> pd.DataFrame:
        """A row a split: molecules, conformers, shares, atoms a molecule, energy an atom."""
        rows = []
        total = sum(part.n_molecules for part in self.splits.values())
        for split, part in self.splits.items():
            atoms = sum(size * count for size, count in part.sizes.items())
            energies = part.energies_per_atom
            rows.append(
                {
                    "split": split,
                    "molecules": part.n_molecules,
                    "molecules_percent": 100.0 * part.n_molecules / max(total, 1),
                    "conformers": part.n_conformers,
                    "atoms_per_molecule": atoms / part.n_molecules if part.n_molecules else np.nan,
                    "energy_per_atom_mean_kcal_per_mol": energies.mean() if len(energies) else np.nan,
                    "energy_per_atom_deviation_kcal_per_mol": energies.std() if len(energies) else np.nan,
                }
            )
        return pd.DataFrame(rows)

    def element_table(self) -> pd.DataFrame:
        """A row an element and split: atoms of it in the molecules, and the molecules that hold it (Fig. 1)."""
        rows = []
        for split, part in self.splits.items():
            atoms = {e: sum(n * count for n, count in part.element_counts[e].items()) for e in ELEMENTS}
            for element in ELEMENTS:
                holders = part.n_molecules - part.element_counts[element][0]
                rows.append(
                    {
                        "split": split,
                        "element": element,
                        "atoms": atoms[element],
                        "atoms_percent": 100.0 * atoms[element] / max(sum(atoms.values()), 1),
                        "molecules_with_element": holders,
                        "molecules_with_element_percent": 100.0 * holders / max(part.n_molecules, 1),
                    }
                )
        return pd.DataFrame(rows)

    def element_count_table(self) -> pd.DataFrame:
        """A row a split, element and number of its atoms: the molecules that have so many (Fig. 1)."""
        rows = [
            (split, element, n, count, 100.0 * count / part.n_molecules)
            for split, part in self.splits.items()
            for element in ELEMENTS
            for n, count in sorted(part.element_counts[element].items())
        ]
        return pd.DataFrame(rows, columns=["split", "element", "atoms_of_element", "molecules", "molecules_percent"])

    def size_table(self) -> pd.DataFrame:
        """A row a split and number of atoms: the molecules of that size (Fig. 2)."""
        rows = [
            (split, size, count, 100.0 * count / part.n_molecules)
            for split, part in self.splits.items()
            for size, count in sorted(part.sizes.items())
        ]
        return pd.DataFrame(rows, columns=["split", "atoms", "molecules", "molecules_percent"])

    def energy_table(self, bins: int = ENERGY_BINS) -> pd.DataFrame:
        """A row a split and bin of the energy per atom, kcal/mol: the conformers in it (Fig. 3).

        The bins are the same for all splits and equally wide, but the first and the last, which reach to the extremes:
        a few molecules of heavy elements lie far out.
        """
        edges = _energy_edges(np.concatenate([part.energies_per_atom for part in self.splits.values()]), bins)
        rows = []
        for split, part in self.splits.items():
            counts = np.histogram(part.energies_per_atom, edges)[0] if len(edges) > 1 else np.zeros(0, dtype=int)
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
                rows.append((split, low, high, int(count), 100.0 * count / max(part.n_conformers, 1)))
        columns = ["from_kcal_per_mol", "to_kcal_per_mol", "conformers", "conformers_percent"]
        return pd.DataFrame(rows, columns=["split", *columns])


def _energy_edges(energies: np.ndarray, bins: int) -> np.ndarray:
    """Edges of the bins (bins + 1,), or one edge where there is no energy."""
    if not len(energies):
        return np.zeros(1)
    edges = np.histogram_bin_edges(np.clip(energies, *np.percentile(energies, [1, 99])), bins)
    edges[0], edges[-1] = min(edges[0], energies.min()), max(edges[-1], energies.max())
    return edges


class _Row(NamedTuple):
    inchikeys: tuple[str, ...]
    numbers: np.ndarray
    kind: str
    level_of_theory: str
    energy: float | None
    failure: str | None


@dataclass
class _Part:
    """A split while it is being counted: some bytes a molecule, eight a conformer."""

    seen: set[bytes] = field(default_factory=set)
    element_counts: dict[str, Counter[int]] = field(default_factory=lambda: {e: Counter() for e in ELEMENTS})
    sizes: Counter[int] = field(default_factory=Counter)
    energies: array[float] = field(default_factory=lambda: array("d"))

    def add(self, row: _Row) -> None:
        assert row.energy is not None
        self.energies.append(row.energy / len(row.numbers))
        key = hashlib.blake2b("+".join(sorted(row.inchikeys)).encode(), digest_size=8).digest()
        if key in self.seen:
            return
        self.seen.add(key)
        self.sizes[len(row.numbers)] += 1
        atoms = Counter(SYMBOL_OF[number] for number in row.numbers.tolist())
        for element in ELEMENTS:
            self.element_counts[element][atoms[element]] += 1

    def result(self) -> SplitStatistics:
        energies = np.array(self.energies)
        return SplitStatistics(len(self.seen), len(energies), self.element_counts, self.sizes, energies)


def dataset_statistics(
    labels: LabelStore | Iterable[Label],
    *,
    seed: int = 0,
    fractions: Fractions = DEFAULT_FRACTIONS,
    kinds: Collection[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, DatasetStatistics]:
    """Statistics of a store, or of labels, by level of theory; read once, row after row.

    seed, fractions: of the split by first InChIKey block; see `virialff.labels.splits`.
    kinds: only rows of these kinds, by default all.
    progress: called with the number of rows read, now and then.

    Raises DatasetError if there is no row at all, ConfigError for impossible fractions, and the errors of the store.
    """
    parts: dict[str, dict[Split, _Part]] = {}
    failures: Counter[str] = Counter()
    for number, row in enumerate(_rows(labels)):
        if progress is not None and number % _ROWS_BETWEEN_REPORTS == 0:
            progress(number)
        if kinds is not None and row.kind not in kinds:
            continue
        level = parts.get(row.level_of_theory)
        if level is None:
            level = parts[row.level_of_theory] = {split: _Part() for split in SPLITS}
        if row.failure is not None or row.energy is None:
            failures[row.level_of_theory] += 1
        else:
            level[_split(row.inchikeys, seed, fractions)].add(row)
    if not parts:
        what = "labels" if kinds is None else f"labels of the kind {' or '.join(sorted(kinds))}"
        raise DatasetError(f"There are no {what} to count; give a store that has some.")
    return {
        level: DatasetStatistics(
            level, seed, fractions, failures[level], {split: part.result() for split, part in splits.items()}
        )
        for level, splits in parts.items()
    }


def _split(inchikeys: tuple[str, ...], seed: int, fractions: Fractions) -> Split:
    if len(inchikeys) == 1:
        return split_of(inchikeys[0], seed=seed, fractions=fractions)
    return split_of_complex(inchikeys, seed=seed, fractions=fractions)


def _rows(labels: LabelStore | Iterable[Label]) -> Iterator[_Row]:
    if not isinstance(labels, LabelStore):
        for label in labels:
            yield _Row(*(getattr(label, name) for name in _COLUMNS))
        return
    names = [COLUMN_OF[name] for name in _COLUMNS]
    for table in labels.tables(names):
        for keys, numbers, *rest in zip(*(table[name].to_pylist() for name in names), strict=True):
            yield _Row(tuple(keys), np.array(numbers), *rest)
