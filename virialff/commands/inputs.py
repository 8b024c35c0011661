"""What commands take: the molecules they are given, the model, and the methods that compute."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from virialff.commands.messages import say
from virialff.commands.parser import UsageError, positive_int, shortened
from virialff.errors import EngineError, MissingCoordinatesError, MoleculeError, UnreadableRecordError
from virialff.units import ENERGY_UNITS, KCAL_MOL, EnergyUnit

if TYPE_CHECKING:
    from virialff.commands.report import Report
    from virialff.methods.comparison import Comparison
    from virialff.methods.method import ForceMethod, Method
    from virialff.models.force_field import Model
    from virialff.molecules.molecule import Molecule


#: The name of the model of --model among the methods.
MODEL = "model"


class Record(NamedTuple):
    """A molecule of the input with all its consecutive conformers, and the label by which messages name it.

    number: of its first record, from 1. about: what was said of it and others together.
    """

    label: str
    molecule: Molecule
    number: int = 1
    about: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.molecule.name

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.molecule.notes, *self.about)


class BadRecord(NamedTuple):
    """A record that cannot be used, and why."""

    label: str
    error: MoleculeError
    number: int = 1

    @property
    def name(self) -> str:
        return self.error.title

    @property
    def notes(self) -> tuple[str, ...]:
        return ()


def add_input_arguments(parser: argparse.ArgumentParser, *, model_options: Sequence[str] = ("--model",)) -> None:
    """Declare the molecules to read and the model to use."""
    parser.add_argument(
        "source",
        metavar="FILE|SMILES",
        help="a file of molecules (SMILES, CSV, SDF, MOL, XYZ, PDB), '-' for standard input, or a SMILES",
    )
    parser.add_argument(
        "--format", help="format of the input, where the file name does not tell it: smi, csv, sdf, ..."
    )
    parser.add_argument("--max-atoms", type=positive_int, metavar="N", help="refuse larger molecules (default 300)")
    parser.add_argument(
        *model_options,
        metavar="NAME",
        help="a name of `virialff models list`, or a model folder (default: the one marked)",
    )
    parser.add_argument("--device", default="cpu", help="where the networks run: cpu (the default), cuda or cuda:N")


def add_method_argument(parser: argparse.ArgumentParser, what: str = "methods") -> None:
    """Declare the methods that compute, for `methods`."""
    parser.add_argument(
        "-m",
        "--method",
        default=MODEL,
        metavar="LIST",
        help=f"{what}, separated by commas: model (that of --model), gfn2, ani, pyscf, psi4, another model by its name "
        "or folder, ase:module:factory for any ASE calculator (default %(default)s)",
    )


def add_unit_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the unit of energies, for `unit`."""
    parser.add_argument(
        "--unit",
        choices=tuple(ENERGY_UNITS),
        default=KCAL_MOL.name,
        help="of all energies that are printed and written (default %(default)s)",
    )


def unit(arguments: argparse.Namespace) -> EnergyUnit:
    """The unit of energies asked for."""
    return ENERGY_UNITS[arguments.unit]


