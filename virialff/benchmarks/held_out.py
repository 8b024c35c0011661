"""What no model of a comparison was trained on: molecules and complexes of a label store, and methods measured on them.

Total energies of methods of different levels have different zeros. A method of another level than the labels is shifted
by one constant an element, fitted by least squares to the labels of up to 500 training molecules, one minimum each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from virialff.benchmarks.calibration import CalibrationResult, calibrations
from virialff.benchmarks.statistics import ErrorSummary, relative_errors, summarize_errors
from virialff.elements import ATOMIC_NUMBERS
from virialff.engines.base import Progress
from virialff.engines.xtb import Gfn2Engine, single_point
from virialff.errors import ConfigError, EngineError, MoleculeError
from virialff.interactions.energies import interaction_energy
from virialff.labels.groups import molecule_of
from virialff.labels.schema import COLUMN_OF, Label, from_table
from virialff.labels.splits import MONOMERS, SPLITS, Fractions, split_of_record
from virialff.labels.store import LabelStore
from virialff.methods.method import ForceMethod, level_of_theory, require
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule
from virialff.units import E_ANGSTROM_IN_DEBYE

#: Training molecules whose energies fix the zeros of other methods.
N_TRAINING = 500
#: A molecule of this many heavy atoms or more is drug-sized.
DRUG_SIZED = 20
#: Smallest and largest number of heavy atoms of each class of sizes.
SIZES = ((1, 6), (7, 9), (10, 12), (13, 15), (16, 19), (20, 24), (25, 30), (31, 1000))
_FEWEST_FOR_SHIFT = 3  # molecules an element
_COMPLEX = "complex"


class SplitRule(NamedTuple):
    """How the data of a model were divided: the seed and the shares of train, validation and test."""

    seed: int
    fractions: Fractions

    @classmethod
    def of_card(cls, name: str, card: Mapping[str, Any]) -> SplitRule:
        """The rule of the model of this name and card. Raises ConfigError where the card does not say it."""
        split = card.get("split")
        fractions = split.get("fractions") if isinstance(split, dict) else None
        seed = split.get("seed") if isinstance(split, dict) else None
        if not isinstance(seed, int) or not isinstance(fractions, list) or len(fractions) != len(SPLITS):
            raise ConfigError(
                f"the card of the model {name} does not say how its data were split, so what it never saw is not "
                "known: evaluate it without labels"
            )
        return cls(seed, (float(fractions[0]), float(fractions[1]), float(fractions[2])))


@dataclass(frozen=True, eq=False)
class LabelledMolecule:
    """One molecule with its labelled conformers; energies in kcal/mol, forces in kcal/mol/Angstrom.

    minima: (n_conformers,), which conformers are minima of some method; details: how each conformer was made.
    energies: (n_conformers,) total energies.
    forces: (n_conformers, n_atoms, 3); NaN where a conformer has none.
    dipoles: (n_conformers, 3) e Angstrom; NaN where a conformer has none.
    """

    molecule: Molecule
    inchikey: str
    minima: NDArray[np.bool_]
    details: tuple[str, ...]
    energies: NDArray[np.float64]
    forces: NDArray[np.float64]
    dipoles: NDArray[np.float64]

    @property
    def n_heavy(self) -> int:
        """Number of atoms but hydrogens."""
        return int((self.molecule.numbers > 1).sum())


@dataclass(frozen=True, eq=False)
class LabelledComplex:
    """One complex with labelled geometries: interaction energies (n_conformers,) in kcal/mol, negative = bound."""

    molecule: Molecule
    inchikeys: tuple[str, ...]
    interaction_energies: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeldOutSet:
    """What a store holds at one level of theory that no model of a comparison was trained on.

    training: up to N_TRAINING molecules that all of them may have trained on, one minimum each: they fix the zeros of
    methods of another level. largest_training: heavy atoms of the largest molecule of the training part.
    """

    level_of_theory: str
    molecules: tuple[LabelledMolecule, ...]
    complexes: tuple[LabelledComplex, ...]
    training: tuple[LabelledMolecule, ...]
    largest_training: int


def read_held_out(
    path: Path | str,
    level_of_theory: str,
    rules: Sequence[SplitRule],
    *,
    max_molecules: int | None = None,
    min_heavy: int = 0,
) -> HeldOutSet:
    """The test part of a store at one level: what every one of `rules` puts into the test split.

    max_molecules: read no more molecules, and no more complexes, than this, those with the first InChIKeys.
    min_heavy: read only what has this number of heavy atoms or more.

    Raises StoreError as reading the store does, ConfigError where the store has no labels of the level.
    """
    store = LabelStore(path)
    sizes, monomers = _sizes(store, level_of_theory)
    if not sizes:
        raise ConfigError(f"{path} holds no labels of {level_of_theory}: give another store or level.")
    parts = {key: split_part(key, monomers, rules) for key in sizes}
    test = _first([key for key, part in parts.items() if part == "test" and sizes[key] >= min_heavy], max_molecules)
    training = _first([key for key, part in parts.items() if part == "train" and len(key) == 1], N_TRAINING)
    rows: dict[str, list[Label]] = defaultdict(list)
    for label in _labels(store, level_of_theory, test | training):
        if label.inchikeys in test:
            rows[f"{label.task}\n{label.smiles}" if label.kind == _COMPLEX else label.smiles].append(label)
        elif label.kind == "minimum":
            rows[label.smiles].append(label)
    groups = list(rows.values())
    return HeldOutSet(
        level_of_theory,
        tuple(_molecule(g) for g in groups if g[0].kind != _COMPLEX and g[0].inchikeys in test),
        tuple(_complex(g) for g in groups if g[0].kind == _COMPLEX),
        tuple(_molecule([min(g, key=_energy)]) for g in groups if g[0].inchikeys in training),
        max((size for key, size in sizes.items() if parts[key] == "train" and len(key) == 1), default=0),
    )


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
    calibration: of each model with members, spread against error by quantity; of total energies only where the labels
        are of the model's own level.
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
    calibration: Mapping[str, Mapping[str, CalibrationResult]] = field(default_factory=dict)

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
            predicted, reference = (table[name].to_numpy(dtype=float) for name in (method, "reference"))
            errors, minima = relative_errors(predicted, reference, _ensembles(table))
            molecules = table["molecule"].to_numpy()[minima]
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
    models: Mapping[str, Model],
    held_out: HeldOutSet,
    beside: Mapping[str, ForceMethod] | None = None,
    *,
    progress: Progress | None = None,
) -> HeldOutComparison:
    """Models, and other methods beside them, on the whole set; other methods of the labels' own level are left out.

    A molecule that a method cannot compute is NaN with its reason. Raises EngineError for a method that cannot compute
    here at all.
    """
    level = held_out.level_of_theory
    others = {name: method for name, method in (beside or {}).items() if level_of_theory(method) != level}
    for method in others.values():
        require(method)
    of_models = [_ModelRun(name, model, held_out) for name, model in models.items()]
    runs = [*of_models, *(_Run(name, method, held_out) for name, method in others.items())]
    shifted = [run for run in runs if run.level != level]
    total = len(held_out.molecules) + len(held_out.complexes) + (len(held_out.training) if shifted else 0)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    for molecule in held_out.training if shifted else ():
        for run in shifted:
            run.add_training(molecule)
        step()
    for run in shifted:
        run.fit_shift()
    energies, dipoles, interactions = [], [], []
    for number, molecule in enumerate(held_out.molecules, start=1):
        table = pd.DataFrame(
            {
                "molecule": number,
                "n_heavy": molecule.n_heavy,
                "n_atoms": molecule.molecule.n_atoms,
                "rare": bool(of_models) and _marked(of_models[0].model, molecule.molecule),
                "detail": molecule.details,
                "reference": molecule.energies,
            }
        )
        moments = pd.DataFrame({"molecule": number, "reference": _lengths(molecule.dipoles)})
        for run in runs:
            table[run.name] = run.add(molecule, number)
            predicted = run.dipoles(molecule)
            moments[run.name] = _lengths(predicted)
            moments[f"{run.name} error"] = _lengths(predicted - molecule.dipoles)
        energies.append(table[molecule.minima])
        dipoles.append(moments[molecule.minima & np.isfinite(moments["reference"].to_numpy())])
        step()
    for number, entry in enumerate(held_out.complexes, start=1):
        table = pd.DataFrame({"complex": number, "reference": entry.interaction_energies})
        for run in runs:
            table[run.name] = run.interactions(entry.molecule)
        interactions.append(table)
        step()
    columns = ["reference", *(run.name for run in runs)]
    minima = _joined(energies, ["molecule", "n_heavy", "n_atoms", "rare", "detail", *columns])
    pairs = _joined(interactions, ["complex", *columns])
    return HeldOutComparison(
        level,
        {run.name: run.level for run in runs},
        held_out.largest_training,
        minima,
        {run.name: summary for run in runs if (summary := run.force_summary()) is not None},
        _joined(dipoles, ["molecule", *columns]).dropna(axis=1, how="all"),
        pairs,
        {run.name: run.n_shift for run in shifted},
        {key: reason for run in runs for key, reason in run.reasons.items()},
        {run.name: found for run in of_models if (found := run.calibration(minima, pairs))},
    )


def element_counts(molecule: Molecule) -> NDArray[np.float64]:
    """Atoms of each of the nine elements, (9,)."""
    return np.array([(molecule.numbers == number).sum() for number in ATOMIC_NUMBERS], dtype=np.float64)


class _Run:
    """One method and what is gathered of it."""

    def __init__(self, name: str, method: ForceMethod, held_out: HeldOutSet) -> None:
        self.name, self.method, self.held_out = name, method, held_out
        self.level = level_of_theory(method)
        self.reasons: dict[tuple[str, int], str] = {}
        self.n_shift = 0
        self._training: list[float] = []
        self._shift: NDArray[np.float64] | None = np.zeros(len(ATOMIC_NUMBERS))
        self._forces: list[tuple[NDArray[np.float64], NDArray[np.int64]]] = []

    def add_training(self, molecule: LabelledMolecule) -> None:
        try:
            require(self.method, molecule.molecule)
            self._training.append(float(self.method.energy(molecule.molecule, molecule.molecule.positions)[0]))
        except (EngineError, MoleculeError):
            self._training.append(np.nan)

    def fit_shift(self) -> None:
        counts = np.array([element_counts(entry.molecule) for entry in self.held_out.training])
        known = np.isfinite(self._training)
        counts = counts.reshape(-1, len(ATOMIC_NUMBERS))[known]
        self.n_shift = len(counts)
        if self.n_shift < _FEWEST_FOR_SHIFT * max(int(counts.any(axis=0).sum()), 1):
            self._shift = None
            self.reasons[self.name, 0] = (
                f"total energies of {self.name} are not compared: {self.n_shift} training molecules are too few to "
                "shift them to the level of the labels"
            )
            return
        references = np.array([float(entry.energies[0]) for entry in self.held_out.training])
        self._shift = np.linalg.lstsq(counts, (references - np.array(self._training))[known])[0]

    def add(self, molecule: LabelledMolecule, number: int) -> NDArray[np.float64]:
        """Total energies (n_conformers,) on the labels' zero; forces are kept for `force_summary`."""
        nothing = np.full(len(molecule.energies), np.nan)
        try:
            require(self.method, molecule.molecule)
            energies, forces = self.method.energy_and_forces(molecule.molecule, molecule.molecule.positions)
        except (EngineError, MoleculeError) as error:
            self.reasons[self.name, number] = str(error)
            return nothing
        errors = (forces - molecule.forces)[np.isfinite(molecule.forces).all(axis=(1, 2))].ravel()
        self._forces.append((errors, np.full(len(errors), number)))
        return nothing if self._shift is None else energies + element_counts(molecule.molecule) @ self._shift

    def dipoles(self, molecule: LabelledMolecule) -> NDArray[np.float64]:
        """(n_conformers, 3) e Angstrom; NaN for a method that gives none."""
        if np.isfinite(molecule.dipoles).any():
            try:
                return self._dipoles(molecule.molecule)
            except (EngineError, MoleculeError):
                pass  # the reason is that of the energies
        return np.full_like(molecule.dipoles, np.nan)

    def _dipoles(self, molecule: Molecule) -> NDArray[np.float64]:
        if not isinstance(self.method, Gfn2Engine):
            return np.full((molecule.n_conformers, 3), np.nan)
        return np.array([single_point(molecule.numbers, geometry).dipole for geometry in molecule.positions])

    def interactions(self, molecule: Molecule) -> NDArray[np.float64]:
        try:
            return interaction_energy(molecule, self.method)
        except (EngineError, MoleculeError):
            return np.full(molecule.n_conformers, np.nan)

    def force_summary(self) -> ErrorSummary | None:
        if not any(len(errors) for errors, _ in self._forces):
            return None
        return summarize_errors(*(np.concatenate(parts) for parts in zip(*self._forces, strict=True)))


