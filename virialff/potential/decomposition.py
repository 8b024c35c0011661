"""Decomposition of an energy by atom pair and by term."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from virialff.potential.energy import TERMS


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Pair terms of one or several conformers in kcal/mol; together with the baseline they sum to the energy."""

    pairs: np.ndarray
    """(n_pairs, 2) atoms of each pair, in the order of `ForceField.pairs`."""
    terms: np.ndarray
    """(n_pairs, 4), or (n_conformers, n_pairs, 4): columns in the order of `term_names`."""
    baseline: float
    """Baseline of the molecule, kcal/mol."""
    term_names: tuple[str, ...] = TERMS

    @property
    def pair_energy(self) -> np.ndarray:
        """Sum over pairs and terms, a scalar or (n_conformers,)."""
        return np.asarray(self.terms.sum(axis=(-2, -1)))

    @property
    def energy(self) -> np.ndarray:
        """baseline + pair_energy, a scalar or (n_conformers,)."""
        return np.asarray(self.baseline + self.pair_energy)

    @property
    def by_term(self) -> dict[str, np.ndarray]:
        """Each term summed over the pairs, a scalar or (n_conformers,) each."""
        sums = self.terms.sum(axis=-2)
        return {name: np.asarray(sums[..., column]) for column, name in enumerate(self.term_names)}

    @property
    def by_pair(self) -> np.ndarray:
        """All terms of a pair summed, (n_pairs,) or (n_conformers, n_pairs)."""
        return np.asarray(self.terms.sum(axis=-1))

    def table(self, conformer: int = 0) -> pd.DataFrame:
        """One conformer as a table: i, j, the four terms and their total, in kcal/mol."""
        terms = self.terms if self.terms.ndim == 2 else self.terms[conformer]
        table = pd.DataFrame({"i": self.pairs[:, 0], "j": self.pairs[:, 1]})
        for column, name in enumerate(self.term_names):
            table[name] = terms[:, column]
        table["total"] = terms.sum(axis=1)
        return table
