"""What `params` and `energy` read: the molecules they are given, and the model."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from virialff.errors import EngineError, MoleculeError, UnreadableRecordError

if TYPE_CHECKING:
    from virialff.models.force_field import Model
    from virialff.molecules.molecule import Molecule


class Record(NamedTuple):
    """A molecule of the input with all its consecutive conformers, and the label by which messages name it."""

    label: str
    molecule: Molecule


class BadRecord(NamedTuple):
    """A record that cannot be used, and why."""

    label: str
    error: MoleculeError


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
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
        "--model", metavar="NAME", help="a name of `virialff models list`, or a model folder (default: the one marked)"
    )
    parser.add_argument("--device", default="cpu", help="where the networks run: cpu (the default), cuda or cuda:N")


def positive_int(text: str) -> int:
    """Argument type: an integer of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


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
        print(f"virialff: record {label}: {note}", file=sys.stderr)


def _group(items: Iterable[Molecule | MoleculeError]) -> Iterator[Record | BadRecord]:
    """Records as they come; only the conformers of one molecule are held back until the next molecule."""
    from virialff.io.read import group_conformers
    from virialff.molecules.molecule import Molecule

    label = ""
    held: list[Molecule] = []
    for number, item in enumerate(items, start=1):
        if held and not (isinstance(item, Molecule) and _is_next_conformer(held[0], item)):
            yield Record(label, *group_conformers(held))
            held = []
        if not isinstance(item, Molecule):
            yield BadRecord(item.record or str(number), item)
            continue
        if not held:
            label = f"{number} ({item.name})" if item.name else str(number)
        held.append(item)
    if held:
        yield Record(label, *group_conformers(held))


def _is_next_conformer(first: Molecule, item: Molecule) -> bool:
    return bool(first.n_conformers and item.n_conformers and first.same_structure(item))


def batches(records: Iterable[Record | BadRecord], size: int) -> Iterator[list[Record | BadRecord]]:
    """Consecutive lists of at most `size` records."""
    iterator = iter(records)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
