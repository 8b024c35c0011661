import numpy as np
import pytest
from rdkit import Chem

from training.labelling.structures import geometries
from virialff.errors import MoleculeError
from virialff.molecules.changes import connectivity_changes
from virialff.molecules.molecule import Molecule


def test_embed_gives_distinct_minima_lowest_first() -> None:
    molecule = Molecule.from_smiles("OCCCO")
    made = geometries.embed(molecule, 4, seed=1)
    assert made.positions.shape == (4, molecule.n_atoms, 3)
    assert made.kinds == (geometries.MINIMUM_MMFF,) * 4
    spectra = [np.sort(np.linalg.norm(x[:, None] - x[None], axis=-1), axis=None) for x in made.positions]
    assert min(np.abs(a - b).max() for i, a in enumerate(spectra) for b in spectra[:i]) > 0.05


def test_embed_finds_one_conformer_of_a_rigid_molecule() -> None:
    assert len(geometries.embed(Molecule.from_smiles("c1ccccc1"), 4, seed=1).positions) == 1


def test_embed_falls_back_to_gfn2() -> None:
    made = geometries.embed(Molecule.from_smiles("FS(F)(F)(F)(F)F"), 1, seed=1)
    assert made.kinds == (geometries.MINIMUM_GFN2,)


def test_embed_names_a_molecule_without_geometry() -> None:
    with pytest.raises(MoleculeError, match="no three-dimensional geometry of C7H8O2 could be made"):
        geometries.embed(Molecule.from_smiles("O[C@]12CC=C3C[C@@H]1[C@@]32O"), 1, seed=1)


def test_assign_stereo_settles_what_the_smiles_leaves_open() -> None:
    molecule = geometries.assign_stereo("CC(O)C1CC2CC1C=C2", seed=3)
    mol = Chem.MolFromSmiles(molecule.smiles)
    assert all(element.specified == Chem.StereoSpecified.Specified for element in Chem.FindPotentialStereo(mol))
    assert molecule.inchikey[:14] == Molecule.from_smiles("CC(O)C1CC2CC1C=C2").inchikey[:14]


def test_assign_stereo_keeps_what_is_assigned() -> None:
    assert geometries.assign_stereo("C[C@H](O)C(F)Cl", seed=3).smiles.startswith("C[C@H](O)[C@")
    assert geometries.assign_stereo("C[C@@H](O)CC", seed=3).smiles == Molecule.from_smiles("C[C@@H](O)CC").smiles


def test_displaced_has_the_stated_width() -> None:
    positions = np.zeros((5000, 3))
    moved = geometries.displaced(positions, 0.04, np.random.default_rng(0))
    assert np.std(moved) == pytest.approx(0.04, rel=0.02)
    assert not positions.any()


def test_turned_torsion_keeps_bonds_and_changes_the_shape() -> None:
    molecule = Molecule.from_smiles("CCCO")
    start = geometries.embed(molecule, 1, seed=1).positions[0]
    turned = geometries.turned_torsion(molecule, start, np.random.default_rng(1))
    assert turned is not None
    assert connectivity_changes(molecule, turned) == ()
    i, j = molecule.bonds.T
    before, after = (np.linalg.norm(x[i] - x[j], axis=1) for x in (start, turned))
    np.testing.assert_allclose(after, before, atol=1e-6)
    assert np.abs(turned - start).max() > 0.3


def test_turned_torsion_of_a_rigid_molecule_is_none() -> None:
    molecule = Molecule.from_smiles("c1ccccc1")
    start = geometries.embed(molecule, 1, seed=1).positions[0]
    assert geometries.turned_torsion(molecule, start, np.random.default_rng(1)) is None


def test_molecule_geometries_follow_the_seed_and_mix_kinds() -> None:
    molecule = Molecule.from_smiles("CC(=O)NCCO")
    made = geometries.molecule_geometries(molecule, n_conformers=3, n_geometries=7, seed=5)
    again = geometries.molecule_geometries(molecule, n_conformers=3, n_geometries=7, seed=5)
    other = geometries.molecule_geometries(molecule, n_conformers=3, n_geometries=7, seed=6)
    np.testing.assert_array_equal(made.positions, again.positions)
    assert not np.array_equal(made.positions, other.positions)
    assert len(made.kinds) == len(made.positions) == 7
    assert made.kinds.count(geometries.MINIMUM_MMFF) == 3
    assert {geometries.TORSION, geometries.DISPLACED, geometries.DISTORTED} <= set(made.kinds)


def test_where_no_more_are_wanted_than_conformers_there_are_minima_alone() -> None:
    molecule = Molecule.from_smiles("CC(=O)NCCO")
    made = geometries.molecule_geometries(molecule, n_conformers=2, n_geometries=2, seed=5)
    assert made.kinds == (geometries.MINIMUM_MMFF,) * 2
    np.testing.assert_array_equal(made.positions, geometries.embed(molecule, 2, 5).positions)


def test_seed_depends_on_every_name() -> None:
    assert geometries.seed_of(1, "a", "b") == geometries.seed_of(1, "a", "b")
    assert len({geometries.seed_of(1, "a"), geometries.seed_of(2, "a"), geometries.seed_of(1, "b")}) == 3
