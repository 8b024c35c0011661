"""Several methods side by side on labelled molecules and complexes that no model of them was trained on.

Total energies of methods of different levels have different zeros. A method of another level than the labels is shifted
by one constant an element, fitted by least squares to the labels of up to 500 training molecules, one minimum each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from virialff.benchmarks.holdout import force_errors, relative_errors
from virialff.benchmarks.labelled import HeldOutSet, LabelledMolecule
from virialff.benchmarks.statistics import ErrorSummary, summarize_errors
from virialff.elements import ATOMIC_NUMBERS
from virialff.engines import Engine
from virialff.engines.xtb import Gfn2Engine, single_point
from virialff.errors import EngineError, MoleculeError
from virialff.interactions.energies import interaction_method
from virialff.methods.energy_functions import check_available, level_of_theory
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule
from virialff.units import E_ANGSTROM_IN_DEBYE

#: Called as progress(done, in all); what it raises stops the run.
Progress = Callable[[int, int], None]
#: A molecule of this many heavy atoms or more is drug-sized.
DRUG_SIZED = 20
#: Smallest and largest number of heavy atoms of each class of sizes.
SIZES = ((1, 6), (7, 9), (10, 12), (13, 15), (16, 19), (20, 24), (25, 30), (31, 1000))
_FEWEST_FOR_SHIFT = 3  # molecules an element


@dataclass(frozen=True, eq=False)
class HeldOutComparison:
    """Errors of several methods against labels; energies in kcal/mol.

    energies: one row a minimum: molecule (number), n_heavy, n_atoms, rare (whether the first model marks something of
        the molecule as rare in its training), detail (minimum of what), reference, and a column a method with its total
        energy, shifted where `shifts` has the method; NaN where it cannot compute the molecule.
    forces: by method, errors of Cartesian components over all geometries with forces, kcal/mol/Angstrom.
    dipoles: one row a minimum with a dipole: molecule, reference (its size), and by method `NAME` (size) and
        `NAME error` (length of the difference vector), all in Debye.
    interactions: one row a geometry of a complex: complex (number), reference, and a column a method, E_int.
    shifts: by method, the number of training molecules behind the constants that shift its total energies.
    reasons: why a method is left out, or left out a molecule, by (method, molecule); molecule 0 for all.
    """

    level_of_theory: str
    levels: Mapping[str, str]
    largest_training: int
    energies: pd.DataFrame
    forces: Mapping[str, ErrorSummary]
    dipoles: pd.DataFrame
    interactions: pd.DataFrame
    shifts: Mapping[str, int]
    reasons: Mapping[tuple[str, int], str]

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods."""
        return tuple(self.levels)

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """One row a quantity, sizes and method: quantity (with unit), sizes, method, then as `ErrorSummary.as_row`."""
        rows: list[dict[str, object]] = []

        def add(quantity: str, sizes: str, method: str, errors: np.ndarray, groups: np.ndarray) -> None:
            known = np.isfinite(errors)
            if known.any():
                summary = summarize_errors(errors[known], groups[known])
                rows.append({"quantity": quantity, "sizes": sizes, "method": method, **summary.as_row()})

        for method in self.methods:
            for sizes, part in self._by_size():
                errors = (part[method] - part["reference"]).to_numpy(dtype=float)
                groups = part["molecule"].to_numpy()
                add("total energy (kcal/mol)", sizes, method, errors, groups)
                per_atom = errors / part["n_atoms"].to_numpy(dtype=float)
                add("total energy per atom (kcal/mol)", sizes, method, per_atom, groups)
            # A minimum of another method lies in another basin: only those of the same kind are compared.
            table = self.energies.dropna(subset=[method])
            ensembles, names = pd.factorize(table["molecule"].astype(str) + " " + table["detail"].astype(str))
            predicted, reference = (table[name].to_numpy(dtype=float) for name in (method, "reference"))
            errors, groups = relative_errors(predicted, reference, ensembles)
            molecules = np.array([int(name.split()[0]) for name in names], dtype=np.int64)[groups]
            add("energy above the lowest minimum by the reference (kcal/mol)", "all", method, errors, molecules)
            if method in self.forces:
                row = self.forces[method].as_row()
                rows.append(
                    {"quantity": "force component (kcal/mol/Angstrom)", "sizes": "all", "method": method, **row}
                )
            if method in self.dipoles:
                groups = self.dipoles["molecule"].to_numpy()
                length = (self.dipoles[method] - self.dipoles["reference"]).to_numpy(dtype=float)
                add("size of the dipole (D)", "all", method, length, groups)
                vector = self.dipoles[f"{method} error"].to_numpy(dtype=float)
                add("dipole, length of the difference (D)", "all", method, vector, groups)
            if method in self.interactions:
                errors = (self.interactions[method] - self.interactions["reference"]).to_numpy(dtype=float)
                groups = self.interactions["complex"].to_numpy()
                add("interaction energy of complexes (kcal/mol)", "all", method, errors, groups)
        return pd.DataFrame(rows)

    def _by_size(self) -> list[tuple[str, pd.DataFrame]]:
        heavy, rare = self.energies["n_heavy"], self.energies["rare"].astype(bool)
        within, sizes = heavy <= self.largest_training, f"up to {self.largest_training} heavy atoms"
        parts = [
            ("all", self.energies),
            (f"{sizes}, as in training", self.energies[within]),
        ]
        if (rare & within).any():
            parts += [
                (f"{sizes}, nothing of them marked as rare in training", self.energies[within & ~rare]),
                (f"{sizes}, marked as rare in training", self.energies[within & rare]),
            ]
        parts.append((f"{DRUG_SIZED} heavy atoms or more", self.energies[heavy >= DRUG_SIZED]))
        parts += [
            (f"{low} to {high} heavy atoms" if high < SIZES[-1][1] else f"{low} heavy atoms or more", part)
            for low, high in SIZES
            if len(part := self.energies[heavy.between(low, high)])
        ]
        return parts


