"""`structures.tar.gz` of QMugs, streamed: one SDF record a conformer, with its geometry and 44 tags."""

from __future__ import annotations

import io
import math
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from virialff.errors import DatasetError, MoleculeError, NetChargeError, UnreadableRecordError, UnsupportedElementError
from virialff.io.inflate import Inflated
from virialff.io.read import read_molecules
from virialff.io.sdf import data_fields
from virialff.labels.imports.qmugs.problems import ConformerId, Reason, Refused, conformer_id
from virialff.molecules.molecule import Molecule
from virialff.text import counted, reason_of

FILE = "structures.tar.gz"

_ENERGIES = ("TOTAL_ENERGY", "ATOMIC_ENERGY", "FORMATION_ENERGY")
_ORBITALS = ("HOMO_ENERGY", "LUMO_ENERGY", "HOMO_LUMO_GAP")
_GFN2_TAGS = (
    *_ENERGIES,
    *("TOTAL_ENTHALPY", "TOTAL_FREE_ENERGY", "DIPOLE", "QUADRUPOLE", "ROT_CONSTANTS"),
    *("ENTHALPY", "HEAT_CAPACITY", "ENTROPY"),
    *_ORBITALS,
    *("FERMI_LEVEL", "MULLIKEN_CHARGES", "COVALENT_COORDINATION_NUMBER", "DISPERSION_COEFFICIENT_MOLECULAR"),
    *("DISPERSION_COEFFICIENT_ATOMIC", "POLARIZABILITY_MOLECULAR", "POLARIZABILITY_ATOMIC"),
    *("WIBERG_BOND_ORDER", "TOTAL_WIBERG_BOND_ORDER"),
)
_DFT_TAGS = (
    *_ENERGIES,
    *("ESP_AT_NUCLEI", "LOWDIN_CHARGES", "MULLIKEN_CHARGES", "ROT_CONSTANTS", "DIPOLE"),
    *("XC_ENERGY", "NUCLEAR_REPULSION_ENERGY", "ONE_ELECTRON_ENERGY", "TWO_ELECTRON_ENERGY"),
    *_ORBITALS,
    *("MAYER_BOND_ORDER", "WIBERG_LOWDIN_BOND_ORDER", "TOTAL_MAYER_BOND_ORDER", "TOTAL_WIBERG_LOWDIN_BOND_ORDER"),
)
#: The tags of every record as published.
TAGS = (
    "CHEMBL_ID",
    "CONF_ID",
    *(f"GFN2:{tag}" for tag in _GFN2_TAGS),
    *(f"DFT:{tag}" for tag in _DFT_TAGS),
)
#: Larger than any record of a molecule: such a file is not read into memory.
MAX_RECORD_BYTES = 4_000_000

#: Bytes of one extended header: names and times, in some hundred bytes.
MAX_HEADER_BYTES = 100_000

# An archive ends with two empty blocks.
_END = 2 * tarfile.BLOCKSIZE


class ArchiveFile(NamedTuple):
    """One file of the archive; `conformer` is None where its name is not that of a conformer."""

    name: str
    conformer: ConformerId | None
    content: bytes | None  #: None where it was not wanted or is too large


class ArchiveDamaged(DatasetError):
    """The archive ends before its end, or is damaged; what was whole before has been given."""


class _Stream:
    """The archive as `tarfile` reads it, with its end kept in view.

    tarfile reads extended (pax) headers and long names into memory whole, whatever their size.
    """

    def __init__(self, file: Inflated) -> None:
        self._file = file
        self._tail = b""

    def read(self, size: int) -> bytes:
        data = self._file.read1(size)
        self._tail = (self._tail + data[-_END:])[-_END:]
        return data

    def drain(self) -> None:
        """Read the rest, which verifies the checksum. Raises ReadError unless an archive ends there."""
        while rest := self.read(1 << 20):
            if rest.strip(b"\0"):
                raise tarfile.ReadError("there is more after the end of the archive")
        if self._tail != bytes(_END):
            raise tarfile.ReadError("its end is missing")


