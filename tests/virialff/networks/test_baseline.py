"""The linear baseline: exact on data that are linear, intercept once a fragment."""

import pytest
import torch

from virialff.graph import molecule_tensors
from virialff.graph_tensors import collate
from virialff.molecule import Molecule
from virialff.networks.baseline import N_FEATURES, baseline_energies, baseline_features, fit_baseline

SMILES = ("C", "CC", "C=C", "C#C", "O", "CO", "C=O", "CCO", "c1ccccc1", "CC(=O)O", "OO", "CCC", "C=CC", "COC", "OCO")


def test_features_count_elements_fragments_and_bonds():
    features = baseline_features(collate([molecule_tensors(Molecule.from_smiles(s)) for s in ("C=O", "O.O")]))
    assert features.shape == (2, N_FEATURES)
    assert features.dtype == torch.float64
    assert features[0, :10].tolist() == [2, 1, 0, 1, 0, 0, 0, 0, 0, 1]
    assert features[1, :10].tolist() == [4, 0, 0, 2, 0, 0, 0, 0, 0, 2]
    assert features[0, 10:].sum() == 3
    assert features[1, 10:].sum() == 4


@pytest.mark.parametrize("bond_types", [False, True])
def test_fit_recovers_linear_energies(bond_types):
    features = torch.cat([baseline_features(molecule_tensors(Molecule.from_smiles(s))) for s in SMILES])
    torch.manual_seed(1)
    truth = torch.zeros(N_FEATURES, dtype=torch.float64)
    truth[[0, 1, 3]] = torch.tensor([-310.0, -23_900.0, -47_200.0], dtype=torch.float64)
    truth[9] = 4.0
    if bond_types:
        truth[10:] = torch.randn(N_FEATURES - 10, dtype=torch.float64) * 20
    fit = fit_baseline(features, features @ truth, bond_types=bond_types)
    torch.testing.assert_close(features @ fit.weights, features @ truth, rtol=0, atol=0.05 if bond_types else 1e-4)
    assert bool((fit.weights[~fit.seen] == 0).all())
    assert bond_types or bool((fit.weights[10:] == 0).all())


def test_baseline_of_a_complex_is_that_of_its_fragments():
    features = torch.cat([baseline_features(molecule_tensors(Molecule.from_smiles(s))) for s in SMILES])
    fit = fit_baseline(features, torch.randn(len(SMILES), dtype=torch.float64) * 100, bond_types=True)
    parts, whole = (
        collate([molecule_tensors(Molecule.from_smiles(s)) for s in texts]) for texts in (("CCO", "O"), ("CCO.O",))
    )
    torch.testing.assert_close(baseline_energies(fit, parts).sum(), baseline_energies(fit, whole)[0])
