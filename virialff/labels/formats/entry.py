"""What a file of geometries says of one of them, and what is common to the formats."""

from __future__ import annotations

import gzip
import importlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from virialff.errors import ConfigError, DatasetError, EngineError, UnknownFormatError, UnreadableRecordError
from virialff.io.xyz import Perceiver
from virialff.labels.schema import KINDS, Label
from virialff.molecules.checks import DEFAULT_MAX_ATOMS
from virialff.molecules.molecule import Molecule
from virialff.units import BOHR_IN_ANGSTROM, ENERGY_UNITS

FloatArray = NDArray[np.float64]

#: Fields in which an export keeps what a format has no place for; an import looks for them first.
ENERGY, LEVEL, KIND, SMILES = "energy_kcal_mol", "level_of_theory", "kind", "smiles"
#: Atoms of the largest geometry that is read.
MAX_ATOMS = DEFAULT_MAX_ATOMS

#: Suffix of a file, without .gz, to the module that reads and writes it.
FORMATS = {
    "sdf": "sdf",
    "sd": "sdf",
    "xyz": "extxyz",
    "extxyz": "extxyz",
    "db": "ase_db",
    "h5": "hdf5",
    "hdf5": "hdf5",
    "json": "qcschema",
    "jsonl": "qcschema",
    "parquet": "table",
}
_LENGTHS = {"angstrom": 1.0, "bohr": BOHR_IN_ANGSTROM}
#: Other names of units in files, in lower case.
_UNIT_NAMES = {"hartree": "Eh", "hartrees": "Eh", "ha": "Eh", "au": "Eh", "a.u.": "Eh", "electronvolt": "eV"}
_LENGTH_NAMES = {"a0": "bohr", "bohrs": "bohr", "au": "bohr", "a": "angstrom", "å": "angstrom", "angstroms": "angstrom"}


@dataclass(frozen=True)
class Fields:
    """What a file calls what is taken from it; where None, what its format usually calls it."""

    energy: str | None = None
    forces: str | None = None
    numbers: str | None = None
    positions: str | None = None
    smiles: str | None = None
    level: str | None = None
    length: str | None = None  #: unit of the positions, "angstrom" or "bohr", where the file does not say
    unit: str | None = None  #: of the energy, one of `units.ENERGY_UNITS`, where the file does not say


#: All as the formats usually have it.
USUAL = Fields()


@dataclass(frozen=True)
class Budget:
    """How much of a file is read: what is beyond is refused with a reason."""

    records: int = 1_000_000  #: geometries of all files of an import
    file_bytes: int = 50_000_000_000
    piece_bytes: int = 256_000_000  #: what must be in memory at once: a JSON document, a chunk of a data set


BUDGET = Budget()


class Entry(NamedTuple):
    """One geometry as a file has it; `molecule` and `geometry` raise a MoleculeError where it cannot be used."""

    where: str  #: "record 3"
    molecule: Callable[[], tuple[Molecule, FloatArray]]  #: with its positions, (n_atoms, 3) Angstrom
    energy: object  #: as the file has it; None where it has none
    unit: str  #: of the energy
    forces: Callable[[], FloatArray | None]  #: (n_atoms, 3) kcal/mol/Angstrom
    said: Mapping[str, str]  #: level_of_theory, kind, source and program, as far as the file names them
    content: str | None = None  #: what names the entry, if not its geometry and energy


class FileFormat(Protocol):
    """A module of this package."""

    #: Whether it is read and written compressed with gzip.
    PACKED: bool

    def read(self, path: Path, fields: Fields, budget: Budget) -> Iterator[Entry]:
        """The entries of a file. Raises DatasetError for a file that is not of the format."""

    def write(self, path: Path, labels: Iterable[Label]) -> None:
        """Write labels, which have geometries and energies, into a file that is not there."""


def format_of(path: Path) -> FileFormat:
    """The format of a file by its suffix, also before .gz.

    Raises UnknownFormatError, and EngineError where a package is missing that it needs.
    """
    packed = path.suffix.lower() == ".gz"
    suffix = (path.with_suffix("") if packed else path).suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise UnknownFormatError(f"{path} has no suffix of a format that is read and written here: {known}")
    try:
        found: Any = importlib.import_module(f"virialff.labels.formats.{FORMATS[suffix]}")
    except ModuleNotFoundError as error:
        raise missing(f".{suffix} files", error) from error
    if packed and not found.PACKED:
        raise UnknownFormatError(f"{path}: a .{suffix} file is not read or written compressed; unpack it")
    made: FileFormat = found
    return made


#: Data fields as text files write them: of SDF, and `name=number` in the comment of extended XYZ.
_SDF_FIELD = re.compile(r"^>.*<([^<>\n]+)>[^\n]*\n([^\n]*)", re.MULTILINE)
_XYZ_FIELD = re.compile(r"""(?:^|\s)([A-Za-z_][\w.-]*)=("[^"]*"|'[^']*'|\S+)""")
_MOST_OF_HEAD = 1_000_000


def fields_of(name: str, head: bytes) -> list[str]:
    """Data fields with a number in the first record of an SDF or extended XYZ file, in their order.

    name: of the file, whose suffix says the format. head: how it begins, compressed or not. Other formats, and what is
    not text, have none.
    """
    path = Path(name.lower())
    if path.suffix == ".gz":
        path = path.with_suffix("")
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, _MOST_OF_HEAD)
        except zlib.error:
            return []
    text = head[:_MOST_OF_HEAD].decode("utf-8", "replace").replace("\r\n", "\n")
    kind = FORMATS.get(path.suffix.lstrip("."))
    if kind == "sdf":
        pairs = _SDF_FIELD.findall(text.partition("$$$$")[0])
    elif kind == "extxyz":
        pairs = _XYZ_FIELD.findall("".join(text.splitlines()[1:2]))
    else:
        return []
    return list(dict.fromkeys(field.strip() for field, value in pairs if _is_number(value.strip().strip("'\""))))


