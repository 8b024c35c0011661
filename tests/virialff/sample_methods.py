"""Methods of energies whose numbers a test chooses."""

from collections.abc import Callable
from typing import Any

import numpy as np

from virialff.molecules.molecule import Molecule


class FunctionMethod:
    """A method by a function of a molecule and its positions, which gives its interaction energies too."""

    level = "a function"

    def __init__(self, function: Callable[[Molecule, np.ndarray], Any], name: str = "function") -> None:
        self.name, self._function = name, function

    def available(self) -> None:
        """It is there."""

    def unsupported(self, molecule: Molecule) -> None:
        """It takes any molecule."""

    def energy(self, molecule: Molecule, positions: Any, *, progress: Any = None) -> Any:
        return self._function(molecule, positions)

    interaction_energy = energy
