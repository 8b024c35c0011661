"""Atoms of a molecule that a SMARTS of the user means."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from virialff.errors import ConfigError
from virialff.molecules import rdkit_log
from virialff.text import counted, reason_of, shortened

_LONGEST = 1000
_SHOWN = 60
#: Enough for every match in molecules of a few hundred atoms.
_MOST_MATCHES = 100_000
#: What a pattern may have: parts separated by dots, and atoms, those of $(...) not counted.
MOST_PARTS = 3
MOST_ATOMS = 60
MOST_RECURSIONS = 20
#: Atoms that are tried in matching it: in one molecule, and in all so many and more with each molecule.
MOST_STEPS = 200_000
STEPS_A_MOLECULE = 500
# Smaller patterns cannot take long in any molecule, and are not counted, which takes time too.
_SMALL = 5


class AtomPattern:
    """The atoms that the first atom of a SMARTS matches, or the one with the map number 1 where there is one.

    "[OX2H]" is the oxygen of a hydroxyl group, "[H:1]O" the hydrogen on any oxygen. Explicit hydrogens count as atoms.
    Raises ConfigError, a sentence, for SMARTS that cannot be read or are too large.
    """

    def __init__(self, smarts: str) -> None:
        self.smarts = smarts.strip()
        self._shown = shown = shortened(self.smarts, _SHOWN)
        if not self.smarts:
            raise ConfigError("the SMARTS is empty; write one, for example [OX2H]")
        if len(self.smarts) > _LONGEST:
            raise ConfigError(f"the SMARTS {shown!r} has more than {_LONGEST} characters; write a shorter one")
        recursions = self.smarts.count("$(")
        if recursions > MOST_RECURSIONS:
            raise ConfigError(f"the SMARTS {shown!r} has more than {MOST_RECURSIONS} '$('; write a simpler one")
        with rdkit_log.captured() as log:
            try:
                pattern = Chem.MolFromSmarts(self.smarts)
            except (RuntimeError, ValueError) as error:
                raise ConfigError(
                    f"the SMARTS {shown!r} cannot be read ({reason_of(error)}); check its spelling"
                ) from None
        if pattern is None or not pattern.GetNumAtoms():
            raise ConfigError(f"the SMARTS {shown!r} cannot be read ({log.reason()}); check its spelling")
        parts = len(Chem.GetMolFrags(pattern))
        if parts > MOST_PARTS or pattern.GetNumAtoms() > MOST_ATOMS:
            raise ConfigError(
                f"the SMARTS {shown!r} has {counted(pattern.GetNumAtoms(), 'atom')} in {counted(parts, 'part')}; write "
                f"one of at most {MOST_ATOMS} atoms in {MOST_PARTS} parts"
            )
        self._pattern = pattern
        self._counts = parts > 1 or recursions > 0 or pattern.GetNumAtoms() > _SMALL
        self._left = MOST_STEPS
        maps = [atom.GetAtomMapNum() for atom in pattern.GetAtoms()]
        self._meant = maps.index(1) if 1 in maps else 0

    def mask(self, mol: Chem.Mol) -> np.ndarray:
        """Which atoms of an RDKit molecule with explicit hydrogens are meant, (n_atoms,) bool.

        Raises ConfigError where that takes too many steps.
        """
        found = np.zeros(mol.GetNumAtoms(), dtype=bool)
        parameters = Chem.SubstructMatchParameters()
        parameters.uniquify = False
        parameters.maxMatches = _MOST_MATCHES
        self._left += STEPS_A_MOLECULE
        begin = self._left

        def step(*_: object) -> bool:
            self._left -= 1
            if self._left < 0 or begin - self._left > MOST_STEPS:
                raise _TooManyStepsError
            return True

        if self._counts:
            parameters.setExtraAtomCheckFunc(step)
        try:
            matches = mol.GetSubstructMatches(self._pattern, parameters)
        except _TooManyStepsError:
            raise ConfigError(
                f"the SMARTS {self._shown!r} can be laid on {'the molecules' if self._left < 0 else 'a molecule'} in "
                "too many ways; write one that says more of each atom, in one part"
            ) from None
        found[[match[self._meant] for match in matches]] = True
        return found


_BONDS = {Chem.BondType.SINGLE: "-", Chem.BondType.DOUBLE: "=", Chem.BondType.TRIPLE: "#", Chem.BondType.AROMATIC: ":"}


def smarts_like(mol: Chem.Mol, atom: int) -> str:
    """SMARTS that means the atoms with the element and the neighbours of one: "[#8X2](-[#1])-[#6]" of a hydroxyl group.

    mol: with explicit hydrogens. atom: from 0.
    """
    middle = mol.GetAtomWithIdx(atom)
    around = sorted(
        f"{_BONDS[bond.GetBondType()]}[#{bond.GetOtherAtom(middle).GetAtomicNum()}]" for bond in middle.GetBonds()
    )
    branches = "".join(f"({text})" for text in around[:-1]) + (around[-1] if around else "")
    return f"[#{middle.GetAtomicNum()}X{middle.GetDegree()}]{branches}"


class _TooManyStepsError(Exception):
    """More atoms tried than allowed."""
