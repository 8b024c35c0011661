"""Whether every row of a label store can be what it says: decoded, finite, in plausible units, of its molecule."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from rdkit import Chem

from virialff.elements import ATOMIC_ENERGIES, ATOMIC_NUMBERS, BINDING_RANGE, SYMBOL_OF, of_atoms
from virialff.engines.density import virial_ratio
from virialff.errors import StoreDamagedError, StoreError
from virialff.labels.journal import torn_rest
from virialff.labels.schema import Label, fault, from_table
from virialff.labels.store import LabelStore, read_file
from virialff.molecules import rdkit_log
from virialff.molecules.changes import FORMED, bond_changes
from virialff.molecules.topology import BOND_ORDERS, fragment_indices
from virialff.text import counted
from virialff.units import HARTREE_IN_KCAL_MOL

#: Largest component of a force, kcal/mol/Angstrom; atoms displaced by 0.08 Angstrom have up to 3,400.
LARGEST_FORCE = 10_000.0
#: A geometry displaced at random has larger forces than this; one in Hartree and Bohr would not.
SMALLEST_FORCE_DISPLACED = 0.5
#: What the forces on all atoms may add up to: rounding and the grid of a functional.
NET_FORCE, NET_FORCE_PER_ATOM = 2.0, 0.05
VIRIAL_RATIO_RANGE = (0.97, 1.06)
LARGEST_INTERACTION = 1000.0
LARGEST_DIPOLE = 20.0
LARGEST_CHARGE, NET_CHARGE = 3.0, 0.02
#: Away from a minimum atoms may be nearer than a bond, up to this multiple of the sum of their covalent radii: that is
#: what displacing atoms and pushing molecules together is for.
NEAREST_OFF_MINIMUM = 0.6
#: Kinds, and details of other kinds, that are minima.
_MINIMA = ("minimum", "relaxed")
_ROWS_BETWEEN_REPORTS = 100
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; `row` is counted from 1, and None where the whole file is damaged."""

    file: Path
    row: int | None
    identifier: str
    what: str

    def __str__(self) -> str:
        return self.what if self.row is None else f"{self.file}, row {self.row} ({self.identifier}): it {self.what}"


@dataclass(frozen=True)
class CheckResult:
    """What was looked at and what is wrong with it."""

    files: int
    rows: int
    problems: tuple[Problem, ...]


def check(path: Path | str, *, progress: Callable[[int], None] | None = None) -> CheckResult:
    """Check every row of the store or Parquet file at `path`; `progress` is called with the rows checked so far.

    Raises StoreError if there is nothing there.
    """
    files = LabelStore(path).files()
    seen: set[bytes] = set()
    problems: list[Problem] = []
    rows = 0
    for file in files:
        at, last, expected = 0, "", 0
        try:
            for table in read_file(file):
                for label in _labels(table):
                    if progress is not None and (rows + at) % _ROWS_BETWEEN_REPORTS == 0:
                        progress(rows + at)
                    at += 1
                    if isinstance(label, str):
                        problems.append(
                            Problem(file, at, label, "cannot be decoded: its lists have impossible lengths")
                        )
                        continue
                    expected = expected + 1 if label.task == last else 0
                    last = label.task
                    found = list(row_problems(label))
                    if label.identifier != f"{label.task}/{expected}":
                        found.append(f"follows as number {expected} of its task {label.task!r}; a row is lost or added")
                    digest = hashlib.blake2b(label.identifier.encode(), digest_size=12).digest()
                    if digest in seen:
                        found.append("has an identifier that was there before")
                    seen.add(digest)
                    problems += [Problem(file, at, label.identifier, what) for what in found]
            if file.suffix == ".journal" and (left := _torn_rest(file)):
                problems.append(Problem(file, None, "", left))
        except StoreError as error:
            problems.append(Problem(file, None, "", str(error)))
        rows += at
    return CheckResult(len(files), rows, tuple(problems))


def _torn_rest(file: Path) -> str | None:
    try:
        left = torn_rest(file)
    except FileNotFoundError:
        return None  # Its writer has just finished it.
    if not left:
        return None
    return (
        f"The label journal {file} ends in {counted(left, 'byte')} that are no whole rows: what a kill or a full disk "
        "left of a task, or damage to the last one. Its campaign computes that task again."
    )


def _labels(table: pa.Table) -> Iterator[Label | str]:
    """The labels of a table; for one that cannot be decoded its identifier."""
    try:
        yield from list(from_table(table))
    except StoreDamagedError:
        for row in range(len(table)):
            try:
                yield from list(from_table(table.slice(row, 1)))
            except StoreDamagedError:
                yield str(table["identifier"][row].as_py())


def row_problems(label: Label) -> Iterator[str]:
    """What is wrong with one row, each as the end of a sentence that begins with "it"."""
    what = fault(label)
    if what is not None:
        yield what
        return
    foreign = sorted(set(label.numbers.tolist()) - set(ATOMIC_NUMBERS))
    if foreign:
        yield f"has an atom of atomic number {foreign[0]}, which the method does not cover"
        return
    if label.n_atoms:
        yield from _structure_problems(label)
    if label.positions is not None:
        yield from _geometry_problems(label, label.positions)
    if label.energy is not None:
        yield from _energy_problems(label, label.energy)
    yield from _density_problems(label)


