"""The shipped example molecules."""

import json
from dataclasses import dataclass
from functools import cache

from virialff.molecules.molecule import Molecule
from virialff.settings import ASSETS

FOLDER = ASSETS / "examples"


@dataclass(frozen=True)
class Example:
    """One example: its name, why it is there, and its SMILES or the name of a file with conformers."""

    name: str
    note: str
    smiles: str = ""
    file: str = ""

    def molecule(self) -> Molecule:
        """The molecule, with the conformers of its file if it has one."""
        return Molecule.from_file(FOLDER / self.file) if self.file else Molecule.from_smiles(self.smiles)


@cache
def examples() -> tuple[Example, ...]:
    """All examples in the order of the gallery."""
    entries = json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))
    return tuple(Example(**entry) for entry in entries)
