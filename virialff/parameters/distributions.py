"""Distributions of charges, sigma, R_min and epsilon over many molecules (Fig. 11 and 12 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from virialff.elements import ELEMENTS
from virialff.molecules.patterns import AtomPattern
from virialff.molecules.topology import RELATIONS
from virialff.parameters.pairs import element_pair_label
from virialff.parameters.samples import ParameterSample

#: What each quantity is counted over.
Kind = Literal["pairs", "atoms", "molecules"]
Grouping = Literal["element", "relation", "model"]
OTHER = "others"
_MOST_BINS = 120
_TAIL = 0.05


class Quantity(NamedTuple):
    """A predicted quantity: what it is counted over, its unit, the width of a bin (of a decade if logarithmic)."""

    kind: Kind
    unit: str
    width: float
    logarithmic: bool = False


QUANTITIES = {
    "sigma": Quantity("pairs", "Å", 0.05),
    "R_min": Quantity("pairs", "Å", 0.05),
    "epsilon": Quantity("pairs", "kcal/mol", 0.1, True),
    "atomic charge": Quantity("atoms", "e", 0.02),
    "molecular charge": Quantity("molecules", "e", 0.01),
}
_LABELS = [[element_pair_label(a, b) for b in ELEMENTS] for a in ELEMENTS]
_PAIR_NAMES, _PAIR_CODES = np.unique(_LABELS, return_inverse=True)
#: Names of groups of pairs by what tells them apart. Millions of values carry the place of theirs, not the text.
_OF_PAIRS: dict[str, Sequence[str]] = {"element": [str(name) for name in _PAIR_NAMES], "relation": RELATIONS}


@dataclass(frozen=True)
class Selection:
    """Which values count: pairs of one relation (None for all), and atoms that SMARTS of the user mean.

    For pairs `first` means one atom and `second` the other; for atoms and molecules only `first` counts.
    """

    relation: str | None = None
    first: str = ""
    second: str = ""


@dataclass(frozen=True, eq=False)
class Distribution:
    """A histogram by group, with the rows of the samples behind it.

    edges: (n_bins + 1,) in the quantity's unit; the first and the last bin reach to the extremes.
    groups: names in their order; counts: (n_groups, n_bins).
    values, group_of, bin_of, model_of, rows: (n_values,), rows being positions in the columns of the model's sample;
        in as few bytes as hold them, because there may be millions.
    n_undefined: pairs without the quantity (C0 or C1 vanishes).
    """

    quantity: str
    models: tuple[str, ...]
    edges: np.ndarray
    groups: tuple[str, ...]
    counts: np.ndarray
    values: np.ndarray
    group_of: np.ndarray
    bin_of: np.ndarray
    model_of: np.ndarray
    rows: np.ndarray
    n_undefined: int

    def rows_in(self, bin_number: int) -> np.ndarray:
        """Positions in `values` of one bin."""
        return np.flatnonzero(self.bin_of == bin_number)

    def table(self) -> pd.DataFrame:
        """One row a group and bin: group, from and to with the unit, count."""
        unit = QUANTITIES[self.quantity].unit
        low, high = self.edges[:-1], self.edges[1:]
        parts = [
            pd.DataFrame({"group": name, f"from ({unit})": low, f"to ({unit})": high, "count": self.counts[index]})
            for index, name in enumerate(self.groups)
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def summary(self) -> pd.DataFrame:
        """One row a group: count, mean, median, standard deviation, mean magnitude, and 2.5 and 97.5 percentiles."""
        unit = QUANTITIES[self.quantity].unit
        rows = []
        for index, name in enumerate(self.groups):
            values = self.values[self.group_of == index]
            if len(values):
                low, high = np.percentile(values, [2.5, 97.5])
                rows.append(
                    {
                        "group": name,
                        "values": len(values),
                        f"mean ({unit})": values.mean(),
                        f"median ({unit})": np.median(values),
                        f"standard deviation ({unit})": values.std(),
                        f"mean magnitude ({unit})": np.abs(values).mean(),
                        f"2.5 % below ({unit})": low,
                        f"2.5 % above ({unit})": high,
                    }
                )
        return pd.DataFrame(rows)


def distribution(
    samples: Mapping[str, ParameterSample],
    quantity: str,
    *,
    selection: Selection | None = None,
    by: Grouping = "element",
    groups: Sequence[str] = (),
) -> Distribution:
    """The distribution of one quantity over samples (Fig. 11 and 12).

    Parameters
    ----------
    samples : mapping of str to ParameterSample
        By the name of their model.
    quantity : str
        One of QUANTITIES, which has their units.
    selection : Selection, optional
        Which pairs or atoms count; by default all.
    by : {"element", "relation", "model"}, optional
        What tells groups apart; elements of pairs for sigma, R_min and epsilon, relations for pairs only.
    groups : sequence of str, optional
        Elements, element pairs or relations to tell apart; the rest is OTHER. By default the commonest seven.

    Returns
    -------
    Distribution
        Edges of the bins, counts (n_groups, n_bins), and the rows of the samples behind them.

    Raises
    ------
    KeyError
        If there is no such quantity.
    ValueError
        If the quantity cannot be grouped so.
    ConfigError
        If SMARTS of the selection cannot be read.
    """
    what, chosen = QUANTITIES[quantity], selection or Selection()
    if (by == "relation" and what.kind != "pairs") or (by == "element" and what.kind == "molecules"):
        raise ValueError(f"{quantity} is counted over {what.kind}, which have no {by}")
    found = [_values(sample, quantity, chosen, by) for sample in samples.values()]
    values = np.concatenate([part[0] for part in found] or [np.zeros(0)])
    rows = np.concatenate([part[1] for part in found] or [np.zeros(0, int)])
    model_of = np.repeat(np.arange(len(found), dtype=np.uint8), [len(part[0]) for part in found])
    codes = np.concatenate([part[2] for part in found] or [np.zeros(0, np.uint8)])
    models = tuple(samples)
    if by == "model":
        names, group_of = models, model_of
    else:
        names, group_of = _groups(codes, _names(what, by), groups)
    edges = _edges(values, what)
    bin_of = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    shape = len(names), max(len(edges) - 1, 0)
    counts = np.bincount(group_of.astype(np.int64) * shape[1] + bin_of, minlength=shape[0] * shape[1]).reshape(shape)
    undefined = sum(part[3] for part in found)
    columns = group_of.astype(np.uint8), bin_of.astype(np.int16), model_of, rows.astype(np.int32)
    return Distribution(quantity, models, edges, names, counts, values, *columns, int(undefined))


def commonest_groups(samples: Mapping[str, ParameterSample], quantity: str, selection: Selection) -> list[str]:
    """Elements, or element pairs, that the quantity's values belong to, the commonest first."""
    codes = [_values(sample, quantity, selection, "element")[2] for sample in samples.values()]
    return _by_count(np.concatenate(codes), _names(QUANTITIES[quantity], "element"))


