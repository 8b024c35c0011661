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

    Raises MoleculeError where there is neither such a file nor such a SMILES.
    """
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
            yield BadRecord(item.record or str(number), item)
    yield from _records(held)


def _records(held: list[tuple[int, Molecule]]) -> Iterator[Record]:
    """One record a stereoisomer, under the number of its first."""
    from virialff.io.read import group_conformers, isomers

    for group in isomers([molecule for _, molecule in held]):
        number, first = held[group[0]]
        label = f"{number} ({first.name})" if first.name else str(number)
        yield Record(label, *group_conformers(held[k][1] for k in group))


def batches(records: Iterable[Record | BadRecord], size: int) -> Iterator[list[Record | BadRecord]]:
    """Consecutive lists of at most `size` records."""
    iterator = iter(records)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
