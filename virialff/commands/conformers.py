"""Conformers of each molecule: generated or given, relaxed, pruned and ranked by several methods.

Coordinates that the input has are taken, --generate makes some where it has none. Then, each on request: --relax
minimizes them by any method with forces, and leaves out those whose bonds or stereochemistry changed (--keep-changed
keeps them); --rmsd and --window leave out repeats and high ones, by the energies of the first method. Energies are in
kcal/mol (or --unit) relative to each method's own lowest conformer; ranks count from 1. Populations are exp(-E/RT)/Z at
--temperature, without vibrations; a conformer that stands for its mirror image too counts twice. Columns with ± are
half-widths of intervals that hold so many per cent of a calibrated model's errors on held-out labels.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from virialff.commands import inputs
from virialff.commands.messages import say, say_progress
from virialff.commands.output import form_of, write
from virialff.commands.parser import not_negative, positive
from virialff.commands.report import Place, Report, add_output_arguments, plain
from virialff.errors import EngineError, MoleculeError
from virialff.text import counted
from virialff.units import EnergyUnit

if TYPE_CHECKING:
    import pandas as pd

    from virialff.methods.comparison import Comparison
    from virialff.methods.method import ForceMethod, Method
    from virialff.molecules.molecule import Molecule

SUMMARY = "generate, relax, prune and rank conformers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser)
    add_output_arguments(parser)
    parser.add_argument("--sdf", metavar="FILE.sdf", help="write the ranked conformers of all molecules")
    inputs.add_method_argument(parser, "methods that rank, the first one leads")
    inputs.add_unit_argument(parser)
    inputs.add_generate_arguments(parser)
    parser.add_argument(
        "--relax", metavar="NAME", help="minimize every conformer first, by a method with forces: gfn2, model, ani, ..."
    )
    parser.add_argument(
        "--keep-changed", action="store_true", help="rank also conformers that changed while they were relaxed"
    )
    parser.add_argument("--rmsd", type=not_negative, metavar="A", help="leave out repeats within so many Angstrom")
    parser.add_argument("--window", type=not_negative, metavar="E", help="leave out those above so many kcal/mol")
    parser.add_argument(
        "--temperature",
        type=positive,
        default=298.15,
        metavar="K",
        help="of the populations, K (default %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    from virialff.methods.comparison import compare_methods

    methods = inputs.methods(arguments)
    relaxer = None if arguments.relax is None else inputs.force_method(arguments, arguments.relax, methods)
    report, unit = Report(arguments, "conformers"), inputs.unit(arguments)
    if arguments.sdf is not None:
        form_of(arguments.sdf, ("sdf",), "--sdf")
    records: list[str] = []
    for label, molecule in inputs.usable(arguments, report, join=True):
        try:
            molecule = inputs.with_conformers(report, label, molecule, arguments.generate, arguments.seed)
            if relaxer is not None:
                molecule = _relaxed(molecule, relaxer, label, report, keep_changed=arguments.keep_changed)
            if arguments.rmsd is not None or arguments.window is not None:
                molecule = _pruned(molecule, methods, label, report, arguments)
            comparison = compare_methods(molecule, methods, progress=partial(say_progress, "conformer"))
        except (MoleculeError, EngineError) as error:
            report.fail(label, str(error))
            continue
        inputs.complain(report, label, comparison)
        if not comparison.methods:
            continue
        notes = inputs.rare_notes(methods, molecule)
        report.add(
            label,
            text=partial(_as_text, label, comparison, arguments.temperature, unit, notes),
            record=partial(_as_record, comparison, methods, arguments.temperature, unit, notes),
            table=partial(_as_table, comparison, arguments.temperature, unit),
            structures=partial(_ranked, comparison, arguments.temperature, unit),
        )
        if arguments.sdf is not None:
            records.append(_ranked(comparison, arguments.temperature, unit, "sdf", report.place(label)))
    if records:
        text = "".join(records)
        write(arguments.sdf, "sdf", text)
        say(f"wrote {counted(text.count('$$$$'), 'conformer')} to {arguments.sdf}")
    return report.finish()


def _ranked(comparison: Comparison, temperature: float, unit: EnergyUnit, form: str, place: Place) -> str:
    """The conformers as SDF or XYZ, the lowest by the first method first."""
    from virialff.export.ensembles import ranked_sdf, ranked_xyz

    write = ranked_xyz if form == "xyz" else ranked_sdf
    return write(comparison, comparison.methods[0].name, temperature, unit, place)


def _relaxed(molecule: Molecule, method: ForceMethod, label: str, report: Report, *, keep_changed: bool) -> Molecule:
    """The relaxed conformers. Raises MoleculeError where none is left."""
    from virialff.conformers.relax import relax

    result = relax(molecule, method, progress=partial(say_progress, "conformer", "relaxed"))
    for number, conformer in enumerate(result.conformers, start=1):
        for change in conformer.changes:
            report.complain(label, f"conformer {number}, relaxed: {change}")
        if not conformer.converged:
            report.complain(label, f"conformer {number} is not at a minimum: {conformer.largest_force:.2f} kcal/mol/A")
    if keep_changed or not any(conformer.changes for conformer in result.conformers):
        return result.molecule
    kept = [index for index, conformer in enumerate(result.conformers) if not conformer.changes]
    if not kept:
        raise MoleculeError(
            f"{method.level} changes bonds or stereochemistry of every conformer; rank them as they are, or with "
            "--keep-changed"
        )
    report.complain(
        label,
        f"{counted(molecule.n_conformers - len(kept), 'changed conformer')} left out, {len(kept)} kept and numbered "
        "anew",
    )
    report.keep_conformers(label, kept)
    return result.molecule.with_positions(result.molecule.positions[kept])


def _pruned(
    molecule: Molecule, methods: Mapping[str, Method], label: str, report: Report, arguments: argparse.Namespace
) -> Molecule:
    from virialff.conformers.ensembles import prune
    from virialff.methods.method import require

    first = next(iter(methods.values()))
    require(first, molecule)
    energies = first.energy(molecule, molecule.positions)
    pruning = prune(molecule, energies, rmsd=arguments.rmsd or 0.0, energy_window=arguments.window)
    what = (
        f"{len(pruning.kept)} of {counted(molecule.n_conformers, 'conformer')} kept, "
        f"{counted(pruning.repeats, 'repeat')} and {pruning.above_window} above the window left out"
    )
    inputs.say_notes(label, [what])
    report.keep(label, [what])
    report.keep_conformers(label, pruning.kept.tolist())
    return molecule.with_positions(molecule.positions[pruning.kept])


def _as_table(comparison: Comparison, temperature: float, unit: EnergyUnit) -> pd.DataFrame:
    from virialff.methods.tables import ensemble_table, with_energies_in
    from virialff.models.intervals import SHARES

    table = with_energies_in(ensemble_table(comparison, temperature, SHARES), unit)
    table.insert(0, "smiles", comparison.molecule.smiles)
    return table


def _as_text(label: str, comparison: Comparison, temperature: float, unit: EnergyUnit, notes: list[str]) -> str:
    from virialff.methods.tables import ensemble_table, with_energies_in

    n = comparison.molecule.n_conformers
    lines = [f"record {label}: {comparison.molecule.formula}, {counted(n, 'conformer')}"]
    lines += [f"  {method.name}: {method.level}" for method in comparison.methods]
    lines += [f"  {note}" for note in notes]
    lines.append(plain(with_energies_in(ensemble_table(comparison, temperature), unit), unit.decimals))
    if len(comparison.methods) > 1 and n > 1:
        lines += ["agreement", plain(with_energies_in(comparison.agreement_table, unit), unit.decimals)]
    return "\n".join(lines)


def _as_record(
    comparison: Comparison, methods: Mapping[str, Method], temperature: float, unit: EnergyUnit, notes: list[str]
) -> dict[str, Any]:
    from virialff.methods.tables import json_methods

    return {
        "smiles": comparison.molecule.smiles,
        "n_conformers": comparison.molecule.n_conformers,
        "units": {"energy": unit.name, "temperature": "K"},
        "temperature": temperature,
        "methods": json_methods(comparison, methods, unit, temperature),
        "notes": notes,
    }
