"""Atoms of a molecule that a SMARTS of the user means."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from virialff.errors import ConfigError
from virialff.molecules import rdkit_log
from virialff.text import shortened

_LONGEST = 1000
_SHOWN = 60
#: Enough for every match in molecules of a few hundred atoms.
_MOST_MATCHES = 100_000


class AtomPattern:
    """The atoms that the first atom of a SMARTS matches, or the one with the map number 1 where there is one.

    "[OX2H]" is the oxygen of a hydroxyl group, "[H:1]O" the hydrogen on any oxygen. Explicit hydrogens count as atoms.
    Raises ConfigError, a sentence, for SMARTS that cannot be read.
    """

    def __init__(self, smarts: str) -> None:
        self.smarts = smarts.strip()
        shown = shortened(self.smarts, _SHOWN)
        if not self.smarts:
            raise ConfigError("the SMARTS is empty; write one, for example [OX2H]")
        if len(self.smarts) > _LONGEST:
            raise ConfigError(f"the SMARTS {shown!r} has more than {_LONGEST} characters; write a shorter one")
        with rdkit_log.captured() as log:
            pattern = Chem.MolFromSmarts(self.smarts)
        if pattern is None or not pattern.GetNumAtoms():
            raise ConfigError(f"the SMARTS {shown!r} cannot be read ({log.reason()}); check its spelling")
        self._pattern = pattern
        maps = [atom.GetAtomMapNum() for atom in pattern.GetAtoms()]
        self._meant = maps.index(1) if 1 in maps else 0

    def mask(self, mol: Chem.Mol) -> np.ndarray:
        """Which atoms of an RDKit molecule with explicit hydrogens are meant, (n_atoms,) bool."""
        found = np.zeros(mol.GetNumAtoms(), dtype=bool)
        matches = mol.GetSubstructMatches(self._pattern, uniquify=False, maxMatches=_MOST_MATCHES)
        found[[match[self._meant] for match in matches]] = True
        return found
