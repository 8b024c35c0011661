"""`summary.csv` of QMugs: one row a conformer, energies in Hartree."""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rdkit import Chem

from virialff.engines.dft import QMUGS_ATOMIC_ENERGIES
from virialff.errors import DatasetError, UnreadableRecordError
from virialff.io.inflate import Inflated
from virialff.labels.imports.qmugs.problems import ConformerId, Problems, Reason, conformer_id
from virialff.molecules import rdkit_log
from virialff.text import reason_of

FILE = "summary.csv"

_AXES = ("X", "Y", "Z", "TOT")
_MOTIONS = ("VIB", "ROT", "TRANSL", "TOT")
#: The columns as published; one of the quadrupole's is written in lower case there.
COLUMNS = (
    *("chembl_id", "conf_id", "smiles", "mw", "atoms", "heavy_atoms", "heteroatoms", "rotatable_bonds"),
    *("stereocenters", "rings", "hbond_acceptors", "hbond_donors", "significant_negative_wavenumbers"),
    *("nonunique_smiles", "GFN2_TOTAL_ENERGY", "GFN2_ATOMIC_ENERGY", "GFN2_FORMATION_ENERGY"),
    *("GFN2_TOTAL_ENTHALPY", "GFN2_TOTAL_FREE_ENERGY"),
    *(f"GFN2_DIPOLE_{axis}" for axis in _AXES),
    *(f"GFN2_QUADRUPOLE_{axes}" for axes in ("XX", "XY", "YY", "XZ", "yz", "ZZ")),
    *(f"GFN2_ROT_CONSTANT_{axis}" for axis in "ABC"),
    *(f"GFN2_{what}_{part}" for what in ("ENTHALPY", "HEAT_CAPACITY", "ENTROPY") for part in _MOTIONS),
    *("GFN2_HOMO_ENERGY", "GFN2_LUMO_ENERGY", "GFN2_HOMO_LUMO_GAP", "GFN2_FERMI_LEVEL"),
    *("GFN2_DISPERSION_COEFFICIENT_MOLECULAR", "GFN2_POLARIZABILITY_MOLECULAR"),
    *("DFT_TOTAL_ENERGY", "DFT_ATOMIC_ENERGY", "DFT_FORMATION_ENERGY"),
    *(f"DFT_DIPOLE_{axis}" for axis in _AXES),
    *(f"DFT_ROT_CONSTANT_{axis}" for axis in "ABC"),
    *("DFT_XC_ENERGY", "DFT_NUCLEAR_REPULSION_ENERGY", "DFT_ONE_ELECTRON_ENERGY", "DFT_TWO_ELECTRON_ENERGY"),
    *("DFT_HOMO_ENERGY", "DFT_LUMO_ENERGY", "DFT_HOMO_LUMO_GAP"),
)
_PARTS = ("DFT_XC_ENERGY", "DFT_NUCLEAR_REPULSION_ENERGY", "DFT_ONE_ELECTRON_ENERGY", "DFT_TWO_ELECTRON_ENERGY")

#: Allowed deviation of TOTAL = ATOMIC + FORMATION, and of ATOMIC from the sum over the table of atoms, Eh.
SUM_TOLERANCE = 1e-8
ATOMS_TOLERANCE = 5e-5
#: The dispersion energy lies between this, Eh an atom, and zero.
LOWEST_DISPERSION = -0.005


class SummaryRow(NamedTuple):
    """What the join needs of a row; energies in Eh."""

    n_atoms: int
    dft_energy: float
    gfn2_energy: float
    saddle: bool  #: significant negative wavenumbers: the geometry is no minimum


