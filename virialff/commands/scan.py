"""Energies along a bond, an angle, a torsion, or while two molecules are pulled apart, by several methods.

The geometries are rigid: the part beyond the coordinate moves as a whole and nothing is relaxed, unless --relax names a
method to relax the rest with while the coordinate is held. Atoms count from 1: --atoms 1,2 is a bond, 1,2,3 an angle,
1,2,3,4 a torsion. --separate moves one molecule of a complex along the line between the centres. The first conformer
is scanned; a molecule without coordinates gets one (ETKDG, MMFF94s). Energies are in kcal/mol (or --unit) above each
method's own lowest point. Along a torsion a calibrated model says how far they may be off: columns with ± are
half-widths of intervals that hold so many per cent of its errors on held-out labels.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from virialff.commands import inputs
from virialff.commands.messages import say_progress
from virialff.commands.parser import UsageError, positive_int
from virialff.commands.report import Place, Report, add_output_arguments, plain
from virialff.errors import EngineError, MoleculeError
from virialff.units import EnergyUnit

if TYPE_CHECKING:
    import pandas as pd

    from virialff.conformers.scans import Scan
    from virialff.methods.comparison import Comparison
    from virialff.methods.method import Method
    from virialff.molecules.molecule import Molecule

SUMMARY = "energies along a bond, angle, torsion or separation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser)
    add_output_arguments(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--atoms", type=_atoms, metavar="I,J,..", help="two to four atoms, each bonded to the next")
    what.add_argument("--separate", type=positive_int, metavar="N", help="pull molecule N of the complex away")
    parser.add_argument("--from", dest="first", type=float, metavar="X", help="first value, Angstrom or degrees")
    parser.add_argument("--to", dest="last", type=float, metavar="X", help="last value, Angstrom or degrees")
    parser.add_argument("--points", type=positive_int, default=25, metavar="N", help="default %(default)s")
    parser.add_argument(
        "--relax", metavar="NAME", help="relax the rest at each point, by a method with forces: gfn2, model, ani, ..."
    )
    inputs.add_method_argument(parser)
    inputs.add_unit_argument(parser)
    parser.add_argument("--reference", metavar="NAME", help="add the differences to this method")


def run(arguments: argparse.Namespace) -> int:
    from virialff.conformers.relaxed_scans import relax_scan
    from virialff.methods.comparison import compare_methods

    methods = inputs.methods(arguments)
    if arguments.reference is not None and arguments.reference not in methods:
        raise UsageError(
            f"argument --reference: {arguments.reference} is not among the methods of --method, {', '.join(methods)}"
        )
    relaxer = None if arguments.relax is None else inputs.force_method(arguments, arguments.relax, methods)
    report, unit = Report(arguments, "scan"), inputs.unit(arguments)
    for label, molecule in inputs.usable(arguments, report):
        try:
            scanned = _scan(inputs.with_conformers(report, label, molecule, 1, 1), arguments)
            notes = []
            for note in scanned.notes():
                report.complain(label, note)
            if relaxer is not None:
                relaxed = relax_scan(scanned, relaxer, progress=partial(say_progress, "point", "relaxed"))
                scanned = relaxed.scan
                notes.append(f"relaxed at each point with {relaxed.level_of_theory}, the coordinate held")
                for note in relaxed.notes():
                    report.complain(label, note)
            result = compare_methods(
                scanned.molecule, methods, quantity="torsion" if scanned.kind == "torsion" else None
            )
        except (MoleculeError, EngineError) as error:
            report.fail(label, str(error))
            continue
        inputs.complain(report, label, result)
        if result.methods:
            notes += inputs.rare_notes(methods, scanned.molecule)
            report.add(
                label,
                text=partial(_as_text, label, scanned, result, arguments.reference, unit, notes),
                record=partial(_as_record, scanned, result, methods, unit, notes),
                table=partial(_as_table, scanned, result, arguments.reference, unit),
                structures=partial(_as_structures, scanned, result, arguments.reference, unit),
            )
    return report.finish()


def _scan(molecule: Molecule, arguments: argparse.Namespace) -> Scan:
    from virialff.conformers import scans

    if arguments.atoms is not None:
        start = scans.value_of(molecule, arguments.atoms)
        kind: scans.ScanKind = ("bond", "angle", "torsion")[len(arguments.atoms) - 2]
    else:
        start, kind = scans.separation_of(molecule, fragment=arguments.separate - 1), "separation"
    low, high = scans.usual_range(kind, start)
    first = low if arguments.first is None else arguments.first
    last = high if arguments.last is None else arguments.last
    values = np.linspace(first, last, arguments.points)
    if arguments.atoms is not None:
        return scans.scan(molecule, arguments.atoms, values)
    return scans.scan_separation(molecule, values, fragment=arguments.separate - 1)


def _reference(result: Comparison, reference: str | None) -> str | None:
    return reference if reference in [method.name for method in result.methods] else None


def _as_table(scanned: Scan, result: Comparison, reference: str | None, unit: EnergyUnit) -> pd.DataFrame:
    from virialff.methods.tables import scan_table, with_energies_in
    from virialff.models.intervals import SHARES

    table = with_energies_in(scan_table(scanned, result, _reference(result, reference), shares=SHARES), unit)
    # One column for all records, whose coordinates have different names.
    table = table.rename(columns={scanned.label: f"value_{scanned.unit}"})
    table.insert(0, "coordinate", scanned.label.rpartition(" (")[0])
    return table


def _as_structures(
    scanned: Scan, result: Comparison, reference: str | None, unit: EnergyUnit, form: str, place: Place
) -> str:
    """The points with their energies as SDF or XYZ."""
    from virialff.export.ensembles import geometries_sdf, geometries_xyz, table_fields

    levels = {method.name: method.level for method in result.methods}
    fields = table_fields(_as_table(scanned, result, reference, unit), levels, lambda _: place(0))
    return (geometries_xyz if form == "xyz" else geometries_sdf)(scanned.molecule, fields)


def _as_text(
    label: str, scanned: Scan, result: Comparison, reference: str | None, unit: EnergyUnit, notes: list[str]
) -> str:
    from virialff.methods.scan_extrema import extrema_table
    from virialff.methods.tables import scan_table, with_energies_in

    lines = [f"record {label}: {scanned.molecule.formula}, {scanned.label}, {scanned.start:.3f} at the start"]
    lines += [f"  {method.name}: {method.level}" for method in result.methods]
    lines += [f"  {note}" for note in notes]
    table = with_energies_in(scan_table(scanned, result, _reference(result, reference)), unit)
    text = "\n".join([*lines, plain(table, unit.decimals)])
    found = with_energies_in(extrema_table(scanned, result), unit)
    return text if found.empty else f"{text}\nminima and barriers\n{plain(found, unit.decimals)}"


def _as_record(
    scanned: Scan, result: Comparison, methods: Mapping[str, Method], unit: EnergyUnit, notes: list[str]
) -> dict[str, Any]:
    from virialff.methods.scan_extrema import json_extrema
    from virialff.methods.tables import json_methods

    return {
        "smiles": scanned.molecule.smiles,
        "kind": scanned.kind,
        "atoms": list(scanned.atoms),
        "units": {"coordinate": scanned.unit, "energy": unit.name},
        "start": scanned.start,
        "values": scanned.values.tolist(),
        "methods": json_methods(result, methods, unit),
        "extrema": json_extrema(scanned, result, unit),
        "notes": notes,
    }


def _atoms(text: str) -> tuple[int, ...]:
    try:
        atoms = tuple(int(word) - 1 for word in text.split(","))
    except ValueError:
        atoms = ()
    if not 2 <= len(atoms) <= 4:
        raise argparse.ArgumentTypeError(f"{text!r} is not two, three or four numbers of atoms separated by commas")
    return atoms
