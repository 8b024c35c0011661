"""MMFF94 (Halgren, J. Comput. Chem. 1996, 17, 490) and UFF (Rappé et al., J. Am. Chem. Soc. 1992, 114, 10024) of RDKit.

For comparisons of conformers: their energies have a zero of their own for every molecule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rdkit.Chem import rdForceFieldHelpers

from virialff.engines.base import EnergiesAndForces, FloatArray, Progress, conformer_axis, one_by_one
from virialff.errors import EngineError
from virialff.molecules.rdkit_forms import normalised

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule


class RdkitForceField(EnergiesAndForces):
    """One of the two as a method with forces."""

    def __init__(self, name: Literal["MMFF94", "UFF"]) -> None:
        self.name = name
        self.level: str = name

    def available(self) -> str | None:
        """None: RDKit is always there."""
        return None

    def unsupported(self, molecule: Molecule) -> str | None:
        """None, or that it has no parameters for some atom."""
        mol = _form(molecule)
        known = (
            rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol)
            if self.name == "MMFF94"
            else rdForceFieldHelpers.UFFHasAllMoleculeParams(mol)
        )
        return None if known else f"{self.name} has no parameters for an atom of {molecule.formula}"

    def _compute(
        self, molecule: Molecule, positions: Any, progress: Progress | None, *, with_forces: bool
    ) -> tuple[FloatArray, FloatArray]:
        reason = self.unsupported(molecule)
        if reason is not None:
            raise EngineError(reason)
        geometries = conformer_axis(molecule.n_atoms, positions)
        mol = _form(molecule.with_positions(geometries[:1]))
        # Pairs of any distance and between molecules count, as in the other methods.
        if self.name == "MMFF94":
            properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
            field = rdForceFieldHelpers.MMFFGetMoleculeForceField(
                mol, properties, nonBondedThresh=1000.0, ignoreInterfragInteractions=False
            )
        else:
            field = rdForceFieldHelpers.UFFGetMoleculeForceField(
                mol, vdwThresh=1000.0, ignoreInterfragInteractions=False
            )
        field.Initialize()

        def single(geometry: FloatArray) -> tuple[float, FloatArray]:
            flat = geometry.ravel().tolist()
            forces = -np.array(field.CalcGrad(flat)).reshape(-1, 3) if with_forces else np.full(geometry.shape, np.nan)
            return field.CalcEnergy(flat), forces

        return one_by_one(geometries, single, progress)


def _form(molecule: Molecule) -> Any:
    return normalised(molecule.to_rdkit(), molecule.numbers, molecule.bonds)