def items_table(distribution_: Distribution, sample: ParameterSample, positions: np.ndarray) -> pd.DataFrame:
    """What lies behind some of a distribution's values, positions in its `values`, all of one model's sample.

    One row a value: molecule (from 1), smiles, atoms (from 1) and their elements, relation, and the value.
    """
    what = QUANTITIES[distribution_.quantity]
    rows = distribution_.rows[positions]
    column = f"{distribution_.quantity} ({what.unit})"
    if what.kind == "molecules":
        molecules, places = rows, {}
    elif what.kind == "atoms":
        molecules = sample.atom_molecules[rows]
        elements = np.array(ELEMENTS)[sample.elements[rows]]
        places = {"atom": rows - sample.first_atoms[molecules] + 1, "element": elements}
    else:
        molecules = sample.pair_molecules[rows]
        i, j = sample.pair_atoms[rows].astype(np.int64).T
        elements = np.array(ELEMENTS)[sample.pair_elements[rows]].reshape(-1, 2)
        places = {
            "atom_i": i + 1,
            "atom_j": j + 1,
            "element_i": elements[:, 0],
            "element_j": elements[:, 1],
            "relation": np.array(RELATIONS)[sample.relations[rows]],
        }
    smiles = [sample.smiles[int(index)] for index in molecules]
    columns = {"molecule": molecules + 1, "smiles": smiles, **places, column: distribution_.values[positions]}
    return pd.DataFrame(columns)


