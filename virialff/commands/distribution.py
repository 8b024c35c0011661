"""How predicted parameters are distributed over the molecules of a file, or over a draw from a label store.

One row a group: number of values, mean, median, standard deviation, mean magnitude and percentiles; `--bins` gives the
histogram instead. `--draw` takes the source for a label store (a folder, or a Parquet file) and draws from it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Literal, cast

from virialff.commands import ExitCode, inputs
from virialff.commands.messages import complain
from virialff.commands.output import TABLES, form_of, write
from virialff.commands.parser import UsageError, positive_int
from virialff.commands.report import plain
from virialff.errors import ConfigError
from virialff.text import counted

if TYPE_CHECKING:
    from virialff.models.force_field import Model
    from virialff.molecules.molecule import Molecule

SUMMARY = "distributions of charges, sigma, R_min and epsilon over many molecules"
QUANTITIES = ("sigma", "R_min", "epsilon", "atomic charge", "molecular charge")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser, model_options=("-m", "--model"))
    parser.add_argument("--quantity", choices=QUANTITIES, default="sigma", help="default %(default)s")
    parser.add_argument("--by", choices=("element", "relation", "model"), help="groups (default: element where it can)")
    parser.add_argument(
        "--relation", choices=("1-3", "1-4", "further", "intermolecular"), help="pairs of this relation"
    )
    parser.add_argument("--smarts", default="", help="one atom (of a pair) matches this SMARTS")
    parser.add_argument("--other-smarts", default="", help="the other atom of the pair matches this SMARTS")
    parser.add_argument("--bins", action="store_true", help="the histogram instead of the statistics")
    parser.add_argument("--draw", type=positive_int, metavar="N", help="draw N molecules from a label store")
    parser.add_argument("--split", choices=("test", "validation", "train", "all"), default="test", help="of --draw")
    parser.add_argument("--contents", choices=("molecules", "complexes"), default="molecules", help="of --draw")
    parser.add_argument("--seed", type=int, default=1, help="of --draw (default %(default)s)")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help=f"write the table, by its suffix {', '.join(TABLES)}; '-' prints CSV"
    )


def run(arguments: argparse.Namespace) -> int:
    from virialff.parameters.distributions import Selection, distribution
    from virialff.parameters.samples import sample_parameters

    if arguments.draw and len(arguments.sources) > 1:
        raise UsageError(f"argument --draw: it draws from one label store, and {len(arguments.sources)} are given")
    form = None if arguments.output is None else form_of(arguments.output, TABLES)
    model = inputs.load(arguments)
    molecules, failed = _drawn(model, arguments) if arguments.draw else _read(arguments)
    if not molecules:
        complain("nothing in the input can be used")
        return ExitCode.INPUT
    sample = sample_parameters(model, molecules)
    for smiles, reason in sample.failures:
        complain(f"{smiles}: {reason}")
    by = cast(
        Literal["element", "relation", "model"],
        arguments.by or ("model" if arguments.quantity == "molecular charge" else "element"),
    )
    selection = Selection(arguments.relation, arguments.smarts, arguments.other_smarts)
    try:
        found = distribution({model.name: sample}, arguments.quantity, selection=selection, by=by)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    n_molecules = counted(sample.n_molecules, "molecule")
    table = found.table() if arguments.bins else found.summary()
    if form is not None:
        write(arguments.output, form, table)
    elif table.empty:
        print(f"no value of {arguments.quantity} among {n_molecules} is meant by these choices")
    else:
        print(f"{arguments.quantity} of {n_molecules}; model {model.name}")
        print(plain(table))
    return ExitCode.SOME_FAILED if failed or sample.failures else ExitCode.OK


def _read(arguments: argparse.Namespace) -> tuple[list[Molecule], int]:
    molecules, failed = [], 0
    for item in inputs.read(arguments):
        if isinstance(item, inputs.BadRecord):
            failed += 1
            complain(f"{'record ' if item.number else ''}{item.label}: {item.error.message}")
        else:
            molecules.append(item.molecule)
    return molecules, failed


def _drawn(model: Model, arguments: argparse.Namespace) -> tuple[list[Molecule], int]:
    from virialff.labels.molecule_samples import MAX_MOLECULES, draw_molecules
    from virialff.labels.splits import DEFAULT_FRACTIONS
    from virialff.models.card_form import division_of
    from virialff.molecules.molecule import Molecule

    if arguments.draw > MAX_MOLECULES:
        raise ConfigError(f"--draw takes at most {MAX_MOLECULES} molecules, got {arguments.draw}")
    division = division_of(model.card)
    low, middle, high = division.get("fractions") or DEFAULT_FRACTIONS
    draw = draw_molecules(
        arguments.sources[0],
        arguments.draw,
        split=None if arguments.split == "all" else arguments.split,
        contents=arguments.contents,
        seed=arguments.seed,
        split_seed=int(division.get("seed") or 0),
        fractions=(float(low), float(middle), float(high)),
    )
    return [Molecule.from_smiles(smiles) for smiles in draw.smiles], 0
