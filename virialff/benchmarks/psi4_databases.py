"""Reference sets of interaction energies that the Debian package `psi4-data` installs as Python modules.

The files are parsed, never imported: they need Psi4's own `qcdb` and hold nothing but assignments of numbers
and geometries. Geometries are in Angstrom; interaction energies are in kcal/mol, negative = bound.
"""

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds

from virialff.elements import NUMBER_OF
from virialff.errors import EvaluationSetError

#: Where a set is in psi4-data, and where its geometries and reference energies were published.
SOURCES = {
    "S66": ("S66.py", "Rezac, Riley, Hobza, J. Chem. Theory Comput. 7, 2427 (2011)"),
    "S66x8": ("S66by8.py", "Rezac, Riley, Hobza, J. Chem. Theory Comput. 7, 2427 (2011)"),
    "S22": (
        "S22.py",
        "Jurecka, Sponer, Cerny, Hobza, Phys. Chem. Chem. Phys. 8, 1985 (2006); "
        "energies S22B: Marshall, Burns, Sherrill, J. Chem. Phys. 135, 194102 (2011)",
    ),
    "S22x5": ("S22by5.py", "Grafova, Pitonak, Rezac, Hobza, J. Chem. Theory Comput. 6, 2365 (2010)"),
    "A24": ("A24.py", "Rezac, Hobza, J. Chem. Theory Comput. 9, 2151 (2013)"),
    "JSCH": ("JSCH.py", "Jurecka, Sponer, Cerny, Hobza, Phys. Chem. Chem. Phys. 8, 1985 (2006)"),
}
#: The Watson-Crick pairs and where their geometries are.
PAIRS = {"A-T": (("JSCH", 3), ("S22", 7)), "G-C": (("JSCH", 1),)}

HYDROGEN_BONDED, DISPERSION, MIXED = "hydrogen-bonded", "dispersion", "mixed"
#: The classes of the two papers, by the number of the system.
_CATEGORIES = {
    "S66": ((HYDROGEN_BONDED, 1, 23), (DISPERSION, 24, 46), (MIXED, 47, 66)),
    "S22": ((HYDROGEN_BONDED, 1, 7), (DISPERSION, 8, 15), (MIXED, 16, 22)),
}


@dataclass(frozen=True, eq=False)
class ReferenceFragment:
    """One monomer of a reference complex: numbers (n_atoms,), positions (n_atoms, 3) in Angstrom, charge in
    e.
    """

    numbers: np.ndarray
    positions: np.ndarray
    charge: int
    multiplicity: int

    def to_rdkit(self) -> Chem.Mol:
        """The monomer with bonds perceived from its geometry, atoms in the order of the file, one conformer.

        Raises ValueError where no bond orders fit the charge.
        """
        editable = Chem.RWMol()
        conformer = Chem.Conformer(len(self.numbers))
        for index, (number, position) in enumerate(zip(self.numbers, self.positions, strict=True)):
            editable.AddAtom(Chem.Atom(int(number)))
            conformer.SetAtomPosition(index, position.tolist())
        editable.AddConformer(conformer)
        if len(self.numbers) == 1:
            editable.GetAtomWithIdx(0).SetFormalCharge(self.charge)
        else:
            rdDetermineBonds.DetermineBonds(editable, charge=self.charge)
        molecule = editable.GetMol()
        Chem.SanitizeMol(molecule)
        Chem.AssignStereochemistryFrom3D(molecule)
        return molecule


@dataclass(frozen=True, eq=False)
class ReferenceComplex:
    """One complex of a set with its reference energy.

    `interaction_energy` is in kcal/mol, negative = bound, vertical: monomers as they are in the complex.
    `separation_factor` multiplies the equilibrium distance in S66x8 and S22x5 and is 1.0 elsewhere.
    """

    database: str
    index: int
    separation_factor: float
    name: str
    category: str
    fragments: tuple[ReferenceFragment, ...]
    interaction_energy: float

    @property
    def label(self) -> str:
        suffix = "" if self.database not in ("S66x8", "S22x5") else f" x{self.separation_factor:g}"
        return f"{self.database} {self.index} ({self.name}){suffix}"

    @property
    def numbers(self) -> np.ndarray:
        """(n_atoms,) atomic numbers, first monomer first."""
        return np.concatenate([fragment.numbers for fragment in self.fragments])

    @property
    def positions(self) -> np.ndarray:
        """(n_atoms, 3) Angstrom."""
        return np.concatenate([fragment.positions for fragment in self.fragments])

    @property
    def charge(self) -> int:
        return sum(fragment.charge for fragment in self.fragments)

    def to_rdkit(self) -> Chem.Mol:
        """The complex as one RDKit molecule: no bond between the monomers, the file's atom order, one
        conformer.
        """
        combined = self.fragments[0].to_rdkit()
        for fragment in self.fragments[1:]:
            combined = Chem.CombineMols(combined, fragment.to_rdkit())
        Chem.SanitizeMol(combined)
        return combined


