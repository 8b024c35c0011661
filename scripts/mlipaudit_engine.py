"""The model file of MLIPAudit for the methods that stand beside the model: `gfn2` and `ani`.

    VIRIALFF_ENGINE=gfn2 mlipaudit benchmark -m scripts/mlipaudit_engine.py -i data -o results -b conformer_selection

Bonds are perceived for each list of atoms, as for the model.
"""

from __future__ import annotations

import os
from typing import Any

from ase import Atoms

from virialff.ase import MoleculeCalculator
from virialff.engines import get_engine
from virialff.molecules.molecule import Molecule
from virialff.units import EV_IN_KCAL_MOL


class EngineCalculator(MoleculeCalculator):
    """Energies in eV and forces in eV/Angstrom of an engine of this library."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, name: str) -> None:
        super().__init__()
        self._engine = get_engine(name)

    @property
    def allowed_atomic_numbers(self) -> set[int]:
        """Atomic numbers of the elements that it treats."""
        return set(self._engine.elements)

    def _results(self, atoms: Atoms) -> dict[str, Any]:
        molecule = Molecule.from_geometry(atoms.numbers, atoms.positions)
        energies, forces = self._engine.energy_and_forces(molecule, atoms.positions[None])
        return {"energy": float(energies[0]) / EV_IN_KCAL_MOL, "forces": forces[0] / EV_IN_KCAL_MOL}


mlipaudit_external_model = EngineCalculator(os.environ.get("VIRIALFF_ENGINE", "gfn2"))