@dataclass(frozen=True, eq=False)
class Summary:
    """The rows of the file by conformer, 29 bytes each: two million fit into memory."""

    keys: np.ndarray  #: (n_rows,) int64, ascending, see ConformerId.key
    rows: np.ndarray  #: (n_rows,) records of SummaryRow's fields
    n_rows: int  #: rows in the file, those that cannot be used included

    def find(self, conformer: ConformerId) -> int | None:
        """Index of a conformer's row, or None."""
        index = int(np.searchsorted(self.keys, conformer.key))
        return index if index < len(self.keys) and self.keys[index] == conformer.key else None

    def row(self, index: int) -> SummaryRow:
        """The row at an index of `find`."""
        n_atoms, dft, gfn2, saddle = self.rows[index].item()
        return SummaryRow(n_atoms, dft, gfn2, saddle)

    def conformer(self, index: int) -> ConformerId:
        """The conformer of the row at an index."""
        return ConformerId(*divmod(int(self.keys[index]), 100))


_RECORD = np.dtype([("n_atoms", np.int32), ("dft_energy", "f8"), ("gfn2_energy", "f8"), ("saddle", "?")])


def read_summary(path: Path, problems: Problems) -> Summary:
    """The rows of the file; those that cannot be used are counted in `problems`.

    Raises DatasetError if the file cannot be opened, is not of this form or has no row.
    """
    # Arrays of numbers: lists of two million tuples would not fit.
    keys = array("q")
    values: tuple[array[Any], ...] = (array("i"), array("d"), array("d"), array("b"))
    n_rows = 0
    for line, cells in _rows(path, problems):
        n_rows += 1
        where = f"{path.name} line {line}"
        conformer = conformer_id(cells["chembl_id"], cells["conf_id"])
        if conformer is None:
            names = f"{cells['chembl_id']!r} and {cells['conf_id']!r}"
            problems.add(Reason.SUMMARY_ROW, where, f"{names} do not name a conformer")
            continue
        try:
            row = (
                int(_number(cells["atoms"])),
                _number(cells["DFT_TOTAL_ENERGY"]),
                _number(cells["GFN2_TOTAL_ENERGY"]),
                _truth(cells["significant_negative_wavenumbers"]),
            )
        except ValueError as error:
            problems.add(Reason.SUMMARY_ROW, where, f"{conformer}: {error}")
            continue
        keys.append(conformer.key)
        for column, value in zip(values, row, strict=True):
            column.append(value)
    if not n_rows:
        raise DatasetError(f"{path} has no rows; give the summary of QMugs as published.")
    order = np.argsort(np.array(keys, dtype=np.int64), kind="stable")
    sorted_keys = np.array(keys, dtype=np.int64)[order]
    rows = np.empty(len(keys), dtype=_RECORD)
    for field, column in zip(SummaryRow._fields, values, strict=True):
        rows[field] = column
    first = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]) if len(order) else np.zeros(0, dtype=bool)
    for key in sorted_keys[~first].tolist():
        name = ConformerId(*divmod(key, 100))
        problems.add(Reason.DOUBLE_ROW, str(name), f"{name} has more than one row; the first is taken")
    return Summary(sorted_keys[first], rows[order][first], n_rows)


@dataclass(frozen=True)
class SummaryCheck:
    """Rows of the summary that violate an identity between their energies."""

    n_rows: int
    n_other_elements: int  #: rows with an element that the table of atoms lacks; that identity is not checked there
    violations: Counter[str]  #: rows by identity
    examples: tuple[str, ...]  #: sentences on the first of them
    largest: dict[str, float]  #: largest deviation of each identity, Eh; of the dispersion: lowest, Eh an atom


SUMS, ATOMS, DISPERSION = "total = atoms + formation", "atoms = sum over the table", "dispersion is plausible"


