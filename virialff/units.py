"""Physical constants (CODATA 2018) in the units of the library: Angstrom, kcal/mol, elementary charge.

Energies are kcal/mol inside; results can be given in any of ENERGY_UNITS.
"""

import re
from typing import NamedTuple

#: Ends a name of what is in kcal/mol, or in that times a power of a length: "_kcal_per_mol", "_kcal_A6_per_mol".
_SUFFIX = re.compile(r"_kcal((?:_A\d+)?)_per_mol$")

HARTREE_IN_KCAL_MOL = 627.5094740631
HARTREE_IN_EV = 27.211386245988
#: One electronvolt, ASE's unit of energy.
EV_IN_KCAL_MOL = 23.060547830619
KJ_IN_KCAL = 1.0 / 4.184


class EnergyUnit(NamedTuple):
    """A unit that energies of results are given in."""

    name: str  #: "kJ/mol"
    suffix: str  #: ends names of columns and fields: "kJ_per_mol"
    in_kcal_mol: float  #: what one of it is, kcal/mol
    decimals: int  #: of a table for people

    def renamed(self, column: str) -> str:
        """A name that says kcal/mol, saying this unit; any other name as it is."""
        energy, _, per_mol = self.suffix.partition("_per_mol")
        end = f"_per_mol{per_mol}" if "_per_mol" in self.suffix else ""
        text = _SUFFIX.sub(rf"_{energy}\1{end}", column)
        return text.replace("(kcal/mol)", f"({self.name})")


#: By name.
ENERGY_UNITS = {
    unit.name: unit
    for unit in (
        EnergyUnit("kcal/mol", "kcal_per_mol", 1.0, 4),
        EnergyUnit("kJ/mol", "kJ_per_mol", KJ_IN_KCAL, 4),
        EnergyUnit("eV", "eV", EV_IN_KCAL_MOL, 6),
        EnergyUnit("Eh", "Eh", HARTREE_IN_KCAL_MOL, 7),
    )
}
KCAL_MOL = ENERGY_UNITS["kcal/mol"]

BOHR_IN_ANGSTROM = 0.529177210903
#: e^2 / (4 pi eps0) in kcal A / (mol e^2), the value commonly used by classical force fields.
COULOMB_CONSTANT = 332.0637
#: Molar gas constant in kcal/(mol K).
GAS_CONSTANT = 1.987204259e-3
#: One e Angstrom in Debye.
E_ANGSTROM_IN_DEBYE = 4.803204713
#: Units of OpenMM and GROMACS.
KCAL_IN_KJ = 4.184
ANGSTROM_IN_NM = 0.1