class _Member(tarfile.TarInfo):
    """A file of the archive whose extended headers are of a believable size."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        extended = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, *tarfile.GNU_TYPES[:2])
        if self.type in extended and not 0 <= self.size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size} bytes, more than {MAX_HEADER_BYTES}")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return member


def stream_archive(path: Path) -> Iterator[ArchiveFile]:
    """The files of the archive in their order, read once from front to back; nothing is unpacked to disk.

    Raises DatasetError if it cannot be opened, and ArchiveDamaged after the last whole file of a damaged one. The
    checksum of the whole is verified at the end.
    """
    try:
        compressed = path.open("rb")
    except FileNotFoundError as error:
        raise DatasetError(f"There is no file {path}; give the folder of the published files of QMugs.") from error
    except OSError as error:
        raise DatasetError(f"The file {path} cannot be read: {error.strerror or error}.") from error
    last = "its beginning"
    with compressed:
        stream = _Stream(Inflated(compressed))
        try:
            # Not mode "r|gz": there, tarfile takes a cut at the border of two files for the end.
            with tarfile.open(
                fileobj=stream,  # type: ignore[call-overload]
                mode="r|",
                bufsize=tarfile.BLOCKSIZE * 64,
                tarinfo=_Member,
            ) as archive:
                while (member := archive.next()) is not None:
                    archive.members.clear()  # tarfile would keep two million of them
                    if not member.isfile():
                        continue
                    file = archive.extractfile(member)
                    content = file.read() if file is not None and 0 <= member.size <= MAX_RECORD_BYTES else None
                    if content is not None and len(content) < member.size:
                        raise tarfile.ReadError("unexpected end of data")
                    yield ArchiveFile(member.name, _conformer_of(member.name), content)
                    last = member.name
            stream.drain()
        except (tarfile.TarError, UnreadableRecordError, OSError, ValueError, LookupError, RuntimeError) as error:
            raise ArchiveDamaged(
                f"{path} is cut off or damaged after {last} ({reason_of(error)}); fetch it again and run the "
                "import once more."
            ) from error


def _conformer_of(name: str) -> ConformerId | None:
    path = PurePosixPath(name)
    return conformer_id(path.parent.name, path.stem) if path.suffix == ".sdf" else None


@dataclass(frozen=True, eq=False)
class Structure:
    """One record: the molecule with its one geometry, and the tags as text."""

    molecule: Molecule
    tags: dict[str, str]

    def text(self, tag: str) -> str:
        """A tag as it stands. Raises Refused where it is missing."""
        if tag not in self.tags:
            raise Refused(Reason.MISSING_TAG, f"the tag {tag} is missing")
        return self.tags[tag]

    def numbers(self, tag: str, count: int) -> np.ndarray:
        """A tag's `count` numbers (count,), joined by | in the file. Raises Refused."""
        words = self.text(tag).split("|")
        try:
            values = [float(word) for word in words]
        except ValueError:
            raise Refused(Reason.BAD_TAG, f"the tag {tag} holds no numbers: {self.tags[tag][:40]!r}") from None
        if len(values) != count:
            raise Refused(Reason.BAD_TAG, f"the tag {tag} has {counted(len(values), 'value')} where {count} belong")
        if not all(math.isfinite(value) for value in values):
            raise Refused(Reason.BAD_TAG, f"the tag {tag} has a value that is not a finite number")
        return np.array(values)

    def number(self, tag: str) -> float:
        """A tag that is one number. Raises Refused."""
        return float(self.numbers(tag, 1)[0])


def parse_structure(content: bytes) -> Structure:
    """The record of one SDF file. Raises Refused, with the reason why the molecule cannot be taken."""
    molecule = _molecule(content)
    if molecule.n_fragments > 1:
        raise Refused(Reason.FRAGMENTS, f"the record holds {counted(molecule.n_fragments, 'molecule')}")
    if molecule.n_conformers != 1:
        raise Refused(Reason.UNREADABLE, "the record has no three-dimensional geometry")
    return Structure(molecule, data_fields(content.decode("utf-8", "replace")))


def _molecule(content: bytes) -> Molecule:
    items = list(read_molecules(io.BytesIO(content), format="sdf", max_atoms=999))
    item = items[0]
    if isinstance(item, Molecule):
        return item
    raise Refused(_reason(item), item.message)


def _reason(error: MoleculeError) -> Reason:
    if isinstance(error, UnsupportedElementError):
        return Reason.ELEMENT
    if isinstance(error, NetChargeError):
        return Reason.CHARGED
    return Reason.UNREADABLE if isinstance(error, UnreadableRecordError) else Reason.CHEMISTRY
