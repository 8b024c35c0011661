"""What commands take: the molecules they are given, the model, and the methods that compute."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from virialff.commands.messages import say
from virialff.commands.parser import UsageError, positive_int
from virialff.errors import (
    EngineError,
    MissingCoordinatesError,
    MoleculeError,
    TooManyAtomsError,
    UnreadableRecordError,
)
from virialff.text import shortened
from virialff.units import ENERGY_UNITS, KCAL_MOL, EnergyUnit

if TYPE_CHECKING:
    from virialff.commands.report import Report
    from virialff.io.read import Unmade
    from virialff.methods.comparison import Comparison
    from virialff.methods.method import ForceMethod, Method
    from virialff.models.force_field import Model
    from virialff.molecules.molecule import Molecule


#: The name of the model of --model among the methods.
MODEL = "model"


class Origin(NamedTuple):
    """Where a record stands: its number, from 1 (0 for a file that cannot be read at all), and of several its file."""

    number: int
    file: str = ""


class _Placed:
    """What a record and a bad one share: where they stand."""

    origins: tuple[Origin, ...]

    @property
    def number(self) -> int:
        return self.origins[0].number

    @property
    def file(self) -> str:
        return self.origins[0].file


@dataclass(frozen=True, eq=False)
class Record(_Placed):
    """A molecule of the input with all its consecutive conformers, and the label by which messages name it.

    origins: of each of its records. fields: the data that each of them has beside the structure. about: what was said
    of it and others together.
    """

    label: str
    molecule: Molecule
    origins: tuple[Origin, ...] = (Origin(1),)
    fields: tuple[Mapping[str, str], ...] = ({},)
    about: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.molecule.name

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.molecule.notes, *self.about)


@dataclass(frozen=True, eq=False)
class BadRecord(_Placed):
    """A record that cannot be used, and why."""

    label: str
    error: MoleculeError
    origins: tuple[Origin, ...] = (Origin(1),)

    @property
    def name(self) -> str:
        return self.error.title

    @property
    def notes(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, eq=False)
class Unread(_Placed):
    """A record of which `made` makes a Record or a BadRecord, in this process or another."""

    unmade: Unmade
    origins: tuple[Origin, ...]


#: What `read` gives, and what it gives where others make the molecules.
Made: TypeAlias = Record | BadRecord
Item: TypeAlias = Record | BadRecord | Unread


def rare_notes(methods: Mapping[str, Method], molecule: Molecule) -> list[str]:
    """What must be said of a molecule that training had little of, where the model is among the methods."""
    model = methods.get(name_of_model(methods))
    # Only models say what they were trained on.
    rare_atoms = getattr(model, "rare_atoms", None)
    if model is None or rare_atoms is None or model.unsupported(molecule) is not None:
        return []
    rare = rare_atoms(molecule)
    return [] if rare is None or not rare.any else [rare.sentence]


def add_input_arguments(parser: argparse.ArgumentParser, *, model_options: Sequence[str] = ("--model",)) -> None:
    """Declare the molecules to read and the model to use."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="FILE|SMILES",
        help="files of molecules (SMILES, CSV, SDF, MOL, XYZ, PDB), '-' for standard input, or SMILES",
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
        help=f"{what}, separated by commas: model (that of --model), gfn2, ani, mmff94, uff, pyscf, psi4, "
        "another model by its name or folder, ase:module:factory for any ASE calculator (default %(default)s)",
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
    found = {name: _method(arguments, name) for name in names}
    if MODEL in found and arguments.model is not None:
        # A model that was named is called so.
        named = found[MODEL].name
        found = {named if name == MODEL else name: method for name, method in found.items()}
        if getattr(arguments, "reference", None) == MODEL:
            arguments.reference = named
    return found


def name_of_model(methods: Mapping[str, Method]) -> str:
    """The name of the model of --model among the methods, "" where it is not among them."""
    models = (name for name, method in methods.items() if hasattr(method, "force_field"))
    return MODEL if MODEL in methods else next(models, "")


