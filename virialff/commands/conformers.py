"""Conformers of each molecule: generated or given, relaxed, pruned and ranked by several methods.

Coordinates that the input has are taken, --generate makes some where it has none. Then, each on request: --relax
minimizes them by GFN2-xTB or the model and reports bonds and stereocentres that changed; --rmsd and --window leave out
repeats and high ones, by the energies of the first method. Energies are in kcal/mol relative to each method's own
lowest conformer; ranks count from 1. Populations are exp(-E/RT)/Z at --temperature, without vibrations.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.commands import inputs
from virialff.commands.energy import MODEL, parse_methods, with_conformers
from virialff.commands.params import plain
from virialff.commands.report import Report, add_output_arguments
from virialff.errors import ConfigError, EngineError, MoleculeError

if TYPE_CHECKING:
    import pandas as pd

    from virialff.methods.comparison import Comparison
    from virialff.models.force_field import ForceField, Model
    from virialff.molecules.molecule import Molecule

SUMMARY = "generate, relax, prune and rank conformers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser)
    add_output_arguments(parser)
    parser.add_argument("--sdf", metavar="FILE.sdf", help="write the ranked conformers of all molecules")
    parser.add_argument(
        "--method",
        default=MODEL,
        metavar="LIST",
        help="methods that rank, separated by commas, the first one leads: model, gfn2, ani, pyscf, psi4",
    )
    parser.add_argument(
        "--generate", type=inputs.positive_int, metavar="N", help="make N conformers where the input has none"
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed of --generate (default %(default)s)")
    parser.add_argument("--relax", choices=("gfn2", MODEL), help="minimize every conformer first")
    parser.add_argument("--rmsd", type=_not_negative, metavar="A", help="leave out repeats within so many Angstrom")
    parser.add_argument("--window", type=_not_negative, metavar="E", help="leave out those above so many kcal/mol")
    parser.add_argument(
        "--temperature",
        type=_positive,
        default=298.15,
        metavar="K",
        help="of the populations, K (default %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    from virialff.engines import get_engine

    methods = parse_methods(arguments.method)
    engines = {name: get_engine(name) for name in methods if name != MODEL}
    for name, engine in engines.items():
        reason = engine.available()
        if reason is not None:
            raise EngineError(f"the method {name} is not available here: {reason}")
    model = inputs.load(arguments) if MODEL in (*methods, arguments.relax) else None
    report = Report(arguments)
    records: list[str] = []
    for item in inputs.read(arguments):
        if isinstance(item, inputs.BadRecord):
            report.fail(item.label, item.error.message)
            continue
        try:
            molecule = with_conformers(item.molecule, arguments.generate, arguments.seed)
            inputs.say_notes(item.label, (note for note in molecule.notes if note not in item.molecule.notes))
            comparison = _ranked(molecule, model, methods, item.label, report, arguments)
        except (MoleculeError, EngineError) as error:
            report.fail(item.label, str(error))
            continue
        for name, reason in comparison.left_out.items():
            report.complain(item.label, f"{name}: {reason}")
        if not comparison.methods:
            continue
        report.add(
            item.label,
            text=partial(_as_text, item.label, comparison, arguments.temperature),
            record=partial(_as_record, comparison, arguments.temperature),
            table=partial(_as_table, comparison, arguments.temperature),
        )
        if arguments.sdf is not None:
            from virialff.export.ensembles import ranked_sdf

            records.append(ranked_sdf(comparison, comparison.methods[0].name, arguments.temperature))
    if records:
        _write(arguments.sdf, "".join(records))
    return report.finish()


def _ranked(
    molecule: Molecule,
    model: Model | None,
    methods: list[str],
    label: str,
    report: Report,
    arguments: argparse.Namespace,
) -> Comparison:
    from virialff.engines import get_engine
    from virialff.methods.comparison import compare_methods

    force_field = None if model is None else model.force_field(molecule)
    if arguments.relax is not None:
        molecule = _relaxed(molecule, model, force_field, label, report, arguments)
    engines = [get_engine(name) for name in methods if name != MODEL]
    rank_by_model = force_field if MODEL in methods else None
    level = "" if model is None else f"trained on {model.level_of_theory}"
    if arguments.rmsd is not None or arguments.window is not None:
        molecule = _pruned(molecule, rank_by_model if methods[0] == MODEL else None, methods[0], label, arguments)
    comparison = compare_methods(molecule, rank_by_model, engines, model_level=level, progress=_tell)
    # In the order asked for: the first one ranks the SDF.
    ordered = sorted(comparison.methods, key=lambda method: methods.index(method.name))
    return type(comparison)(comparison.molecule, comparison.positions, tuple(ordered), comparison.left_out)


def _relaxed(
    molecule: Molecule,
    model: Model | None,
    force_field: ForceField | None,
    label: str,
    report: Report,
    arguments: argparse.Namespace,
) -> Molecule:
    from virialff.conformers.relax import relax
    from virialff.engines import Engine, get_engine
    from virialff.methods.model_engine import ModelEngine

    engine: Engine
    if arguments.relax == MODEL:
        assert model is not None
        assert force_field is not None
        engine = ModelEngine(force_field, model.level_of_theory)
    else:
        engine = get_engine(arguments.relax)
    result = relax(molecule, engine, progress=lambda done, total: _tell("relaxed", done, total))
    for number, conformer in enumerate(result.conformers, start=1):
        for change in conformer.changes:
            report.complain(label, f"conformer {number}, relaxed: {change}")
        if not conformer.converged:
            report.complain(label, f"conformer {number} is not at a minimum: {conformer.largest_force:.2f} kcal/mol/A")
    return result.molecule


def _pruned(
    molecule: Molecule, force_field: ForceField | None, method: str, label: str, arguments: argparse.Namespace
) -> Molecule:
    from virialff.conformers.ensembles import prune
    from virialff.engines import get_engine

    positions = molecule.positions
    energies = force_field.energy(positions) if force_field else get_engine(method).energy(molecule, positions)
    pruning = prune(molecule, energies, rmsd=arguments.rmsd or 0.0, energy_window=arguments.window)
    print(
        f"virialff: record {label}: {len(pruning.kept)} of {molecule.n_conformers} conformers kept, {pruning.repeats} "
        f"repeats and {pruning.above_window} above the window left out",
        file=sys.stderr,
    )
    return molecule.with_positions(positions[pruning.kept])


def _tell(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\rvirialff: {what}: {done} of {total} conformers", end="\n" if done == total else "", file=sys.stderr)


def _as_table(comparison: Comparison, temperature: float) -> pd.DataFrame:
    from virialff.export.ensembles import ensemble_table

    table = ensemble_table(comparison, temperature)
    table.insert(0, "smiles", comparison.molecule.smiles)
    return table


def _as_text(label: str, comparison: Comparison, temperature: float) -> str:
    from virialff.export.ensembles import ensemble_table

    table = ensemble_table(comparison, temperature)
    n = len(comparison.positions)
    lines = [f"record {label}: {comparison.molecule.formula}, {n} conformer{'s' * (n > 1)}"]
    lines += [f"  {method.name}: {method.level_of_theory}" for method in comparison.methods]
    lines.append(plain(table))
    if len(comparison.methods) > 1 and n > 1:
        lines += ["agreement", plain(comparison.agreement_table)]
    return "\n".join(lines)


def _as_record(comparison: Comparison, temperature: float) -> dict[str, Any]:
    def numbers(values: Any) -> list[float | None]:
        return [float(value) if value == value else None for value in values]

    return {
        "smiles": comparison.molecule.smiles,
        "n_conformers": len(comparison.positions),
        "units": {"energy": "kcal/mol", "temperature": "K"},
        "temperature": temperature,
        "methods": {
            method.name: {
                "level_of_theory": method.level_of_theory,
                "relative": numbers(method.relative),
                "rank": numbers(method.ranks),
                "population": numbers(method.weights(temperature)),
            }
            for method in comparison.methods
        },
    }


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    print(f"virialff: wrote {text.count('$$$$')} conformers to {path}", file=sys.stderr)


def _not_negative(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value