def check_summary(path: Path, *, examples: int = 10) -> SummaryCheck:
    """Whether the energies of every row fit together; three identities.

    The total is the atoms' energy plus the formation energy (GFN2 and DFT); the atoms' DFT energy is the sum over the
    table of isolated atoms; what the total has beyond exchange-correlation, nuclear repulsion, one- and two-electron
    energy is the dispersion: not positive and not below LOWEST_DISPERSION an atom.

    Raises DatasetError as `read_summary`; rows with a cell that is no number count as violations of the first.
    """
    problems = Problems()
    violations: Counter[str] = Counter()
    largest = {SUMS: 0.0, ATOMS: 0.0, DISPERSION: 0.0}
    shown: list[str] = []
    n_rows = n_other = 0

    def violate(identity: str, text: str) -> None:
        violations[identity] += 1
        if len(shown) < examples:
            shown.append(text)

    for line, cells in _rows(path, problems):
        n_rows += 1
        name = f"line {line} ({cells['chembl_id']}/{cells['conf_id']})"
        try:
            energies = {column: _number(cells[column]) for column in _checked_columns()}
        except ValueError as error:
            violate(SUMS, f"{name}: {error}")
            continue
        for level in ("DFT", "GFN2"):
            parts = energies[f"{level}_ATOMIC_ENERGY"] + energies[f"{level}_FORMATION_ENERGY"]
            deviation = abs(energies[f"{level}_TOTAL_ENERGY"] - parts)
            largest[SUMS] = max(largest[SUMS], deviation)
            if deviation > SUM_TOLERANCE:
                violate(SUMS, f"{name}: {level} total and atoms + formation differ by {deviation:.3e} Eh")
        numbers = _atomic_numbers(cells["smiles"])
        if numbers is None:
            violate(ATOMS, f"{name}: its SMILES cannot be read")
        elif set(numbers) <= set(QMUGS_ATOMIC_ENERGIES):
            atoms = sum(QMUGS_ATOMIC_ENERGIES[number] for number in numbers)
            deviation = abs(energies["DFT_ATOMIC_ENERGY"] - atoms)
            largest[ATOMS] = max(largest[ATOMS], deviation)
            if deviation > ATOMS_TOLERANCE:
                violate(ATOMS, f"{name}: DFT_ATOMIC_ENERGY and the atoms of its SMILES differ by {deviation:.3e} Eh")
        else:
            n_other += 1
        rest = energies["DFT_TOTAL_ENERGY"] - sum(energies[part] for part in _PARTS)
        dispersion = rest / max(len(numbers or ()), 1)
        largest[DISPERSION] = min(largest[DISPERSION], dispersion)
        if not LOWEST_DISPERSION <= dispersion <= 0.0:
            violate(DISPERSION, f"{name}: the parts leave a dispersion of {rest:.4f} Eh")
    shown += [problem.text for found in problems.examples.values() for problem in found]
    violations[SUMS] += problems.counts[Reason.SUMMARY_ROW]
    return SummaryCheck(n_rows, n_other, +violations, tuple(shown), largest)


def _checked_columns() -> Iterable[str]:
    kinds = ("TOTAL", "ATOMIC", "FORMATION")
    return (*(f"{level}_{kind}_ENERGY" for level in ("DFT", "GFN2") for kind in kinds), *_PARTS)


def _rows(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column of every complete row."""
    with _opened(path) as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        missing = [column for column in COLUMNS if column not in header]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise DatasetError(f"{path} has no column {missing[0]}{more}; give the summary of QMugs as published.")
        for cells in reader:
            if len(cells) != len(header):
                text = f"the row has {len(cells)} cells, the header {len(header)}"
                problems.add(Reason.SUMMARY_ROW, f"{path.name} line {reader.line_num}", text)
                continue
            yield reader.line_num, dict(zip(header, cells, strict=True))


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[str]]:
    try:
        if path.suffix == ".gz":
            with path.open("rb") as file, io.BufferedReader(Inflated(file)) as stream:
                yield io.TextIOWrapper(stream, encoding="utf-8", newline="")
        else:
            with open(path, encoding="utf-8", newline="") as lines:
                yield lines
    except (UnicodeDecodeError, csv.Error, UnreadableRecordError) as error:
        raise DatasetError(f"{path} cannot be read further ({reason_of(error)}); fetch it again.") from error
    except FileNotFoundError as error:
        raise DatasetError(f"There is no file {path}; give the folder of the published files of QMugs.") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from error


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def _truth(text: str) -> bool:
    value = {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())
    if value is None:
        raise ValueError(f"{text!r} is neither True nor False")
    return value


def _atomic_numbers(smiles: str) -> list[int] | None:
    with rdkit_log.captured():
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
    return None if mol is None else [atom.GetAtomicNum() for atom in mol.GetAtoms()]
