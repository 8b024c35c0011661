"""Which records a stage draws, and the error of torsions on validation."""

import math
from collections import Counter
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.small_network import SMALL_NETWORK
from training.data.pack import KINDS, MOLECULES, Pack, load_pack
from training.loop.evaluate import potential_errors, predict_molecules
from training.loop.sources import Source
from training.loop.state import State
from training.objectives.baselines import fit_total_baseline
from training.recipes.optimization import Optimization
from virialff.networks.force_field import ForceFieldNetwork


def test_every_geometry_draws_a_molecule_once_for_so_many_conformers(packs):
    molecules = load_pack(packs / MOLECULES)
    few = molecules.train.subset([0, 1, 2, 3, 4])
    # One of them has as many geometries as a scan.
    few.n_conformers[3] = 24
    pack = Pack(few, molecules.validation, molecules.test)
    for every, times in ((False, dict.fromkeys(range(5), 1)), (True, {0: 2, 1: 2, 2: 2, 3: 12, 4: 2})):
        stage = Optimization(batch_molecules=1, conformers=2, every_geometry=every, interaction_weight=0.0)
        drawn = islice(Source(pack, None, stage, 0)._molecule_batches, sum(times.values()))
        assert Counter(index for _, batch in drawn for index in batch) == times
        # A run that goes on draws what it would have drawn.
        later = next(Source(pack, None, stage, 3)._molecule_batches)
        assert later == next(islice(Source(pack, None, stage, 0)._molecule_batches, 3, None))


def test_the_error_of_torsions_is_that_of_their_shape(packs):
    records = load_pack(packs / MOLECULES).train
    torch.manual_seed(3)
    network = ForceFieldNetwork(SMALL_NETWORK)
    state = State(network, network, fit_total_baseline(records, detail="bonds"))
    scans = []
    for record in records[:2]:
        scan = record._replace(
            positions=record.positions[:1].expand(8, -1, -1),
            energies=record.energies[:1].expand(8),
            forces=record.forces[:1].expand(8, -1, -1),
            kinds=torch.full((8,), KINDS.index("torsion")),
        )
        ((_, energies, _),) = predict_molecules(state.average, state.baseline, [scan])
        # Off by a constant, by one up and down, and far above the lowest, where it does not count.
        off = torch.tensor([1.0, -1.0] * 4, dtype=torch.float64)
        off[7] += 1000.0
        scans.append(scan._replace(energies=energies + 100.0 + off))
    held_out: Any = SimpleNamespace(validation=scans)
    errors = potential_errors(state, held_out, None, "validation")
    assert errors["torsion_rmse"] == pytest.approx(math.sqrt(1.0 - (1.0 / 7.0) ** 2))