def reference_field(arguments: argparse.Namespace, methods: dict[str, Method]) -> str | None:
    """The field of the input that --reference names; None where it names a method, which joins the others."""
    from virialff.methods.method import ASE, method_names

    name: str | None = arguments.reference
    if name is None or name in methods:
        return None
    if name in method_names() or name.startswith(ASE) or ("/" in name and Path(name).is_dir()):
        methods[name] = _method(arguments, name, "--reference")
        return None
    return name


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


def usable(arguments: argparse.Namespace, report: Report, *, join: bool = False) -> Iterator[tuple[str, Molecule]]:
    """Label and molecule of the records of `read`; those that are no molecules are reported as failed."""
    for item in usable_records(arguments, report, join=join):
        yield item.label, item.molecule


def usable_records(arguments: argparse.Namespace, report: Report, *, join: bool = False) -> Iterator[Record]:
    """The same as whole records."""
    for item in read(arguments, join=join):
        report.begin(item)
        if isinstance(item, BadRecord):
            report.fail(item.label, item.error.message)
        else:
            yield item


def read(arguments: argparse.Namespace, *, join: bool = False) -> Iterator[Record | BadRecord]:
    """The molecules of the input, consecutive conformers of one molecule together, and its bad records.

    What was completed, chosen or left out in reading is said on standard error. join: conformers of one molecule may
    come from several files.

    Raises MoleculeError where there is neither such a file nor such a SMILES; of several inputs that is a bad record.
    """
    several = len(arguments.sources) > 1
    streams = (_items(source, arguments, several) for source in arguments.sources)
    groups = [itertools.chain.from_iterable(streams)] if join else streams
    for items in groups:
        for item in _group(items):
            yield made(item)


def read_for_others(arguments: argparse.Namespace) -> Iterator[Item]:
    """As `read`, but molecules of plain SMILES in files are left to `made`."""
    several = len(arguments.sources) > 1
    for source in arguments.sources:
        for item in _group(_items(source, arguments, several, for_others=True)):
            yield item if isinstance(item, Unread) else made(item)


def made(item: Item) -> Made:
    """The record itself, its molecule made; what was completed or chosen is said on standard error."""
    if isinstance(item, Unread):
        [origin] = item.origins
        molecule = item.unmade.made()
        found = _with_option(molecule) if isinstance(molecule, MoleculeError) else molecule
        [item] = _group([(origin, found, {})])
    assert not isinstance(item, Unread)
    if isinstance(item, Record):
        say_notes(item.label, item.molecule.notes)
    return item


def count(arguments: argparse.Namespace) -> int | None:
    """How many records the input has; None where it must be read to know."""
    from virialff.io.read import count_records

    places = {source: _place(source) for source in arguments.sources}
    if any(source == "-" or (place and not Path(source).is_file()) for source, place in places.items()):
        return None
    try:
        return sum(
            count_records(source, format=arguments.format) if places[source] else 1 for source in arguments.sources
        )
    except (MoleculeError, OSError):
        return None


#: Where a record stands, what it is, and its data beside the structure.
_PlacedItem = tuple[Origin, "Molecule | MoleculeError | Unmade", Mapping[str, str]]


def _items(
    source: str, arguments: argparse.Namespace, several: bool, *, for_others: bool = False
) -> Iterator[_PlacedItem]:
    file = source if several else ""
    try:
        for number, (item, fields) in enumerate(_molecules(source, arguments, for_others), start=1):
            yield Origin(number, file), _with_option(item) if isinstance(item, MoleculeError) else item, fields
    except MoleculeError as error:
        if not several:
            raise _with_option(error) from error
        yield Origin(0, file), _with_option(error), {}
    except OSError as error:
        if not several:
            raise
        yield Origin(0, file), UnreadableRecordError(f"it cannot be read: {error.strerror or error}"), {}


def _with_option(error: MoleculeError) -> MoleculeError:
    """The error, with the option that raises the limit where that was too low."""
    if not isinstance(error, TooManyAtomsError):
        return error
    return TooManyAtomsError(f"{error.message} by --max-atoms", record=error.record, title=error.title)


