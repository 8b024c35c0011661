"""A baseline moves from one level of theory to another by what the labels of both differ in."""

import pytest
import torch

from tests.small_network import SMALL_NETWORK
from training.data.pack import MOLECULES, load_pack
from training.objectives.baselines import fit_total_baseline, move_baseline
from virialff.elements import ELEMENTS
from virialff.networks.baseline import baseline_energies, baseline_features
from virialff.networks.force_field import ForceFieldNetwork

#: Another level: each atom lies higher, each carbon by more, each bond lower.
PER_ATOM, PER_CARBON, PER_BOND = 1000.0, 30.0, 4.0


def shifted(record):
    counts = baseline_features(record.graph)[0]
    bonds = counts[len(ELEMENTS) + 1 :].sum()
    rise = PER_ATOM * record.graph.n_atoms + PER_CARBON * counts[ELEMENTS.index("C")] - PER_BOND * bonds
    return record._replace(energies=record.energies + rise)


@pytest.fixture(scope="module")
def records(packs):
    return list(load_pack(packs / MOLECULES).train)


@pytest.fixture(scope="module")
def prior(records):
    return fit_total_baseline(records, detail="bonds")


def errors(baseline, prior, records):
    """Of the change of the baseline, kcal/mol."""
    return [
        float(
            baseline_energies(baseline, record.graph)
            - baseline_energies(prior, record.graph)
            - (shifted(record).energies - record.energies)[0]
        )
        for record in records
    ]


def test_pairs_of_labels_give_the_change_whatever_the_network(records, prior):
    torch.manual_seed(0)
    network = ForceFieldNetwork(SMALL_NETWORK)
    others = [shifted(record) for record in records]
    moved = move_baseline(others, prior, network, detail="bonds", companions=records)
    assert max(map(abs, errors(moved, prior, records))) < 0.5
    # Without the pairs it is what the network, which knows nothing, leaves.
    alone = move_baseline(others, prior, network, detail="bonds")
    assert max(map(abs, errors(alone, prior, records))) > 0.5


def test_other_geometries_and_another_atom_order_are_no_pairs(records, prior):
    network = ForceFieldNetwork(SMALL_NETWORK)
    others = [shifted(record) for record in records]
    alone = move_baseline(others, prior, network, detail="bonds")
    elsewhere = [record._replace(positions=record.positions + 0.01) for record in records]
    reordered = [
        record._replace(graph=record.graph._replace(elements=record.graph.elements.flip(0)))
        for record in records
        if record.graph.elements[0] != record.graph.elements[-1]
    ]
    for companions in (elsewhere, reordered):
        moved = move_baseline(others, prior, network, detail="bonds", companions=companions)
        torch.testing.assert_close(moved.weights, alone.weights)


def test_elements_that_the_new_level_lacks_are_not_seen(records, prior):
    without = [record for record in records if ELEMENTS.index("N") not in record.graph.elements]
    assert len(without) < len(records)
    moved = move_baseline(without, prior, ForceFieldNetwork(SMALL_NETWORK), detail="bonds")
    assert prior.seen[ELEMENTS.index("N")]
    assert not moved.seen[ELEMENTS.index("N")]
    bonds = slice(len(ELEMENTS) + 1, None)
    assert torch.equal(moved.seen[bonds], prior.seen[bonds])
