"""Losses of one batch: what is known counts, and how much."""

import pytest
import torch

from training.objectives.losses import known_errors, repulsion_weights
from training.recipes.optimization import Optimization


def test_only_what_is_known_counts() -> None:
    loss = known_errors(torch.tensor([1.0, 5.0, 2.0]), torch.tensor([2.0, torch.nan, 2.0]))
    assert (float(loss.total), float(loss.weight), float(loss.mean)) == (1.0, 2.0, 0.5)


def test_weights_are_those_of_a_mean() -> None:
    predicted, reference = torch.tensor([[1.0, 5.0, 2.0]]), torch.tensor([[2.0, torch.nan, 6.0]])
    loss = known_errors(predicted, reference, torch.tensor([[1.0, 1.0, 0.25]]))
    assert float(loss.mean) == pytest.approx((1.0 + 0.25 * 4.0) / 1.25)


def test_errors_high_on_a_wall_count_less() -> None:
    weights = repulsion_weights(torch.tensor([-5.0, 0.0, 10.0, 90.0, torch.nan]), 10.0)
    torch.testing.assert_close(weights, torch.tensor([1.0, 1.0, 0.5, 0.1, 1.0]))


def test_a_scale_is_positive() -> None:
    with pytest.raises(ValueError, match="repulsion_scale is 0 and must be above 0"):
        Optimization(steps=1, repulsion_scale=0.0)