class _ModelRun(_Run):
    """A model, and what its members say beside it."""

    def __init__(self, name: str, model: Model, held_out: HeldOutSet) -> None:
        super().__init__(name, model, held_out)
        self.model = model
        self._minima: list[NDArray[np.float64]] = []
        self._complexes: list[NDArray[np.float64]] = []

    def add(self, molecule: LabelledMolecule, number: int) -> NDArray[np.float64]:
        if self.model.members:
            self._minima.append(_of_each(self.model, molecule.molecule, "energy")[:, molecule.minima])
        return super().add(molecule, number)

    def _dipoles(self, molecule: Molecule) -> NDArray[np.float64]:
        charges = self.model.force_field(molecule).charges
        centred = molecule.positions - molecule.positions.mean(axis=1, keepdims=True)
        return np.asarray(np.einsum("i,cix->cx", charges, centred))

    def interactions(self, molecule: Molecule) -> NDArray[np.float64]:
        if self.model.members:
            self._complexes.append(_of_each(self.model, molecule, "interaction_energy"))
        return super().interactions(molecule)

    def calibration(self, minima: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, CalibrationResult]:
        """From the tables of the comparison, whose rows are those that the members computed too."""
        errors: dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]] = {}
        if self._minima:
            predicted, reference = np.concatenate(self._minima, axis=1), minima["reference"].to_numpy(dtype=float)
            molecules = minima["molecule"].to_numpy()
            if self.level == self.held_out.level_of_theory:
                errors["total energy"] = predicted - reference, molecules
            relative = [relative_errors(values, reference, _ensembles(minima)) for values in predicted]
            rows = relative[0][1]
            errors["energy above the lowest minimum"] = np.stack([found for found, _ in relative]), molecules[rows]
        if self._complexes:
            found = np.concatenate(self._complexes, axis=1) - pairs["reference"].to_numpy(dtype=float)
            errors["interaction energy"] = found, pairs["complex"].to_numpy()
        return calibrations(errors)


