"""A small network with random parameters: real code, no trained numbers."""

import pytest
import torch

from virialff.checkpoint import Checkpoint
from virialff.elements import ELEMENTS
from virialff.forcefield import Model
from virialff.networks.baseline import N_FEATURES, Baseline
from virialff.networks.config import NetworkConfig
from virialff.networks.force_field import ForceFieldNetwork


@pytest.fixture(scope="session")
def random_model() -> Model:
    torch.manual_seed(0)
    config = NetworkConfig(
        hidden_size=16,
        message_steps=2,
        charge_width=16,
        pair_width=16,
        distance_threshold=None,
        pair_relations=True,
        symmetric_pairs=True,
        neutral_fragments=True,
        output_scales=True,
        gaussian_widths=(0.3, 1.5),
    )
    card = {
        "name": "random",
        "level_of_theory": "none (random parameters)",
        "elements": [symbol for symbol in ELEMENTS if symbol != "S"],
        "atomic_energies_kcal_mol": dict.fromkeys(ELEMENTS, 0.0),
        "sha256": "",
    }
    weights = torch.linspace(-400.0, -10.0, N_FEATURES, dtype=torch.float64)
    baseline = Baseline(weights, torch.ones(N_FEATURES, dtype=torch.bool))
    return Model(Checkpoint(ForceFieldNetwork(config).eval(), baseline, card))