def psi4_data_folder() -> Path:
    """The folder with Psi4's data: PSIDATADIR where that is set, else /usr/share/psi4.

    Raises EvaluationSetError where it holds no `databases` folder.
    """
    folder = Path(os.environ.get("PSIDATADIR", "/usr/share/psi4"))
    if not (folder / "databases").is_dir():
        raise EvaluationSetError(
            f"The reference sets of Psi4 are not in {folder}: install the Debian package psi4-data, "
            "or point the environment variable PSIDATADIR at the data folder of a Psi4 installation."
        )
    return folder


@lru_cache(maxsize=8)
def read_database(database: str, folder: Path | None = None) -> tuple[ReferenceComplex, ...]:
    """All complexes of one of SOURCES in the order of the file.

    Raises EvaluationSetError for an unknown name, a missing file or a file of another layout.
    """
    if database not in SOURCES:
        raise EvaluationSetError(f"There is no reference set {database!r}: choose one of {', '.join(SOURCES)}.")
    path = (folder or psi4_data_folder()) / "databases" / SOURCES[database][0]
    if not path.is_file():
        raise EvaluationSetError(f"The file {path} of the reference set {database} is missing: reinstall psi4-data.")
    tables = _tables(path)
    energies, geometries, comments = tables.get("BIND", {}), tables.get("GEOS", {}), tables.get("TAGL", {})
    complexes = []
    for key, energy in energies.items():
        dimer = f"{key}-dimer"
        if dimer not in geometries:
            raise EvaluationSetError(
                f"The file {path} holds no geometry {dimer!r}: it has another layout than that of Psi4 1.3."
            )
        number, _, factor = key.split("-", 1)[1].partition("-")
        complexes.append(
            ReferenceComplex(
                database=database,
                index=int(number),
                separation_factor=float(factor or 1.0),
                name=_name(comments.get(dimer) or comments.get(key) or f"system {number}"),
                category=_category(database, int(number)),
                fragments=tuple(_fragments(geometries[dimer])),
                interaction_energy=float(energy),
            )
        )
    if not complexes:
        raise EvaluationSetError(
            f"The file {path} holds no reference energies: it has another layout than that of Psi4 1.3."
        )
    return tuple(complexes)


def _name(comment: str) -> str:
    return " ".join(comment.removeprefix("Dimer from ").replace("_", " ").split())


def _category(database: str, index: int) -> str:
    for name, first, last in _CATEGORIES.get(database.split("x")[0], ()):
        if first <= index <= last:
            return name
    return ""


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    """The dictionaries that a database module fills by lines `NAME['%s-%s' % (dbse, 1)] = value`."""
    names: dict[str, str] = {}
    tables: dict[str, dict[str, Any]] = {}
    for statement in ast.parse(path.read_text(encoding="utf-8", errors="replace")).body:
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            continue
        target, value = statement.targets[0], statement.value
        if isinstance(target, ast.Name):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                names[target.id] = value.value
            elif isinstance(value, ast.Name) and value.id in tables:
                tables[target.id] = tables[value.id]
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            key, constant = _constant(target.slice, names), _constant(value, names)
            if isinstance(key, str) and constant is not None:
                tables.setdefault(target.value.id, {})[key] = constant
    return tables


def _constant(node: ast.expr, names: dict[str, str]) -> Any:
    """The value of a literal, a signed number, `'%s' % (...)` or `qcdb.Molecule(text)`; None for anything
    else.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _constant(node.operand, names)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        template = _constant(node.left, names)
        parts = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        values = tuple(_constant(part, names) for part in parts)
        return template % values if isinstance(template, str) and None not in values else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "Molecule":
        return _constant(node.args[0], names)
    return None


def _fragments(geometry: str) -> Iterator[ReferenceFragment]:
    for block in geometry.split("--"):
        lines = [line.split() for line in block.splitlines() if line.strip()]
        atoms = [words for words in lines if len(words) == 4]
        charge, multiplicity = next(words for words in lines if len(words) == 2 and words[0].lower() != "units")
        yield ReferenceFragment(
            numbers=np.array([NUMBER_OF[words[0].capitalize()] for words in atoms], dtype=np.int64),
            positions=np.array([[float(word) for word in words[1:]] for words in atoms]),
            charge=int(charge),
            multiplicity=int(multiplicity),
        )
