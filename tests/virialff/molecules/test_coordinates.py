"""Angles and torsions, beside RDKit's."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from virialff.molecules.coordinates import angle, torsion


@pytest.mark.parametrize("seed", range(5))
def test_angle_and_torsion_are_those_of_rdkit(seed):
    points = np.random.default_rng(seed).normal(size=(4, 3))
    conformer = Chem.Conformer(4)
    for atom, point in enumerate(points):
        conformer.SetAtomPosition(atom, point.tolist())
    assert angle(*points[:3]) == pytest.approx(rdMolTransforms.GetAngleDeg(conformer, 0, 1, 2))
    assert torsion(*points) == pytest.approx(rdMolTransforms.GetDihedralDeg(conformer, 0, 1, 2, 3))


def test_ends_of_the_range():
    line = np.array([[-1.0, 0, 0], [0, 0, 0], [1.0, 0, 0]])
    assert angle(*line) == pytest.approx(180.0)
    assert angle(line[0], line[1], line[0]) == pytest.approx(0.0)
