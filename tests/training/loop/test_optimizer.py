"""Muon: matrices step orthogonally and as far as with Adam, all else is Adam; it goes on from what it saved."""

import copy

import torch
from torch import nn

from training.loop.optimizer import Muon, make_optimizer, orthogonal


def _network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 40), nn.Tanh(), nn.Linear(40, 1))


def _train(network: nn.Sequential, optimizer: torch.optim.Optimizer, steps: int) -> float:
    inputs = torch.linspace(-1, 1, 300).reshape(100, 3)
    wanted = inputs.square().sum(dim=1, keepdim=True)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (network(inputs) - wanted).abs().mean()
        loss.backward()
        optimizer.step()
    return loss.item()


def test_singular_vectors_stay_and_singular_values_come_near_one():
    torch.manual_seed(2)
    for shape in ((32, 32), (4, 64, 40), (40, 64)):
        matrices = torch.randn(shape, dtype=torch.float64)
        u, values, v = torch.linalg.svd(matrices, full_matrices=False)
        found = u.mT @ orthogonal(matrices) @ v.mT
        diagonal = torch.diagonal(found, dim1=-2, dim2=-1)
        torch.testing.assert_close(found, torch.diag_embed(diagonal), atol=1e-9, rtol=0)
        # Where they are not small against the largest one, as for a nearly singular matrix.
        large = values > 0.1 * values.amax(dim=-1, keepdim=True)
        assert diagonal[large].min() > 0.6
        assert diagonal.max() < 1.3
    assert not orthogonal(torch.zeros(32, 32)).any()


def test_only_matrices_leave_adam():
    networks = _network(), _network()
    optimizers = (
        make_optimizer("adam", networks[0].parameters(), 1e-2),
        make_optimizer("muon", networks[1].parameters(), 1e-2),
    )
    before = copy.deepcopy(networks[0].state_dict())
    for network, optimizer in zip(networks, optimizers, strict=True):
        _train(network, optimizer, 1)
    adam, muon = (network.state_dict() for network in networks)
    differ = {name for name in adam if not torch.equal(adam[name], muon[name])}
    assert differ == {"2.weight"}
    # One gradient has few directions; Adam moves every weight by the rate.
    change, by_adam = muon["2.weight"] - before["2.weight"], adam["2.weight"] - before["2.weight"]
    assert 0.01 < change.norm() / by_adam.norm() < 1.0


def test_it_learns_and_goes_on_from_what_it_saved():
    whole, parts = _network(), _network()
    first = Muon(whole.parameters(), 1e-2)
    start = _train(whole, first, 1)
    assert _train(whole, first, 59) < 0.5 * start
    second = Muon(parts.parameters(), 1e-2)
    _train(parts, second, 20)
    saved = copy.deepcopy(second.state_dict())
    third = Muon(parts.parameters(), 1e-2)
    third.load_state_dict(saved)
    _train(parts, third, 40)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other)
