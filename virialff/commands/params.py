"""Charges and pair parameters of every molecule of a file, or of a SMILES.

The parameters follow from the structural formula alone: coordinates are neither needed nor used, and conformers of
one molecule that follow each other are one entry. Atoms are numbered from 1 in text and CSV, from 0 in JSON.
charge_spread is the standard deviation over the members of the model, where it has further ones; an atom is rare where
few molecules of the training have one with the same bonds.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias

from virialff import children
from virialff.commands import inputs
from virialff.commands.messages import progress_lines
from virialff.commands.parser import positive_int
from virialff.commands.report import Place, Portion, Report, add_output_arguments, plain
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
#: Fewer are computed in this process: starting others takes seconds.
MANY = 64
# Of the arguments, what other processes need.
_SENT = ("json", "output", "forms", "table", "coefficients", "unit", "model")


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
    parser.add_argument(
        "--processes",
        type=positive_int,
        metavar="N",
        help=f"of {MANY} molecules or more, compute so many at a time (default: as many as there are processors)",
    )
    parser.add_argument("--coefficients", action="store_true", help="show C0 to C13 in the text, as in CSV and JSON")


def run(arguments: argparse.Namespace) -> int:
    model = inputs.load(arguments)
    with children.interruptible(), _report(arguments) as report:
        records = inputs.read_for_others(arguments)
        first = list(itertools.islice(records, MANY))
        many = len(first) == MANY
        batches = inputs.batches(itertools.chain(first, records), BATCH)
        total = inputs.count(arguments) if many else None
        tell, done = progress_lines(), 0
        if total is not None:
            tell("parameters", done, total)
        if many and arguments.processes != 1 and arguments.device == "cpu":
            portions = _in_processes(arguments, batches)
        else:
            portions = (_portion(batch, report, model, arguments) for batch in batches)
        for count, portion in portions:
            report.receive(portion)
            done += count
            if total is not None:
                tell("parameters", done, total)
        return report.finish()


def _portion(
    batch: Sequence[inputs.Item], report: Report, model: Model, arguments: argparse.Namespace
) -> tuple[int, Portion]:
    """How many records of the input the batch is, and what the report has of them; what failed is said."""
    unit = inputs.unit(arguments)
    for item, result, spread in _force_fields(model, [inputs.made(item) for item in batch]):
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
                table=partial(_for_table, result, model, arguments.table, spread),
                structures=partial(_with_charges, result, model),
            )
    return sum(len(item.origins) for item in batch), report.portion()


def _in_processes(arguments: argparse.Namespace, batches: Iterator[list[inputs.Item]]) -> Iterator[tuple[int, Portion]]:
    """The same of each batch, computed and made text in processes."""
    from virialff.parameters.many import in_processes

    sent = argparse.Namespace(**{name: getattr(arguments, name) for name in _SENT})
    with closing(in_processes(partial(_heard, arguments=sent), batches, processes=arguments.processes)) as found:
        for count, portion, printed, said in found:
            sys.stderr.write(said)
            sys.stdout.write(printed)
            sys.stdout.flush()
            yield count, portion


def _heard(batch: list[inputs.Item], arguments: argparse.Namespace) -> tuple[int, Portion, str, str]:
    """In another process: a portion, and what was printed and said on the way."""
    from virialff.parameters.many import loaded

    printed, said = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(said):
        portion = _portion(batch, _report(arguments), loaded(arguments.model), arguments)
    return *portion, printed.getvalue(), said.getvalue()


def _force_fields(
    model: Model, batch: Sequence[inputs.Made]
) -> Iterator[tuple[inputs.Made, ForceField | MoleculeError | EngineError, Spread | None]]:
    """Each record, its force field or error, and what gives the spread of its charges, in order."""
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


def _for_table(force_field: ForceField, model: Model, kind: str, spread: Spread | None) -> Any:
    """What `_report` has in its file for a molecule: rows of charges, of pairs later with those of others."""
    return force_field if kind == "pairs" else as_table(force_field, model, kind, spread=spread)


def _report(arguments: argparse.Namespace) -> Report:
    return Report(arguments, "params", partial(_joined, inputs.unit(arguments)) if arguments.table == "pairs" else None)


def _joined(unit: EnergyUnit, force_fields: Sequence[ForceField]) -> tuple[pd.DataFrame, list[int]]:
    from virialff.methods.tables import with_energies_in
    from virialff.parameters.tables import pairs_tables

    counts = [len(force_field.parameters.bonded) for force_field in force_fields]
    return with_energies_in(pairs_tables(force_fields), unit), counts


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
