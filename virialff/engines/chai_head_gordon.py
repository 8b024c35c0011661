"""The dispersion term of wB97X-D (Chai, Head-Gordon, Phys. Chem. Chem. Phys. 2008, 10, 6615, Eq. 11 and 12).

E = - sum_{i<j} C6_ij / R_ij^6 / (1 + a (R_ij / R_r)^-12), with a = 6, C6_ij = sqrt(C6_i C6_j) and R_r the sum of
the van der Waals radii; C6 and radii are those of DFT-D2 (Grimme, J. Comput. Chem. 2006, 27, 1787, Table 1).
"""

from __future__ import annotations

import numpy as np

from virialff.engines.base import FloatArray
from virialff.units import BOHR_IN_ANGSTROM

DAMPING = 6.0
#: Atomic C6 (J nm^6 / mol) and van der Waals radius (Angstrom) by atomic number.
PARAMETERS = {
    1: (0.14, 1.001),
    6: (1.75, 1.452),
    7: (1.23, 1.397),
    8: (0.70, 1.342),
    9: (0.75, 1.287),
    15: (7.84, 1.705),
    16: (5.57, 1.683),
    17: (5.07, 1.639),
    35: (12.47, 1.749),
}
#: One J nm^6 / mol in Eh Bohr^6.
_C6_UNIT = (10.0 / BOHR_IN_ANGSTROM) ** 6 / 2625499.639


def dispersion(numbers: np.ndarray, positions: FloatArray) -> tuple[float, FloatArray]:
    """Energy (Eh) and gradient (n_atoms, 3) (Eh/Bohr).

    `numbers` (n_atoms,) atomic numbers among PARAMETERS (KeyError otherwise), `positions` (n_atoms, 3), Bohr.
    """
    c6, radii = np.array([PARAMETERS[int(number)] for number in numbers]).reshape(-1, 2).T
    i, j = np.triu_indices(len(numbers), k=1)
    vectors = positions[i] - positions[j]
    r = np.linalg.norm(vectors, axis=1)
    pair_c6 = np.sqrt(c6[i] * c6[j]) * _C6_UNIT
    ratio = DAMPING * ((radii[i] + radii[j]) / BOHR_IN_ANGSTROM / r) ** 12
    damping = 1.0 / (1.0 + ratio)
    energies = -pair_c6 / r**6 * damping
    # dE/dr = -6 E / r + E f'/f with f'/f = 12 f a (R_r/r)^12 / r.
    slopes = energies / r * (12.0 * damping * ratio - 6.0)
    pair_gradients = (slopes / r)[:, None] * vectors
    gradient = np.zeros((len(numbers), 3))
    np.add.at(gradient, i, pair_gradients)
    np.subtract.at(gradient, j, pair_gradients)
    return float(energies.sum()), gradient
