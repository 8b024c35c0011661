"""The nine elements of the method, in the order of the one-hot atom features, and every table of their properties."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Value = TypeVar("_Value")

ELEMENTS = ("H", "C", "N", "O", "F", "P", "S", "Cl", "Br")
ATOMIC_NUMBERS = (1, 6, 7, 8, 9, 15, 16, 17, 35)

#: Atomic number to symbol, for the nine elements only.
SYMBOL_OF = dict(zip(ATOMIC_NUMBERS, ELEMENTS, strict=True))
#: Atomic number to position in ELEMENTS.
ELEMENT_INDEX = {number: index for index, number in enumerate(ATOMIC_NUMBERS)}


def _table(*values: _Value) -> dict[int, _Value]:
    """Values in the order of ELEMENTS, by atomic number."""
    return dict(zip(ATOMIC_NUMBERS, values, strict=True))


#: Energies of free atoms in Eh by the beginning of a level's name, as close as it takes to tell total energies of one
#: level from others; GFN2-xTB counts valence electrons only.
ATOMIC_ENERGIES = {
    "GFN": _table(-0.3935, -1.7933, -2.6059, -3.7676, -4.6194, -2.3742, -3.1465, -4.4825, -4.0484),
    "wB97X": _table(-0.502, -37.798, -54.522, -74.977, -99.614, -341.139, -397.972, -459.989, -2573.857),
}
#: Energy of a molecule less that of its atoms, per atom, kcal/mol: molecules have -50 to -180, contorted ones more.
BINDING_RANGE = (-300.0, 200.0)
#: Covalent radii of single bonds, Angstrom: Cordero et al., Dalton Trans. 2008, 2832 (carbon: sp3).
COVALENT_RADII = _table(0.31, 0.76, 0.71, 0.66, 0.57, 1.07, 1.05, 1.02, 1.20)
#: van der Waals radii, Angstrom: Bondi, J. Phys. Chem. 1964, 68, 441; hydrogen from Rowland and Taylor, ibid. 1996,
#: 100, 7384.
VAN_DER_WAALS_RADII = _table(1.10, 1.70, 1.55, 1.52, 1.47, 1.80, 1.80, 1.75, 1.85)
#: Standard atomic weights, IUPAC.
ATOMIC_WEIGHTS = _table(1.008, 12.011, 14.007, 15.999, 18.998, 30.974, 32.067, 35.453, 79.904)
#: Pauling's scale.
ELECTRONEGATIVITIES = _table(2.20, 2.55, 3.04, 3.44, 3.98, 2.19, 2.58, 3.16, 2.96)
#: Unpaired electrons in the ground state of the isolated atom (Hund).
UNPAIRED_ELECTRONS = _table(1, 2, 3, 2, 1, 3, 2, 1, 1)
#: Valences of the neutral atom, the usual one first.
VALENCES = _table((1,), (4,), (3,), (2,), (1,), (3, 5), (2, 4, 6), (1, 3, 5, 7), (1, 3, 5, 7))
#: Of an atom of any of them.
MOST_BONDS = max(max(valences) for valences in VALENCES.values())

_SYMBOLS = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo
    Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl
    Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
#: Symbol as written, of every element, to its atomic number.
NUMBER_OF = {symbol: number for number, symbol in enumerate(_SYMBOLS.split(), start=1)}
_SYMBOL_OF_ANY = {number: symbol for symbol, number in NUMBER_OF.items()}


def symbol(number: int) -> str:
    """Symbol of an element of any atomic number, "element 119" beyond the periodic table."""
    return _SYMBOL_OF_ANY.get(number, f"element {number}")


def of_atoms(table: Mapping[int, float], numbers: ArrayLike) -> NDArray[np.float64]:
    """The entries of a table for each atomic number, in the shape of `numbers`. Raises KeyError for other elements."""
    atoms = np.asarray(numbers)
    return np.array([table[int(number)] for number in atoms.ravel()], dtype=np.float64).reshape(atoms.shape)
