"""The optimizers of a stage: Adam, and Muon for the matrices of a network with Adam for all else."""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

#: Smallest side of a matrix of Muon; embeddings of few kinds have rows that are seldom used, which Adam follows better.
_SMALLEST_SIDE = 32
_MOMENTUM = 0.95
# A quintic iteration that brings singular values of 0 to 1 near 1 in few rounds (K. Jordan, "Muon", 2024).
_COEFFICIENTS, _ROUNDS = (3.4445, -4.7750, 2.0315), 5


def make_optimizer(
    kind: Literal["adam", "muon"], parameters: Iterable[nn.Parameter], rate: float
) -> torch.optim.Optimizer:
    """The optimizer `kind` of a recipe."""
    if kind == "muon":
        return Muon(parameters, rate)
    return torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.99))


class Muon(torch.optim.Adam):
    """Matrices move along their momentum made orthogonal, so that all its directions count alike; all else by Adam.

    Steps of a matrix have the size that Adam's usually have, so that one learning rate serves both (Liu et al.,
    arXiv:2502.16982). `torch.optim.Muon` has matrices alone, and works in bfloat16, which is slow on most processors.
    The last two dimensions of a tensor are its matrices.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float) -> None:
        matrices: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for parameter in parameters:
            is_matrix = parameter.ndim > 1 and min(parameter.shape[-2:]) >= _SMALLEST_SIDE
            (matrices if is_matrix else others).append(parameter)
        super().__init__(others, lr=rate, betas=(0.9, 0.99))
        self.add_param_group({"params": matrices})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step; without a closure."""
        assert closure is None
        group = self.param_groups[1]
        gradients = [matrix.grad for matrix in group["params"]]
        # Adam passes over what has no gradient.
        for matrix in group["params"]:
            matrix.grad = None
        super().step()
        for matrix, gradient in zip(group["params"], gradients, strict=True):
            matrix.grad = gradient
            if gradient is None:
                continue
            state = self.state[matrix]
            if not state:
                # Adam expects to find a step where it reads a saved state.
                state |= {"step": torch.zeros(()), "momentum": torch.zeros_like(matrix)}
            state["step"] += 1
            momentum = state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
            direction = orthogonal(gradient.lerp(momentum, _MOMENTUM))
            matrix.add_(direction, alpha=-0.2 * max(matrix.shape[-2:]) ** 0.5 * group["lr"])


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices (..., n, m) with the singular vectors of these and singular values between about 0.7 and 1.2."""
    a, b, c = _COEFFICIENTS
    found = matrices / matrices.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    tall = found.shape[-2] > found.shape[-1]
    if tall:
        found = found.mT
    for _ in range(_ROUNDS):
        square = found @ found.mT
        found = a * found + (b * square + c * square @ square) @ found
    return found.mT if tall else found
