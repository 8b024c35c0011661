"""The potential of OpenMM-ML, found by its entry point: energies of whole and mixed Systems, and what it refuses."""

from __future__ import annotations

import numpy as np
import openmm
import pytest
from openmm import app, unit
from openmmml import MLPotential

from virialff import load_model
from virialff.conformers.generation import generate
from virialff.errors import MoleculeError
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def ethanol():
    return generate(Molecule.from_smiles("CCO"), 1, seed=1)


def topology_of(*molecules: Molecule, orders: bool = False) -> app.Topology:
    topology = app.Topology()
    for molecule in molecules:
        residue = topology.addResidue("MOL", topology.addChain())
        atoms = [
            topology.addAtom(symbol, app.Element.getBySymbol(symbol), residue) for symbol in map(str, molecule.symbols)
        ]
        for (i, j), order in zip(molecule.bonds.tolist(), molecule.orders, strict=True):
            topology.addBond(atoms[i], atoms[j], order=int(order) if orders else None)
    return topology


def energy(system: openmm.System, positions: np.ndarray, group: int | None = None) -> float:
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(positions / 10)
    state = context.getState(getEnergy=True, groups=-1 if group is None else {group})
    return state.getPotentialEnergy().value_in_unit(unit.kilocalories_per_mole)


@pytest.mark.parametrize("by", ["smiles", "topology"])
def test_a_system_has_the_pair_energy(ethanol, by):
    potential = MLPotential("virialff", **({"molecule": "CCO"} if by == "smiles" else {}))
    system = potential.createSystem(topology_of(ethanol, orders=by == "topology"))
    expected = float(load_model().force_field(ethanol).pair_energy(ethanol.positions[0]))
    assert energy(system, ethanol.positions[0]) == pytest.approx(expected, abs=1e-6)


def test_a_mixed_system_has_it_for_the_atoms_named(ethanol):
    topology = topology_of(ethanol, ethanol)
    by_others = openmm.System()
    for atom in topology.atoms():
        by_others.addParticle(atom.element.mass)
    second = list(range(ethanol.n_atoms, 2 * ethanol.n_atoms))
    mixed = MLPotential("virialff", molecule=ethanol).createMixedSystem(topology, by_others, second, forceGroup=3)
    positions = np.concatenate([ethanol.positions[0] + 20.0, ethanol.positions[0]])
    expected = float(load_model().force_field(ethanol).pair_energy(ethanol.positions[0]))
    assert energy(mixed, positions, group=3) == pytest.approx(expected, abs=1e-6)


def test_what_does_not_fit_is_refused(ethanol):
    with pytest.raises(MoleculeError, match="has no order; name the molecule"):
        MLPotential("virialff").createSystem(topology_of(ethanol))
    with pytest.raises(MoleculeError, match="not those of the molecule \\(C2H6O\\)"):
        MLPotential("virialff", molecule="OCC").createSystem(topology_of(ethanol))