def sigma_epsilon(sample: ParameterSample, selection: Selection, pair: str) -> tuple[np.ndarray, np.ndarray]:
    """Sigma (Angstrom) and epsilon (kcal/mol), each (n_pairs,), of the pairs of two elements ("C–O") in a selection."""
    sigma, rows, codes, _ = _values(sample, "sigma", selection, "element")
    names = _OF_PAIRS["element"]
    own = (codes == (names.index(pair) if pair in names else len(names))) & (sample.epsilon[rows] > 0)
    return sigma[own], sample.epsilon[rows][own].astype(float)


def _values(
    sample: ParameterSample, quantity: str, selection: Selection, by: Grouping
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Values, their rows in the sample, the places of their groups in `_names`, and how many are undefined."""
    kind = QUANTITIES[quantity].kind
    first, second = (AtomPattern(text) if text.strip() else None for text in (selection.first, selection.second))
    if kind == "molecules":
        rows = np.arange(sample.n_molecules) if first is None else np.flatnonzero(sample.molecules_in(first))
        return sample.molecular_charges[rows], rows, np.zeros(len(rows), np.uint8), 0
    if kind == "atoms":
        rows = np.arange(len(sample.charges)) if first is None else np.flatnonzero(sample.atoms_in(first))
        return sample.charges[rows].astype(float), rows, sample.elements[rows], 0
    mask = np.ones(sample.n_pairs, dtype=bool)
    if selection.relation is not None:
        mask &= sample.relations == RELATIONS.index(selection.relation)
    if first is not None or second is not None:
        mask &= sample.pairs_in(first, second)
    values = {"sigma": sample.sigma, "R_min": sample.r_min, "epsilon": sample.epsilon}[quantity]
    defined = mask & np.isfinite(values) & (values > 0)
    rows = np.flatnonzero(defined)
    if by == "relation":
        codes = sample.relations[rows]
    else:
        codes = _PAIR_CODES.reshape(len(ELEMENTS), -1).astype(np.uint8)[tuple(sample.pair_elements[rows].T)]
    return values[rows].astype(float), rows, codes, int(mask.sum() - len(rows))


def _names(what: Quantity, by: Grouping) -> Sequence[str]:
    """The groups that values may belong to."""
    return {"molecules": ("",), "atoms": ELEMENTS, "pairs": _OF_PAIRS.get(by, ())}[what.kind]


def _by_count(codes: np.ndarray, names: Sequence[str]) -> list[str]:
    """The names that there are, the commonest first."""
    counts = zip(np.bincount(codes, minlength=len(names)).tolist(), names, strict=True)
    return [name for _, name in sorted((-count, name) for count, name in counts if count)]


def _groups(codes: np.ndarray, names: Sequence[str], wanted: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the groups, OTHER last where it is needed, and the group of each value."""
    present = _by_count(codes, names)
    chosen = [name for name in wanted or present[:7] if name in present]
    lookup = np.array([chosen.index(name) if name in chosen else len(chosen) for name in names], dtype=np.int64)
    if len(chosen) < len(present):
        chosen.append(OTHER)
    return tuple(chosen), lookup[codes]


def _edges(values: np.ndarray, what: Quantity) -> np.ndarray:
    """Edges of bins at whole multiples of the width; wider ones where there would be too many."""
    if not len(values):
        return np.zeros(0)
    scaled = np.log10(values) if what.logarithmic else values
    low, high = np.percentile(scaled, [_TAIL, 100 - _TAIL])
    width = what.width * max(1, int(np.ceil((high - low) / what.width / _MOST_BINS)))
    # Half a width more, so that zero lies in the middle of a bin of charges.
    shift = 0.5 * width if what.unit == "e" else 0.0
    first, last = np.floor((low + shift) / width), np.floor((high + shift) / width) + 1
    edges = np.arange(first, last + 1) * width - shift
    edges = 10.0**edges if what.logarithmic else edges
    edges[0], edges[-1] = min(edges[0], values.min()), max(edges[-1], values.max())
    return np.asarray(edges)
