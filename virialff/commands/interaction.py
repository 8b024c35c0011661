"""Interaction energies of complexes by the model, GFN2-xTB, ANI and DFT, in kcal/mol (or --unit); negative is bound.

E_int = E(complex) - E(molecules). Vertical: every molecule as it is in the complex. With --relax the complex and its
molecules are also relaxed with GFN2-xTB, each to its own minimum. The input needs coordinates; of several conformers
the first is taken.
DFT (`pyscf`, `psi4`: wB97X-D/def2-SVP, counterpoise-corrected) takes from a minute to many minutes a complex.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from virialff.commands import inputs
from virialff.commands.report import Place, Report, add_output_arguments, plain
from virialff.errors import EngineError, MoleculeError
from virialff.units import EnergyUnit

if TYPE_CHECKING:
    import pandas as pd

    from virialff.interactions.complexes import ComplexInteractions
    from virialff.methods.method import Method
    from virialff.molecules.molecule import Molecule

SUMMARY = "interaction energies of complexes, vertical and relaxed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser)
    add_output_arguments(parser)
    inputs.add_method_argument(parser)
    inputs.add_unit_argument(parser)
    parser.add_argument("--relax", action="store_true", help="relax with GFN2-xTB too")


def run(arguments: argparse.Namespace) -> int:
    from virialff.interactions.complexes import complex_interactions

    methods = inputs.methods(arguments)
    relaxer = inputs.force_method(arguments, "gfn2", methods) if arguments.relax else None
    report, unit = Report(arguments, "interaction"), inputs.unit(arguments)
    for label, molecule in inputs.usable(arguments, report):
        try:
            found = complex_interactions(molecule, methods, relaxer)
        except (MoleculeError, EngineError) as error:
            report.fail(label, str(error))
            continue
        for method, reason in found.reasons.items():
            report.complain(label, f"{method}: {reason}")
        for change in found.changes:
            report.complain(label, f"relaxing changed more than the shape: {change}")
        notes = inputs.rare_notes(methods, molecule)
        report.add(
            label,
            text=partial(_text, label, found, unit, notes),
            record=partial(_record, molecule, found, methods, unit, notes),
            table=partial(_table, found, unit),
            structures=partial(_structures, molecule, found, methods, unit),
        )
    return report.finish()


def _text(label: str, found: ComplexInteractions, unit: EnergyUnit, notes: list[str]) -> str:
    geometry = f", relaxed with {found.geometry_level}" if found.geometry_level else ""
    lines = [f"record {label}: interaction energies{geometry}", *(f"  {note}" for note in notes)]
    return "\n".join([*lines, plain(_table(found, unit), unit.decimals)])


def _table(found: ComplexInteractions, unit: EnergyUnit) -> pd.DataFrame:
    from virialff.methods.tables import with_energies_in

    return with_energies_in(found.table, unit)


def _structures(
    molecule: Molecule,
    found: ComplexInteractions,
    methods: Mapping[str, Method],
    unit: EnergyUnit,
    form: str,
    place: Place,
) -> str:
    """The complex, relaxed where it was, with the interaction energies as SDF or XYZ."""
    from virialff.export.ensembles import field_name, geometries_sdf, geometries_xyz
    from virialff.methods.method import level_of_theory

    shown = found.geometry or molecule.with_positions(molecule.positions[:1])
    fields = {**place(0)}
    fields |= {field_name(f"LEVEL_OF_THEORY {name}"): level_of_theory(method) for name, method in methods.items()}
    for kind, entries in (("vertical", found.vertical), ("relaxed", found.relaxed)):
        for entry in entries:
            if entry.energy is not None:
                name = field_name(f"{entry.method}_{kind}_interaction_energy_{unit.suffix}")
                fields[name] = f"{entry.energy / unit.in_kcal_mol:.9g}"
    if found.geometry_level:
        fields["GEOMETRY"] = f"relaxed with {found.geometry_level}"
    return (geometries_xyz if form == "xyz" else geometries_sdf)(shown, [fields])


def _record(
    molecule: Molecule, found: ComplexInteractions, methods: Mapping[str, Method], unit: EnergyUnit, notes: list[str]
) -> dict[str, Any]:
    """By method its level of theory and energies, null with the reason where it gave none; the relaxed geometry."""
    from virialff.methods.method import described

    records: dict[str, Any] = {name: {**described(method)} for name, method in methods.items()}
    for kind, entries in (("vertical", found.vertical), ("relaxed", found.relaxed)):
        for entry in entries:
            records[entry.method][kind] = None if entry.energy is None else entry.energy / unit.in_kcal_mol
            if entry.half_widths:
                records[entry.method][f"{kind}_half_widths"] = {
                    percent: width / unit.in_kcal_mol for percent, width in entry.half_widths.items()
                }
            if entry.counterpoise:
                records[entry.method]["counterpoise"] = True
            if entry.reason:
                records[entry.method]["error"] = entry.reason
    record: dict[str, Any] = {
        "smiles": molecule.smiles,
        "n_fragments": molecule.n_fragments,
        "units": {"energy": unit.name, "length": "A"},
        "methods": records,
        "notes": notes,
    }
    if found.geometry is not None:
        record["relaxed_with"] = found.geometry_level
        record["relaxed_positions"] = found.geometry.positions[0].tolist()
    return record
