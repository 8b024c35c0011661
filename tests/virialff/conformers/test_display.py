import numpy as np

from virialff.conformers.display import display_geometry
from virialff.conformers.generation import search
from virialff.molecules.molecule import Molecule


def test_one_molecule_is_one_conformer_of_the_search():
    made = display_geometry(Molecule.from_smiles("CCO"))
    assert made.positions.shape == (9, 3)
    assert "MMFF94s" in made.source
    again = display_geometry(Molecule.from_smiles("CCO"))
    np.testing.assert_array_equal(made.positions, again.positions)


def test_molecules_of_a_complex_keep_their_shape_and_do_not_touch():
    complex_ = Molecule.from_smiles("O.CCO.O")
    made = display_geometry(complex_)
    assert "side by side" in made.source
    ethanol = search(Molecule.from_smiles("CCO"), 1, 7).molecule.positions[0]
    inside = made.positions[complex_.fragments == 1]
    np.testing.assert_allclose(distances(inside, inside), distances(ethanol, ethanol), atol=1e-6)
    for first in range(3):
        for second in range(first):
            apart = distances(made.positions[complex_.fragments == first], made.positions[complex_.fragments == second])
            assert apart.min() >= 2.5


def distances(a, b):
    return np.linalg.norm(a[:, None] - b[None], axis=-1)
