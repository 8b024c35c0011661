"""The sign of the charges: a convention that changes no energy."""

import copy

import torch

from training.data.pack import COMPLEXES, MOLECULES, load_pack
from training.loop.evaluate import predict_complexes
from training.objectives.charge_sign import orient_charges
from virialff.networks.config import NetworkConfig
from virialff.networks.force_field import ForceFieldNetwork


def test_the_mirror_image_is_turned_and_no_energy_changes(packs):
    torch.manual_seed(0)
    molecules, complexes = load_pack(packs / MOLECULES).train, load_pack(packs / COMPLEXES).train
    network = ForceFieldNetwork(NetworkConfig(hidden_size=16, charge_width=16, pair_width=16, neutral_fragments=True))
    orient_charges(network, molecules)
    mirror = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in mirror.charges.layers[-1].parameters():
            parameter.neg_()

    before = [energy for _, energy in predict_complexes(mirror, complexes)]
    assert orient_charges(mirror, molecules) is True
    assert orient_charges(mirror, molecules) is False
    for record in molecules:
        torch.testing.assert_close(mirror(record.graph).charges, network(record.graph).charges)
    for old, (_, new) in zip(before, predict_complexes(mirror, complexes), strict=True):
        torch.testing.assert_close(new, old)
