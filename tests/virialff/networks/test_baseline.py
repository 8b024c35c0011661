"""The linear baseline: exact on data that are linear, intercept once a fragment."""

import pytest
import torch

from virialff.molecules.molecule import Molecule
from virialff.networks.baseline import N_FEATURES, Baseline, baseline_energies, baseline_features, fit_baseline
from virialff.networks.graph import molecule_tensors
from virialff.networks.graph_tensors import collate

SMILES = ("C", "CC", "C=C", "C#C", "O", "CO", "C=O", "CCO", "c1ccccc1", "CC(=O)O", "OO", "CCC", "C=CC", "COC", "OCO")


def test_features_count_elements_fragments_and_bonds():
    features = baseline_features(collate([molecule_tensors(Molecule.from_smiles(s)) for s in ("C=O", "O.O")]))
    assert features.shape == (2, N_FEATURES)
    assert features.dtype == torch.float64
    assert features[0, :10].tolist() == [2, 1, 0, 1, 0, 0, 0, 0, 0, 1]
    assert features[1, :10].tolist() == [4, 0, 0, 2, 0, 0, 0, 0, 0, 2]
    # Each bond counts once by its type and once for each of its ends.
    assert features[0, 10:].sum() == 3 * 3
    assert features[1, 10:].sum() == 3 * 4


def test_ends_of_bonds_are_told_apart_by_their_neighbours():
    enamine, amine = (baseline_features(molecule_tensors(Molecule.from_smiles(s)))[0] for s in ("CC=CN", "C=CCN"))
    bonds = 10 + 9 * 9 * 4
    assert torch.equal(enamine[:bonds], amine[:bonds])
    assert not torch.equal(enamine, amine)


def test_a_baseline_of_an_earlier_version_is_read():
    earlier = torch.arange(334, dtype=torch.float32)
    read = Baseline.read(earlier, earlier > 3)
    assert read.weights.shape == read.seen.shape == (N_FEATURES,)
    assert torch.equal(read.weights[:334], earlier.double())
    assert not read.weights[334:].any()
    assert not read.seen[334:].any()
    assert Baseline.read(*read).weights.equal(read.weights)
    with pytest.raises(ValueError, match="a baseline of 7 weights was expected to have"):
        Baseline.read(earlier[:7], earlier[:7] > 3)


@pytest.mark.parametrize("detail", ["elements", "bonds", "coordination"])
def test_fit_recovers_linear_energies(detail):
    end = {"elements": 10, "bonds": 334, "coordination": N_FEATURES}[detail]
    features = torch.cat([baseline_features(molecule_tensors(Molecule.from_smiles(s))) for s in SMILES])
    torch.manual_seed(1)
    truth = torch.zeros(N_FEATURES, dtype=torch.float64)
    truth[[0, 1, 3]] = torch.tensor([-310.0, -23_900.0, -47_200.0], dtype=torch.float64)
    truth[9] = 4.0
    truth[10:end] = torch.randn(end - 10, dtype=torch.float64) * 20
    fit = fit_baseline(features, features @ truth, detail=detail)
    tolerance = {"elements": 1e-4, "bonds": 0.05, "coordination": 0.2}[detail]
    torch.testing.assert_close(features @ fit.weights, features @ truth, rtol=0, atol=tolerance)
    assert bool((fit.weights[~fit.seen] == 0).all())
    assert bool((fit.weights[end:] == 0).all())


def test_baseline_of_a_complex_is_that_of_its_fragments():
    features = torch.cat([baseline_features(molecule_tensors(Molecule.from_smiles(s))) for s in SMILES])
    fit = fit_baseline(features, torch.randn(len(SMILES), dtype=torch.float64) * 100, detail="bonds")
    parts, whole = (
        collate([molecule_tensors(Molecule.from_smiles(s)) for s in texts]) for texts in (("CCO", "O"), ("CCO.O",))
    )
    torch.testing.assert_close(baseline_energies(fit, parts).sum(), baseline_energies(fit, whole)[0])