def run_held_out(
    methods: Mapping[str, Engine | Model], held_out: HeldOutSet, *, progress: Progress | None = None
) -> HeldOutComparison:
    """Every method on every molecule and complex of the set; a method of the labels' own level must be a model.

    A molecule that a method cannot compute is NaN with its reason. Raises EngineError for an engine that cannot compute
    here at all.
    """
    usable = {
        name: method
        for name, method in methods.items()
        if isinstance(method, Model) or method.level != held_out.level_of_theory
    }
    for method in usable.values():
        check_available(method)
    runs = {name: _Run(name, method) for name, method in usable.items()}
    first_model = next((method for method in usable.values() if isinstance(method, Model)), None)
    shifted = [run for run in runs.values() if level_of_theory(run.method) != held_out.level_of_theory]
    total = len(held_out.molecules) + len(held_out.complexes) + (len(held_out.training) if shifted else 0)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    references: list[tuple[NDArray[np.float64], float]] = []
    for molecule in held_out.training if shifted else ():
        references.append((element_counts(molecule.molecule), float(molecule.energies[0])))
        for run in shifted:
            run.add_training(molecule)
        step()
    for run in shifted:
        run.fit_shift(references)
    energies, dipoles, interactions = [], [], []
    for number, molecule in enumerate(held_out.molecules, start=1):
        table = pd.DataFrame(
            {
                "molecule": number,
                "n_heavy": molecule.n_heavy,
                "n_atoms": molecule.molecule.n_atoms,
                "rare": _marked(first_model, molecule.molecule),
                "detail": molecule.details,
                "reference": molecule.energies,
            }
        )
        moments = pd.DataFrame({"molecule": number, "reference": _lengths(molecule.dipoles)})
        for run in runs.values():
            table[run.name] = run.add(molecule, number)
            predicted = run.dipoles(molecule)
            moments[run.name] = _lengths(predicted)
            moments[f"{run.name} error"] = _lengths(predicted - molecule.dipoles)
        energies.append(table[molecule.minima])
        dipoles.append(moments[molecule.minima & np.isfinite(moments["reference"].to_numpy())])
        step()
    for number, entry in enumerate(held_out.complexes, start=1):
        table = pd.DataFrame({"complex": number, "reference": entry.interaction_energies})
        for run in runs.values():
            table[run.name] = run.interactions(entry.molecule)
        interactions.append(table)
        step()
    columns = ["reference", *runs]
    return HeldOutComparison(
        held_out.level_of_theory,
        {name: level_of_theory(run.method) for name, run in runs.items()},
        held_out.largest_training,
        _joined(energies, ["molecule", "n_heavy", "n_atoms", "rare", "detail", *columns]),
        {name: summary for name, run in runs.items() if (summary := run.force_summary()) is not None},
        _joined(dipoles, ["molecule", *columns]).dropna(axis=1, how="all"),
        _joined(interactions, ["complex", *columns]),
        {run.name: run.n_shift for run in shifted},
        {key: reason for run in runs.values() for key, reason in run.reasons.items()},
    )


