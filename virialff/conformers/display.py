"""A plausible geometry to look at, for molecules and complexes that came without one."""

from dataclasses import dataclass

import numpy as np

from virialff.conformers.generation import search
from virialff.molecules.molecule import Molecule

#: Space left between the molecules of a complex that are placed side by side, Angstrom.
_GAP = 2.5
_SEED = 7


@dataclass(frozen=True)
class DisplayGeometry:
    """Positions (n_atoms, 3) in A and how they were made, in words."""

    positions: np.ndarray
    source: str


def display_geometry(molecule: Molecule) -> DisplayGeometry:
    """One conformer by ETKDG and MMFF94s; the molecules of a complex are put side by side, not docked.

    Raises EmbeddingError where no geometry can be made.
    """
    parts = [search(molecule.fragment(k), 1, _SEED) for k in range(molecule.n_fragments)]
    positions = np.empty((molecule.n_atoms, 3))
    edge = 0.0
    for index, part in enumerate(parts):
        geometry = part.molecule.positions[0]
        centered = geometry - geometry.mean(axis=0)
        centered[:, 0] += edge - centered[:, 0].min()
        edge = centered[:, 0].max() + _GAP
        positions[molecule.fragments == index] = centered
    relaxed = {part.force_field for part in parts if part.force_field is not None}
    source = "ETKDG" + "".join(f" and {name}" for name in sorted(relaxed)) + " geometry, made for display"
    if molecule.n_fragments > 1:
        source += "; the molecules are placed side by side, not at a minimum of the complex"
    return DisplayGeometry(positions, source)
