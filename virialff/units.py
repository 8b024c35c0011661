"""Physical constants (CODATA 2018) in the units of the library: Angstrom, kcal/mol, elementary charge."""

HARTREE_IN_KCAL_MOL = 627.5094740631
HARTREE_IN_EV = 27.211386245988
#: One electronvolt, ASE's unit of energy.
EV_IN_KCAL_MOL = 23.060547830619
BOHR_IN_ANGSTROM = 0.529177210903
#: e^2 / (4 pi eps0) in kcal A / (mol e^2), the value commonly used by classical force fields.
COULOMB_CONSTANT = 332.0637
#: Molar gas constant in kcal/(mol K).
GAS_CONSTANT = 1.987204259e-3
#: One e Angstrom in Debye.
E_ANGSTROM_IN_DEBYE = 4.803204713
