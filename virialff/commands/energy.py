"""Energies of every conformer by the model and, side by side, by other methods. In kcal/mol, or --unit.

Coordinates are taken as they are: nothing is optimised. A SMILES, and a molecule without coordinates, needs --generate.
Consecutive records of the same molecule are its conformers. `relative` counts from the lowest conformer of the
molecule by the same method; `atomization` is isolated atoms minus molecule, each at its own level of theory. Total
energies of different methods have different zeros, so the text shows them for the model alone.
DFT (`pyscf`, `psi4`: wB97X-D/def2-SVP) takes from seconds to many minutes a conformer; a line tells each one done.
Spreads are standard deviations over the members of the model, where it has further ones.
A method that lacks an element leaves its columns empty, says so, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from virialff.commands import inputs
from virialff.commands.messages import say
from virialff.commands.report import Report, add_output_arguments, plain
from virialff.errors import MoleculeError
from virialff.text import counted
from virialff.units import KCAL_MOL, EnergyUnit

if TYPE_CHECKING:
    import pandas as pd

    from virialff.methods.comparison import Comparison, MethodProgress
    from virialff.methods.method import Method
    from virialff.models.force_field import Model
    from virialff.molecules.environments import RareAtoms
    from virialff.molecules.molecule import Molecule

SUMMARY = "energies of conformers by the model, GFN2-xTB, ANI and DFT"


@dataclass(frozen=True)
class OfModel:
    """What the model says beyond energies: nothing where it is not among the methods."""

    baseline: float = 0.0  #: what `pair` lies below `total`, kcal/mol
    #: Standard deviations of `total`, `relative` and `rank` over the members of the model, where it has further ones.
    spreads: Mapping[str, np.ndarray] = field(default_factory=dict)
    #: Which atoms were rare in the model's training, where that is known.
    rare: RareAtoms | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser)
    add_output_arguments(parser)
    inputs.add_method_argument(parser)
    inputs.add_unit_argument(parser)
    inputs.add_generate_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from virialff.methods.comparison import compare_methods

    methods = inputs.methods(arguments)
    report, unit = Report(arguments, "energy"), inputs.unit(arguments)
    for label, molecule in inputs.usable(arguments, report):
        try:
            molecule = inputs.with_conformers(report, label, molecule, arguments.generate, arguments.seed)
            found = compare_methods(molecule, methods, progress=_progress())
        except MoleculeError as error:
            report.fail(label, error.message)
            continue
        inputs.complain(report, label, found)
        if found.methods:
            model = methods.get(inputs.MODEL)
            own = of_model(model, molecule) if model and inputs.MODEL not in found.left_out else OfModel()
            report.add(
                label,
                text=partial(as_text, label, found, methods, own, unit),
                record=partial(as_record, found, methods, own, unit),
                table=partial(as_table, found, methods, own, unit),
            )
    return report.finish()


def of_model(method: Method, molecule: Molecule) -> OfModel:
    """The baseline, spreads over the members and rare atoms of a molecule by the model."""
    from virialff.models.members import energy_spread

    model = cast("Model", method)
    found = energy_spread(model, molecule)
    spreads = {} if found is None else {"total": found.total, "relative": found.relative, "rank": found.rank}
    return OfModel(model.force_field(molecule).baseline, spreads, model.rare_atoms(molecule))


def _progress() -> MethodProgress:
    """Tells each conformer done by DFT."""
    from virialff.engines import DFT_ENGINES

    last, began = time.monotonic(), dict[str, float]()

    def tell(name: str, done: int, total: int) -> None:
        nonlocal last
        start = began.setdefault(name, last)
        last = time.monotonic()
        if name in DFT_ENGINES:
            left = (last - start) / done * (total - done)
            say(f"{name}: conformer {done} of {total}, {left:.0f} s left")

    return tell


def _values(found: Comparison, own: OfModel) -> dict[str, dict[str, np.ndarray]]:
    """By method `total`, for the model `pair`, `relative` and `atomization`, each (n_conformers,), kcal/mol."""
    values = {}
    for method in found.methods:
        values[method.name] = {"total": method.values}
        if method.name == inputs.MODEL:
            values[method.name]["pair"] = method.values - own.baseline
        values[method.name] |= {"relative": method.relative, "atomization": method.atomization_energies}
    return values


def as_table(
    found: Comparison, methods: Mapping[str, Method], own: OfModel, unit: EnergyUnit = KCAL_MOL
) -> pd.DataFrame:
    """A row for each conformer, columns `<method>_<kind>_<unit>`; empty where a method gave nothing."""
    import pandas as pd

    from virialff.methods.tables import with_energies_in

    molecule, values = found.molecule, _values(found, own)
    table = pd.DataFrame({"smiles": molecule.smiles, "conformer": np.arange(1, molecule.n_conformers + 1)})
    for name in methods:
        for kind in ("total", *(["pair"] if name == inputs.MODEL else []), "relative", "atomization"):
            table[f"{name}_{kind}_kcal_per_mol"] = values.get(name, {}).get(kind, np.nan)
        if name == inputs.MODEL:
            for kind, spread in own.spreads.items():
                table[f"{name}_{kind}_spread{'' if kind == 'rank' else '_kcal_per_mol'}"] = spread
            if own.rare is not None:
                table[f"{name}_rare_atoms"] = int(own.rare.mask.sum())
    return with_energies_in(table, unit)


def as_record(
    found: Comparison, methods: Mapping[str, Method], own: OfModel, unit: EnergyUnit = KCAL_MOL
) -> dict[str, Any]:
    """The same as a JSON-ready dictionary."""
    from virialff.methods.method import level_of_theory
    from virialff.methods.tables import json_energies, json_numbers

    values = _values(found, own)
    records: dict[str, Any] = {}
    for name, method in methods.items():
        records[name] = {"level_of_theory": level_of_theory(method)}
        if name in found.left_out:
            records[name]["error"] = found.left_out[name]
        else:
            records[name] |= {kind: json_energies(energies, unit) for kind, energies in values[name].items()}
        if name == inputs.MODEL:
            for kind, spread in own.spreads.items():
                values_of = json_numbers(spread) if kind == "rank" else json_energies(spread, unit)
                records[name][f"{kind}_spread"] = values_of
            records[name] |= {} if own.rare is None else {"rare_atoms": np.flatnonzero(own.rare.mask).tolist()}
    molecule = found.molecule
    return {
        "smiles": molecule.smiles,
        "n_conformers": molecule.n_conformers,
        "units": {"energy": unit.name},
        "methods": records,
        "notes": [own.rare.sentence] if own.rare is not None and own.rare.any else [],
    }


def as_text(
    label: str, found: Comparison, methods: Mapping[str, Method], own: OfModel, unit: EnergyUnit = KCAL_MOL
) -> str:
    """A heading, the level of theory of each method, and a table."""
    import pandas as pd

    kinds = ["relative", "atomization"] if len(methods) > 1 else ["total", "pair", "relative", "atomization"]
    n = found.molecule.n_conformers
    table = pd.DataFrame({"conformer": np.arange(1, n + 1)})
    for name, values in _values(found, own).items():
        for kind in kinds:
            if kind in values:
                table[f"{name} {kind}"] = values[kind] / unit.in_kcal_mol
            if kind in own.spreads and name == inputs.MODEL:
                table[f"{kind} spread"] = own.spreads[kind] / unit.in_kcal_mol
    lines = [f"record {label}: {found.molecule.formula}, {counted(n, 'conformer')}, energies in {unit.name}"]
    lines += [f"  {name}: {method.level}" for name, method in methods.items()]
    lines += [f"  {name}: no energies: {reason}" for name, reason in found.left_out.items()]
    lines += [f"  {own.rare.sentence}"] if own.rare is not None and own.rare.any else []
    return "\n".join([*lines, plain(table, unit.decimals)])