def _marked(model: Model | None, molecule: Molecule) -> bool:
    marks = None if model is None else model.rare_atoms(molecule)
    return marks is not None and marks.any


def element_counts(molecule: Molecule) -> NDArray[np.float64]:
    """Atoms of each of the nine elements, (9,)."""
    return np.array([(molecule.numbers == number).sum() for number in ATOMIC_NUMBERS], dtype=np.float64)


class _Run:
    """One method and what is gathered of it."""

    def __init__(self, name: str, method: Engine | Model) -> None:
        self.name, self.method = name, method
        self.reasons: dict[tuple[str, int], str] = {}
        self.n_shift = 0
        self._training: list[float] = []
        self._shift: NDArray[np.float64] | None = np.zeros(len(ATOMIC_NUMBERS))
        self._forces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add_training(self, molecule: LabelledMolecule) -> None:
        try:
            self._training.append(float(self._energies(molecule.molecule)[0][0]))
        except (EngineError, MoleculeError):
            self._training.append(np.nan)

    def fit_shift(self, references: list[tuple[NDArray[np.float64], float]]) -> None:
        counts = np.array([counts for counts, _ in references]).reshape(-1, len(ATOMIC_NUMBERS))
        known = np.isfinite(self._training)
        difference = np.array([energy for _, energy in references])[known] - np.array(self._training)[known]
        counts = counts[known]
        self.n_shift = len(counts)
        n_elements = int(counts.any(axis=0).sum())
        if self.n_shift < _FEWEST_FOR_SHIFT * max(n_elements, 1):
            self._shift = None
            self.reasons[self.name, 0] = (
                f"total energies of {self.name} are not compared: {self.n_shift} training molecules are too few to "
                "shift them to the level of the labels"
            )
            return
        self._shift = np.linalg.lstsq(counts, difference, rcond=None)[0]

    def add(self, molecule: LabelledMolecule, number: int) -> NDArray[np.float64]:
        """Total energies (n_conformers,) on the labels' zero; forces are kept for `force_summary`."""
        nothing = np.full(len(molecule.energies), np.nan)
        try:
            energies, forces = self._energies(molecule.molecule)
        except (EngineError, MoleculeError) as error:
            self.reasons[self.name, number] = str(error)
            return nothing
        known = np.isfinite(molecule.forces).all(axis=(1, 2))
        if known.any():
            rows = known.sum() * molecule.molecule.n_atoms
            pair = forces[known].reshape(-1, 3), molecule.forces[known].reshape(-1, 3)
            self._forces.append((*pair, np.full(rows, number)))
        return nothing if self._shift is None else energies + element_counts(molecule.molecule) @ self._shift

    def _energies(self, molecule: Molecule) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(self.method, Model):
            return self.method.force_field(molecule).energy_and_forces(molecule.positions)
        reason = self.method.unsupported(molecule)
        if reason:
            raise EngineError(reason)
        return self.method.energy_and_forces(molecule, molecule.positions)

    def dipoles(self, molecule: LabelledMolecule) -> NDArray[np.float64]:
        """(n_conformers, 3) e Angstrom, of point charges for a model; NaN for a method that gives none."""
        nothing = np.full_like(molecule.dipoles, np.nan)
        if not np.isfinite(molecule.dipoles).any():
            return nothing
        try:
            if isinstance(self.method, Model):
                charges = self.method.force_field(molecule.molecule).charges
                centred = molecule.molecule.positions - molecule.molecule.positions.mean(axis=1, keepdims=True)
                return np.asarray(np.einsum("i,cix->cx", charges, centred))
            if isinstance(self.method, Gfn2Engine):
                numbers = molecule.molecule.numbers
                return np.array([single_point(numbers, geometry).dipole for geometry in molecule.molecule.positions])
        except (EngineError, MoleculeError):
            return nothing  # the reason is that of the energies
        return nothing

    def interactions(self, molecule: Molecule) -> NDArray[np.float64]:
        try:
            return np.asarray(interaction_method(self.method)(molecule, molecule.positions), dtype=np.float64)
        except (EngineError, MoleculeError):
            return np.full(molecule.n_conformers, np.nan)

    def force_summary(self) -> ErrorSummary | None:
        if not self._forces:
            return None
        predicted, reference, groups = (np.concatenate(parts) for parts in zip(*self._forces, strict=True))
        return force_errors(predicted, reference, groups)


def _lengths(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(vectors, axis=-1)) * E_ANGSTROM_IN_DEBYE


def _joined(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns, dtype=float)