def _of_each(model: Model, molecule: Molecule, quantity: str) -> NDArray[np.float64]:
    """(n_models, n_conformers) kcal/mol, the model first; NaN for an element that it does not know."""
    parts = (model, *model.members)
    try:
        return np.stack([getattr(part, quantity)(molecule, molecule.positions) for part in parts])
    except MoleculeError:
        return np.full((len(parts), molecule.n_conformers), np.nan)


def _marked(model: Model, molecule: Molecule) -> bool:
    marks = model.rare_atoms(molecule)
    return marks is not None and marks.any


def _ensembles(minima: pd.DataFrame) -> NDArray[np.int64]:
    """Which minima are of one kind of one molecule, (n_rows,)."""
    return np.asarray(minima.groupby(["molecule", "detail"], sort=False).ngroup())


def _lengths(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(vectors, axis=-1)) * E_ANGSTROM_IN_DEBYE


def _joined(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns, dtype=float)


def _first(keys: Sequence[tuple[str, ...]], limit: int | None) -> frozenset[tuple[str, ...]]:
    """The first `limit` keys of molecules and of complexes, in the order of the keys."""
    chosen: list[tuple[str, ...]] = []
    for single in (True, False):
        chosen += sorted(key for key in keys if (len(key) == 1) == single)[:limit]
    return frozenset(chosen)


