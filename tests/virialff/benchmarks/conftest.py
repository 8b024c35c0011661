"""A small network with random parameters: real code, no trained numbers."""

import pytest
import torch

from tests.small_network import SMALL_NETWORK
from virialff.elements import ELEMENTS
from virialff.models.checkpoint import Checkpoint
from virialff.models.force_field import Model
from virialff.networks.baseline import N_FEATURES, Baseline
from virialff.networks.force_field import ForceFieldNetwork


@pytest.fixture(scope="session")
def random_model() -> Model:
    torch.manual_seed(0)
    card = {
        "name": "random",
        "level_of_theory": "none (random parameters)",
        "elements": [symbol for symbol in ELEMENTS if symbol != "S"],
        "atomic_energies_kcal_mol": dict.fromkeys(ELEMENTS, 0.0),
        "sha256": "",
    }
    weights = torch.linspace(-400.0, -10.0, N_FEATURES, dtype=torch.float64)
    baseline = Baseline(weights, torch.ones(N_FEATURES, dtype=torch.bool))
    return Model(Checkpoint(ForceFieldNetwork(SMALL_NETWORK).eval(), baseline, card))