def _molecules(
    source: str, arguments: argparse.Namespace, for_others: bool
) -> Iterable[tuple[Molecule | MoleculeError | Unmade, Mapping[str, str]]]:
    """The records of a file, or the molecule of a SMILES."""
    from virialff.io.read import FORMATS, read_for_others, read_with_fields
    from virialff.molecules.molecule import Molecule

    reader = read_for_others if for_others else read_with_fields

    limit: dict[str, Any] = {} if arguments.max_atoms is None else {"max_atoms": arguments.max_atoms}
    if source == "-":
        return reader(sys.stdin, format=arguments.format, **limit)
    suffix = source.removesuffix(".gz").rpartition(".")[2].lower() if "." in source else ""
    place = _place(source)
    if place == "file":
        if suffix not in FORMATS and not source.startswith((".", "/")) and _is_smiles(source):
            say(f"{source} is read as the file of that name; the SMILES can be given by standard input, '-'")
        return reader(source, format=arguments.format, **limit)
    if suffix in FORMATS and place is None:
        raise UnreadableRecordError(f"there is no file {shortened(source, 200)}; check its name and folder")
    try:
        return [(Molecule.from_smiles(source, **limit), {})]
    except UnreadableRecordError as error:
        if place == "folder":
            raise UnreadableRecordError(f"{shortened(source, 200)} is a folder; name the files in it") from error
        raise UnreadableRecordError(f"{shortened(source)!r} is no file here, and {error.message}") from error


def _place(source: str) -> str | None:
    """Whether a text is the name of a "file" or "folder" here; None for one that is not, or cannot be a name."""
    try:
        path = Path(source)
        return "folder" if path.is_dir() else "file" if path.exists() else None
    except (OSError, ValueError):  # longer than names can be, or with characters that no name has
        return None


def _is_smiles(text: str) -> bool:
    from virialff.molecules.molecule import Molecule

    try:
        return Molecule.from_smiles(text).n_atoms > 0
    except MoleculeError:
        return False


def say_notes(label: str, notes: Iterable[str]) -> None:
    """Print a molecule's notes, a line each."""
    for note in notes:
        say(f"record {label}: {note}")


def _group(items: Iterable[_PlacedItem]) -> Iterator[Item]:
    """Records as they come; only the conformers of one molecule are held back until the next molecule."""
    from virialff.io.read import Unmade, may_be_joined
    from virialff.molecules.molecule import Molecule

    held: list[tuple[Origin, Molecule, Mapping[str, str]]] = []
    for origin, item, fields in items:
        if held and not (isinstance(item, Molecule) and may_be_joined(held[-1][1], item)):
            yield from _records(held)
            held = []
        if isinstance(item, Molecule):
            held.append((origin, item, fields))
        elif isinstance(item, Unmade):
            yield Unread(item, (origin,))
        else:
            yield BadRecord(_label(item.record or str(origin.number), origin), item, (origin,))
    yield from _records(held)


def _label(record: str, origin: Origin) -> str:
    if not origin.file:
        return record
    file = shortened(origin.file, 200)
    return f"{record} of {file}" if origin.number else file


def _records(held: list[tuple[Origin, Molecule, Mapping[str, str]]]) -> Iterator[Record]:
    """One record a stereoisomer, under the number of its first."""
    from virialff.io.read import group_conformers, isomer_notes, isomers

    groups = isomers([molecule for _, molecule, _ in held])
    joined = [next(group_conformers(held[k][1] for k in group)) for group in groups]
    about = tuple(isomer_notes(joined))
    for note in about:
        say(note)
    for group, molecule in zip(groups, joined, strict=True):
        origins = tuple(held[k][0] for k in group)
        number = str(origins[0].number)
        label = _label(f"{number} ({molecule.name})" if molecule.name else number, origins[0])
        yield Record(label, molecule, origins, tuple(held[k][2] for k in group), about)


def batches(records: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Consecutive lists of at most `size` records."""
    iterator = iter(records)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