def split_part(key: tuple[str, ...], monomers: frozenset[str], rules: Sequence[SplitRule]) -> str:
    """The part that every rule puts a molecule or complex into, by its InChIKeys; "mixed" where they differ."""
    parts = {split_of_record(key, always_train=monomers, seed=rule.seed, fractions=rule.fractions) for rule in rules}
    return parts.pop() if len(parts) == 1 else "mixed"


def _sizes(store: LabelStore, level: str) -> tuple[dict[tuple[str, ...], int], frozenset[str]]:
    """Heavy atoms of everything that has a label of the level by its InChIKeys, and the keys of our own monomers."""
    names = ["inchikeys", "source", "kind", "level_of_theory", "failure"]
    sizes: dict[tuple[str, ...], int] = {}
    monomers: set[str] = set()
    for table in store.tables([COLUMN_OF[name] for name in (*names, "numbers")]):
        numbers = table[COLUMN_OF["numbers"]].combine_chunks()
        heavy = np.cumsum(np.concatenate([[0], numbers.values.to_numpy() > 1]))[numbers.offsets.to_numpy()]
        rows = table.select([COLUMN_OF[name] for name in names]).rename_columns(names).to_pylist()
        for row, size in zip(rows, np.diff(heavy).tolist(), strict=True):
            if row["level_of_theory"] == level and row["failure"] is None:
                sizes[tuple(row["inchikeys"])] = size
                if row["source"] == MONOMERS and row["kind"] != _COMPLEX:
                    monomers.add(row["inchikeys"][0])
    return sizes, frozenset(monomers)


