"""Relative conformer energies of several methods against a reference method, as in the paper's Fig. 10.

The paper's set, 117 PC9 molecules with CREST conformers, is not public; the frozen conformer set (docs/evaluation.md)
stands in for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from virialff.benchmarks.reference_data import References
from virialff.benchmarks.statistics import ErrorSummary, relative_errors, summarize_errors
from virialff.conformers.generation import generate
from virialff.engines.base import Progress
from virialff.errors import EngineError, MoleculeError
from virialff.labels.evaluation_sets import EvaluationSets
from virialff.methods.method import Method, level_of_theory, require
from virialff.methods.runs import energies_of
from virialff.molecules.molecule import Molecule

Zero = Literal["reference", "own"]
_COLUMNS = ("molecule", "smiles", "conformer", "reference")


@dataclass(frozen=True, eq=False)
class ConformerResult:
    """Energies of conformers with several methods, in kcal/mol.

    table: one row a conformer: molecule (number from 1), smiles, conformer (from 1), `reference` and a column a method,
        each relative to the conformer of lowest reference energy; NaN where a method cannot compute the molecule.
    levels: level of theory of each method and of `reference`.
    reasons: why a method left out a molecule, by (method, molecule).
    """

    table: pd.DataFrame
    methods: tuple[str, ...]
    levels: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[tuple[str, int], str] = field(default_factory=dict)

    def summary(self, method: str, zero: Zero = "reference") -> ErrorSummary:
        """Errors of a method's relative energies, intervals over molecules.

        zero="reference": relative to the conformer of lowest reference energy, that one left out (the paper's).
        zero="own": each method relative to its own lowest conformer, every conformer counted.

        Raises ValueError where the method computed no molecule of two conformers or more.
        """
        table = self.table.dropna(subset=[method])
        table = table[table.groupby("molecule")["conformer"].transform("size") > 1]
        predicted, reference, molecules = (table[name].to_numpy() for name in (method, "reference", "molecule"))
        if zero == "reference":
            errors, conformers = relative_errors(predicted, reference, molecules)
            return summarize_errors(errors, molecules[conformers])
        lowest = table.groupby("molecule")[[method, "reference"]].transform("min").to_numpy()
        return summarize_errors((predicted - lowest[:, 0]) - (reference - lowest[:, 1]), molecules)

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """One row a method and zero (`reference`, `own`): n_values, n_groups, mae, rmse, mean_signed, with bounds."""
        zeros: tuple[Zero, Zero] = ("reference", "own")
        rows = [
            {"method": method, "zero": zero, **self.summary(method, zero).as_row()}
            for method in self.methods
            if self.table[method].notna().any()
            for zero in zeros
        ]
        return pd.DataFrame(rows)


def conformer_set(n_conformers: int = 10, *, seed: int = 1, molecules: Iterable[str] | None = None) -> list[Molecule]:
    """The frozen conformer set with up to n_conformers MMFF94s minima each, in the order of the list.

    molecules: SMILES of those wanted, by default all 40; they become the molecules' names. Undefined stereocentres take
    one configuration, the same in all conformers of a molecule.
    """
    smiles = list(EvaluationSets.load().molecules.values()) if molecules is None else list(molecules)
    return [generate(Molecule.from_smiles(f"{text} {text}"), n_conformers, seed) for text in smiles]


def compare_conformers(
    molecules: Iterable[Molecule],
    reference: Method,
    methods: Mapping[str, Method],
    *,
    progress: Progress | None = None,
) -> ConformerResult:
    """Energies of every conformer of every molecule with the reference and the methods, at the geometries given.

    A molecule or conformer that a method cannot compute is NaN with its reason; one that the reference cannot compute
    raises EngineError. Raises MissingCoordinatesError, ShapeError for a method that does not give one energy a
    conformer, ValueError for a method named like another column.
    """
    molecules = list(molecules)
    known = ({"reference": _complete(reference, molecule)} for molecule in molecules)
    return _compare(zip(molecules, known, strict=True), len(molecules), level_of_theory(reference), methods, progress)


def compare_stored(references: References, level: str, methods: Mapping[str, Method]) -> ConformerResult | None:
    """The conformers of a store of references that have energies of `level`, beside its other levels; None for none."""
    chosen = [
        (entry.molecule, {"reference": entry.energies[level]} | {k: v for k, v in entry.energies.items() if k != level})
        for entry in references.conformers
        if level in entry.energies
    ]
    return _compare(chosen, len(chosen), level, methods, None) if chosen else None


def _compare(
    known: Iterable[tuple[Molecule, Mapping[str, NDArray[np.float64]]]],
    n_molecules: int,
    level: str,
    methods: Mapping[str, Method],
    progress: Progress | None,
) -> ConformerResult:
    """Methods beside the energies that are known of each molecule, `reference` among them, of `level`."""
    clash = sorted(set(methods) & set(_COLUMNS))
    if clash:
        raise ValueError(f"a method cannot be named {clash[0]!r}: the table has a column of that name")
    for method in methods.values():
        require(method)
    tables: list[pd.DataFrame] = []
    reasons: dict[tuple[str, int], str] = {}
    levels = {"reference": level} | {name: level_of_theory(method) for name, method in methods.items()}
    for number, (molecule, energies) in enumerate(known, start=1):
        n_conformers = molecule.n_conformers
        lowest = int(np.argmin(energies["reference"]))
        found = dict(energies)
        levels |= {name: name for name in energies if name != "reference"}
        for name, method in methods.items():
            try:
                run = energies_of(method, molecule, name=name)
            except (EngineError, MoleculeError) as error:
                reasons[name, number] = str(error)
                found[name] = np.full(n_conformers, np.nan)
            else:
                found[name] = run.values
                if run.failures:
                    reasons[name, number] = next(iter(run.failures.values()))
        table = pd.DataFrame(
            {"molecule": number, "smiles": molecule.smiles, "conformer": np.arange(1, n_conformers + 1)}
        )
        tables.append(table.assign(**{name: values - values[lowest] for name, values in found.items()}))
        if progress is not None:
            progress(number, n_molecules)
    names = tuple(name for name in levels if name != "reference")
    return ConformerResult(pd.concat(tables, ignore_index=True), names, levels, reasons)


def _complete(reference: Method, molecule: Molecule) -> NDArray[np.float64]:
    """The reference's energy of every conformer; EngineError where it has not all of them."""
    run = energies_of(reference, molecule)
    for number, reason in run.failures.items():
        raise EngineError(reason, conformer=number)
    return run.values
