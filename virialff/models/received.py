"""A model from elsewhere: copied from a folder or a .zip within limits, then tried; and one packed for elsewhere.

Nothing is unpickled and no name in an archive becomes a path: only the files of a model are read from it.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

import numpy as np

from virialff.conformers.generation import generate
from virialff.elements import ELEMENTS
from virialff.errors import CheckpointError, VirialffError
from virialff.files import disk_problem
from virialff.models.checkpoint import CARD_FILE, MAX_BYTES, MEMBER_FILES, PARAMETERS_FILE, load_checkpoint
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule
from virialff.text import reason_of

#: Most entries of an accepted archive.
MAX_ENTRIES = 1000
#: A small molecule for each element; all of them but the first need hydrogen too.
TRIALS = {"H": "[H][H]", "C": "C", "N": "N", "O": "O", "F": "F", "P": "P", "S": "S", "Cl": "Cl", "Br": "Br"}


def receive(source: Path | BinaryIO, target: Path, *, title: str) -> None:
    """Copy the files of a model from a folder or a .zip into the new folder `target`, and flush them to disk.

    title: how messages name the source. Raises CheckpointError for anything that is not a model of sane size.
    """
    target.mkdir()
    if isinstance(source, Path) and source.is_dir():
        _from_folder(source, target)
    elif isinstance(source, Path) and not source.exists():
        raise CheckpointError(f"there is no {title}; give a model folder, or a .zip of one")
    else:
        _from_zip(source, target, title)


def pack(folder: Path) -> bytes:
    """A model folder as a .zip, which `receive` reads. Raises CheckpointError where a file of it cannot be read."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (CARD_FILE, PARAMETERS_FILE, *MEMBER_FILES):
            try:
                if name not in MEMBER_FILES or (folder / name).is_file():
                    archive.write(folder / name, name)
            except OSError as error:
                raise CheckpointError(f"the model cannot be read: {disk_problem(error)}") from error
    return packed.getvalue()


def verify(folder: Path) -> Model:
    """Load a model folder and try it; returns the model.

    Raises CheckpointError where it is not whole and ours, its card does not fit it, or a prediction is not finite.
    """
    model = Model(load_checkpoint(folder))
    if "H" not in model.card["elements"]:
        raise CheckpointError(f"{folder / CARD_FILE} leaves out hydrogen, without which no molecule can be tried")
    present = [name for name in MEMBER_FILES if (folder / name).exists()]
    if present != list(MEMBER_FILES[: len(model.members)]):
        raise CheckpointError(f"{folder} has other members than its card lists; fetch the model again")
    try:
        molecules = [
            generate(Molecule.from_smiles(TRIALS[symbol]), n_conformers=1, minimize=None)
            for symbol in ELEMENTS
            if symbol in model.card["elements"]
        ]
        for part in (model, *model.members):
            _try(folder, part, molecules)
    except CheckpointError:
        raise
    except (VirialffError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"{folder} loads but cannot predict: {error}") from error
    return model


def _try(folder: Path, model: Model, molecules: list[Molecule]) -> None:
    for molecule, force_field in zip(molecules, model.force_fields(molecules), strict=True):
        energy, forces = force_field.energy_and_forces(molecule.positions)
        if not (np.isfinite(energy).all() and np.isfinite(forces).all() and np.isfinite(force_field.charges).all()):
            raise CheckpointError(
                f"{folder} is whole but of no use: it gives no finite energy, forces and charges for "
                f"{molecule.formula}; train it again"
            )


def _from_folder(source: Path, target: Path) -> None:
    if not (source / CARD_FILE).is_file() and (source / "recipe.json").is_file():
        raise CheckpointError(f"{source} is a training run, not a model; `virialff ship {source}` makes a model of it")
    for name in (CARD_FILE, PARAMETERS_FILE, *MEMBER_FILES):
        if not (source / name).is_file():
            if name in MEMBER_FILES:
                continue
            raise CheckpointError(f"{source} has no {name}; a model folder holds {CARD_FILE} and {PARAMETERS_FILE}")
        try:
            content = _read((source / name).open("rb"), name, str(source))
        except OSError as error:
            raise CheckpointError(f"{source / name} cannot be read: {error.strerror or error}") from error
        _write(content, target / name)


def _from_zip(source: Path | BinaryIO, target: Path, title: str) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            files = {name: _read(archive.open(entry), name, title) for name, entry in _entries(archive, title).items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise CheckpointError(
            f"{title} is neither a model folder nor a .zip of one that can be read ({reason_of(error)}); "
            f"pack {CARD_FILE} and {PARAMETERS_FILE} into a .zip"
        ) from error
    for name, content in files.items():
        _write(content, target / name)


def _entries(archive: zipfile.ZipFile, title: str) -> dict[str, zipfile.ZipInfo]:
    """The entries of a model, side by side at the top or in one folder. Raises CheckpointError for any trick."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise CheckpointError(f"{title} has {len(entries):,} entries; pack {CARD_FILE} and {PARAMETERS_FILE} alone")
    found: dict[str, list[zipfile.ZipInfo]] = {name: [] for name in (CARD_FILE, PARAMETERS_FILE, *MEMBER_FILES)}
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename:
            raise CheckpointError(f"{title} has an entry that leads outside it ({entry.filename!r}); do not trust it")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise CheckpointError(f"{title} has a link in it ({entry.filename!r}); pack the files themselves")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise CheckpointError(f"{title} is compressed in an unusual way; pack it as an ordinary .zip")
        if entry.flag_bits & 1:
            raise CheckpointError(f"{title} is encrypted; pack it without a password")
        # A Mac adds a shadow of every file.
        if path.name in found and not entry.is_dir() and path.parts[0] != "__MACOSX":
            found[path.name].append(entry)
    for name, places in found.items():
        if len(places) != 1 and (places or name not in MEMBER_FILES):
            count = f"{len(places)} files" if places else "no file"
            raise CheckpointError(f"{title} has {count} {name}; pack one model folder, as it is")
    chosen = {name: places[0] for name, places in found.items() if places}
    if len({PurePosixPath(entry.filename).parent for entry in chosen.values()}) > 1:
        raise CheckpointError(f"{title} has the files of the model in different folders; pack one model folder")
    return chosen


def _read(file: IO[bytes], name: str, title: str) -> bytes:
    """All of an open file, within the limit: what an archive says of its sizes is not believed."""
    limit = MAX_BYTES[name]
    with file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise CheckpointError(f"{name} in {title} is larger than {limit // 2**20} MB, which no model of virialff is")
    return content


def _write(content: bytes, target: Path) -> None:
    with target.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
