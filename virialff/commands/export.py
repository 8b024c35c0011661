"""Files for other programs: OpenMM, GROMACS, LAMMPS, and structures with charges.

--to takes
  openmm    a folder with system.xml and start.pdb; with --counts a periodic box of all molecules of the input
  gromacs   a folder with topol.top, conf.gro, run.mdp and a table for each pair; one molecule or complex
  lammps    a folder with molecule.data, pairs.table and in.molecule; one molecule or complex
  sdf       structures with charges as the atoms' property PartialCharge
  mol2      structures with charges and SYBYL atom types
  lj        a CSV table of Lennard-Jones parameters fitted to the potential, with the error of each fit

Molecules without coordinates get one conformer (ETKDG, then an MMFF minimum), which is said.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from virialff.commands import ExitCode, inputs
from virialff.commands.messages import complain, say
from virialff.commands.output import form_of, require_folder, write, write_folder
from virialff.commands.parser import UsageError, positive, positive_int
from virialff.errors import MoleculeError
from virialff.text import counted

if TYPE_CHECKING:
    from virialff.models.force_field import Model
    from virialff.molecules.molecule import Molecule

SUMMARY = "files for OpenMM, GROMACS, LAMMPS, and structures with charges"

#: What writes a folder, and what writes one file, in which form.
FOLDERS = ("openmm", "gromacs", "lammps")
FILES = {"sdf": "sdf", "mol2": "mol2", "lj": "csv"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser, model_options=("-m", "--model"))
    parser.add_argument("--to", required=True, choices=(*FOLDERS, *FILES), help="for which program")
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH", help="the folder; of sdf, mol2 and lj the file"
    )
    parser.add_argument("--seed", type=int, default=1, help="of conformers and places in a box (default %(default)s)")
    box = parser.add_argument_group("a box of --to openmm")
    box.add_argument("--counts", metavar="N,N", help="how many of each molecule of the input")
    box.add_argument("--cutoff", type=positive, metavar="A", help="between molecules, Angstrom (default 10)")
    box.add_argument(
        "--spacing",
        type=positive,
        metavar="A",
        help="of the grid on which the molecules stand, Angstrom (default: no two can touch)",
    )


def run(arguments: argparse.Namespace) -> int:
    from virialff.conformers.generation import generate

    counts = _counts(arguments)
    if arguments.to in FOLDERS:
        require_folder(arguments.output)
    else:
        form_of(arguments.output, (FILES[arguments.to],))
    model = inputs.load(arguments)
    molecules: list[Molecule] = []
    failed = False
    for item in inputs.read(arguments):
        try:
            if isinstance(item, inputs.BadRecord):
                raise item.error
            molecule = item.molecule
            if not molecule.n_conformers:
                molecule = generate(molecule, n_conformers=1, seed=arguments.seed)
                say(f"record {item.label}: it came without coordinates, and a conformer was made")
            model.force_field(molecule)
        except MoleculeError as error:
            complain(f"record {item.label}: {error.message}")
            failed = True
        else:
            molecules.append(molecule)
    if not molecules:
        return ExitCode.INPUT
    if failed and counts is not None:
        complain("the counts are for all molecules of the input; nothing was written")
        return ExitCode.INPUT
    _check_number(arguments, molecules, counts)
    files = _files(arguments, model, molecules, counts)
    if arguments.to in FOLDERS:
        write_folder(arguments.output, files)
    else:
        write(arguments.output, "text", *files.values())
    say(f"wrote {counted(len(files), 'file')} of {counted(len(molecules), 'molecule')} to {arguments.output}")
    return ExitCode.SOME_FAILED if failed else ExitCode.OK


def _counts(arguments: argparse.Namespace) -> list[int] | None:
    if arguments.counts is None:
        return None
    if arguments.to != "openmm":
        raise UsageError("argument --counts: a box is made by --to openmm alone")
    try:
        return [positive_int(text) for text in arguments.counts.split(",")]
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise UsageError(f"argument --counts: {error}") from None


def _check_number(arguments: argparse.Namespace, molecules: list[Molecule], counts: list[int] | None) -> None:
    if counts is not None and len(counts) != len(molecules):
        numbers, molecules_given = counted(len(counts), "number"), counted(len(molecules), "molecule")
        raise UsageError(f"argument --counts: it has {numbers} and the input {molecules_given}")
    if counts is None and len(molecules) > 1 and arguments.to in (*FOLDERS, "lj"):
        advice = "; --counts makes a box of them" if arguments.to == "openmm" else ""
        raise UsageError(
            f"argument --to: {arguments.to} takes one molecule or complex and the input has {len(molecules)}{advice}"
        )


def _files(
    arguments: argparse.Namespace, model: Model, molecules: list[Molecule], counts: list[int] | None
) -> dict[str, str]:
    """Text by the name of the file."""
    if arguments.to == "openmm":
        from virialff.export.openmm import box_files, molecule_files
        from virialff.models.openmm import CUTOFF

        if counts is None:
            return molecule_files(model, molecules[0])
        return box_files(
            model,
            molecules,
            counts,
            cutoff=arguments.cutoff or CUTOFF,
            spacing=arguments.spacing,
            seed=arguments.seed,
        )
    if arguments.to in ("gromacs", "lammps"):
        from virialff.export.pair_tables import gromacs_files, lammps_files

        make = gromacs_files if arguments.to == "gromacs" else lammps_files
        return make(model.force_field(molecules[0]))
    if arguments.to == "lj":
        from virialff.parameters.curves import lennard_jones_table
        from virialff.parameters.tables import to_csv

        table = lennard_jones_table(model.force_field(molecules[0]))
        if len(table):
            error = table["rms_error_kcal_per_mol"]
            say(f"the fits are off by {error.median():.3f} kcal/mol in the middle and {error.max():.3f} at most (rms)")
        return {"lj": to_csv(table)}
    from virialff.export.mol2 import mol2_with_charges
    from virialff.parameters.tables import sdf_with_charges

    records = []
    for molecule in molecules:
        charges = model.force_field(molecule).charges
        if arguments.to == "sdf":
            records.append(sdf_with_charges(molecule, charges, model=model))
        else:
            records.append(mol2_with_charges(molecule, charges, comment=f"model {model.name} ({model.sha256[:16]})"))
    return {arguments.to: "".join(records)}
