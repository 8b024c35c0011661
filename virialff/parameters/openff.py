"""Lennard-Jones types of OpenFF 2.2.1 (Sage), given to the atoms of a molecule by SMARTS.

The numbers are those of the section vdW of `openff-2.2.1.offxml` (2024-09-11) as published in the repository
openforcefield/openff-forcefields under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/; Boothroyd et al.,
J. Chem. Theory Comput. 19, 3251 (2023)), for the nine elements.
As the SMIRNOFF specification has it the last entry that matches counts. None of them asks for aromaticity, so that its
model does not matter.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

NAME = "OpenFF 2.2.1"


class OpenffType(NamedTuple):
    """An entry: which atoms, R_min / 2 in Angstrom and epsilon in kcal/mol."""

    name: str
    smarts: str
    half_r_min: float
    epsilon: float


#: sigma of TIP3P oxygen in Angstrom as R_min / 2; its hydrogens have no well.
_TIP3P = 3.1507 * 2 ** (1 / 6) / 2

TYPES = (
    OpenffType("n1", "[#1:1]", 0.6, 0.0157),
    OpenffType("n2", "[#1:1]-[#6X4]", 1.48419980825, 0.01577948280971),
    OpenffType("n3", "[#1:1]-[#6X4]-[#7,#8,#9,#16,#17,#35]", 1.449786411317, 0.01640924602775),
    OpenffType("n4", "[#1:1]-[#6X4](-[#7,#8,#9,#16,#17,#35])-[#7,#8,#9,#16,#17,#35]", 1.287, 0.0157),
    OpenffType(
        "n5",
        "[#1:1]-[#6X4](-[#7,#8,#9,#16,#17,#35])(-[#7,#8,#9,#16,#17,#35])-[#7,#8,#9,#16,#17,#35]",
        1.187,
        0.0157,
    ),
    OpenffType("n6", "[#1:1]-[#6X4]~[*+1,*+2]", 1.1, 0.0157),
    OpenffType("n7", "[#1:1]-[#6X3]", 1.443812569645, 0.01561134320353),
    OpenffType("n8", "[#1:1]-[#6X3]~[#7,#8,#9,#16,#17,#35]", 1.377051329051, 0.01310699839698),
    OpenffType(
        "n9",
        "[#1:1]-[#6X3](~[#7,#8,#9,#16,#17,#35])~[#7,#8,#9,#16,#17,#35]",
        1.370482808197,
        0.01479744504464,
    ),
    OpenffType("n10", "[#1:1]-[#6X2]", 1.459, 0.015),
    OpenffType("n11", "[#1:1]-[#7]", 0.6192778454102, 0.01409081474669),
    OpenffType("n12", "[#1:1]-[#8]", 0.2999999999997, 1.232599966667e-05),
    OpenffType("n13", "[#1:1]-[#16]", 0.6, 0.0157),
    OpenffType("n14", "[#6:1]", 1.953447017081, 0.0868793154488),
    OpenffType("n15", "[#6X2:1]", 1.908, 0.21),
    OpenffType("n16", "[#6X4:1]", 1.896698071741, 0.1088406109251),
    OpenffType("n17", "[#8:1]", 1.706036917087, 0.2102061007896),
    OpenffType("n18", "[#8X2H0+0:1]", 1.697783613804, 0.1684651402602),
    OpenffType("n19", "[#8X2H1+0:1]", 1.682099169199, 0.2094735324129),
    OpenffType("n20", "[#7:1]", 1.799798315098, 0.1676915150424),
    OpenffType("n21", "[#16:1]", 2.0, 0.25),
    OpenffType("n22", "[#15:1]", 2.1, 0.2),
    OpenffType("n23", "[#9:1]", 1.75, 0.061),
    OpenffType("n24", "[#17:1]", 1.85628721824, 0.2656001046527),
    OpenffType("n25", "[#35:1]", 1.969806594135, 0.3218986365974),
    OpenffType("n32", "[#9X0-1:1]", 2.303, 0.003364),
    OpenffType("n33", "[#17X0-1:1]", 2.513, 0.035591),
    OpenffType("n34", "[#35X0-1:1]", 2.608, 0.0586554),
    OpenffType("n-tip3p-O", "[#1]-[#8X2H2+0:1]-[#1]", _TIP3P, 0.1521),
    OpenffType("n-tip3p-H", "[#1:1]-[#8X2H2+0]-[#1]", 2 ** (1 / 6) / 2, 0.0),
)


def assigned(mol: Chem.Mol) -> NDArray[np.int64]:
    """The place in TYPES of each atom of an RDKit molecule with explicit hydrogens, (n_atoms,); -1 where none fits."""
    found = np.full(mol.GetNumAtoms(), -1)
    for place, (pattern, meant) in enumerate(_patterns()):
        for match in mol.GetSubstructMatches(pattern, uniquify=False, maxMatches=100_000):
            found[match[meant]] = place
    return found


@cache
def _patterns() -> tuple[tuple[Chem.Mol, int], ...]:
    """Each SMARTS with the place of its atom of map number 1."""
    patterns = [Chem.MolFromSmarts(entry.smarts) for entry in TYPES]
    return tuple((mol, [atom.GetAtomMapNum() for atom in mol.GetAtoms()].index(1)) for mol in patterns)
