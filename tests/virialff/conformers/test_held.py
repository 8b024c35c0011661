"""Coordinates held while the rest relaxes."""

import numpy as np
import pytest

from virialff.conformers.display import display_geometry
from virialff.conformers.generation import generate
from virialff.conformers.held import HeldCoordinate
from virialff.conformers.scans import ScanKind, separation_of, value_of
from virialff.molecules.molecule import Molecule

FLEXIBLE = generate(Molecule.from_smiles("CC(N)C=O"), 1)
DIMER = Molecule.from_smiles("O.CO")
DIMER = DIMER.with_positions(display_geometry(DIMER).positions[None])
HELD: list[tuple[Molecule, ScanKind, tuple[int, ...]]] = [
    (FLEXIBLE, "bond", (1, 3)),
    (FLEXIBLE, "angle", (0, 1, 3)),
    (FLEXIBLE, "torsion", (0, 1, 3, 4)),
    (DIMER, "separation", tuple(np.flatnonzero(DIMER.fragments == 1).tolist())),
]


def value(molecule: Molecule, kind: ScanKind, atoms: tuple[int, ...], positions: np.ndarray) -> float:
    """In Angstrom or degrees."""
    here = molecule.with_positions(positions[None])
    return separation_of(here) if kind == "separation" else value_of(here, atoms)


@pytest.mark.parametrize(("molecule", "kind", "atoms"), HELD)
def test_the_gradient_is_the_change_of_the_coordinate(
    molecule: Molecule, kind: ScanKind, atoms: tuple[int, ...]
) -> None:
    start = molecule.positions[0]
    held = HeldCoordinate(molecule, kind, atoms, 0.0)
    for move in 1e-4 * np.random.default_rng(1).normal(size=(5, *start.shape)):
        ends = [value(molecule, kind, atoms, start + way * move) for way in (-1, 1)]
        change = (ends[1] - ends[0]) / 2
        if kind in ("angle", "torsion"):
            change = np.radians(change)
        assert np.sum(held.gradient(start) * move) == pytest.approx(change, rel=1e-4)


@pytest.mark.parametrize(("molecule", "kind", "atoms"), HELD)
def test_put_back_sets_the_value_and_free_forces_have_no_part_along_it(
    molecule: Molecule, kind: ScanKind, atoms: tuple[int, ...]
) -> None:
    start = molecule.positions[0]
    wanted = value(molecule, kind, atoms, start) * 1.05
    held = HeldCoordinate(molecule, kind, atoms, wanted)
    moved = start + 0.05 * np.random.default_rng(2).normal(size=start.shape)
    assert value(molecule, kind, atoms, held.put_back(moved)) == pytest.approx(wanted, abs=1e-6)
    forces = np.random.default_rng(3).normal(size=start.shape)
    assert np.sum(held.free(moved, forces) * held.gradient(moved)) == pytest.approx(0.0, abs=1e-9)
