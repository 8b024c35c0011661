"""The public API: shapes, units, invariances, interaction energies, tables and errors."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from virialff.errors import CheckpointError, MoleculeError, ShapeError, UnsupportedElementError
from virialff.models.force_field import ForceField, Model
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import RELATIONS

SMILES = ("CC(=O)Nc1ccccc1", "O.CO", "C[N+](=O)[O-]", "OP(=O)(O)O", "FC(Cl)Br", "CS", "[NH3+]CC(=O)[O-]")


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model()


def geometry(molecule: Molecule, seed: int = 0, n_conformers: int | None = None) -> np.ndarray:
    """Atoms on a loose random lattice: no two of them near each other."""
    rng = np.random.default_rng(seed)
    cells = np.stack(np.meshgrid(*[np.arange(5)] * 3), axis=-1).reshape(-1, 3)[: molecule.n_atoms]
    shape = (molecule.n_atoms, 3) if n_conformers is None else (n_conformers, molecule.n_atoms, 3)
    return cells * 1.6 + rng.normal(scale=0.15, size=shape)


def rotation(seed: int) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


@pytest.mark.parametrize("smiles", SMILES)
def test_shapes_and_the_sum_of_the_parts(model, smiles):
    molecule = Molecule.from_smiles(smiles)
    field = model.force_field(molecule)
    many = geometry(molecule, n_conformers=3)
    one = many[1]
    assert field.charges.shape == (molecule.n_atoms,)
    assert field.energy(many).shape == (3,)
    assert field.energy(one).shape == ()
    assert field.forces(many).shape == many.shape
    assert field.forces(one).shape == one.shape
    assert all(x.dtype == np.float64 for x in (field.charges, field.energy(many), field.forces(one)))
    assert field.energy(one) == pytest.approx(field.energy(many)[1])
    np.testing.assert_allclose(field.energy(many), field.baseline + field.pair_energy(many), rtol=0, atol=1e-9)
    decomposition = field.decompose(many)
    np.testing.assert_allclose(decomposition.energy, field.energy(many), rtol=0, atol=1e-7)
    np.testing.assert_allclose(decomposition.by_pair.sum(axis=1), field.pair_energy(many), rtol=0, atol=1e-7)
    table = field.decompose(one).table()
    assert list(table.columns) == ["i", "j", "coulomb", "dispersion", "repulsion", "gaussians", "total"]
    assert table["total"].sum() == pytest.approx(float(field.pair_energy(one)))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(SMILES), st.integers(0, 1000))
def test_rotation_translation_and_atom_order_change_nothing(smiles, seed):
    model = load_model()
    molecule = Molecule.from_smiles(smiles)
    rng = np.random.default_rng(seed)
    order = rng.permutation(molecule.n_atoms)
    shuffled = Molecule.from_rdkit(_renumbered(molecule, order))
    positions = geometry(molecule, seed)
    moved = positions @ rotation(seed).T + rng.normal(size=3) * 10
    field, other = model.force_field(molecule), model.force_field(shuffled)
    assert float(field.energy(moved)) == pytest.approx(float(field.energy(positions)), abs=1e-4)
    assert float(other.energy(positions[order])) == pytest.approx(float(field.energy(positions)), abs=1e-4)
    np.testing.assert_allclose(other.charges, field.charges[order], atol=1e-8)
    np.testing.assert_allclose(field.forces(moved), field.forces(positions) @ rotation(seed).T, atol=1e-4)


def _renumbered(molecule: Molecule, order: np.ndarray):
    from rdkit import Chem

    return Chem.RenumberAtoms(molecule.to_rdkit(), order.tolist())


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(SMILES), min_size=2, max_size=5))
def test_a_batch_gives_what_single_molecules_give(texts):
    model = load_model()
    molecules = [Molecule.from_smiles(text) for text in texts]
    for molecule, field in zip(molecules, model.force_fields(molecules), strict=True):
        alone = model.force_field(molecule)
        positions = geometry(molecule)
        np.testing.assert_allclose(field.charges, alone.charges, atol=1e-10)
        assert float(field.energy(positions)) == pytest.approx(float(alone.energy(positions)), abs=1e-4)


def test_forces_against_finite_differences(model):
    molecule = Molecule.from_smiles("CC(=O)N")
    field, positions, step = model.force_field(molecule), geometry(molecule), 1e-4
    forces = field.forces(positions)
    for atom, axis in [(0, 0), (2, 1), (7, 2)]:
        moved = np.stack([positions, positions])
        moved[0, atom, axis] -= step
        moved[1, atom, axis] += step
        low, high = field.pair_energy(moved)
        assert forces[atom, axis] == pytest.approx(-(high - low) / (2 * step), rel=1e-5, abs=1e-5)


def test_torch_tensors_are_welcome_and_positions_are_not_changed(model):
    molecule = Molecule.from_smiles("CCO")
    field, positions = model.force_field(molecule), geometry(molecule)
    before = positions.copy()
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-2)):
        tensor = torch.tensor(positions, dtype=dtype, requires_grad=True)
        assert float(field.energy(tensor)) == pytest.approx(float(field.energy(positions)), abs=tolerance)
    field.forces(positions)
    assert np.array_equal(positions, before)


def test_interaction_energy_is_the_difference_of_total_energies(model):
    molecule = Molecule.from_smiles("CO.O.C=O")
    positions = geometry(molecule, n_conformers=2)
    apart = sum(model.force_field(molecule.fragment(k)).energy(positions[:, molecule.fragments == k]) for k in range(3))
    field = model.force_field(molecule)
    np.testing.assert_allclose(field.interaction_energy(positions), field.energy(positions) - apart, atol=1e-6)
    np.testing.assert_array_equal(field.binding_energy(positions), -field.interaction_energy(positions))
    assert field.interaction_energy(positions[0]).shape == ()


def test_interaction_energy_of_one_molecule_is_a_named_error(model):
    with pytest.raises(MoleculeError, match="two or more fragments"):
        model.force_field(Molecule.from_smiles("C")).interaction_energy(np.zeros((5, 3)))


def test_charges_of_every_fragment_sum_to_zero(model):
    molecule = Molecule.from_smiles("[NH3+]CC(=O)[O-].O.CS(C)=O")
    charges = model.force_field(molecule).charges
    for fragment in range(3):
        assert abs(charges[molecule.fragments == fragment].sum()) < 1e-4


@pytest.mark.parametrize(
    ("smiles", "atoms"), [("c1ccccc1", [0, 1, 2, 3, 4, 5]), ("C[N+](=O)[O-]", [2, 3]), ("CC(C)(C)C", [0, 2, 3, 4])]
)
def test_equivalent_atoms_have_equal_charges(model, smiles, atoms):
    charges = model.force_field(Molecule.from_smiles(smiles)).charges[atoms]
    assert np.ptp(charges) < 1e-6


def test_pair_table(model):
    molecule = Molecule.from_smiles("CCO.O")
    pairs = model.force_field(molecule).pairs
    n = molecule.n_atoms
    assert len(pairs) == n * (n - 1) // 2
    assert (pairs["i"] < pairs["j"]).all()
    assert set(pairs["relation"]) <= set(RELATIONS)
    assert [f"C{k}" for k in range(14)] == list(pairs.columns[-14:])
    bonded = pairs["relation"] == "bonded"
    assert bonded.sum() == len(molecule.bonds)
    assert pairs.loc[bonded, ["sigma", "epsilon", "R_min"]].isna().all(axis=None)
    rest = pairs[~bonded]
    np.testing.assert_allclose(rest["sigma"], (rest["C1"] / rest["C0"]).abs() ** (1 / 6))
    np.testing.assert_allclose(rest["epsilon"], rest["C0"] ** 2 / (4 * rest["C1"].abs()))
    np.testing.assert_allclose(rest["R_min"], 2 ** (1 / 6) * rest["sigma"])


def test_sigma_of_a_vanishing_c0_is_undefined(model):
    molecule = Molecule.from_smiles("CCO")
    field = model.force_field(molecule)
    coefficients = field.parameters.coefficients.clone()
    row = int((~field.parameters.bonded).nonzero()[0])
    coefficients[row, 0] = 0.0
    changed = ForceField(molecule, field.parameters._replace(coefficients=coefficients), 0.0, model.card)
    assert np.isnan(changed.pairs["sigma"].to_numpy()[row])
    assert np.isfinite(field.pairs["sigma"].to_numpy()[row])


def test_pair_curve_is_the_energy_of_that_pair(model):
    molecule = Molecule.from_smiles("CCO")
    field, positions = model.force_field(molecule), geometry(molecule)
    table = field.decompose(positions).table()
    for row in (0, len(table) - 1):
        i, j = table.loc[row, ["i", "j"]].astype(int)
        r = np.linalg.norm(positions[i] - positions[j])
        curve = field.pair_curve(row, np.array([r, 2 * r]))
        assert list(curve.columns) == ["r", "coulomb", "dispersion", "repulsion", "gaussians", "total"]
        assert curve["total"][0] == pytest.approx(table.loc[row, "total"])
    with pytest.raises(ShapeError, match="rows go from 0 to"):
        field.pair_curve(len(table), np.array([1.0]))


@pytest.mark.parametrize("shape", [(8, 3), (9, 2), (2, 8, 3), (9,), (1, 1, 9, 3)])
def test_positions_of_a_wrong_shape_say_got_and_expected(model, shape):
    field = model.force_field(Molecule.from_smiles("CCO"))
    with pytest.raises(ShapeError, match=r"expected \(9, 3\) or \(n_conformers, 9, 3\)"):
        field.energy(np.zeros(shape))


def test_a_model_without_an_element_says_so(model):
    partial = load_model()
    partial.card = partial.card | {"elements": ["H", "C", "N", "O"]}
    with pytest.raises(UnsupportedElementError, match=r"atom 2 is Br and the model .* was not trained on it"):
        partial.force_field(Molecule.from_smiles("CBr"))


def test_an_unknown_model_names_the_known_ones():
    with pytest.raises(CheckpointError, match=r"there is no model 'nonesuch'; .*default"):
        load_model("nonesuch")


def test_atomization_energy(model):
    molecule = Molecule.from_smiles("CCO")
    field, positions = model.force_field(molecule), geometry(molecule)
    expected = field.atomic_energies.sum() - field.energy(positions)
    assert float(field.atomization_energy(positions)) == pytest.approx(float(expected))


def test_a_protein_of_1231_atoms_takes_less_than_2_gib():
    protein = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"
    script = (
        "import resource, sys; from rdkit import Chem; from virialff import Molecule, load_model;"
        "molecule = Molecule.from_smiles(Chem.MolToSmiles(Chem.MolFromSequence(sys.argv[1])), max_atoms=2000);"
        "force_field = load_model().force_field(molecule);"
        "print(len(force_field.charges), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    told = subprocess.run([sys.executable, "-c", script, protein], check=True, capture_output=True, text=True).stdout
    n_atoms, kibibytes = map(int, told.split())
    assert n_atoms == 1231
    assert kibibytes < 2 * 1024**2