def _structure_problems(label: Label) -> Iterator[str]:
    problem = _smiles_problem(label.smiles, label.numbers.tobytes(), np.sort(label.bonds, axis=1).tobytes())
    if problem is not None:
        yield problem
    wrong = [order for order in label.orders if order not in BOND_ORDERS]
    if wrong:
        yield f"has a bond of order {wrong[0]:g}"
    fragments = fragment_indices(label.n_atoms, label.bonds)
    # The same atoms together, however the fragments are numbered.
    pairs = set(zip(fragments.tolist(), label.fragments.tolist(), strict=True))
    if len(pairs) != len(set(fragments.tolist())) or len(pairs) != len(set(label.fragments.tolist())):
        yield "has fragments that are not those of its bonds"
    elif len(label.inchikeys) != len(pairs):
        yield f"has {len(label.inchikeys)} InChIKeys for {counted(len(pairs), 'fragment')}"
    bad = [key for key in label.inchikeys if not _INCHIKEY.fullmatch(key)]
    if bad:
        yield f"has {bad[0]!r} in the place of an InChIKey"


@lru_cache(maxsize=64)
def _smiles_problem(smiles: str, numbers: bytes, bonds: bytes) -> str | None:
    parameters = Chem.SmilesParserParams()
    parameters.removeHs = False
    with rdkit_log.captured():
        molecule = Chem.MolFromSmiles(smiles, parameters)
    if molecule is None:
        return f"has a SMILES that cannot be read: {smiles}"
    expected = np.frombuffer(numbers, dtype=np.int64).tolist()
    maps = [atom.GetAtomMapNum() for atom in molecule.GetAtoms()]
    if sorted(maps) != list(range(1, len(expected) + 1)):
        return f"has atom maps in its SMILES that are not 1 to {len(expected)}"
    for number, atom in sorted(zip(maps, molecule.GetAtoms(), strict=True), key=lambda pair: pair[0]):
        if atom.GetAtomicNum() != expected[number - 1]:
            return f"has {SYMBOL_OF[expected[number - 1]]} as atom {number}, and its SMILES {atom.GetSymbol()}"
    drawn = {
        frozenset((maps[bond.GetBeginAtomIdx()] - 1, maps[bond.GetEndAtomIdx()] - 1)) for bond in molecule.GetBonds()
    }
    listed = {frozenset(pair) for pair in np.frombuffer(bonds, dtype=np.int64).reshape(-1, 2).tolist()}
    if drawn != listed:
        first, second = sorted(min(drawn ^ listed, key=sorted))
        return f"has another bond between atoms {first + 1} and {second + 1} than its SMILES"
    return None


def _geometry_problems(label: Label, positions: np.ndarray) -> Iterator[str]:
    nearest = FORMED if label.kind in _MINIMA or label.detail in _MINIMA else NEAREST_OFF_MINIMUM
    changes = bond_changes(label.numbers, label.bonds, positions, nearest=nearest)
    # A failure may well be the broken bond.
    if changes and label.failure is None:
        yield f"has a geometry that is not of its molecule: {changes[0]}"


def _energy_problems(label: Label, energy: float) -> Iterator[str]:
    atoms = next((row for name, row in ATOMIC_ENERGIES.items() if label.level_of_theory.startswith(name)), None)
    if atoms is not None:
        free = HARTREE_IN_KCAL_MOL * float(of_atoms(atoms, label.numbers).sum())
        binding = (energy - free) / label.n_atoms
        if not BINDING_RANGE[0] < binding < BINDING_RANGE[1]:
            yield (
                f"has an energy of {energy:.1f} kcal/mol, {binding:+.1f} an atom from that of its atoms at "
                f"{label.level_of_theory}"
            )
    if label.forces is not None:
        largest, net = np.abs(label.forces).max(), np.abs(label.forces.sum(axis=0)).max()
        if largest > LARGEST_FORCE:
            yield f"has a force of {largest:.0f} kcal/mol/Angstrom"
        # A monomer as it is in a complex is displaced by its neighbour alone, which may be next to nothing.
        at_random = label.kind == "displaced" and not label.detail.endswith("_in_complex")
        if at_random and label.n_atoms > 1 and largest < SMALLEST_FORCE_DISPLACED:
            yield f"is displaced and has no force above {largest:.1e} kcal/mol/Angstrom"
        if net > NET_FORCE + NET_FORCE_PER_ATOM * label.n_atoms:
            yield f"has forces that add up to {net:.1f} kcal/mol/Angstrom"
    if label.kind == "complex" and len(label.inchikeys) < 2:
        yield "is a complex of one fragment"
    if label.interaction_energy is not None and abs(label.interaction_energy) > LARGEST_INTERACTION:
        yield f"has an interaction energy of {label.interaction_energy:.1f} kcal/mol"


def _density_problems(label: Label) -> Iterator[str]:
    parts = (label.kinetic_atoms, label.kinetic_bonds, label.kinetic_nonbonded)
    given = [part for part in parts if part is not None]
    if given and len(given) < len(parts):
        yield "has some of the kinetic-energy terms and not all"
    elif given and label.energy is not None:
        kinetic = float(sum(np.sum(part) for part in given))
        ratio = virial_ratio(label.energy, kinetic) if kinetic > 0.0 else 0.0
        if not VIRIAL_RATIO_RANGE[0] < ratio < VIRIAL_RATIO_RANGE[1]:
            yield f"has kinetic-energy terms that add up to {kinetic:.1f} kcal/mol, -E/T = {ratio:.4f}"
    if label.dipole is not None and np.abs(label.dipole).max() > LARGEST_DIPOLE:
        yield f"has a dipole moment of {np.abs(label.dipole).max():.1f} e Angstrom"
    if (label.charges is None) != (label.charge_scheme is None):
        yield "has charges without the name of their scheme, or the name alone"
    if label.charges is not None:
        if np.abs(label.charges).max() > LARGEST_CHARGE:
            yield f"has a charge of {np.abs(label.charges).max():.1f} e"
        if abs(label.charges.sum()) > NET_CHARGE:
            yield f"has charges that add up to {label.charges.sum():+.3f} e"
