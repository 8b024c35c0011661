"""Charges and pair parameters of every molecule of a file, or of a SMILES.

The parameters follow from the structural formula alone: coordinates are neither needed nor used, and conformers of
one molecule that follow each other are one entry. Atoms are numbered from 1 in text and CSV, from 0 in JSON.
charge_spread is the standard deviation over the members of the model, where it has further ones; an atom is rare where
few molecules of the training have one with the same bonds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias

from virialff.commands import inputs
from virialff.commands.report import Place, Report, add_output_arguments, plain
from virialff.errors import EngineError, MoleculeError
from virialff.text import counted
from virialff.units import KCAL_MOL, EnergyUnit

if TYPE_CHECKING:
    import pandas as pd

    from virialff.models.force_field import ForceField, Model
    from virialff.models.members import ChargeSpread
    from virialff.molecules.molecule import Molecule

#: Gives the spread of the charges of a molecule, None for a model without further members.
Spread: TypeAlias = "Callable[[], ChargeSpread | None]"

SUMMARY = "charges and pair parameters of molecules"

#: Molecules that go through the network together.
BATCH = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser, model_options=("-m", "--model"))
    add_output_arguments(parser, structures=("sdf",))
    inputs.add_unit_argument(parser)
    parser.add_argument(
        "--table",
        choices=("pairs", "charges"),
        default="pairs",
        help="which table --output writes (default %(default)s)",
    )
    parser.add_argument("--coefficients", action="store_true", help="show C0 to C13 in the text, as in CSV and JSON")


def run(arguments: argparse.Namespace) -> int:
    model = inputs.load(arguments)
    report, unit = Report(arguments, "params"), inputs.unit(arguments)
    for item, result, spread in _force_fields(model, arguments):
        report.begin(item)
        label = item.label
        if isinstance(result, (MoleculeError, EngineError)):
            report.fail(label, result.message)
        else:
            report.add(
                label,
                text=partial(
                    as_text, label, result, model, coefficients=arguments.coefficients, unit=unit, spread=spread
                ),
                record=partial(as_record, result, model, unit, spread),
                table=partial(as_table, result, model, arguments.table, unit, spread),
                structures=partial(_with_charges, result, model),
            )
    return report.finish()


def _force_fields(
    model: Model, arguments: argparse.Namespace
) -> Iterator[tuple[inputs.Record | inputs.BadRecord, ForceField | MoleculeError | EngineError, Spread | None]]:
    """Each record, its force field or error, and what gives the spread of its charges, in the order of the input."""
    for batch in inputs.batches(inputs.read(arguments), BATCH):
        molecules = [item.molecule for item in batch if isinstance(item, inputs.Record)]
        spreads: Iterator[Spread | None] = repeat(None)
        try:
            results: Iterator[ForceField | MoleculeError | EngineError] = iter(model.force_fields(molecules))
            spreads = _spreads(model, molecules)
        except (MoleculeError, EngineError):
            # The model cannot treat a molecule of the batch: one by one, to find which.
            results = (_force_field(model, molecule) for molecule in molecules)
        for item in batch:
            if isinstance(item, inputs.BadRecord):
                yield item, item.error, None
            else:
                yield item, next(results), next(spreads)


def _spreads(model: Model, molecules: Sequence[Molecule]) -> Iterator[Spread]:
    """For each molecule what gives the spread of its charges; all are computed when the first is asked for."""
    from virialff.models.members import charge_spreads

    known: list[list[ChargeSpread] | None] = []

    def spread(number: int) -> ChargeSpread | None:
        if not known:
            known.append(charge_spreads(model, molecules))
        return None if known[0] is None else known[0][number]

    return iter([partial(spread, number) for number in range(len(molecules))])


def _force_field(model: Model, molecule: Molecule) -> ForceField | MoleculeError | EngineError:
    try:
        return model.force_field(molecule)
    except (MoleculeError, EngineError) as error:
        return error


def _with_charges(force_field: ForceField, model: Model, form: str, place: Place) -> str:
    """The conformers of the input as SDF with charges. Raises MissingCoordinatesError."""
    from virialff.parameters.tables import sdf_with_charges

    return sdf_with_charges(force_field.molecule, force_field.charges, model=model, fields=place(0))


def as_record(
    force_field: ForceField, model: Model, unit: EnergyUnit = KCAL_MOL, spread: Spread | None = None
) -> dict[str, Any]:
    """What `parameters.tables.force_field_json` holds, as a dictionary."""
    from virialff.parameters.tables import force_field_record

    return force_field_record(force_field, model=model, unit=unit, spread=spread() if spread is not None else None)


def as_text(
    label: str,
    force_field: ForceField,
    model: Model,
    *,
    coefficients: bool,
    unit: EnergyUnit = KCAL_MOL,
    spread: Spread | None = None,
) -> str:
    """A heading, what is rare in it, the charges and the pair table. Units are in the column names."""
    molecule = force_field.molecule
    pairs = as_table(force_field, model, "pairs", unit)
    if not coefficients:
        pairs = pairs.drop(columns=[name for name in pairs.columns if name.startswith("C")])
    heading = f"record {label}: {molecule.formula}, {counted(molecule.n_atoms, 'atom')}, {counted(len(pairs), 'pair')}"
    rare = model.rare_atoms(molecule)
    return "\n".join(
        [
            f"{heading}; model {model.name} ({model.level_of_theory})",
            *([rare.sentence] if rare is not None and rare.any else []),
            plain(as_table(force_field, model, "charges", spread=spread)),
            plain(pairs, unit.decimals),
        ]
    )


def as_table(
    force_field: ForceField, model: Model, kind: str, unit: EnergyUnit = KCAL_MOL, spread: Spread | None = None
) -> pd.DataFrame:
    """The table `pairs` or `charges` as it goes into CSV."""
    from virialff.methods.tables import with_energies_in
    from virialff.models.members import charge_spread
    from virialff.parameters.tables import charges_table, pairs_table

    if kind == "charges":
        molecule = force_field.molecule
        known = charge_spread(model, molecule) if spread is None else spread()
        return charges_table(molecule, force_field.charges, spread=known, rare=model.rare_atoms(molecule))
    return with_energies_in(pairs_table(force_field), unit)
