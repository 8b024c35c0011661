"""MMFF94 and UFF as methods: energies of RDKit, forces that are their derivatives."""

import numpy as np
import pytest
from rdkit.Chem import rdForceFieldHelpers

from virialff.conformers.generation import generate
from virialff.engines.rdkit_force_fields import RdkitForceField
from virialff.errors import EngineError
from virialff.molecules.molecule import Molecule


@pytest.mark.parametrize("name", ["MMFF94", "UFF"])
def test_energies_are_those_of_rdkit_and_forces_their_derivatives(name):
    molecule = generate(Molecule.from_smiles("OCCN"), 2)
    method = RdkitForceField(name)
    energies, forces = method.energy_and_forces(molecule, molecule.positions)
    mol = molecule.to_rdkit()
    if name == "MMFF94":
        properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
        known = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties, confId=mol.GetConformers()[1].GetId())
    else:
        known = rdForceFieldHelpers.UFFGetMoleculeForceField(mol, confId=mol.GetConformers()[1].GetId())
    assert energies[1] == pytest.approx(known.CalcEnergy(), abs=1e-6)
    step = np.zeros_like(molecule.positions[0])
    step[2, 1] = 1e-4
    ahead, behind = method.energy(molecule, np.array([molecule.positions[0] + step, molecule.positions[0] - step]))
    assert forces[0, 2, 1] == pytest.approx(-(ahead - behind) / 2e-4, abs=1e-3)


def test_what_has_no_parameters_is_a_sentence():
    molecule = generate(Molecule.from_smiles("CP(C)(C)(C)C"), 1)
    reason = RdkitForceField("MMFF94").unsupported(molecule)
    assert reason is not None
    assert "MMFF94 has no parameters" in reason
    with pytest.raises(EngineError, match="no parameters"):
        RdkitForceField("MMFF94").energy(molecule, molecule.positions)
