"""Conformers from CREST: its ensemble files, and the program itself where it is installed.

CREST (Pracht, Bohle, Grimme, Phys. Chem. Chem. Phys. 2020, 22, 7169; Pracht et al., J. Chem. Phys. 2024, 160, 114110)
writes `crest_conformers.xyz`: the GFN2-xTB minima it found, lowest first, with the energy in Hartree on the second line
of each.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path, PurePath
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from virialff import children
from virialff.conformers.generation import FloatArray
from virialff.elements import ATOMIC_ENERGIES, BINDING_RANGE, SYMBOL_OF, of_atoms
from virialff.errors import EngineError, MoleculeError, SeveralMoleculesError, UnreadableRecordError
from virialff.io.read import FORMATS, read_molecules
from virialff.io.sdf import data_fields, record_texts
from virialff.io.text import open_lines
from virialff.io.xyz import atom_columns, atomic_number, position
from virialff.molecules import checks
from virialff.molecules.changes import configuration, configuration_changes, connectivity_changes
from virialff.molecules.checks import label
from virialff.molecules.molecule import Molecule
from virialff.text import counted
from virialff.units import ENERGY_UNITS, HARTREE_IN_EV, HARTREE_IN_KCAL_MOL, KJ_IN_KCAL

PROGRAM = "crest"
CONFORMERS_FILE = "crest_conformers.xyz"
LEVEL_OF_THEORY = "GFN2-xTB"
#: Conformers up to so many kcal/mol above the lowest are kept: CREST's own default.
ENERGY_WINDOW = 6.0
#: Stands for the method in the energies of a file that names none.
FILE = "file"

# "  -20.67428371", "energy: -5.07 gnorm: 0.0004 xtb: 6.7.1", "Etot= -3.1", "Eopt -0.31D+01", "E(kcal/mol) = -1945.3",
# "energy_eV=-84.3", "energy=-84.3 eV"; other comments hold other numbers.
# Every run of characters has an end: without, a comment of 50 kB takes minutes.
_UNIT = r"[A-Za-zµ][\w./^-]{0,29}"
_GAP = r"\s{0,20}"
_ENERGY = re.compile(
    r"(?:^|(?P<label>(?<![A-Za-z])"
    r"(?:energy|e[ _]?\(?(?:tot(?:al)?|opt|scf|el(?:ec)?|pot|gas)\)?(?![A-Za-z])|e(?=\s{0,20}[:=([]|_ev)))"
    rf"(?:{_GAP}[\[(]{_GAP}(?P<inside>{_UNIT}){_GAP}[\])]|_(?P<suffix>{_UNIT}))?{_GAP}[:=]?)"
    rf"{_GAP}['\"]?(?P<value>[-+]?\d{{1,30}}(?:\.\d{{0,30}})?(?:[de][-+]?\d{{1,5}})?)"
    rf"(?:(?=[\s,;|(\[]{{0,20}}(?P<after>{_UNIT})))?",
    re.IGNORECASE,
)
_UNIT_KEY = re.compile(rf"(?<![A-Za-z_])energy_?units?\s{{0,20}}[:=]\s{{0,20}}['\"]?(?P<unit>{_UNIT})", re.IGNORECASE)
_UNITS = dict.fromkeys(("eh", "ha", "hartree", "hartrees", "au", "a.u.", "a.u"), 1.0) | {
    "ev": 1.0 / HARTREE_IN_EV,
    "kcal/mol": 1.0 / HARTREE_IN_KCAL_MOL,
    "kcal": 1.0 / HARTREE_IN_KCAL_MOL,
    "kj/mol": KJ_IN_KCAL / HARTREE_IN_KCAL_MOL,
    "kj": KJ_IN_KCAL / HARTREE_IN_KCAL_MOL,
}
_OTHER_UNITS = (
    "mev",
    "ry",
    "ryd",
    "rydberg",
    "cm-1",
    "cm^-1",
    "1/cm",
    "j",
    "j/mol",
    "cal",
    "cal/mol",
    "k",
    "mh",
    "meh",
)
_SUFFIXES = "|".join(unit.suffix for unit in ENERGY_UNITS.values())
# "gfn2_relative_kcal_per_mol", and "gfn2 (kcal/mol)" as it was called before.
_RELATIVE_FIELD = re.compile(rf"(?P<method>.+)_relative_(?P<suffix>{_SUFFIXES})|(?P<older>.+) \((?P<name>kcal/mol)\)")
#: Conformers of one molecule do not lie further apart, kcal/mol.
_LARGEST_SPREAD = 300.0
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0
_DONE = "CREST terminated normally"


@dataclass(frozen=True, eq=False)
class CrestEnsemble:
    """The conformers of an ensemble in its order."""

    molecule: Molecule  #: the molecule given, with these conformers
    energies: FloatArray | None  #: (n_conformers,) total, kcal/mol at GFN2-xTB; None where the file has none of these
    refused: tuple[str, ...]  #: a sentence for each frame that is left out: other bonds or other stereochemistry
    #: (n_conformers,) above the lowest, kcal/mol, by the method that the file names, FILE where it names none.
    relative: Mapping[str, FloatArray] = field(default_factory=dict)


class _Frame(NamedTuple):
    numbers: np.ndarray
    positions: FloatArray
    energy: float | None  #: total or not, Eh
    relative: Mapping[str, float]  #: kcal/mol, by method


def read_ensemble(source: str | PathLike[str] | IO[bytes] | IO[str], molecule: Molecule) -> CrestEnsemble:
    """The geometries of a known molecule from a multi-XYZ or SDF file, such as CREST's `crest_conformers.xyz`.

    Atoms must come in the molecule's order. Frames whose bonds or stereochemistry are not the molecule's are left out
    and named. Energies are read from the second lines of XYZ frames: in Hartree, unless eV, kcal/mol or kJ/mol is
    written beside them, and in eV in the extended format (`Properties=`), as ASE writes it. Those that are no total
    energies of GFN2-xTB become relative ones. Of SDF the fields that virialff writes are read.

    Raises UnreadableRecordError for a file or frame that cannot be read, that has no energy where others have one, or
    whose energies are neither total ones of GFN2-xTB nor those of conformers of one molecule, SeveralMoleculesError for
    atoms that are not the molecule's, and MoleculeError where no frame is left.
    """
    name = source if isinstance(source, (str, PathLike)) else getattr(source, "name", "")
    suffix = PurePath(str(name)).suffix.lower().lstrip(".")
    frames = _sdf_frames(source, molecule) if FORMATS.get(suffix) == "sdf" else _xyz_frames(source)
    kept: list[_Frame] = []
    refused: list[str] = []
    with contextlib.closing(frames):
        for number, frame in enumerate(frames, start=1):
            try:
                _check_atoms(molecule, frame)
                checks.check_positions(frame.positions[None], frame.numbers)
            except MoleculeError as error:
                raise error.in_record(str(number)) from None
            change = _change(molecule, frame.positions)
            if change is None:
                kept.append(frame)
            else:
                refused.append(f"record {number}: {change}")
    if not kept:
        raise MoleculeError(
            f"no frame of the ensemble is a geometry of {molecule.formula} ({refused[0]}); give the ensemble of this "
            "molecule"
            if refused
            else "the ensemble is empty; give a file with at least one geometry"
        )
    with_energy = [frame.energy for frame in kept if frame.energy is not None]
    if 0 < len(with_energy) < len(kept):
        number = next(k for k, frame in enumerate(kept, start=1) if frame.energy is None)
        raise UnreadableRecordError(
            f"the second line of geometry {number} holds no energy in Hartree although others do; correct it"
        )
    positions = np.array([frame.positions for frame in kept])
    relative = {
        name: _above_lowest([frame.relative[name] for frame in kept])
        for name in kept[0].relative
        if all(name in frame.relative for frame in kept)
    }
    energies = np.array(with_energy) * HARTREE_IN_KCAL_MOL if with_energy else None
    if energies is not None and not _are_totals(molecule, energies):
        relative[FILE], energies = _above_lowest(energies), None
        if relative[FILE].max() > _LARGEST_SPREAD:
            raise UnreadableRecordError(
                f"its energies are no total energies of {LEVEL_OF_THEORY} and lie up to {relative[FILE].max():.0f} "
                "kcal/mol apart, as conformers of one molecule do not; write their unit beside them, as in "
                "'energy: 1.5 kcal/mol', or leave them out"
            )
    return CrestEnsemble(molecule.with_positions(positions), energies, tuple(refused), relative)


def _are_totals(molecule: Molecule, energies: FloatArray) -> bool:
    """Whether they can be total energies of GFN2-xTB: of another level or relative ones are far from its atoms."""
    atoms = of_atoms(ATOMIC_ENERGIES["GFN"], molecule.numbers).sum() * HARTREE_IN_KCAL_MOL
    binding = (energies - atoms) / molecule.n_atoms
    return bool(((binding > BINDING_RANGE[0]) & (binding < BINDING_RANGE[1])).all())


def _above_lowest(energies: ArrayLike) -> FloatArray:
    values = np.asarray(energies, dtype=np.float64)
    return np.asarray(values - values.min())


def _check_atoms(molecule: Molecule, frame: _Frame) -> None:
    if np.array_equal(molecule.numbers, frame.numbers):
        return
    if len(frame.numbers) != molecule.n_atoms:
        raise SeveralMoleculesError(
            f"the frame has {counted(len(frame.numbers), 'atom')} and {molecule.formula} has {molecule.n_atoms}; give "
            "the ensemble of this molecule"
        )
    index = int((molecule.numbers != frame.numbers).argmax())
    found = SYMBOL_OF.get(int(frame.numbers[index]), f"Z = {frame.numbers[index]}")
    raise SeveralMoleculesError(
        f"{label(found, index)} of the frame is {molecule.symbols[index]} in the molecule; give the ensemble of this "
        "molecule in the same order of atoms",
        atom=index + 1,
    )


def _change(molecule: Molecule, geometry: FloatArray) -> str | None:
    """What of the molecule is not so in a geometry (n_atoms, 3), as a sentence, or None."""
    expected = configuration(molecule)
    changes = connectivity_changes(molecule, geometry) or configuration_changes(
        molecule, expected, configuration(molecule, geometry)
    )
    return changes[0] if changes else None


def _sdf_frames(source: str | PathLike[str] | IO[bytes] | IO[str], molecule: Molecule) -> Generator[_Frame, None, None]:
    most = max(molecule.n_atoms, checks.DEFAULT_MAX_ATOMS)
    with contextlib.closing(open_lines(source)) as lines:
        for number, text in enumerate(record_texts(lines), start=1):
            item = next(iter(read_molecules(io.StringIO(text), format="sdf", max_atoms=most)))
            if isinstance(item, MoleculeError):
                raise item.in_record(f"{number} ({item.title})" if item.title else str(number), item.title)
            item.require_3d()
            yield _Frame(item.numbers, item.positions[0], None, _relative_fields(data_fields(text)))


def _relative_fields(fields: Mapping[str, str]) -> dict[str, float]:
    """By method the relative energies (kcal/mol) of data fields as virialff writes them, of now and of before."""
    found = {}
    for name, text in fields.items():
        match = _RELATIVE_FIELD.fullmatch(name)
        if match is not None and text:
            unit = next(unit for unit in ENERGY_UNITS.values() if (match["suffix"] or match["name"]) in unit)
            with contextlib.suppress(ValueError):
                found[match["method"] or match["older"]] = float(text) * unit.in_kcal_mol
    return found


def _xyz_frames(source: str | PathLike[str] | IO[bytes] | IO[str]) -> Generator[_Frame, None, None]:
    with contextlib.closing(open_lines(source)) as lines:
        for number, first in enumerate(filter(str.strip, lines), start=1):
            try:
                yield _xyz_frame(first, lines)
            except MoleculeError as error:
                raise error.in_record(str(number)) from None


def _xyz_frame(first: str, lines: Iterator[str]) -> _Frame:
    count = first.strip()
    if not count.isascii() or not count.isdigit() or not 0 < int(count[:7]) <= 100_000:
        raise UnreadableRecordError(
            f"its first line is {count[:40]!r} where the number of atoms belongs; give a file of XYZ frames"
        )
    comment = next(lines, "")
    symbol, first_column = atom_columns(comment)
    numbers, positions = [], []
    for index in range(int(count)):
        words = next(lines, "").split()
        if len(words) < max(symbol + 1, first_column + 3):
            raise UnreadableRecordError(f"it announces {count} atoms and has {index}; the file is cut off")
        numbers.append(atomic_number(words[symbol], index))
        positions.append(position(words[first_column : first_column + 3], index))
    return _Frame(np.array(numbers, dtype=np.int64), np.array(positions), _energy(comment), {})


def _energy(comment: str) -> float | None:
    """The energy of a comment in Hartree. Raises UnreadableRecordError for a unit that is not read."""
    found = [match for match in _ENERGY.finditer(comment) if _is_energy(match)]
    # "free_energy=-76.2 energy=-76.1"
    match = next((match for match in found if comment[: match.start()][-1:] != "_"), found[0] if found else None)
    if match is None:
        return None
    value = float(match["value"].lower().replace("d", "e"))
    written = match["inside"] or match["suffix"]
    after = (match["after"] or "").rstrip(".,;")
    if written is None and after.lower() in (*_UNITS, *_OTHER_UNITS):
        written = after
    if written is None and (key := _UNIT_KEY.search(comment)) is not None:
        written = key["unit"]
    if written is None:
        return value / HARTREE_IN_EV if "properties=" in comment.lower().replace(" ", "") else value
    if written.lower() not in _UNITS:
        raise UnreadableRecordError(
            f"its energy is in {written[:20]}, which is not read; give it in Hartree, eV, kcal/mol or kJ/mol"
        )
    return value * _UNITS[written.lower()]


def _is_energy(match: re.Match[str]) -> bool:
    """Whether a number is an energy: one without a point may be that of a conformer, where no word says more."""
    after = (match["after"] or "").rstrip(".,;").lower()
    return "." in match["value"] or match["label"] is not None or after in (*_UNITS, *_OTHER_UNITS)


@dataclass(frozen=True)
class CrestProgress:
    """How a run is going."""

    seconds: float  #: since it started
    line: str  #: the last line that CREST printed


def available() -> str | None:
    """None if CREST can be run here, otherwise the sentence saying what is missing."""
    if shutil.which(PROGRAM) is None:
        return (
            f"the program {PROGRAM} is not on the PATH; install it (conda install -c conda-forge crest), or give an "
            "ensemble that was made elsewhere"
        )
    return None


def command(input_file: str, *, threads: int, energy_window: float, quick: bool, complexed: bool) -> list[str]:
    """The command line of a search for conformers of a neutral closed-shell molecule at GFN2-xTB."""
    words = [PROGRAM, input_file, "--gfn2", "--chrg", "0", "--uhf", "0", "-T", str(threads)]
    words += ["--ewin", f"{energy_window:g}"]
    # A wall potential keeps the parts of a complex together.
    return [*words, *(["--quick"] if quick else []), *(["--nci"] if complexed else [])]


def search(
    molecule: Molecule,
    *,
    threads: int = 1,
    energy_window: float = ENERGY_WINDOW,
    quick: bool = False,
    progress: Callable[[CrestProgress], None] | None = None,
) -> CrestEnsemble:
    """Run CREST from the molecule's first geometry in a temporary folder and read its ensemble.

    energy_window: kcal/mol above the lowest. quick: CREST's shorter search. `progress` is called several times a
    second; what it raises stops CREST and all its processes.

    Raises EngineError if CREST is missing, fails or finds another molecule, and as `Molecule.require_3d`.
    """
    molecule.require_3d()
    reason = available()
    if reason is not None:
        raise EngineError(reason)
    with tempfile.TemporaryDirectory(prefix="virialff-crest-") as name:
        folder = Path(name)
        (folder / "input.xyz").write_text(_xyz(molecule), encoding="ascii")
        words = command(
            "input.xyz",
            threads=threads,
            energy_window=energy_window,
            quick=quick,
            complexed=molecule.n_fragments > 1,
        )
        log = folder / "crest.log"
        _run(words, folder, log, threads, progress)
        try:
            return read_ensemble(folder / CONFORMERS_FILE, molecule)
        except FileNotFoundError:
            raise EngineError(f"CREST wrote no {CONFORMERS_FILE}; its last words: {_last_lines(log)}") from None
        except MoleculeError as error:
            raise EngineError(f"the ensemble that CREST found cannot be used: {error}") from error


def _run(
    words: list[str], folder: Path, log: Path, threads: int, progress: Callable[[CrestProgress], None] | None
) -> None:
    start = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with log.open("wb") as output:
        process = children.start(
            words,
            by=signal.SIGTERM,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # CREST starts xtb in processes of its own; a group of their own lets all be stopped.
            start_new_session=True,
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_SECONDS)
                if progress is not None:
                    progress(CrestProgress(time.monotonic() - start, _last_lines(log, 1)))
                if process.returncode is not None:
                    break
        finally:
            _stop(process)
    text = log.read_text(encoding="utf-8", errors="replace")
    if process.returncode != 0 or _DONE not in text:
        raise EngineError(f"CREST failed (exit code {process.returncode}); its last words: {_last_lines(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End what still runs of the program's process group: it is asked to, then made to."""
    for order in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, order)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + _GRACE_SECONDS
        while time.monotonic() < deadline and _group_lives(process):
            time.sleep(0.02)
    process.wait()


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _last_lines(log: Path, count: int = 3) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4000))
        text = file.read().decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip(" \t*-=|")]
    return "; ".join(lines[-count:]) or "none"


def _xyz(molecule: Molecule) -> str:
    rows = zip(molecule.symbols, molecule.positions[0], strict=True)
    lines = [f"{symbol:2} {x:15.8f} {y:15.8f} {z:15.8f}" for symbol, (x, y, z) in rows]
    return "\n".join([str(molecule.n_atoms), "", *lines, ""])
