"""Files for OpenMM: the System as XML and starting coordinates as PDB."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from virialff.models.openmm import CUTOFF, box_system, topology
from virialff.molecules.placement import on_grid

if TYPE_CHECKING:
    from virialff.models.force_field import Model
    from virialff.molecules.molecule import Molecule


def molecule_files(model: Model, molecule: Molecule) -> dict[str, str]:
    """`system.xml` and `start.pdb` of one molecule or complex with a conformer, by name.

    Raises what `ForceField.to_openmm` and `Molecule.require_3d` raise.
    """
    molecule.require_3d()
    return {
        "system.xml": serialized(model.force_field(molecule).to_openmm()),
        "start.pdb": pdb([molecule], [1], molecule.positions[0]),
    }


def box_files(
    model: Model,
    molecules: Sequence[Molecule],
    counts: Sequence[int],
    *,
    cutoff: float = CUTOFF,
    spacing: float | None = None,
    seed: int = 1,
) -> dict[str, str]:
    """`system.xml` and `start.pdb` of a periodic box, whose molecules stand on a grid, turned at random.

    Every molecule has a conformer, of which the first is taken. cutoff and spacing in Angstrom, as `box_system` and
    `molecules.placement.on_grid` have them. Raises what `box_system` and `Molecule.require_3d` raise.
    """
    for molecule in molecules:
        molecule.require_3d()
    positions, edge = on_grid([molecule.positions[0] for molecule in molecules], counts, spacing=spacing, seed=seed)
    return {
        "system.xml": serialized(box_system(model, molecules, counts, edge, cutoff=cutoff)),
        "start.pdb": pdb(molecules, counts, positions, edge),
    }


def serialized(system: object) -> str:
    """A System of OpenMM as XML."""
    from openmm import XmlSerializer

    text: str = XmlSerializer.serialize(system)
    return text


def pdb(molecules: Sequence[Molecule], counts: Sequence[int], positions: np.ndarray, edge: float | None = None) -> str:
    """PDB text of positions (n_atoms, 3), Angstrom, in the order of `models.openmm.topology`."""
    from openmm import app, unit

    buffer = io.StringIO()
    app.PDBFile.writeFile(topology(molecules, counts, edge), positions * unit.angstrom, buffer)
    return buffer.getvalue()
