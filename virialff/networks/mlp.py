"""Multilayer perceptron with LeakyReLU between its linear layers."""

from itertools import pairwise

from torch import nn


def mlp(n_inputs: int, width: int, n_outputs: int, layers: int) -> nn.Sequential:
    """`layers` linear layers, hidden ones `width` wide, LeakyReLU between them."""
    sizes = [n_inputs, *[width] * (layers - 1), n_outputs]
    modules: list[nn.Module] = []
    for first, second in pairwise(sizes):
        modules += [nn.Linear(first, second), nn.LeakyReLU()]
    return nn.Sequential(*modules[:-1])
