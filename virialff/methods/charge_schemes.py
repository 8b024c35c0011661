"""Charges of the atoms by other ways than the model's, to be set beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdPartialCharges

from virialff.engines import DFT_ENGINES
from virialff.engines.base import FloatArray, conformer_axis
from virialff.engines.density import lowdin_charges
from virialff.engines.dft import DftEngine
from virialff.engines.xtb import single_point
from virialff.errors import EngineError
from virialff.methods.method import first_usable
from virialff.molecules.molecule import Molecule
from virialff.units import BOHR_IN_ANGSTROM

#: Names of the schemes, and how they are called.
SCHEMES = {"gasteiger": "Gasteiger", "gfn2": "GFN2-xTB", "dft": "wB97X-D Löwdin"}


@dataclass(frozen=True, eq=False)
class AtomCharges:
    """Charges (n_atoms,) in e, and what computed them; of a method with a density its dipole (3,) in e Angstrom."""

    values: FloatArray
    level: str
    dipole: FloatArray | None = None


def charges_by(scheme: str, molecule: Molecule, positions: Any = None) -> AtomCharges:
    """Charges of one of SCHEMES; those of gfn2 and dft are of the geometry `positions` (n_atoms, 3), Angstrom.

    gasteiger: partial equalization of electronegativity (RDKit), of the graph alone. gfn2: Mulliken charges. dft:
    Löwdin charges of wB97X-D/def2-SVP by the first program that is here, which takes minutes.

    Raises EngineError where the scheme has no parameters for an element, or the program is missing or fails.
    """
    if scheme not in SCHEMES:
        raise EngineError(f"there are no charges called {scheme!r}; give one of {', '.join(SCHEMES)}")
    if scheme == "gasteiger":
        return AtomCharges(_gasteiger(molecule), "Gasteiger and Marsili, by RDKit")
    geometry = conformer_axis(molecule.n_atoms, positions)
    if len(geometry) != 1:
        raise EngineError(f"charges are of one geometry, got {len(geometry)}")
    if scheme == "gfn2":
        result = single_point(molecule.numbers, geometry[0])
        return AtomCharges(result.charges, "GFN2-xTB, Mulliken", result.dipole)
    engine = first_usable(DFT_ENGINES, molecule)
    if isinstance(engine, str):
        raise EngineError(engine)
    assert isinstance(engine, DftEngine)
    found = engine.electronic_structure(molecule.numbers, geometry[0])
    values = lowdin_charges(found.density, found.overlap, found.ao_atoms, found.numbers)
    return AtomCharges(values, f"{engine.level}, Löwdin", found.dipole * BOHR_IN_ANGSTROM)


def _gasteiger(molecule: Molecule) -> FloatArray:
    mol = Chem.Mol(molecule.to_rdkit())
    rdPartialCharges.ComputeGasteigerCharges(mol)
    values = np.array([atom.GetDoubleProp("_GasteigerCharge") for atom in mol.GetAtoms()])
    if not np.isfinite(values).all():
        atom = int(np.flatnonzero(~np.isfinite(values))[0])
        raise EngineError(f"Gasteiger's method has no parameters for atom {atom + 1} ({molecule.symbols[atom]}) here")
    return values
