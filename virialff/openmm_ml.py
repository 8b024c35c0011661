"""The force field as a potential of OpenMM-ML, which finds it by its entry point.

    from openmmml import MLPotential

    potential = MLPotential("virialff", molecule="CCO")
    system = potential.createSystem(topology)
    mixed = potential.createMixedSystem(topology, amber_system, atoms)

It adds the CustomBondForce that `ForceField.to_openmm` has, so nothing of Python runs in a step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from virialff.errors import EngineError, MoleculeError
from virialff.models.force_field import Model
from virialff.models.openmm import pair_force
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule

try:
    from openmmml.mlpotential import MLPotentialImpl, MLPotentialImplFactory
except ImportError as error:
    raise EngineError("the potential is one of OpenMM-ML, which is not installed here; install openmmml") from error

if TYPE_CHECKING:
    import openmm
    from openmm.app import Topology


class VirialFFPotentialFactory(MLPotentialImplFactory):
    """What MLPotential("virialff", ...) makes."""

    def createImpl(self, name: str, **args: Any) -> VirialFFPotential:
        """See VirialFFPotential for the arguments."""
        return VirialFFPotential(**args)


class VirialFFPotential(MLPotentialImpl):
    """The potential of one molecule or complex in free space.

    Parameters
    ----------
    molecule : Molecule or str, optional
        The bonds, as a molecule or SMILES, in the order of the atoms. Without it they are those of the Topology, each
        of which has to have an order then.
    model : Model or str, optional
        A model, or its name or folder; by default the default model.
    """

    def __init__(self, molecule: Molecule | str | None = None, model: Model | str | None = None) -> None:
        self._molecule = Molecule.from_smiles(molecule) if isinstance(molecule, str) else molecule
        self._model = load_model(model) if model is None or isinstance(model, str) else model

    def addForces(
        self,
        topology: Topology,
        system: openmm.System,
        atoms: Iterable[int] | None,
        forceGroup: int,
        **args: Any,
    ) -> None:
        """Add the force between the atoms, by default all, to the System; called by OpenMM-ML.

        Raises MoleculeError if the atoms are not those of the molecule, or if there is neither a molecule nor a
        Topology whose bonds have orders.
        """
        every = list(topology.atoms())
        particles = list(range(len(every))) if atoms is None else [int(atom) for atom in atoms]
        numbers = [every[particle].element.atomic_number if every[particle].element else 0 for particle in particles]
        molecule = self._molecule or _molecule(topology, particles, numbers)
        if not np.array_equal(numbers, molecule.numbers):
            raise MoleculeError(
                f"the {len(numbers)} atoms of the Topology are not those of the molecule ({molecule.formula}), in its "
                "order; give the molecule in the order of the atoms"
            )
        force = pair_force(self._model.force_field(molecule), particles)
        force.setForceGroup(forceGroup)
        system.addForce(force)


def _molecule(topology: Topology, particles: list[int], numbers: list[int]) -> Molecule:
    place = {particle: index for index, particle in enumerate(particles)}
    bonds, orders = [], []
    for bond in topology.bonds():
        ends = [place.get(atom.index) for atom in bond]
        if ends == [None, None]:
            continue
        if None in ends:
            raise MoleculeError("a bond leads from the atoms of the potential to others; take whole molecules")
        if bond.order is None:
            raise MoleculeError(
                'a bond of the Topology has no order; name the molecule: MLPotential("virialff", molecule="CCO")'
            )
        bonds.append(ends)
        orders.append(float(bond.order))
    return Molecule.from_arrays(numbers, np.array(bonds, dtype=np.int64).reshape(-1, 2), orders)
