"""Conformer energies by several methods side by side, and how far the methods agree (compare Fig. 10 of the paper).

Totals of different methods have different zeros and are never put side by side: conformers are compared by energies
relative to each method's own lowest conformer, a single geometry by atomization energies, each at its own level.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from virialff.conformers.generation import boltzmann_weights, energy_ranks, relative_energies
from virialff.engines.base import Engine, Progress, conformer_axis
from virialff.errors import EngineError
from virialff.molecules.molecule import Molecule

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField

FloatArray = NDArray[np.float64]
#: Called as progress(name of the method, conformers done, conformers in all); what it raises stops the comparison.
MethodProgress = Callable[[str, int, int], None]
#: Fewest conformers for which a correlation is given; two points always correlate perfectly.
FEWEST_FOR_CORRELATION = 3

MODEL = "model"


@dataclass(frozen=True)
class MethodEnergies:
    """Energies of the conformers of one molecule by one method."""

    name: str  #: "model", "gfn2", "ani"
    level_of_theory: str
    energies: FloatArray  #: (n_conformers,), total, kcal/mol; NaN where the method failed
    atomization_energies: FloatArray  #: (n_conformers,), isolated atoms minus molecule, kcal/mol, positive = bound
    failures: dict[int, str]  #: number of the conformer (from 1) to the reason why it has no energy

    @cached_property
    def relative(self) -> FloatArray:
        """(n_conformers,), kcal/mol above this method's lowest conformer."""
        return relative_energies(self.energies)

    @cached_property
    def ranks(self) -> FloatArray:
        """(n_conformers,), 1 for the lowest."""
        return energy_ranks(self.energies)

    def weights(self, temperature: float = 298.15) -> FloatArray:
        """(n_conformers,) Boltzmann populations; see `conformers.boltzmann_weights`."""
        return boltzmann_weights(self.energies, temperature)


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
    """The result of `compare_methods`."""

    molecule: Molecule
    positions: FloatArray  #: (n_conformers, n_atoms, 3), Angstrom
    methods: tuple[MethodEnergies, ...]
    left_out: dict[str, str]  #: name of each method that gave nothing to the sentence saying why

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a conformer: `conformer` (from 1), then "<method> (kcal/mol)" relative, and "<method> rank"."""
        columns: dict[str, NDArray[np.generic]] = {"conformer": np.arange(1, len(self.positions) + 1)}
        for method in self.methods:
            columns[f"{method.name} (kcal/mol)"] = method.relative
            columns[f"{method.name} rank"] = method.ranks
        return pd.DataFrame(columns)

    @cached_property
    def agreements(self) -> tuple[Agreement, ...]:
        """One for each pair of methods."""
        pairs = itertools.combinations(self.methods, 2)
        return tuple(agreement(a.name, b.name, a.energies, b.energies) for a, b in pairs)

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

    @cached_property
    def atomization_table(self) -> pd.DataFrame:
        """A row a conformer and method: conformer (from 1), method, level of theory, atomization energy (kcal/mol)."""
        rows = [
            (conformer, method.name, method.level_of_theory, energy)
            for conformer in range(1, len(self.positions) + 1)
            for method in self.methods
            for energy in [method.atomization_energies[conformer - 1]]
        ]
        return pd.DataFrame(rows, columns=["conformer", "method", "level of theory", "atomization energy (kcal/mol)"])

    def weight_table(self, temperature: float = 298.15) -> pd.DataFrame:
        """A row a conformer: `conformer` and each method's Boltzmann population at `temperature` (K)."""
        columns: dict[str, NDArray[np.generic]] = {"conformer": np.arange(1, len(self.positions) + 1)}
        return pd.DataFrame(columns | {method.name: method.weights(temperature) for method in self.methods})


def compare_methods(
    molecule: Molecule,
    force_field: ForceField | None,
    engines: Sequence[Engine],
    positions: ArrayLike | None = None,
    *,
    model_level: str = "",
    progress: MethodProgress | None = None,
) -> Comparison:
    """Energies of the same geometries by the model (where a force field is given) and by engines.

    `positions` (n_conformers, n_atoms, 3) or (n_atoms, 3), Angstrom; by default the molecule's own. `model_level` is
    the level of theory that the model was trained on. A method that cannot compute the molecule, or none of its
    conformers, is in `left_out` with its reason; one that fails for some conformers keeps them as NaN with the reasons.

    Raises MissingCoordinatesError for a molecule without conformers, and ShapeError.
    """
    if positions is None:
        molecule.require_3d()
        positions = molecule.positions
    geometries = conformer_axis(molecule.n_atoms, positions)
    methods = []
    left_out: dict[str, str] = {}
    if force_field is not None:
        methods.append(_model_energies(force_field, geometries, model_level))
        if progress is not None:
            progress(MODEL, len(geometries), len(geometries))
    for engine in engines:
        try:
            methods.append(_engine_energies(engine, molecule, geometries, progress))
        except EngineError as error:
            left_out[engine.name] = str(error)
    return Comparison(molecule, geometries, tuple(methods), left_out)


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
    """Ranks from 1, ties at the mean of theirs, as Spearman's coefficient wants them."""
    return np.asarray(pd.Series(values).rank().to_numpy(), dtype=np.float64)


def _model_energies(force_field: ForceField, geometries: FloatArray, level: str) -> MethodEnergies:
    return MethodEnergies(
        MODEL,
        level,
        force_field.energy(geometries),
        force_field.atomization_energy(geometries),
        {},
    )


def _engine_energies(
    engine: Engine, molecule: Molecule, geometries: FloatArray, progress: MethodProgress | None
) -> MethodEnergies:
    """Raises EngineError with the reason if no conformer has an energy."""
    reason = engine.available() or engine.unsupported(molecule)
    if reason is not None:
        raise EngineError(reason)
    report: Progress | None = None if progress is None else partial(progress, engine.name)
    energies = np.full(len(geometries), np.nan)
    failures: dict[int, str] = {}
    try:
        energies = engine.energy(molecule, geometries, progress=report)
    except EngineError:
        # One failed conformer must not take the others with it: find out which.
        for index, geometry in enumerate(geometries):
            try:
                energies[index] = engine.energy(molecule, geometry)[0]
            except EngineError as error:
                failures[index + 1] = error.message
            if report is not None:
                report(index + 1, len(geometries))
        if not np.isfinite(energies).any():
            raise
    atoms = float(engine.atomic_energies(molecule.numbers).sum())
    return MethodEnergies(engine.name, engine.level, energies, atoms - energies, failures)
