"""What the predicted parameters themselves must satisfy, as one table of checks with their limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from virialff.benchmarks.psi4_databases import read_database
from virialff.benchmarks.reference_dimers import BUMP, LONG_RANGE_TOLERANCE, check_dimers
from virialff.errors import EvaluationSetError, MoleculeError
from virialff.interactions.dissociation import compression
from virialff.labels.evaluation_sets import EvaluationSets
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule

#: Largest charge that a neutral fragment may have left, e.
CHARGE_TOLERANCE = 1e-4
#: Share of non-bonded pairs that must have parameters within the ranges.
SHARE_IN_RANGE = 0.95
SIGMA_RANGE, EPSILON_RANGE = (1.5, 4.5), (0.005, 1.0)
_QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)


@dataclass(frozen=True)
class PhysicsCheck:
    """One check: what was found, what is asked, and whether it holds; units are in the names."""

    name: str
    found: str
    limit: str
    holds: bool


@dataclass(frozen=True, eq=False)
class PhysicsResult:
    """The checks of one model, and the distributions behind them.

    distributions: by quantity (with unit) n, mean, standard deviation and quantiles: charges of atoms and of fragments,
    sigma, epsilon over the non-bonded pairs of the molecules.
    not_checked: what could not be checked here, and why.
    """

    checks: tuple[PhysicsCheck, ...]
    distributions: Mapping[str, Mapping[str, float]]
    n_molecules: int
    not_checked: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """True if every check holds; what was not checked does not count."""
        return all(check.holds for check in self.checks)

    @property
    def table(self) -> pd.DataFrame:
        """One row a check: check, found, limit, holds."""
        rows = [(check.name, check.found, check.limit, check.holds) for check in self.checks]
        return pd.DataFrame(rows, columns=["check", "found", "limit", "holds"])

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a model card."""
        return {
            "checks": self.table.to_dict("records"),
            "distributions": {name: dict(values) for name, values in self.distributions.items()},
            "n_molecules": self.n_molecules,
            "not_checked": list(self.not_checked),
        }


def check_physics(
    model: Model,
    molecules: Iterable[Molecule] | None = None,
    *,
    dimers: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> PhysicsResult:
    """All checks of a model; coordinates of the molecules are not used.

    molecules: whose parameters are checked, by default the conformer set and the S66 complexes.
    dimers: check S66 pushed together and the three known dimers too, which takes most of the time.

    Without psi4-data the result says that S66 and the dimers were not checked. A molecule with an element that the
    model does not know is left out. progress(done, in all) counts the S66 dimers pushed together; what it raises stops
    the run.
    """
    missing: list[str] = []
    complexes: dict[int, tuple[Molecule, np.ndarray]] = {}
    if molecules is None or dimers:
        try:
            entries = read_database("S66")
            complexes = {item.index: (Molecule.from_rdkit(item.to_rdkit()), item.positions) for item in entries}
        except EvaluationSetError as error:
            missing.append(str(error))
    if molecules is None:
        molecules = [Molecule.from_smiles(smiles) for smiles in EvaluationSets.load().molecules.values()]
        molecules += [molecule for molecule, _ in complexes.values()]
    samples = _sample(model, molecules)
    checks = list(_parameter_checks(samples))
    if dimers and complexes:
        collapsing = []
        for done, (index, (molecule, positions)) in enumerate(complexes.items(), start=1):
            if not compression(molecule, positions, model).holds:
                collapsing.append(index)
            if progress is not None:
                progress(done, len(complexes))
        found = f"{len(collapsing)} of {len(complexes)}" + (
            f": {', '.join(map(str, collapsing))}" if collapsing else ""
        )
        checks.append(PhysicsCheck("S66 dimers more strongly bound when pushed together", found, "0", not collapsing))
        checks += _dimer_checks(model)
    distributions = {name: _distribution(values) for name, values in samples.values.items() if len(values)}
    return PhysicsResult(tuple(checks), distributions, samples.n_molecules, tuple(missing))


@dataclass
class _Samples:
    values: dict[str, np.ndarray]
    n_molecules: int


_FRAGMENT, _ATOM = "charge of a fragment (e)", "charge of an atom (e)"
_SIGMA, _EPSILON = "sigma (Angstrom)", "epsilon (kcal/mol)"


def _sample(model: Model, molecules: Iterable[Molecule]) -> _Samples:
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (_FRAGMENT, _ATOM, _SIGMA, _EPSILON)}
    count = 0
    for molecule in molecules:
        try:
            force_field = model.force_field(molecule)
        except MoleculeError:
            continue
        count += 1
        parts[_ATOM].append(force_field.charges)
        parts[_FRAGMENT].append(np.bincount(molecule.fragments, weights=force_field.charges))
        pairs = force_field.pairs
        pairs = pairs[pairs["relation"] != "bonded"]
        parts[_SIGMA].append(pairs["sigma"].to_numpy(dtype=float))
        parts[_EPSILON].append(pairs["epsilon"].to_numpy(dtype=float))
    return _Samples({name: np.concatenate(values or [np.zeros(0)]) for name, values in parts.items()}, count)


def _parameter_checks(samples: _Samples) -> Iterable[PhysicsCheck]:
    largest = float(np.abs(samples.values[_FRAGMENT]).max(initial=0.0))
    yield PhysicsCheck(
        "largest charge left on a neutral fragment (e)",
        f"{largest:.1e}",
        f"{CHARGE_TOLERANCE:.0e}",
        largest <= CHARGE_TOLERANCE,
    )
    for name, (low, high) in ((_SIGMA, SIGMA_RANGE), (_EPSILON, EPSILON_RANGE)):
        values = samples.values[name]
        # A pair without a well (NaN) is outside the range too.
        share = float(np.mean((values >= low) & (values <= high))) if len(values) else 0.0
        unit = name.split(" ", 1)[1].strip("()")
        yield PhysicsCheck(
            f"non-bonded pairs with {name.split()[0]} between {low:g} and {high:g} {unit} (%)",
            f"{100 * share:.2f}",
            f"{100 * SHARE_IN_RANGE:g} or more",
            share >= SHARE_IN_RANGE,
        )


def _dimer_checks(model: Model) -> Iterable[PhysicsCheck]:
    for check in check_dimers(model):
        low, high = check.window
        yield PhysicsCheck(
            f"{check.name}: distance of the minimum (Angstrom)",
            f"{check.distance:.2f}",
            f"{low:g} to {high:g}",
            low <= check.distance <= high,
        )
        yield PhysicsCheck(
            f"{check.name}: E_int at 10 Angstrom (kcal/mol)",
            f"{check.long_range:.3f}",
            f"within {LONG_RANGE_TOLERANCE:g}",
            abs(check.long_range) <= LONG_RANGE_TOLERANCE,
        )
        yield PhysicsCheck(
            f"{check.name}: further wells deeper than {BUMP:g} kcal/mol on the way",
            str(check.n_bumps),
            "0",
            check.n_bumps == 0,
        )


def _distribution(values: np.ndarray) -> dict[str, float]:
    known = values[np.isfinite(values)]
    quantiles = np.quantile(known, _QUANTILES) if len(known) else [float("nan")] * len(_QUANTILES)
    return {
        "n": len(values),
        "undefined": int(len(values) - len(known)),
        "mean": float(known.mean()) if len(known) else float("nan"),
        "standard deviation": float(known.std()) if len(known) else float("nan"),
        **{f"quantile {100 * q:g} %": float(value) for q, value in zip(_QUANTILES, quantiles, strict=True)},
    }