def _is_number(text: str) -> bool:
    try:
        return np.isfinite(float(text))
    except ValueError:
        return False


def missing(what: str, error: ModuleNotFoundError) -> EngineError:
    """The error for a package that is not there."""
    package = (error.name or "").partition(".")[0]
    return EngineError(f"{what} need the Python package {package}, which is not installed: pip install {package}")


def energy_unit(text: str | None, otherwise: str) -> str:
    """The name in `units.ENERGY_UNITS` of a unit as a file or a person writes it. Raises ConfigError."""
    name = (text or otherwise).strip()
    known = {unit.lower(): unit for unit in ENERGY_UNITS} | _UNIT_NAMES
    if name.lower() not in known:
        raise ConfigError(f"there is no energy unit {name!r}; choose from {', '.join(ENERGY_UNITS)}")
    return known[name.lower()]


def length_unit(text: str | None, otherwise: str) -> float:
    """What one unit of length is in Angstrom, by its name. Raises ConfigError."""
    name = (text or otherwise).strip().lower()
    name = _LENGTH_NAMES.get(name, name)
    if name not in _LENGTHS:
        raise ConfigError(f"there is no unit of length {name!r}; choose from {', '.join(_LENGTHS)}")
    return _LENGTHS[name]


def as_geometry(values: object, n_atoms: int, what: str = "positions") -> FloatArray:
    """Numbers as (n_atoms, 3), from a flat or a nested sequence; raises UnreadableRecordError."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UnreadableRecordError(f"its {what} are no rows of three numbers; correct them") from None
    if array.size != 3 * n_atoms:
        raise UnreadableRecordError(f"it has {array.size} numbers as {what} of {n_atoms} atoms; correct it")
    return array.reshape(n_atoms, 3)


def entry_of(
    where: str,
    perceiver: Perceiver,
    atoms: Callable[[], tuple[Any, Any]],
    *,
    energy: object,
    unit: str,
    length: float = 1.0,
    forces: Callable[[], Any] = lambda: None,
    force_scale: float = 1.0,
    smiles: str | None = None,
    said: Mapping[str, str] | None = None,
) -> Entry:
    """An entry of arrays as a file has them.

    atoms: gives atomic numbers and positions. length: unit of the positions, Angstrom. force_scale: makes the forces
    kcal/mol/Angstrom, with the sign of forces.
    """

    def molecule() -> tuple[Molecule, FloatArray]:
        given, positions = atoms()
        try:
            numbers = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise UnreadableRecordError("its atomic numbers are no numbers; correct them") from None
        if numbers.ndim != 1 or not np.isin(numbers, np.arange(200)).all():
            raise UnreadableRecordError("its atomic numbers are no whole numbers, one for each atom; correct them")
        geometry = as_geometry(positions, len(numbers)) * length
        return perceiver.molecule(numbers.astype(np.int64), geometry, smiles=smiles), geometry

    def its_forces() -> FloatArray | None:
        found = forces()
        if found is None or np.isnan(np.asarray(found, dtype=np.float64)).all():  # a set that has them for some
            return None
        return as_geometry(found, np.size(found) // 3, "forces") * force_scale

    return Entry(where, molecule, energy, unit, its_forces, said or {})


def bad_entry(where: str, problem: str) -> Entry:
    """An entry that cannot be read."""

    def fail() -> tuple[Molecule, FloatArray]:
        raise UnreadableRecordError(problem)

    return Entry(where, fail, None, "", lambda: None, {})


def said_in(data: Mapping[str, Any], fields: Fields = USUAL) -> dict[str, str]:
    """What named data say of level, kind, source and program, by these names; the level also by that of `fields`."""
    names = {LEVEL: fields.level or LEVEL, KIND: KIND, "source": "source", "program": "program"}
    said = {key: str(data[name]) for key, name in names.items() if data.get(name)}
    if said.get(KIND, KINDS[0]) not in KINDS:
        del said[KIND]
    return said


def mapped(text: object) -> str | None:
    """A SMILES if it numbers its atoms, so that it can give the bonds of a geometry; None for any other."""
    return text if isinstance(text, str) and ":1]" in text else None


def said_of(label: Label) -> dict[str, str]:
    """What an export writes of a row beside geometry and energy, by the names under which an import finds it."""
    return {
        LEVEL: label.level_of_theory,
        KIND: label.kind,
        SMILES: label.smiles,
        "source": label.source,
        "identifier": label.identifier,
        "program": label.program,
    }


@contextmanager
def text_file(path: Path) -> Iterator[IO[str]]:
    """A text file to write, compressed with gzip where its name ends so."""
    with gzip.open(path, "wt", encoding="utf-8") if path.suffix == ".gz" else open(path, "w", encoding="utf-8") as file:
        yield file


def damaged(path: Path, what: str, error: Exception | None = None) -> DatasetError:
    """The error for a file that is not what its suffix says."""
    reason = f" ({str(error).splitlines()[0]})" if error is not None and str(error) else ""
    return DatasetError(f"The file {path} is no {what} that can be read{reason}: write it again.")