def _labels(store: LabelStore, level: str, keys: Set[tuple[str, ...]]) -> Iterator[Label]:
    """The rows of a level with these InChIKeys; no others are decoded."""
    for table in store.tables():
        right_level = pc.equal(table[COLUMN_OF["level_of_theory"]], level)
        chosen = table.filter(pc.and_(right_level, pc.is_null(table[COLUMN_OF["failure"]])))
        mask = [tuple(values) in keys for values in chosen[COLUMN_OF["inchikeys"]].to_pylist()]
        yield from from_table(chosen.filter(np.array(mask, dtype=bool)))


def _energy(label: Label) -> float:
    return np.inf if label.energy is None else label.energy


def _molecule(rows: Sequence[Label]) -> LabelledMolecule:
    first, n = rows[0], rows[0].n_atoms

    def stacked(values: Sequence[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
        return np.stack([np.full(shape, np.nan) if value is None else np.asarray(value) for value in values])

    return LabelledMolecule(
        molecule_of(rows),
        first.inchikeys[0],
        np.array([row.kind == "minimum" for row in rows]),
        tuple(row.detail for row in rows),
        stacked([row.energy for row in rows], ()),
        stacked([row.forces for row in rows], (n, 3)),
        stacked([row.dipole for row in rows], (3,)),
    )


def _complex(rows: Sequence[Label]) -> LabelledComplex:
    known = [row for row in rows if row.interaction_energy is not None] or rows
    energies = [np.nan if row.interaction_energy is None else row.interaction_energy for row in known]
    return LabelledComplex(molecule_of(known), rows[0].inchikeys, np.array(energies, dtype=np.float64))
