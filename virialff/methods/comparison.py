"""Conformer energies by several methods side by side, and how far the methods agree (compare Fig. 10 of the paper).

Totals of different methods have different zeros and are never put side by side: conformers are compared by energies
relative to each method's own lowest conformer, a single geometry by atomization energies, each at its own level.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from virialff.conformers.ensembles import degeneracies
from virialff.conformers.generation import TIE
from virialff.errors import EngineError
from virialff.methods.method import Method
from virialff.methods.runs import MethodEnergies, energies_of, uncertainty_of
from virialff.models.intervals import Quantity, Uncertainty
from virialff.molecules.molecule import Molecule

FloatArray = NDArray[np.float64]
#: Called as progress(name of the method, conformers done, conformers in all); what it raises stops the comparison.
MethodProgress = Callable[[str, int, int], None]
#: Fewest conformers for which a correlation is given; two points always correlate perfectly.
FEWEST_FOR_CORRELATION = 3


@dataclass(frozen=True)
class Agreement:
    """How two methods agree on the conformers that both have energies for; all kcal/mol but the correlations."""

    first: str
    second: str
    n_conformers: int
    rmse: float  #: of the energies relative to each method's own lowest of these conformers
    mae: float
    rmse_aligned: float  #: after the best constant shift, so that one badly placed minimum does not count for all
    pearson: float  #: NaN below FEWEST_FOR_CORRELATION conformers or where one method sees no difference
    spearman: float


@dataclass(frozen=True)
class Comparison:
    """What several methods say of the conformers of one molecule."""

    molecule: Molecule
    methods: tuple[MethodEnergies, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)  #: methods that gave nothing, with the reason
    #: Of methods that know how far their energies above their own lowest conformer may be off.
    uncertainties: Mapping[str, Uncertainty] = field(default_factory=dict)

    def half_widths(self, share: float, conformer: int | None = None) -> dict[str, FloatArray]:
        """Half-widths (n_conformers,) in kcal/mol of the intervals that hold one of SHARES of the errors, by method.

        Of energies above conformer `conformer` (from 0), by default above each method's own lowest. Methods that do not
        know how far they may be off are left out.
        """
        return {name: known.intervals(conformer).of(share) for name, known in self.uncertainties.items()}

    @cached_property
    def degeneracies(self) -> NDArray[np.int64]:
        """How often each conformer counts in a population, (n_conformers,): mirror images that are left out count."""
        known = self.methods[0].values if self.methods else np.full(self.molecule.n_conformers, np.nan)
        return degeneracies(self.molecule, known)

    @cached_property
    def agreements(self) -> tuple[Agreement, ...]:
        """One for each pair of methods."""
        pairs = itertools.combinations(self.methods, 2)
        return tuple(agreement(a.name, b.name, a.values, b.values) for a, b in pairs)

    @cached_property
    def agreement_table(self) -> pd.DataFrame:
        """A row a pair of methods: methods, conformers, RMSE and MAE (kcal/mol), Pearson r, Spearman rho."""
        return pd.DataFrame(
            {
                "methods": [f"{row.first} and {row.second}" for row in self.agreements],
                "conformers": [row.n_conformers for row in self.agreements],
                "RMSE (kcal/mol)": [row.rmse for row in self.agreements],
                "MAE (kcal/mol)": [row.mae for row in self.agreements],
                "RMSE, means aligned (kcal/mol)": [row.rmse_aligned for row in self.agreements],
                "Pearson r": [row.pearson for row in self.agreements],
                "Spearman rho": [row.spearman for row in self.agreements],
            }
        )


def compare_methods(
    ensemble: Molecule,
    methods: Mapping[str, Method],
    *,
    quantity: Quantity | None = "conformers",
    progress: MethodProgress | None = None,
) -> Comparison:
    """Energies of all conformers of a molecule by several methods, each under the name given here.

    Parameters
    ----------
    ensemble : Molecule
        With conformers in three dimensions.
    methods : mapping of str to Method
        By the names under which their results are shown.
    quantity : {"conformers", "torsion"}, optional
        What the conformers are, which decides how far a calibrated model may be off; None where that is not known.
    progress : callable, optional
        Called with the name of a method, the number of its conformers done and their total.

    Returns
    -------
    Comparison
        A method that cannot compute the molecule, or none of its conformers, is in `left_out` with its reason; one that
        fails for some conformers has NaN for them, with the reasons.

    Raises
    ------
    MissingCoordinatesError, FlatCoordinatesError
        As `Molecule.require_3d`.
    """
    found: list[MethodEnergies] = []
    left_out: dict[str, str] = {}
    for name, method in methods.items():
        report = None if progress is None else partial(progress, name)
        try:
            energies = energies_of(method, ensemble, name=name, progress=report)
        except EngineError as error:
            left_out[name] = str(error)
            continue
        if energies.succeeded:
            found.append(energies)
        else:
            left_out[name] = next(iter(energies.failures.values()))
    uncertainties = {
        energies.name: known
        for energies in found
        if quantity is not None and (known := uncertainty_of(methods[energies.name], ensemble, quantity)) is not None
    }
    return Comparison(ensemble, tuple(found), left_out, uncertainties)


def agreement(first: str, second: str, energies: ArrayLike, others: ArrayLike) -> Agreement:
    """Agreement of two sets of conformer energies (n_conformers,) in kcal/mol, over those that both have."""
    a, b = np.asarray(energies, dtype=np.float64), np.asarray(others, dtype=np.float64)
    common = np.isfinite(a) & np.isfinite(b)
    a, b = a[common], b[common]
    if not len(a):
        return Agreement(first, second, 0, *[float("nan")] * 5)
    difference = (a - a.min()) - (b - b.min())
    return Agreement(
        first,
        second,
        len(a),
        rmse=float(np.sqrt(np.mean(difference**2))),
        mae=float(np.mean(np.abs(difference))),
        rmse_aligned=float(np.std(difference)),
        pearson=_correlation(a, b),
        spearman=_correlation(_mean_ranks(a), _mean_ranks(b)),
    )


def _correlation(a: FloatArray, b: FloatArray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / norm) if len(a) >= FEWEST_FOR_CORRELATION and norm > 0 else float("nan")


def _mean_ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1, energies that are equal within TIE at the mean of theirs, as Spearman's coefficient wants them."""
    return np.asarray(pd.Series(np.round(values / TIE)).rank().to_numpy(), dtype=np.float64)
