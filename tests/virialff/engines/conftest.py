"""Molecules and engines that the engine tests share."""

from __future__ import annotations

import numpy as np
import pytest

from virialff.conformers.generation import generate
from virialff.engines.ani import AniEngine
from virialff.engines.ani_weights import AniWeights, ani1x_from_wheel
from virialff.engines.base import Engine
from virialff.engines.xtb import Gfn2Engine
from virialff.molecules.molecule import Molecule

# Water with an O-H bond along z: two atoms share two coordinates exactly.
WATER = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.96], [0.93, 0.0, -0.24]])


@pytest.fixture(scope="session")
def ani1x() -> AniWeights:
    """ANI-1x as a user without ANI-2x gets it: from the package index, kept in the user's cache."""
    return ani1x_from_wheel()


@pytest.fixture(scope="session", params=["xtb-python", "tblite", "ani"])
def engine(request: pytest.FixtureRequest, ani1x: AniWeights) -> Engine:
    if request.param == "ani":
        return AniEngine(ani1x)
    return Gfn2Engine(request.param)


@pytest.fixture(scope="session")
def water() -> Molecule:
    return Molecule.from_smiles("O").with_positions(WATER)


@pytest.fixture(scope="session")
def glycine() -> Molecule:
    """Glycine, H, C, N and O, with several conformers slightly off their minima."""
    molecule = generate(Molecule.from_smiles("NCC(=O)O"), 3, seed=1)
    shifts = np.random.default_rng(5).normal(scale=0.02, size=molecule.positions.shape)
    return molecule.with_positions(molecule.positions + shifts)
