"""Energies of every conformer by the model and, side by side, by GFN2-xTB, ANI and DFT. All energies are in kcal/mol.

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
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from virialff.commands import inputs
from virialff.commands.params import plain
from virialff.commands.report import Report, add_output_arguments
from virialff.errors import ConfigError, EngineError, MissingCoordinatesError, MoleculeError

if TYPE_CHECKING:
    import pandas as pd

    from virialff.engines import Engine
    from virialff.models.force_field import Model
    from virialff.molecules.environments import RareAtoms
    from virialff.molecules.molecule import Molecule

SUMMARY = "energies of conformers by the model, GFN2-xTB, ANI and DFT"

MODEL = "model"


@dataclass(frozen=True)
class MethodEnergies:
    """Energies of the conformers of one molecule by one method, kcal/mol; `reason` says why there are none."""

    method: str
    level_of_theory: str
    reason: str | None = None
    #: `total`, `relative`, `atomization`, and `pair` for the model; each (n_conformers,).
    values: dict[str, np.ndarray] = field(default_factory=dict)
    #: Standard deviations of `total`, `relative` and `rank` over the members of the model, where it has further ones.
    spreads: dict[str, np.ndarray] = field(default_factory=dict)
    #: Which atoms were rare in the model's training, where that is known.
    rare: RareAtoms | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser)
    add_output_arguments(parser)
    parser.add_argument(
        "--method",
        default=MODEL,
        metavar="LIST",
        help="methods, separated by commas: model, gfn2, ani, pyscf, psi4 (default %(default)s)",
    )
    parser.add_argument(
        "--generate",
        type=inputs.positive_int,
        metavar="N",
        help="make N conformers (ETKDG, then MMFF minima) of molecules that come without coordinates",
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed of --generate (default %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    methods = parse_methods(arguments.method)
    engines = {name: _engine(name) for name in methods if name != MODEL}
    model = inputs.load(arguments) if MODEL in methods else None
    report = Report(arguments)
    for item in inputs.read(arguments):
        if isinstance(item, inputs.BadRecord):
            report.fail(item.label, item.error.message)
            continue
        try:
            molecule = with_conformers(item.molecule, arguments.generate, arguments.seed)
        except MoleculeError as error:
            report.fail(item.label, error.message)
            continue
        results = []
        for name in methods:
            result = (
                model_energies(model, molecule) if model and name == MODEL else engine_energies(engines[name], molecule)
            )
            if result.reason is not None:
                report.complain(item.label, f"{name}: {result.reason}")
            results.append(result)
        if any(result.reason is None for result in results):
            report.add(
                item.label,
                text=partial(as_text, item.label, molecule, results),
                record=partial(as_record, molecule, results),
                table=partial(as_table, molecule, results),
            )
    return report.finish()


def parse_methods(text: str) -> list[str]:
    """Names of methods from a comma-separated list. Raises ConfigError for an unknown or missing one."""
    from virialff.engines import DFT_ENGINES, ENGINES

    known = (MODEL, *ENGINES, *DFT_ENGINES)
    methods = list(dict.fromkeys(name for name in text.replace(" ", "").split(",") if name))
    for name in methods:
        if name not in known:
            raise ConfigError(f"there is no method {name!r}; choose from {', '.join(known)}")
    if not methods:
        raise ConfigError(f"--method names none; choose from {', '.join(known)}")
    return methods


def _engine(name: str) -> Engine:
    from virialff.engines import get_engine

    engine = get_engine(name)
    reason = engine.available()
    if reason is not None:
        raise EngineError(f"the method {name} is not available here: {reason}")
    # What it loads, or fetches, on first use fails here and not once for every record.
    engine.atomic_energies(np.array([1]))
    return engine


def with_conformers(molecule: Molecule, n_conformers: int | None, seed: int) -> Molecule:
    """The molecule itself where it has coordinates, else with generated ones. Raises MoleculeError."""
    if molecule.n_conformers:
        return molecule
    if n_conformers is None:
        raise MissingCoordinatesError(
            "an energy needs coordinates and this molecule has none; add --generate 10, or give a file that has them"
        )
    from virialff.conformers import generation

    return generation.generate(molecule, n_conformers=n_conformers, seed=seed)


def model_energies(model: Model, molecule: Molecule) -> MethodEnergies:
    """Energies of all conformers by the model, with their spread over its members."""
    from virialff.models.members import energy_spread

    try:
        force_field = model.force_field(molecule)
    except MoleculeError as error:
        return MethodEnergies(MODEL, model.level_of_theory, error.message)
    pair = force_field.pair_energy(molecule.positions)
    total = force_field.baseline + pair
    atoms = force_field.atomic_energies.sum()
    values = {"total": total, "pair": pair, "relative": total - total.min(), "atomization": atoms - total}
    found = energy_spread(model, molecule)
    spreads = {} if found is None else {"total": found.total, "relative": found.relative, "rank": found.rank}
    return MethodEnergies(MODEL, model.level_of_theory, values=values, spreads=spreads, rare=model.rare_atoms(molecule))


def engine_energies(engine: Engine, molecule: Molecule) -> MethodEnergies:
    """Energies of all conformers by an engine, or its reason."""
    reason = engine.unsupported(molecule)
    if reason is None:
        try:
            total = engine.energy(molecule, molecule.positions, progress=_progress(engine))
        except EngineError as error:
            reason = str(error)
        else:
            atoms = engine.atomic_energies(molecule.numbers).sum()
            values = {"total": total, "relative": total - total.min(), "atomization": atoms - total}
            return MethodEnergies(engine.name, engine.level, values=values)
    return MethodEnergies(engine.name, engine.level, reason)


def _progress(engine: Engine) -> Callable[[int, int], None] | None:
    from virialff.engines import DFT_ENGINES

    if engine.name not in DFT_ENGINES:
        return None
    began = time.monotonic()

    def tell(done: int, total: int) -> None:
        left = (time.monotonic() - began) / done * (total - done)
        print(f"virialff: {engine.name}: conformer {done} of {total}, {left:.0f} s left", file=sys.stderr)

    return tell


def as_table(molecule: Molecule, results: Sequence[MethodEnergies]) -> pd.DataFrame:
    """A row for each conformer, columns `<method>_<kind>_kcal_per_mol`; empty where a method gave nothing."""
    import pandas as pd

    table = pd.DataFrame({"smiles": molecule.smiles, "conformer": np.arange(1, molecule.n_conformers + 1)})
    for result in results:
        kinds = (
            ("total", "pair", "relative", "atomization")
            if result.method == MODEL
            else ("total", "relative", "atomization")
        )
        for kind in kinds:
            table[f"{result.method}_{kind}_kcal_per_mol"] = result.values.get(kind, np.nan)
        for kind, spread in result.spreads.items():
            unit = "" if kind == "rank" else "_kcal_per_mol"
            table[f"{result.method}_{kind}_spread{unit}"] = spread
        if result.rare is not None:
            table[f"{result.method}_rare_atoms"] = int(result.rare.mask.sum())
    return table


def as_record(molecule: Molecule, results: Sequence[MethodEnergies]) -> dict[str, Any]:
    """The same as a JSON-ready dictionary."""
    return {
        "name": molecule.name,
        "smiles": molecule.smiles,
        "n_conformers": molecule.n_conformers,
        "unit": "kcal/mol",
        "methods": {
            result.method: {"level_of_theory": result.level_of_theory}
            | ({"error": result.reason} if result.reason else {kind: v.tolist() for kind, v in result.values.items()})
            | {f"{kind}_spread": values.tolist() for kind, values in result.spreads.items()}
            | ({} if result.rare is None else {"rare_atoms": np.flatnonzero(result.rare.mask).tolist()})
            for result in results
        },
    }


def as_text(label: str, molecule: Molecule, results: Sequence[MethodEnergies]) -> str:
    """A heading, the level of theory of each method, and a table."""
    import pandas as pd

    kinds = ["relative", "atomization"] if len(results) > 1 else ["total", "pair", "relative", "atomization"]
    table = pd.DataFrame({"conformer": np.arange(1, molecule.n_conformers + 1)})
    for result in results:
        for kind in kinds:
            if kind in result.values:
                table[f"{result.method} {kind}"] = result.values[kind]
            if kind in result.spreads:
                table[f"{kind} spread"] = result.spreads[kind]
    n = molecule.n_conformers
    lines = [f"record {label}: {molecule.formula}, {n} conformer{'s' * (n > 1)}, energies in kcal/mol"]
    for result in results:
        trained_on = "trained on " if result.method == MODEL else ""
        lines.append(f"  {result.method}: {trained_on}{result.level_of_theory}")
    lines += [f"  {result.method}: no energies: {result.reason}" for result in results if result.reason]
    lines += [f"  {result.rare.sentence}" for result in results if result.rare is not None and result.rare.any]
    return "\n".join([*lines, plain(table)])
