"""What the predicted parameters themselves must satisfy, as one table of checks with their limits.

Among them three dimers whose shape every chemist knows, water, benzene T-shaped and benzene sandwich (geometries from
S66 and S22, psi4-data): a force field that has learned its interactions only from energies may still put the wells in
the wrong place, leave something at long range or have bumps on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from virialff.benchmarks.psi4_databases import read_database
from virialff.engines.base import Progress
from virialff.errors import EvaluationSetError, MoleculeError
from virialff.interactions.dissociation import (
    CompressionResult,
    centre_separation,
    compression,
    dissociation_curve,
)
from virialff.labels.evaluation_sets import EvaluationSets
from virialff.methods.method import Method
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule

#: Largest charge that a neutral fragment may have left, e.
CHARGE_TOLERANCE = 1e-4
#: Share of non-bonded pairs that must have parameters within the ranges.
SHARE_IN_RANGE = 0.95
SIGMA_RANGE, EPSILON_RANGE = (1.5, 4.5), (0.005, 1.0)
#: |E_int| allowed at 10 Angstrom, kcal/mol.
LONG_RANGE_TOLERANCE = 0.15
#: Depth of a further well (kcal/mol) that counts as a bump.
BUMP = 0.02
#: Accepted distance of the minimum in Angstrom: O-O in water, between the centres in benzene.
WINDOWS = {"water": (2.7, 3.1), "benzene T-shaped": (4.7, 5.3), "benzene sandwich": (3.6, 4.2)}
_STEP = 0.1
_QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)


@dataclass(frozen=True)
class PhysicsCheck:
    """One check: what was found, what is asked, and whether it holds; units are in the names."""

    name: str
    found: str
    limit: str
    holds: bool


@dataclass(frozen=True)
class DimerCheck:
    """What one method makes of one dimer.

    distance: of the minimum, Angstrom (O-O in water, between the centres in benzene).
    well_depth: minus E_int at the minimum; long_range: E_int at 10 Angstrom; kcal/mol.
    n_bumps: further wells deeper than BUMP on the way from the minimum to 10 Angstrom.
    """

    name: str
    distance: float
    well_depth: float
    long_range: float
    n_bumps: int

    @property
    def checks(self) -> tuple[PhysicsCheck, ...]:
        """The minimum is in its window, nothing is left at 10 Angstrom and there is no bump."""
        (low, high), beyond = WINDOWS[self.name], abs(self.long_range)
        found = (
            ("distance of the minimum (Angstrom)", f"{self.distance:.2f}", f"{low:g} to {high:g}"),
            ("E_int at 10 Angstrom (kcal/mol)", f"{self.long_range:.3f}", f"within {LONG_RANGE_TOLERANCE:g}"),
            (f"further wells deeper than {BUMP:g} kcal/mol on the way", str(self.n_bumps), "0"),
        )
        holds = (low <= self.distance <= high, beyond <= LONG_RANGE_TOLERANCE, self.n_bumps == 0)
        return tuple(
            PhysicsCheck(f"{self.name}: {what}", text, limit, it)
            for (what, text, limit), it in zip(found, holds, strict=True)
        )

    @property
    def holds(self) -> bool:
        """True if all of `checks` hold."""
        return all(check.holds for check in self.checks)


@dataclass(frozen=True, eq=False)
class PhysicsResult:
    """The checks of one model, and the distributions behind them.

    distributions: by quantity (with unit) n, mean, standard deviation and quantiles: charges of atoms and of fragments,
    sigma, epsilon over the non-bonded pairs of the molecules.
    dimers: the three known dimers; compressions: each S66 dimer pushed together, by its number.
    not_checked: what could not be checked here, and why.
    """

    checks: tuple[PhysicsCheck, ...]
    distributions: Mapping[str, Mapping[str, float]]
    n_molecules: int
    dimers: tuple[DimerCheck, ...] = ()
    compressions: Mapping[int, CompressionResult] = field(default_factory=dict)
    not_checked: tuple[str, ...] = ()

    @property
    def collapsing(self) -> tuple[int, ...]:
        """Numbers of the S66 dimers that are more strongly bound somewhere behind the wall than in the well."""
        return tuple(index for index, result in self.compressions.items() if not result.holds)

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
    progress: Progress | None = None,
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
    compressions: dict[int, CompressionResult] = {}
    known: list[DimerCheck] = []
    if dimers and complexes:
        for done, (index, (molecule, positions)) in enumerate(complexes.items(), start=1):
            compressions[index] = compression(molecule, positions, model)
            if progress is not None:
                progress(done, len(complexes))
        collapsing = [index for index, result in compressions.items() if not result.holds]
        found = f"{len(collapsing)} of {len(complexes)}" + (
            f": {', '.join(map(str, collapsing))}" if collapsing else ""
        )
        checks.append(PhysicsCheck("S66 dimers more strongly bound when pushed together", found, "0", not collapsing))
        known = check_dimers(model)
        checks += [check for dimer in known for check in dimer.checks]
    distributions = {name: _distribution(values) for name, values in samples.values.items() if len(values)}
    return PhysicsResult(tuple(checks), distributions, samples.n_molecules, tuple(known), compressions, tuple(missing))


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


def reference_dimers() -> dict[str, Molecule]:
    """The three dimers by name, one conformer each. Raises EvaluationSetError without psi4-data."""
    water = Molecule.from_rdkit(read_database("S66")[0].to_rdkit())
    t_shaped = Molecule.from_rdkit(next(item for item in read_database("S22") if item.index == 20).to_rdkit())
    ring = t_shaped.fragment(0)
    atoms = ring.positions[0] - ring.positions[0].mean(axis=0)
    normal = np.linalg.svd(atoms)[2][2]
    sandwich = Molecule.join(ring, ring.with_positions(ring.positions + 3.9 * normal))
    return {"water": water, "benzene T-shaped": t_shaped, "benzene sandwich": sandwich}


def check_dimers(method: Method) -> list[DimerCheck]:
    """Dissociation curves of the three dimers with one method, from 0.8 Angstrom inside to 10 Angstrom.

    Raises EvaluationSetError without psi4-data, and what the method raises.
    """
    return [_check(name, molecule, method) for name, molecule in reference_dimers().items()]


def _check(name: str, molecule: Molecule, method: Method) -> DimerCheck:
    start, _ = centre_separation(molecule, molecule.positions[0])
    separations = np.append(np.arange(start - 0.8, 9.99, _STEP), 10.0)
    curve = dissociation_curve(molecule, molecule.positions[0], separations, {"E_int": method})
    energies = curve.table["E_int"].to_numpy()
    lowest = int(np.argmin(energies))
    distance = float(separations[lowest])
    if name == "water":
        distance = _oxygen_distance(molecule, distance - start)
    return DimerCheck(name, distance, float(-energies[lowest]), float(energies[-1]), _bumps(energies[lowest:]))


def _oxygen_distance(molecule: Molecule, shift: float) -> float:
    _, direction = centre_separation(molecule, molecule.positions[0])
    first, second = molecule.positions[0, molecule.numbers == 8]
    return float(np.linalg.norm(second + shift * direction - first))


def _bumps(energies: np.ndarray) -> int:
    """Further wells: E_int falls by more than BUMP and rises by more than BUMP again.

    A fall alone is none: the sandwich is repelled by its quadrupoles far out, and that fades.
    """
    count, high, low, falling = 0, energies[0], energies[0], False
    for energy in energies[1:]:
        if not falling:
            high = max(high, energy)
            falling, low = energy < high - BUMP, energy
        else:
            low = min(low, energy)
            if energy > low + BUMP:
                count, falling, high = count + 1, False, energy
    return count