def add_generate_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the making of conformers, for `with_conformers`."""
    parser.add_argument(
        "--generate",
        type=positive_int,
        metavar="N",
        help="make N conformers (ETKDG, then MMFF minima) of molecules that come without coordinates",
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed of --generate (default %(default)s)")


def load(arguments: argparse.Namespace) -> Model:
    """The model asked for. Raises CheckpointError, and EngineError for a device that is not there."""
    import torch

    from virialff.models.registry import load_model

    try:
        torch.empty(0, device=arguments.device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise EngineError(
            f"the device {arguments.device!r} cannot be used here ({reason}); `virialff info` lists the devices"
        ) from error
    return load_model(arguments.model, device=arguments.device)


def methods(arguments: argparse.Namespace) -> dict[str, Method]:
    """The methods asked for, by the names they were asked for.

    Raises UsageError for one that does not exist, EngineError for one that cannot be loaded or cannot compute here.
    """
    names = list(dict.fromkeys(name for name in arguments.method.replace(" ", "").split(",") if name))
    if not names:
        raise UsageError(f"argument -m/--method: it names none; choose from {_known()}")
    return {name: _method(arguments, name) for name in names}


def force_method(
    arguments: argparse.Namespace, name: str, others: Mapping[str, Method], option: str = "--relax"
) -> ForceMethod:
    """The method of this name to relax with, that of `others` where it is among them. Raises as `methods`."""
    from virialff.methods.method import with_forces

    return with_forces(others.get(name) or _method(arguments, name, option))


def _method(arguments: argparse.Namespace, name: str, option: str = "-m/--method") -> Method:
    from virialff.methods.method import ASE, get_method, method_names, require

    if name == MODEL:
        return load(arguments)
    if name.startswith(ASE):
        # A calculator of one's own lies where the command is given.
        sys.path.append(os.getcwd())
    elif "/" not in name and name not in method_names():
        raise UsageError(f"argument {option}: there is no method {shortened(name)!r}; choose from {_known()}")
    method = get_method(name)
    try:
        require(method)
        if hasattr(method, "atomic_energies"):
            # What it loads, or fetches, on first use fails here and not once for every record.
            method.atomic_energies([1])
    except EngineError as error:
        raise EngineError(f"the method {name} is not available here: {error}") from error
    return method


def _known() -> str:
    from virialff.methods.method import method_names

    return f"{', '.join(method_names())}, or ase:module:factory"


def with_conformers(report: Report, label: str, molecule: Molecule, n_conformers: int | None, seed: int) -> Molecule:
    """The molecule itself where it has coordinates, else with generated ones. Raises MoleculeError.

    What was chosen in generating them is said on standard error, and kept in the report.
    """
    if molecule.n_conformers:
        return molecule
    if n_conformers is None:
        raise MissingCoordinatesError(
            "an energy needs coordinates and this molecule has none; add --generate 10, or give a file that has them"
        )
    from virialff.conformers import generation

    generated = generation.generate(molecule, n_conformers=n_conformers, seed=seed)
    new = [note for note in generated.notes if note not in molecule.notes]
    say_notes(label, new)
    report.keep(label, new)
    return generated


def complain(report: Report, label: str, comparison: Comparison) -> None:
    """Name the methods that gave nothing for a record, and the conformers for which one failed."""
    for name, reason in comparison.left_out.items():
        report.complain(label, f"{name}: {reason}")
    for method in comparison.methods:
        for number, reason in method.failures.items():
            report.complain(label, f"{method.name}: conformer {number}: {reason}")


def usable(arguments: argparse.Namespace, report: Report) -> Iterator[tuple[str, Molecule]]:
    """Label and molecule of the records of `read`; those that are no molecules are reported as failed."""
    for item in read(arguments):
        report.begin(item)
        if isinstance(item, BadRecord):
            report.fail(item.label, item.error.message)
        else:
            yield item.label, item.molecule


def read(arguments: argparse.Namespace) -> Iterator[Record | BadRecord]:
    """The molecules of the input, consecutive conformers of one molecule together, and its bad records.

    What was completed, chosen or left out in reading is said on standard error.

    Raises MoleculeError where there is neither such a file nor such a SMILES.
    """
    for item in _read(arguments):
        if isinstance(item, Record):
            say_notes(item.label, item.molecule.notes)
        yield item


def _read(arguments: argparse.Namespace) -> Iterator[Record | BadRecord]:
    from virialff.io.read import FORMATS, read_molecules
    from virialff.molecules.molecule import Molecule

    source: str = arguments.source
    limit: dict[str, Any] = {} if arguments.max_atoms is None else {"max_atoms": arguments.max_atoms}
    if source == "-":
        yield from _group(read_molecules(sys.stdin, format=arguments.format, **limit))
    elif Path(source).is_file():
        yield from _group(read_molecules(source, format=arguments.format, **limit))
    elif Path(source).is_dir() or Path(source).suffix.lstrip(".").lower() in FORMATS:
        raise UnreadableRecordError(f"there is no file {source}; check its name and folder")
    else:
        try:
            yield Record("1", Molecule.from_smiles(source, **limit))
        except UnreadableRecordError as error:
            raise UnreadableRecordError(f"{source!r} is no file here, and {error.message}") from error


def say_notes(label: str, notes: Iterable[str]) -> None:
    """Print a molecule's notes, a line each."""
    for note in notes:
        say(f"record {label}: {note}")


def _group(items: Iterable[Molecule | MoleculeError]) -> Iterator[Record | BadRecord]:
    """Records as they come; only the conformers of one molecule are held back until the next molecule."""
    from virialff.io.read import may_be_joined
    from virialff.molecules.molecule import Molecule

    held: list[tuple[int, Molecule]] = []
    for number, item in enumerate(items, start=1):
        if held and not (isinstance(item, Molecule) and may_be_joined(held[-1][1], item)):
            yield from _records(held)
            held = []
        if isinstance(item, Molecule):
            held.append((number, item))
        else:
            yield BadRecord(item.record or str(number), item, number)
    yield from _records(held)


def _records(held: list[tuple[int, Molecule]]) -> Iterator[Record]:
    """One record a stereoisomer, under the number of its first."""
    from virialff.io.read import group_conformers, isomer_notes, isomers

    groups = isomers([molecule for _, molecule in held])
    joined = [next(group_conformers(held[k][1] for k in group)) for group in groups]
    about = tuple(isomer_notes(joined))
    for note in about:
        say(note)
    for group, molecule in zip(groups, joined, strict=True):
        number = held[group[0]][0]
        label = f"{number} ({molecule.name})" if molecule.name else str(number)
        yield Record(label, molecule, number, about)


def batches(records: Iterable[Record | BadRecord], size: int) -> Iterator[list[Record | BadRecord]]:
    """Consecutive lists of at most `size` records."""
    iterator = iter(records)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
