"""Models beside GFN2-xTB, ANI and DFT on the reference energies of the evaluation sets (reference_data).

Nothing but the models is computed: the energies of the other methods are those of the store, at its geometries.
Sets that are not complete are compared on what there is; every statistic carries its number of complexes or conformers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from virialff.benchmarks.conformers import ConformerResult
from virialff.benchmarks.interaction_sets import InteractionResult
from virialff.benchmarks.psi4_databases import ReferenceComplex, read_database
from virialff.benchmarks.reference_data import DimerReference, References
from virialff.benchmarks.s66 import REFERENCE_LEVEL
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.errors import EvaluationSetError
from virialff.interactions.energies import RelaxedComplex, relaxed_interaction_energy
from virialff.models.force_field import Model

S66 = "S66"


@dataclass(frozen=True, eq=False)
class ReferenceComparison:
    """Models and other methods on the evaluation sets, as far as the store has them; None for what it has not.

    s66_ccsdt: S66 vertical against CCSD(T)/CBS, DFT with counterpoise among the methods; None without psi4-data.
    s66_vertical, s66_relaxed: S66 against DFT with counterpoise, vertical, and relaxed by Eq. 25 at GFN2-xTB minima.
    base_pairs_vertical, base_pairs_relaxed: A-T and G-C, the same; rows rather than statistics.
    conformers: GFN2-xTB minima of the conformer set against DFT.
    """

    s66_ccsdt: InteractionResult | None
    s66_vertical: InteractionResult | None
    s66_relaxed: InteractionResult | None
    base_pairs_vertical: InteractionResult | None
    base_pairs_relaxed: InteractionResult | None
    conformers: ConformerResult | None

    @property
    def statistics(self) -> pd.DataFrame:
        """One row a set, quantity, class and method: set, quantity, sizes, method, then `ErrorSummary.as_row`."""
        rows: list[dict[str, object]] = []
        sets = {
            f"S66 vertical against {REFERENCE_LEVEL}": self.s66_ccsdt,
            f"S66 vertical against {LEVEL_OF_THEORY} with counterpoise": self.s66_vertical,
            f"S66 relaxed against {LEVEL_OF_THEORY} with counterpoise": self.s66_relaxed,
        }
        for name, result in sets.items():
            if result is not None:
                for row in result.statistics.rename(columns={"category": "sizes"}).to_dict("records"):
                    rows.append({"set": name, "quantity": "E_int (kcal/mol)", **{str(k): v for k, v in row.items()}})
        if self.conformers is not None:
            zeros = {
                "reference": f"above the lowest conformer by {LEVEL_OF_THEORY}, that one left out (kcal/mol)",
                "own": "above each method's own lowest conformer (kcal/mol)",
            }
            for row in self.conformers.statistics.to_dict("records"):
                named = {str(key): value for key, value in row.items() if key != "zero"}
                quantity = zeros[str(row["zero"])]
                rows.append({"set": "conformer set", "quantity": quantity, "sizes": "all", **named})
        return pd.DataFrame(rows)

    @property
    def base_pairs(self) -> pd.DataFrame:
        """One row a pair and geometry: pair, geometry, set, then E_int of every method in kcal/mol."""
        tables = []
        for geometry, result in (("vertical", self.base_pairs_vertical), ("relaxed", self.base_pairs_relaxed)):
            if result is not None:
                table = result.table.rename(columns={"category": "pair", "reference": LEVEL_OF_THEORY})
                chosen = table[["pair", "set", LEVEL_OF_THEORY, *result.methods]]
                tables.append(chosen.assign(geometry=geometry))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def compare_references(models: Mapping[str, Model], references: References) -> ReferenceComparison:
    """Every model at the geometries of the store, beside the energies that the store has.

    The other methods have the names of their levels of theory. Raises UnsupportedElementError where a model was not
    trained on an element of the sets.
    """
    entries = _entries()
    vertical = [dimer for dimer in references.dimers if dimer.geometry == "vertical"]
    relaxed = [dimer for dimer in references.dimers if dimer.geometry == "relaxed"]

    def result(dimers: Sequence[DimerReference], s66: bool) -> InteractionResult | None:
        chosen = [dimer for dimer in dimers if (dimer.database == S66) == s66]
        return _interactions(models, chosen, entries)

    s66 = result(vertical, True)
    return ReferenceComparison(
        _against_coupled_cluster(s66, entries),
        s66,
        result(relaxed, True),
        result(vertical, False),
        result(relaxed, False),
        _conformers(models, references),
    )


def _entries() -> dict[tuple[str, int], ReferenceComplex]:
    """The complexes of psi4-data by set and number; empty where it is not installed."""
    try:
        return {(name, item.index): item for name in ("S66", "JSCH", "S22") for item in read_database(name)}
    except EvaluationSetError:
        return {}


def _category(dimer: DimerReference, entries: Mapping[tuple[str, int], ReferenceComplex]) -> str:
    from virialff.benchmarks.base_pairs import PAIRS

    place = (dimer.database, dimer.index)
    for pair, places in PAIRS.items():
        if place in places:
            return pair
    return entries[place].category if place in entries else ""


def _interactions(
    models: Mapping[str, Model],
    dimers: Sequence[DimerReference],
    entries: Mapping[tuple[str, int], ReferenceComplex],
) -> InteractionResult | None:
    rows = []
    levels = {name: model.level_of_theory for name, model in models.items()}
    for dimer in dimers:
        known = dimer.interaction_energies
        if LEVEL_OF_THEORY not in known:
            continue
        place = (dimer.database, dimer.index)
        row: dict[str, object] = {
            "set": dimer.database,
            "index": dimer.index,
            "name": entries[place].name if place in entries else "",
            "category": _category(dimer, entries),
            "separation_factor": 1.0,
            "reference": known[LEVEL_OF_THEORY],
        }
        for name, model in models.items():
            row[name] = _model_energy(model, dimer)
        for level, energy in known.items():
            if level != LEVEL_OF_THEORY:
                row[level] = energy
                levels[level] = level
        rows.append(row)
    if not rows:
        return None
    return InteractionResult(pd.DataFrame(rows), tuple(levels), LEVEL_OF_THEORY, levels)


def _model_energy(model: Model, dimer: DimerReference) -> float:
    if dimer.geometry == "vertical":
        return float(model.force_field(dimer.molecule).interaction_energy(dimer.molecule.positions)[0])
    return relaxed_interaction_energy(RelaxedComplex(dimer.molecule, dimer.monomers, "", ()), model)


def _against_coupled_cluster(
    result: InteractionResult | None, entries: Mapping[tuple[str, int], ReferenceComplex]
) -> InteractionResult | None:
    """The same table with CCSD(T)/CBS as reference and DFT as a method."""
    if result is None or not entries:
        return None
    table = result.table.rename(columns={"reference": LEVEL_OF_THEORY})
    table["reference"] = [entries[S66, index].interaction_energy for index in table["index"]]
    levels = {**result.levels, LEVEL_OF_THEORY: LEVEL_OF_THEORY}
    return InteractionResult(table, tuple(levels), REFERENCE_LEVEL, levels)


def _conformers(models: Mapping[str, Model], references: References) -> ConformerResult | None:
    tables = []
    levels = {name: model.level_of_theory for name, model in models.items()}
    for number, entry in enumerate(references.conformers, start=1):
        if LEVEL_OF_THEORY not in entry.energies:
            continue
        reference = entry.energies[LEVEL_OF_THEORY]
        lowest = int(np.argmin(reference))
        energies = {level: values for level, values in entry.energies.items() if level != LEVEL_OF_THEORY}
        levels |= {level: level for level in energies}
        for name, model in models.items():
            energies[name] = model.force_field(entry.molecule).energy(entry.molecule.positions)
        table = pd.DataFrame(
            {
                "molecule": number,
                "smiles": entry.molecule.smiles,
                "conformer": np.arange(1, len(reference) + 1),
                "reference": reference - reference[lowest],
            }
        )
        tables.append(table.assign(**{name: values - values[lowest] for name, values in energies.items()}))
    if not tables:
        return None
    return ConformerResult(
        pd.concat(tables, ignore_index=True), tuple(levels), {"reference": LEVEL_OF_THEORY, **levels}
    )
